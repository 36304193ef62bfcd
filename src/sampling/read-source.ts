import { closeSync, readSync, type Stats } from 'node:fs'
import { openBeneath, type Reader } from './open-beneath.ts'
import type { ProcessStatus } from './proc.ts'

/** No source that people wrote is longer. */
const MAX_BYTES = 32 * 1024 * 1024
/** The times of a file and of a process's start come from clocks that tick at other moments, ms. */
const CLOCK_SLACK_MS = 50

/**
 * The text of a source below a folder, as `openBeneath` opens it, with what the file system says of it;
 * or why there is none, in words that follow its name.
 */
export function readSource(
  root: string,
  path: string,
  reader: Reader | undefined,
): { readonly text: string; readonly stat: Stats } | string {
  const opened = openBeneath(root, path, reader)
  if ('refused' in opened) return opened.refused
  const { fd, stat } = opened
  try {
    // Files of /proc say so, whatever is in them: no sources, and their `self` is pyprof.
    if (stat.size === 0) return 'is empty'
    const bytes = readUpTo(fd, MAX_BYTES + 1)
    if (bytes.length > MAX_BYTES) return 'is too large to be a source'
    return { text: decoded(bytes), stat }
  } catch (error) {
    return `could not be read (${(error as NodeJS.ErrnoException).code ?? error})`
  } finally {
    closeSync(fd)
  }
}

function readUpTo(fd: number, limit: number): Buffer {
  const pieces: Buffer[] = []
  let length = 0
  while (length < limit) {
    const piece = Buffer.alloc(Math.min(1 << 18, limit - length))
    const read = readSync(fd, piece)
    if (read === 0) break
    pieces.push(piece.subarray(0, read))
    length += read
  }
  return Buffer.concat(pieces)
}

/** A declaration in one of the first two lines (PEP 263). */
const CODING = /^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)/

/** The text of a source in the encoding that it declares, else in UTF-8. */
function decoded(bytes: Uint8Array): string {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 1024)).split(/\r\n|\r|\n/, 2)
  const declared = start.map((line) => CODING.exec(line)?.[1]).find((name) => name !== undefined)
  try {
    // Python takes an underscore for a hyphen, and knows this name of one encoding alone.
    const name = declared
      ?.toLowerCase()
      .replaceAll('_', '-')
      .replace(/^(?:iso-)?latin-1$/, 'latin1')
    return new TextDecoder(name ?? 'utf-8').decode(bytes)
  } catch {
    // A name that only Python knows.
    return new TextDecoder().decode(bytes)
  }
}

/** When a file came to be what it is, ms since the epoch. */
export function changedAt({ mtimeMs, birthtimeMs }: Stats): number {
  return Math.max(mtimeMs, birthtimeMs)
}

/** Whether a file was changed after a process had started, which may have read an older one. */
export function isYounger(stat: Stats, started: number): boolean {
  return changedAt(stat) > started + CLOCK_SLACK_MS
}

/** On whose behalf a process's files are read: the last id of each kind is that of the file system. */
export function readerOf({ uids, gids, groups }: ProcessStatus): Reader {
  return { uid: uids.at(-1) ?? 0, gids: [...gids.slice(-1), ...groups] }
}
