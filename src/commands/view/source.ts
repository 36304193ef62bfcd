import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { usageError } from '../../errors.ts'
import { PAGE_START, page } from '../../formats/html/page.ts'
import { type Details, detailLines } from '../../formats/summary.ts'
import { errorCode, errorText } from '../stdio.ts'

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
    const bytes = readFileSync(path)
    const text = (isGzip(bytes) ? gunzipSync(bytes) : bytes).toString()
    const file: unknown = JSON.parse(text)
    if (isSpeedscope(file)) return () => Readable.from(speedscopePage(file, text, path, exporter))
  } catch (error) {
    const isOther = error instanceof SyntaxError || errorCode(error).startsWith('Z_')
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

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

/** A speedscope file as far as a page has to know it. */
interface SpeedscopeFile {
  readonly name?: unknown
  readonly activeProfileIndex?: unknown
  readonly exporter?: unknown
  readonly profiles: readonly { readonly name?: unknown }[]
  /** What pyprof adds. */
  readonly pyprof?: Details
}

function isSpeedscope(file: unknown): file is SpeedscopeFile {
  if (typeof file !== 'object' || file === null) return false
  const { profiles, shared } = file as { profiles?: unknown; shared?: unknown }
  return (
    Array.isArray(profiles) &&
    profiles.length > 0 &&
    profiles.every((each) => typeof each === 'object' && each !== null) &&
    typeof shared === 'object' &&
    shared !== null
  )
}

function speedscopePage(
  file: SpeedscopeFile,
  text: string,
  path: string,
  exporter: string,
): Iterable<string> {
  const { name, activeProfileIndex, profiles } = file
  const threads = profiles.map((profile, index) => ({
    name: typeof profile.name === 'string' ? profile.name : `profile ${index + 1}`,
    index,
  }))
  return page({
    exporter,
    title: typeof name === 'string' && name !== '' ? name : basename(path),
    lines: knownLines(file),
    warning: '',
    processes: [{ label: '', threads }],
    active: Number.isInteger(activeProfileIndex) ? (activeProfileIndex as number) : 0,
    profile: [text.trimEnd(), '\n'],
  })
}

/** A file of pyprof's says how good it is; one of somebody else's at most who wrote it. */
function knownLines({ pyprof, profiles, exporter }: SpeedscopeFile): string[] {
  try {
    if (pyprof) return detailLines(pyprof, profiles.length)
  } catch {
    // Written by another version, or not by pyprof at all.
  }
  return typeof exporter === 'string' ? [`written by ${exporter}`] : []
}
