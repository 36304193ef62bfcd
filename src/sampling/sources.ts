import { type Stats, statSync } from 'node:fs'
import { uptime } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { ProcessIndex } from '../profile/profile.ts'
import type { SourceFile } from '../profile/source-files.ts'
import { NO_REDACTION, type Redactor } from '../redaction/redactor.ts'
import type { Reader } from './open-beneath.ts'
import { PROC, type Proc, readStatus, startOf } from './proc.ts'
import { changedAt, isYounger, readerOf, readSource } from './read-source.ts'

/** In folders, as paths of code are. */
const SOME_PATH = '/srv/app/io.py'
/** Processes that are asked for a file: workers of one program have the same, or none of them has. */
const MAX_ASKED = 16

/** What was learned of a process while it was there. */
interface Seen {
  readonly pid: number
  /** Seconds since the boot. */
  readonly start: number
  readonly reader: Reader
  /** What its relative paths begin with, as it sees it itself; '' when unknown. */
  readonly folder: string
  /** Whether `/` is the same folder for it and for us. */
  readonly sharesRoot: boolean
}

/**
 * Finds the sources of recorded processes: in folders that the user names, through the root of the
 * process while it lives, and in our own root when it has ended and had the same.
 *
 * Files are read as the process itself could read them, and never from outside of the folder that
 * is looked in.
 */
export class Sources {
  readonly #proc: Proc
  readonly #folders: readonly string[]
  readonly #seen = new Map<ProcessIndex, Seen>()

  readonly #redactor: Redactor

  /**
   * @param folders that are looked in first
   * @param redactor hides secrets in lines; where it renames files, only the folders are looked in
   */
  constructor(
    folders: readonly string[] = [],
    redactor: Redactor = NO_REDACTION,
    proc: Proc = PROC,
  ) {
    this.#folders = folders
    this.#redactor = redactor
    this.#proc = proc
  }

  /** Looks at a process, once, as long as it is there. */
  note(index: ProcessIndex, pid: number): void {
    if (this.#seen.has(index)) return
    const start = startOf(this.#proc, pid)
    const status = readStatus(this.#proc, pid)
    if (start === undefined || !status) return
    this.#seen.set(index, {
      pid,
      start,
      reader: readerOf(status),
      folder: this.#proc.link(pid, 'cwd') ?? '',
      sharesRoot: isSameFolder(this.#proc, pid),
    })
  }

  /** What may be the source of a file, as `FindSource` says. */
  *find(file: string, processes: readonly ProcessIndex[]): Iterable<SourceFile | string> {
    const redactor = this.#redactor
    const shown = (line: string) => redactor.text(line)
    for (const folder of this.#folders) {
      for (const { path, text } of inFolder(folder, file)) {
        yield { path: redactor.file(path), text, doubt: '', shown }
      }
    }
    if (redactor.file(SOME_PATH) !== SOME_PATH) {
      yield 'No source: folders are left out of paths, so that only --source-root tells where it is.'
      return
    }
    let hasLooked = false
    for (const index of processes.slice(0, MAX_ASKED)) {
      const seen = this.#seen.get(index)
      if (!seen) continue
      const path = isAbsolute(file) ? file : join(seen.folder || '/', file)
      // One that has ended may still be listed, without a root.
      const isAlive =
        startOf(this.#proc, seen.pid) === seen.start &&
        this.#proc.link(seen.pid, 'root') !== undefined
      if (!isAlive && !seen.sharesRoot) continue
      hasLooked = true
      const root = isAlive ? `/proc/${seen.pid}/root` : '/'
      const now = isAlive ? readStatus(this.#proc, seen.pid) : undefined
      const found = readSource(root, path, now ? readerOf(now) : lastReader(seen.reader))
      yield typeof found === 'string'
        ? `No source: ${path} ${found}.`
        : { path, text: found.text, doubt: doubtOf(found.stat, seen.start), shown }
    }
    if (hasLooked) return
    yield this.#folders.length > 0
      ? `No source: it is in none of the folders of --source-root, and its process has ended.`
      : 'No source: its process has ended, and its files with it. Name a folder that holds them: --source-root'
  }
}

/** Of a path, the longest end that is there in a folder; shorter ones are offered after it. */
function* inFolder(folder: string, file: string): Iterable<Pick<SourceFile, 'path' | 'text'>> {
  const names = file.split('/').filter((name) => name !== '' && name !== '.')
  if (names.includes('..')) return
  for (let first = 0; first < names.length; first++) {
    const end = names.slice(first).join('/')
    const found = readSource(folder, end, undefined)
    if (typeof found !== 'string') yield { path: join(folder, end), text: found.text }
  }
}

/** Whether a file is younger than the process that ran it, which may have read an older one. */
function doubtOf(stat: Stats, start: number): string {
  const started = Date.now() - (uptime() - start) * 1000
  if (!isYounger(stat, started)) return ''
  const time = new Date(changedAt(stat)).toISOString().replace(/\.\d+Z$/, 'Z')
  return `It was changed at ${time}, after the process had started: it may not be what ran.`
}

/**
 * What a process might read at its end. Root may have become somebody else since it was looked at, so
 * it counts as anybody, but for what is a Python source by its name.
 */
function lastReader(reader: Reader): Reader {
  return reader.uid === 0 ? { uid: -1, gids: [], readsSources: true } : reader
}

function isSameFolder(proc: Proc, pid: number): boolean {
  const own = proc.link('self', 'ns', 'mnt')
  if (own === undefined || proc.link(pid, 'ns', 'mnt') !== own) return false
  try {
    const [theirs, ours] = [statSync(`/proc/${pid}/root/`), statSync('/')]
    return theirs.dev === ours.dev && theirs.ino === ours.ino
  } catch {
    return false
  }
}
