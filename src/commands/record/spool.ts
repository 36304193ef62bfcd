import { mkdtempSync, openSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { visible } from '../../formats/text.ts'
import type { Profile } from '../../profile/profile.ts'
import { type OpenFile, RecordingFile } from '../../recording/file.ts'
import { errorCode, errorText } from '../stdio.ts'
import type { Output } from './outputs.ts'
import type { Recorder } from './recorder.ts'
import { createNew } from './write-output.ts'

/** Behind the name of the output that is to come. */
export const SPOOL_SUFFIX = '.unfinished.pyprof'
/** It holds paths and names of a program that others need not see. */
const PRIVATE = 0o600

/**
 * A recording beside the output that is not written yet: the output is made of it, and the death of
 * pyprof loses nothing. It is removed when all outputs are written. What the disk does not take is
 * kept in memory.
 */
export class Spool implements Recorder {
  readonly #path: string | undefined
  readonly #target: string
  readonly #say: (text: string) => void
  #file: RecordingFile
  #ownFolder: string | undefined
  #hasComplained = false

  constructor(outputs: readonly Output[], target: string, say: (text: string) => void) {
    const output = outputs.find(({ place }) => place.kind === 'new' || place.kind === 'replace')
    this.#path = output && 'path' in output.place ? output.place.path : undefined
    this.#target = target
    this.#say = say
    this.#file = new RecordingFile(() => this.#open())
  }

  append(profile: Profile): void {
    this.#file.add(profile)
    if (profile.stacks.length > 0) this.#attempt(() => this.#file.flush())
  }

  end(): void {
    this.#file.end()
  }

  pieces(): Iterable<Uint8Array> {
    return this.#file.pieces()
  }

  get bytes(): number {
    return this.#file.bytes
  }

  /** Leaves it where it is. @returns its path; undefined when there is none */
  keep(): string | undefined {
    this.#attempt(() => this.#file.finish())
    return this.#file.isReadable ? this.#file.path : undefined
  }

  discard(): void {
    this.#file.discard()
    if (this.#ownFolder !== undefined) {
      try {
        rmdirSync(this.#ownFolder)
      } catch {
        // Somebody has put something into it.
      }
      this.#ownFolder = undefined
    }
  }

  #open(): OpenFile {
    if (this.#path === undefined) this.#ownFolder ??= mkdtempSync(join(tmpdir(), 'pyprof-'))
    const path = this.#path ?? join(this.#ownFolder ?? '', this.#target)
    return createNew(path + SPOOL_SUFFIX, (name) => ({
      fd: openSync(name, 'wx+', PRIVATE),
      path: name,
    }))
  }

  #attempt(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (errorCode(error) === '') throw error
      if (this.#hasComplained) return
      this.#hasComplained = true
      const folder = this.#path === undefined ? tmpdir() : dirname(this.#path)
      this.#say(
        `No safety copy can be kept in ${visible(folder)} (${errorText(error)}): ` +
          'what is recorded is kept in memory, and lost if pyprof is killed.\n',
      )
    }
  }
}
