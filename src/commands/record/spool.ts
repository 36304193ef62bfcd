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
/** A recording that takes more than one part in so many of the free memory stays on a full disk. */
const MEMORY_SHARE = 4

/**
 * A recording beside the output that is not written yet: the output is made of it, and the death of
 * pyprof loses nothing. It is removed when all outputs are written. When the disk does not take it, it
 * moves into memory, encoded as it is, so that what is left of the disk is left to others.
 */
export class Spool implements Recorder {
  readonly #path: string | undefined
  readonly #target: string
  readonly #say: (text: string) => void
  #file: RecordingFile
  #ownFolder: string | undefined
  /** It is not written any more, and perhaps not on the disk either. */
  #isOff = false
  #isInMemory = false

  constructor(outputs: readonly Output[], target: string, say: (text: string) => void) {
    const output = outputs.find(({ place }) => place.kind === 'new' || place.kind === 'replace')
    this.#path = output && 'path' in output.place ? output.place.path : undefined
    this.#target = target
    this.#say = say
    this.#file = new RecordingFile(() => this.#open())
  }

  append(profile: Profile): void {
    this.#file.add(profile)
    if (profile.stacks.length === 0 || this.#isOff) return
    try {
      this.#file.flush()
    } catch (error) {
      this.#giveUp(error)
    }
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
    try {
      this.#file.finish()
    } catch (error) {
      if (errorCode(error) === '') throw error
      if (this.#isInMemory) {
        // Half of it would pass for the whole.
        this.#file.discard()
        return undefined
      }
    }
    return this.#file.isReadable ? this.#file.path : undefined
  }

  discard(): void {
    this.#file.discard()
    this.#removeFolder()
  }

  #open(): OpenFile {
    if (this.#path === undefined) this.#ownFolder ??= mkdtempSync(join(tmpdir(), 'pyprof-'))
    const path = this.#path ?? join(this.#ownFolder ?? '', this.#target)
    return createNew(path + SPOOL_SUFFIX, (name) => ({
      fd: openSync(name, 'wx+', PRIVATE),
      path: name,
    }))
  }

  #giveUp(error: unknown): void {
    if (errorCode(error) === '') throw error
    this.#isOff = true
    const folder = this.#path === undefined ? tmpdir() : dirname(this.#path)
    this.#say(
      `No safety copy can be kept in ${visible(folder)} (${errorText(error)}): ` +
        'what is recorded is kept in memory, and lost if pyprof is killed.\n',
    )
    if (this.#file.bytes * MEMORY_SHARE > process.availableMemory()) return
    this.#file.takeBack()
    this.#isInMemory = true
    this.#removeFolder()
  }

  #removeFolder(): void {
    if (this.#ownFolder === undefined) return
    try {
      rmdirSync(this.#ownFolder)
    } catch {
      // Somebody has put something into it.
    }
    this.#ownFolder = undefined
  }
}
