import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { visible } from '../../formats/text.ts'
import type { Profile } from '../../profile/profile.ts'
import { type OpenFile, RecordingFile } from '../../recording/file.ts'
import { type Counters, countersOf } from '../../recording/rows.ts'
import { errorCode, errorText } from '../stdio.ts'
import { type Output, temporaryPath } from './outputs.ts'
import type { Recorder } from './recorder.ts'
import { createNew, takeOver, type Written } from './write-output.ts'

/** When a new file is begun, and how many are kept. */
export interface Rotation {
  /** ns; Infinity for no limit. */
  readonly time: number
  /** Bytes; Infinity for no limit. */
  readonly size: number
  /** Infinity for all. */
  readonly keep: number
}

const OPEN_TO_UMASK = 0o666

/** A `.pyprof` output, or a row of them, which are complete in themselves each. */
export class StreamedOutput implements Recorder {
  readonly output: Output
  readonly #path: string
  readonly #rotation: Rotation | undefined
  readonly #say: (text: string) => void
  #file: RecordingFile | undefined
  #origin: Counters | undefined
  /** Complete files, the oldest first. */
  #complete: Written[] = []
  /** Files whose closing block is made; not all of it may be written. */
  readonly #ended: RecordingFile[] = []
  #hasComplained = false

  constructor(output: Output, rotation: Rotation | undefined, say: (text: string) => void) {
    this.output = output
    this.#path = 'path' in output.place ? output.place.path : output.path
    this.#rotation = rotation
    this.#say = say
  }

  append(profile: Profile): void {
    const hasNew = profile.samples.length > 0
    if (!this.#file && !hasNew && this.#origin) return
    this.#file ??= new RecordingFile(() => this.#open(), this.#origin)
    if (profile.stacks.length === 0) {
      this.#file.add(profile)
      return
    }
    const isFull = this.#isFull(profile, this.#file)
    const last = { ...profile, meta: { ...profile.meta, endReason: 'rotated' as const } }
    this.#file.add(isFull ? last : profile)
    if (isFull) {
      this.#origin = countersOf(profile.meta, profile.accounting)
      this.#file.end()
      this.#ended.push(this.#file)
      this.#file = undefined
    }
    try {
      this.#completeEnded()
      this.#write()
      this.#hasComplained = false
    } catch (error) {
      if (errorCode(error) === '') throw error
      this.#complain(error)
    }
  }

  end(): void {
    this.#file?.end()
  }

  /** Of the file in hand, which is the whole recording unless it rotates. */
  pieces(): Iterable<Uint8Array> {
    return this.#file?.pieces() ?? []
  }

  get bytes(): number {
    return this.#file?.bytes ?? 0
  }

  /**
   * Completes the recording.
   * @returns the files that there are now, the oldest first
   * @throws the system's error
   */
  finish(): readonly Written[] {
    if (this.#file) this.#ended.push(this.#file)
    this.#file = undefined
    this.#completeEnded()
    return this.#complete
  }

  /** Files that are complete already, the oldest first. */
  get complete(): readonly Written[] {
    return this.#complete
  }

  /** The file in hand; undefined as long as nothing can be read in it. */
  get current(): string | undefined {
    const file = this.#file ?? this.#ended.at(-1)
    return file?.path !== undefined && file.isReadable ? this.#shown(file.path) : undefined
  }

  /**
   * Makes complete recordings in the temporary folder out of those that could not be completed,
   * which are removed then.
   * @throws the system's error; what the disk took stays there
   */
  rescue(): Written[] {
    const folder = mkdtempSync(join(tmpdir(), 'pyprof-'))
    return this.#ended.map((file) => {
      const path = join(folder, basename(this.#rotation && file.path ? file.path : this.#path))
      if (file.path !== undefined) copyFileSync(file.path, path)
      for (const block of file.rest()) appendFileSync(path, block)
      file.discard()
      return { path, bytes: statSync(path).size }
    })
  }

  /** Removes the file in hand; for a recording of nothing. */
  discard(): void {
    this.#file?.discard()
    this.#file = undefined
  }

  #isFull({ meta }: Profile, file: RecordingFile): boolean {
    if (!this.#rotation || meta.endReason !== 'unfinished') return false
    const { time, size } = this.#rotation
    return meta.duration - (this.#origin?.duration ?? 0) >= time || file.bytes >= size
  }

  #write(): void {
    if (!this.#file) return
    try {
      this.#file.flush()
    } finally {
      this.#settle(this.#file)
    }
  }

  #completeEnded(): void {
    for (let file = this.#ended[0]; file; file = this.#ended[0]) {
      file.finish()
      this.#settle(file)
      this.#ended.shift()
      this.#complete.push({ path: this.#shown(file.path ?? this.#path), bytes: file.bytes })
      this.#prune()
    }
  }

  /** Also files of an earlier run count, so that starting again does not fill the disk. */
  #prune(): void {
    const keep = this.#rotation?.keep ?? Number.POSITIVE_INFINITY
    if (keep === Number.POSITIVE_INFINITY) return
    const folder = dirname(this.#path)
    const old = rotatedFiles(this.#path, readdirSync(folder)).slice(0, -keep)
    for (const name of old) rmSync(join(folder, name), { force: true })
    this.#complete = this.#complete.filter(({ path }) => !old.includes(basename(path)))
  }

  #open(): OpenFile {
    const create = (path: string): OpenFile => ({ fd: openSync(path, 'wx+', OPEN_TO_UMASK), path })
    if (this.#rotation) return createNew(rotatedPath(this.#path, new Date()), create)
    const { place } = this.output
    if (place.kind !== 'replace') return createNew(this.#path, create)
    const file = create(temporaryPath(dirname(this.#path)))
    if (place.old) takeOver(file.fd, place.old)
    return file
  }

  /** It can be read once something is in it, and takes an old one's place then. */
  #settle(file: RecordingFile): void {
    const replaces = !this.#rotation && this.output.place.kind === 'replace'
    if (replaces && file.isReadable) file.replace(this.#path)
  }

  #complain(error: unknown): void {
    if (this.#hasComplained) return
    this.#hasComplained = true
    this.#say(
      `${visible(this.output.path)} cannot be written (${errorText(error)}). ` +
        'What is recorded is kept in memory, and tried again.\n',
    )
  }

  /** The name as the user gave it, where it is that file. */
  #shown(path: string): string {
    return path === this.#path ? this.output.path : join(dirname(this.output.path), basename(path))
  }
}

/** `run.pyprof` becomes `run-20260131T235959Z.pyprof`: in UTC, so that names sort by time. */
export function rotatedPath(path: string, now: Date): string {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '')
  return path.replace(/(\.pyprof)?$/i, (suffix) => `-${time}${suffix}`)
}

/** The names that rotatedPath gives, and those that createNew makes of them, the oldest first. */
export function rotatedFiles(path: string, names: readonly string[]): string[] {
  const [, stem = '', suffix = ''] = /^(.*?)(\.pyprof)?$/is.exec(basename(path)) ?? []
  const numberOf = (middle: string) => Number(/^-(\d+)$/.exec(middle)?.[1] ?? 1)
  return names
    .map((name) => {
      const isNamed = name.startsWith(`${stem}-`) && name.endsWith(suffix)
      const middle = isNamed ? name.slice(stem.length + 1, name.length - suffix.length) : ''
      const [, time = '', number = ''] = /^(\d{8}T\d{6}Z)(-\d+)?$/.exec(middle) ?? []
      return { name, time, number: numberOf(number) }
    })
    .filter(({ time }) => time !== '')
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.number - b.number))
    .map(({ name }) => name)
}
