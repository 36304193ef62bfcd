import { closeSync, fstatSync, readSync } from 'node:fs'
import type { Redactor } from '../redaction/redactor.ts'

/** Longer files are no sources that a person wrote; more files are more than one dump shows. */
const MAX_BYTES = 16 << 20
const MAX_FILES = 500
/** The kernel tells when a process started in steps of 10 ms. */
const TOLERANCE_MS = 50

export interface SourceLine {
  readonly text: string
  /** The file was written after the process started, so this may not be what runs. */
  readonly changed: boolean
}

/** Whose files these are: they are shown only as far as that user may read them too. */
export interface SourceOwner {
  readonly uid: number
  readonly gid: number
}

interface SourceFile {
  readonly lines: readonly string[]
  readonly changed: boolean
}

/** Source files of one process, as it sees them, each read once. */
export class SourceFiles {
  readonly #open: (path: string) => number
  readonly #startedAt: number
  readonly #redactor: Redactor
  readonly #owner: SourceOwner | undefined
  readonly #files = new Map<string, SourceFile | undefined>()

  /**
   * @param open gives a descriptor of a regular file, or a negative number
   * @param startedAt when the process began, ms since the epoch
   */
  constructor(
    open: (path: string) => number,
    startedAt: number,
    redactor: Redactor,
    owner?: SourceOwner,
  ) {
    this.#open = open
    this.#startedAt = startedAt
    this.#redactor = redactor
    this.#owner = owner
  }

  /** A line by its number, from 1; undefined when the file or the line cannot be had. */
  line(path: string, number: number): SourceLine | undefined {
    const file = this.#file(path)
    const text = file?.lines[number - 1]
    if (file === undefined || text === undefined) return undefined
    return { text: this.#redactor.text(text), changed: file.changed }
  }

  #file(path: string): SourceFile | undefined {
    // `<frozen …>`, `<string>` and relative names, of which nobody knows to which folder.
    if (!path.startsWith('/')) return undefined
    if (!this.#files.has(path)) {
      const full = this.#files.size >= MAX_FILES
      this.#files.set(path, full ? undefined : this.#read(path))
    }
    return this.#files.get(path)
  }

  #read(path: string): SourceFile | undefined {
    const fd = this.#open(path)
    if (fd < 0) return undefined
    try {
      const stat = fstatSync(fd)
      // Files of /proc are empty by what they say of themselves.
      if (!stat.isFile() || stat.size === 0 || stat.size > MAX_BYTES || !this.#mayRead(stat))
        return undefined
      const bytes = Buffer.alloc(stat.size)
      let done = 0
      while (done < bytes.length) {
        const got = readSync(fd, bytes, done, bytes.length - done, done)
        if (got === 0) break
        done += got
      }
      const text = bytes.toString('utf8', 0, done)
      return {
        lines: text.split(/\r\n|\r|\n/),
        changed: stat.mtimeMs > this.#startedAt + TOLERANCE_MS,
      }
    } catch {
      return undefined
    } finally {
      closeSync(fd)
    }
  }

  /**
   * A process names its files as it likes: one that belongs to somebody else's user must not make a
   * privileged pyprof show what that user may not read.
   */
  #mayRead({ mode, uid, gid }: { mode: number; uid: number; gid: number }): boolean {
    const owner = this.#owner
    if (owner === undefined || owner.uid === 0) return true
    if (uid === owner.uid) return (mode & 0o400) !== 0
    if (gid === owner.gid) return (mode & 0o040) !== 0
    return (mode & 0o004) !== 0
  }
}
