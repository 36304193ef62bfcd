import type { Profile } from '../profile/profile.ts'

export type FormatName = 'speedscope' | 'collapsed' | 'flamegraph' | 'pyprof'

export interface FormatOptions {
  /** The thread as root frame. */
  readonly threads: boolean
  /** Merge the lines of a function into one frame, shown with the line of its `def`. */
  readonly functions: boolean
  /** What the output calls itself; the recorded command when absent. */
  readonly title?: string
}

/** One output format. `write` is pure: the same profile and options give the same bytes. */
export interface Format {
  readonly name: FormatName
  /** Ends of file names that mean this format, lower case, with their dot. */
  readonly suffixes: readonly string[]
  readonly describe: string
  /** The output in pieces, so that a long recording never needs one string that holds it all. */
  write(profile: Profile, options: FormatOptions): Iterable<string | Uint8Array>
}
