import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { EXIT, PyprofError, usageError } from '../../errors.ts'
import {
  HEAD_BYTES,
  type Imported,
  INPUTS,
  InputError,
  type InputOptions,
  inputFor,
} from '../../formats/inputs/index.ts'
import { errorCode, errorText, STDIN, waitBriefly } from '../stdio.ts'
import type { WorkProgress } from '../work-progress.ts'

/** The path that means stdin. */
const STDIN_PATH = '-'
const PIECE_BYTES = 1 << 20

/** A profile and the file that it was read from. */
export interface ReadFile extends Imported {
  readonly path: string
  /** The name of the input's kind. */
  readonly format: string
  /** Ends what reads it again, where the profile has a time line. */
  close?(): void
}

export interface ReadProfileOptions extends Omit<InputOptions, 'again'> {
  /**
   * Each sample is needed by itself, but need not be held: what can be read again has a time line
   * where it is long, and is held as `holds` says.
   */
  readonly timeline?: boolean
}

/**
 * Reads a file of any kind that is known, by what is in it.
 * @param path `-` for stdin
 * @param progress shows how far it is
 * @throws PyprofError when it cannot be read or is no profile
 */
export function readProfile(
  path: string,
  { timeline = false, ...options }: ReadProfileOptions,
  progress?: WorkProgress,
): ReadFile {
  const name = path === STDIN_PATH ? 'stdin' : path
  try {
    const fd = path === STDIN_PATH ? STDIN : openSync(path, 'r')
    let isOpen = fd === STDIN
    try {
      const pieces = piecesOf(fd)
      const told = progress?.through(pieces, `Reading ${name}`, sizeOf(fd)) ?? pieces
      if (!timeline) return readFrom(told, path, name, options)
      // A pipe is read once. A file stays open, whatever takes its name: an output may.
      if (fd === STDIN || !fstatSync(fd).isFile()) {
        return readFrom(told, path, name, { ...options, holds: 'all' })
      }
      const read = readFrom(told, path, name, { ...options, again: () => piecesOf(fd, 0) })
      isOpen = read.profile.timeline !== undefined
      return isOpen ? { ...read, close: () => closeSync(fd) } : read
    } finally {
      progress?.erase()
      if (!isOpen) closeSync(fd)
    }
  } catch (error) {
    if (error instanceof InputError) throw unusable(name, error.why, error.hint)
    if (error instanceof RangeError) throw tooLarge(name, error)
    if (errorCode(error) === '') throw error
    throw usageError(
      `${name} cannot be read.`,
      `The system says: ${errorText(error)}.`,
      'Check its name and permissions.',
    )
  }
}

function readFrom(
  pieces: Generator<Uint8Array>,
  path: string,
  name: string,
  options: InputOptions,
): ReadFile {
  const head: Uint8Array[] = []
  let length = 0
  while (length < HEAD_BYTES) {
    const next = pieces.next()
    if (next.done) break
    head.push(next.value)
    length += next.value.length
  }
  const beginning = Buffer.concat(head)
  if (length === 0) {
    throw unusable(name, 'It is empty.', 'Give a file that a profiler has written.')
  }
  const input = inputFor(beginning.subarray(0, HEAD_BYTES))
  if (!input) {
    throw unusable(
      name,
      'It is nothing that pyprof can read.',
      `It reads ${INPUTS.map((each) => each.describe).join('; ')}.`,
    )
  }
  return { path, format: input.name, ...input.read(joined(beginning, pieces), options) }
}

function* joined(first: Uint8Array, rest: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield first
  yield* rest
}

/** Bytes of a file; undefined for a pipe. */
function sizeOf(fd: number): number | undefined {
  const status = fstatSync(fd)
  return status.isFile() ? status.size : undefined
}

/**
 * The bytes of an open file or pipe.
 * @param from the first byte; from where it is read to when absent
 */
function* piecesOf(fd: number, from?: number): Generator<Uint8Array> {
  for (let at = from ?? null; ; ) {
    const buffer = Buffer.allocUnsafe(PIECE_BYTES)
    let length: number
    try {
      length = readSync(fd, buffer, 0, buffer.length, at)
    } catch (error) {
      if (errorCode(error) === 'EOF') return
      if (errorCode(error) !== 'EAGAIN') throw error
      waitBriefly()
      continue
    }
    if (length === 0) return
    if (at !== null) at += length
    yield buffer.subarray(0, length)
  }
}

/** What V8 throws when an array does not fit the memory. */
function tooLarge(name: string, error: RangeError): PyprofError {
  if (!/allocation|array length/i.test(error.message)) throw error
  return unusable(
    name,
    'It holds more samples than there is memory for.',
    'Take a part of it: --from 0 --to 1h',
  )
}

function unusable(name: string, why: string, hint: string): PyprofError {
  return new PyprofError({
    code: 'not-a-profile',
    what: `${name} cannot be used.`,
    why,
    hint,
    exitCode: EXIT.nothing,
  })
}
