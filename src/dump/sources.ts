import type { Redactor } from '../redaction/redactor.ts'
import type { Reader } from '../sampling/open-beneath.ts'
import { isYounger, readSource } from '../sampling/read-source.ts'

/** More files are more than one dump shows. */
const MAX_FILES = 500

export interface SourceLine {
  readonly text: string
  /** The file was written after the process started, so this may not be what runs. */
  readonly changed: boolean
}

/** Where the files of one process are. */
export interface SourcePlace {
  /** The folder that is `/` for it. */
  readonly root: string
  /** Files are shown only as far as it may read them too; without one, as far as pyprof may. */
  readonly reader?: Reader | undefined
  /** When it began, ms since the epoch. */
  readonly startedAt: number
}

interface SourceText {
  readonly lines: readonly string[]
  readonly changed: boolean
}

/** Source files of one process, as it sees them, each read once, without the secrets in them. */
export class SourceFiles {
  readonly #place: SourcePlace
  readonly #redactor: Redactor
  readonly #files = new Map<string, SourceText | undefined>()

  constructor(place: SourcePlace, redactor: Redactor) {
    this.#place = place
    this.#redactor = redactor
  }

  /** A line by its number, from 1; undefined when the file or the line cannot be had. */
  line(path: string, number: number): SourceLine | undefined {
    const file = this.#file(path)
    const text = file?.lines[number - 1]
    if (file === undefined || text === undefined) return undefined
    return { text: this.#redactor.text(text), changed: file.changed }
  }

  #file(path: string): SourceText | undefined {
    // `<frozen …>`, `<string>` and relative names, of which nobody knows to which folder.
    if (!path.startsWith('/')) return undefined
    if (!this.#files.has(path)) {
      const full = this.#files.size >= MAX_FILES
      this.#files.set(path, full ? undefined : this.#read(path))
    }
    return this.#files.get(path)
  }

  #read(path: string): SourceText | undefined {
    const { root, reader, startedAt } = this.#place
    const found = readSource(root, path, reader)
    if (typeof found === 'string') return undefined
    return { lines: found.text.split(/\r\n|\r|\n/), changed: isYounger(found.stat, startedAt) }
  }
}
