import { constants, gunzipSync } from 'node:zlib'
import { PyprofError } from '../../errors.ts'
import { MAX_BYTES, readPprof } from '../pprof/read.ts'
import { type Imported, type Input, InputError } from './input.ts'

/** A little of a packed file, of which no more than some megabytes can come. */
const PACKED_HEAD = 4096

/** A pprof file begins with its sample types: field 1, with numbers in its fields 1 and 2. */
function recognizes(head: Buffer): boolean {
  const start = head[0] === 0x1f && head[1] === 0x8b ? unpackedHead(head) : head
  return start[0] === 0x0a && (start[1] === 0 || start[2] === 0x08 || start[2] === 0x10)
}

function unpackedHead(head: Buffer): Buffer {
  try {
    return gunzipSync(head.subarray(0, PACKED_HEAD), { finishFlush: constants.Z_SYNC_FLUSH })
  } catch {
    return Buffer.alloc(0)
  }
}

function read(pieces: Iterable<Uint8Array>): Imported {
  const parts: Uint8Array[] = []
  let length = 0
  for (const piece of pieces) {
    length += piece.length
    if (length > MAX_BYTES) {
      throw new InputError('It is larger than any pprof profile that pyprof reads.', HINT)
    }
    parts.push(Uint8Array.from(piece))
  }
  try {
    const profile = readPprof(Buffer.concat(parts))
    return {
      profile,
      notes: [
        'it holds sums, which are counted as samples here, and no time line: those of a thread are ' +
          'laid end to end.',
      ],
    }
  } catch (error) {
    if (!(error instanceof PyprofError)) throw error
    throw new InputError(`${error.what} ${error.why}`, error.hint)
  }
}

const HINT = 'Make it smaller: go tool pprof -proto -focus=FUNCTION -output=SMALL.pb.gz FILE'

export const pprofInput: Input = {
  name: 'pprof',
  describe: 'pprof profiles of time, of any profiler',
  recognizes,
  read,
}
