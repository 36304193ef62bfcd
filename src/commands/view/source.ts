import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { usageError } from '../../errors.ts'
import { PAGE_START, page } from '../../formats/html/page.ts'
import { html } from '../../formats/html.ts'
import { HEAD_BYTES, inputFor } from '../../formats/inputs/index.ts'
import { speedscopeInput } from '../../formats/inputs/speedscope.ts'
import { type Details, detailLines } from '../../formats/summary.ts'
import { readProfile } from '../convert/read-profile.ts'
import { errorCode, errorText } from '../stdio.ts'
import { viewerWarning } from '../viewer-memory.ts'
import type { WorkProgress } from '../work-progress.ts'
import { type SpeedscopeFile, scanSpeedscope } from './speedscope-file.ts'

/** Bytes that are read at a time. */
const CHUNK = 1 << 20

/** A page to serve; each call gives it from its beginning. */
export type Source = () => Readable

export interface FoundSource {
  readonly source: Source
  /** What one should know of the file, a sentence each. */
  readonly notes: readonly string[]
}

/**
 * What to show of a file: a page that pyprof wrote as it is, a speedscope file, gzipped or not,
 * inside of a page, and anything else that can be converted as the page that it converts to.
 * @throws PyprofError code `usage` when it is none of them, or cannot be read
 */
export function readSource(path: string, exporter: string, progress?: WorkProgress): FoundSource {
  const only = (source: Source): FoundSource => ({ source, notes: [] })
  try {
    const head = readHead(path)
    if (head.toString('latin1', 0, PAGE_START.length) === PAGE_START) {
      return only(() => createReadStream(path))
    }
    const input = inputFor(head)
    if (input && input !== speedscopeInput) return convertedPage(path, progress)
    const told = progress ? progress.through(contentOf(path), `Reading ${path}`) : contentOf(path)
    const file = scanSpeedscope(told)
    if (file) return only(() => Readable.from(speedscopePage(file, path, exporter)))
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
    'It is no HTML page of pyprof, and no recording or profile that pyprof reads.',
    'Write one: pyprof record --pid PID -o out.html',
  )
}

/** Read in the same way as by `pyprof convert -f html`. */
function convertedPage(path: string, progress: WorkProgress | undefined): FoundSource {
  const range = { from: 0, to: Number.POSITIVE_INFINITY }
  const { profile, notes } = readProfile(
    path,
    { range, rate: undefined, holds: 'sums', timeline: true },
    progress,
  )
  const warning = viewerWarning(html, profile)
  return {
    source: () => Readable.from(html.write(profile, { threads: false })),
    notes: warning === '' ? notes : [...notes, warning],
  }
}

function readHead(path: string): Buffer {
  // A pipe would be read only once, and a folder is nothing to read.
  if (!statSync(path).isFile()) {
    throw usageError(
      `${path} is no file.`,
      'It is read again whenever the page is loaded.',
      'Name a file that pyprof wrote: pyprof view out.html',
    )
  }
  const head = Buffer.alloc(HEAD_BYTES)
  const fd = openSync(path, 'r')
  try {
    return head.subarray(0, readSync(fd, head))
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

/** A number of bytes from the front, and a line break: nothing else follows the object in a page. */
function* front(chunks: Iterable<Uint8Array>, length: number): Iterable<string | Uint8Array> {
  let rest = length
  for (const chunk of chunks) {
    if (rest <= 0) break
    yield chunk.subarray(0, rest)
    rest -= chunk.length
  }
  yield '\n'
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
    profile: front(contentOf(path), file.length),
  })
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
