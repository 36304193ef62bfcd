import type { ProcessIndex } from './profile.ts'

/** A file that may hold what the target ran. */
export interface SourceFile {
  /** Where it was found. */
  readonly path: string
  readonly text: string
  /** Why it may not be what ran, in one line; '' where nothing says so. */
  readonly doubt: string
  /** What is shown of a line; all of it when absent. */
  readonly shown?: (line: string) => string
}

/**
 * Looks for the source of a file that ran in some processes: what may be it, the likeliest first, or
 * a line that says why something could not be read. It is read as it is asked for.
 */
export type FindSource = (
  file: string,
  processes: readonly ProcessIndex[],
) => Iterable<SourceFile | string>
