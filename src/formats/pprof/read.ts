import { gunzipSync } from 'node:zlib'
import { EXIT, PyprofError } from '../../errors.ts'
import type { Profile } from '../../profile/profile.ts'
import { Importer } from './importer.ts'
import { readTables } from './tables.ts'
import { chooseValues, NoTime } from './values.ts'
import { Malformed, TooLarge } from './wire.ts'

/** Unpacked. A busy server's profile takes a few MiB; what is read takes some times the memory. */
export const MAX_BYTES: number = 256 * 2 ** 20

/**
 * Reads a pprof profile, gzip'd or not, from bytes that are not trusted.
 *
 * A row of the result is a row of the file, in which samples are added up already: rows cannot be
 * counted as samples. There are no times either: each thread's rows follow one another from 0 on, in
 * the file's order. The weight is, of the file's values, `wall`, else the default one, else the last
 * one that is a time, else the number of samples times the period.
 *
 * What pyprof wrote comes back with its threads, processes, qualities and reasons, and with its meta
 * data and accounting as far as they make sense. Gaps and states are not in the file.
 *
 * @throws PyprofError code `bad-pprof` (it is none, or damaged), `pprof-without-time` (a profile of
 *   something else, such as memory, or a difference) or `pprof-too-large`
 */
export function readPprof(bytes: Uint8Array): Profile {
  try {
    const raw = unpacked(bytes)
    if (raw.length === 0) throw new Malformed('it is empty')
    const tables = readTables(raw)
    if (tables.types.length === 0) throw new Malformed('it names no type of sample')
    return new Importer(tables, chooseValues(tables)).read(raw)
  } catch (error) {
    throw explained(error)
  }
}

function unpacked(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      return gunzipSync(bytes, { maxOutputLength: MAX_BYTES })
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'ERR_BUFFER_TOO_LARGE') throw new Malformed(`it cannot be unpacked: ${message}`)
    }
  } else if (bytes.length <= MAX_BYTES) {
    return bytes
  }
  throw new TooLarge(`${MAX_BYTES / 2 ** 20} MiB, unpacked`)
}

function explained(error: unknown): unknown {
  const common = { exitCode: EXIT.target, cause: error }
  if (error instanceof Malformed) {
    return new PyprofError({
      ...common,
      code: 'bad-pprof',
      what: 'This is no pprof profile, or a damaged one.',
      why: `Reading it fails because ${error.message}.`,
      hint: 'Fetch it again; see what another reader makes of it: go tool pprof -raw FILE',
    })
  }
  if (error instanceof TooLarge) {
    return new PyprofError({
      ...common,
      code: 'pprof-too-large',
      what: 'This pprof profile is too large.',
      why: `pyprof reads up to ${error.message}.`,
      hint: 'Make it smaller: go tool pprof -proto -focus=FUNCTION -output=SMALL.pb.gz FILE',
    })
  }
  if (error instanceof NoTime) {
    return new PyprofError({
      ...common,
      code: 'pprof-without-time',
      what: 'This pprof profile does not say where time was spent.',
      why: error.message,
      hint: 'See what is in it: go tool pprof -raw FILE',
    })
  }
  return error
}
