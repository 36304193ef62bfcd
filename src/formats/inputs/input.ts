import type { Profile, TimeRange } from '../../profile/profile.ts'
import type { Holding, ReadAgain } from '../../recording/reader.ts'

export interface InputOptions {
  /** Samples outside may be left out while reading; they are cut off anyway. */
  readonly range: TimeRange
  /** What is needed of the samples; more may be held. All when absent. */
  readonly holds?: Holding
  /** The same bytes again; with it a profile may have a time line instead of all samples. */
  readonly again?: ReadAgain
  /** Hz; what a number without a unit stands for. Undefined when the user did not say it. */
  readonly rate: number | undefined
}

/** What was read, and what its reader should know of it, a sentence each. */
export interface Imported {
  readonly profile: Profile
  readonly notes: readonly string[]
}

/** One kind of file that a profile can be read from. */
export interface Input {
  readonly name: string
  readonly describe: string
  /** Whether a file that begins like this is of this kind. */
  recognizes(head: Buffer): boolean
  /** @throws InputError when the file is damaged beyond use, or is none of this kind after all */
  read(pieces: Iterable<Uint8Array>, options: InputOptions): Imported
}

/** Why a file cannot be used, and what to do about it; a sentence each. */
export class InputError extends Error {
  readonly why: string
  readonly hint: string

  constructor(why: string, hint: string) {
    super(why)
    this.why = why
    this.hint = hint
  }
}

/** What is assumed of samples that are counted where nobody says the rate: py-spy's default, Hz. */
export const ASSUMED_RATE: number = 100

/** So much of a file's beginning is enough to recognize it. */
export const HEAD_BYTES: number = 1 << 16
