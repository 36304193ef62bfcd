import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { usageError } from '../../errors.ts'
import { PAGE_START, page } from '../../formats/html/page.ts'
import { type Details, detailLines } from '../../formats/summary.ts'
import { errorCode, errorText } from '../stdio.ts'
import { type SpeedscopeFile, scanSpeedscope } from './speedscope-file.ts'

/** Bytes that are read at a time. */
const CHUNK = 1 << 20

/** A page to serve; each call gives it from its beginning. */
export type Source = () => Readable

/**
 * What to show of a file: a page that pyprof wrote as it is, a speedscope file, gzipped or not,
 * inside of a page.
 * @throws PyprofError code `usage` when it is neither, or cannot be read
 */
export function readSource(path: string, exporter: string): Source {
  try {
    if (startsAsPage(path)) return () => createReadStream(path)
    const file = scanSpeedscope(contentOf(path))
    if (file) return () => Readable.from(speedscopePage(file, path, exporter))
  } catch (error) {
    const isOther = errorCode(error).startsWith('Z_')
    if (!isOther && errorCode(error) === '') throw error
    if (!isOther) {
      throw usageError(
        `${path} cannot be read.`,
        `The system says: ${errorText(error)}.`,
        'Name a file that pyprof wrote: pyprof view out.html',
      )
    }
  }
  throw usageError(
    `${path} is nothing that pyprof view shows.`,
    'It is neither an HTML page of pyprof nor a speedscope file.',
    'Write one: pyprof record --pid PID -o out.html',
  )
}

function startsAsPage(path: string): boolean {
  // A pipe would be read only once, and a folder is nothing to read.
  if (!statSync(path).isFile()) {
    throw usageError(
      `${path} is no file.`,
      'It is read again whenever the page is loaded.',
      'Name a file that pyprof wrote: pyprof view out.html',
    )
  }
  const start = Buffer.alloc(PAGE_START.length)
  const fd = openSync(path, 'r')
  try {
    const length = readSync(fd, start)
    return start.toString('latin1', 0, length) === PAGE_START
  } finally {
    closeSync(fd)
  }
}

/** What is in a file, unpacked where it is gzipped. */
function* contentOf(path: string): Iterable<Uint8Array> {
  const fd = openSync(path, 'r')
  try {
    for (let isFirst = true; ; isFirst = false) {
      const chunk = Buffer.alloc(CHUNK)
      const read = readSync(fd, chunk)
      if (isFirst && chunk[0] === 0x1f && chunk[1] === 0x8b) {
        yield gunzipSync(readFileSync(path))
        return
      }
      if (read === 0) return
      yield chunk.subarray(0, read)
    }
  } finally {
    closeSync(fd)
  }
}

/** A number of bytes from the front. */
function* front(chunks: Iterable<Uint8Array>, length: number): Iterable<Uint8Array> {
  let rest = length
  for (const chunk of chunks) {
    if (rest <= 0) return
    yield chunk.subarray(0, rest)
    rest -= chunk.length
  }
}

function speedscopePage(file: SpeedscopeFile, path: string, exporter: string): Iterable<string> {
  const { name, activeProfileIndex, profiles } = file
  const threads = profiles.map((name, index) => ({
    name: typeof name === 'string' ? name : `profile ${index + 1}`,
    index,
  }))
  return page({
    exporter,
    title: typeof name === 'string' && name !== '' ? name : basename(path),
    lines: knownLines(file),
    warning: '',
    processes: [{ label: '', threads }],
    active: Number.isInteger(activeProfileIndex) ? (activeProfileIndex as number) : 0,
    profile: withNewline(front(contentOf(path), file.length)),
  })
}

/** As a page wants it: nothing but a line break follows the object. */
function* withNewline(chunks: Iterable<Uint8Array>): Iterable<string | Uint8Array> {
  yield* chunks
  yield '\n'
}

/** A file of pyprof's says how good it is; one of somebody else's at most who wrote it. */
function knownLines({ pyprof, profiles, exporter }: SpeedscopeFile): string[] {
  try {
    if (pyprof) return detailLines(pyprof as Details, profiles.length)
  } catch {
    // Written by another version, or not by pyprof at all.
  }
  return typeof exporter === 'string' ? [`written by ${exporter}`] : []
}
