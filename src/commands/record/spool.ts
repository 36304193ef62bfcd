import { mkdtempSync, openSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { visible } from '../../formats/text.ts'
import type { Profile } from '../../profile/profile.ts'
import type { Written } from '../../recording/encoder.ts'
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
 * A recording beside the output that is not written yet, so that the death of pyprof loses nothing.
 * It is removed when all outputs are written. When it cannot be written, recording goes on without.
 */
export class Spool implements Recorder {
  readonly #path: string | undefined
  readonly #target: string
  readonly #say: (text: string) => void
  #file: RecordingFile | undefined
  #ownFolder: string | undefined
  #isOff = false

  constructor(outputs: readonly Output[], target: string, say: (text: string) => void) {
    const output = outputs.find(({ place }) => place.kind === 'new' || place.kind === 'replace')
    this.#path = output && 'path' in output.place ? output.place.path : undefined
    this.#target = target
    this.#say = say
  }

  append(profile: Profile, written: Written): void {
    if (this.#isOff) return
    this.#guarded(() => {
      this.#file ??= new RecordingFile(() => this.#open())
      this.#file.add(profile, written)
      this.#file.flush()
    })
  }

  /** Leaves it where it is. @returns its path; undefined when there is none */
  keep(): string | undefined {
    if (this.#file) this.#guarded(() => this.#file?.finish())
    return this.#file?.path
  }

  discard(): void {
    this.#file?.discard()
    this.#file = undefined
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
      fd: openSync(name, 'wx', PRIVATE),
      path: name,
    }))
  }

  #guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (errorCode(error) === '') throw error
      this.#isOff = true
      const folder = this.#path === undefined ? tmpdir() : dirname(this.#path)
      this.discard()
      this.#say(
        `No safety copy can be kept in ${visible(folder)} (${errorText(error)}): ` +
          'what is recorded is lost if pyprof is killed.\n',
      )
    }
  }
}
