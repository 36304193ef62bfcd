import { join } from 'node:path'
import type { NamedFrame, NamedSample } from './capture.ts'
import { TARGETS } from './target.ts'

/** A frame as a target sees it: qualname, file, first line, line, end line, column, end column. */
export type Row = readonly [string, string, number, number, number, number, number]

/** What a target says that holds in a known position; see harness.py. */
export interface Position {
  /** Root first, down to the caller of `hold`. */
  readonly stack: readonly Row[]
}

/** The file of `hold`, the innermost frame of a target in position. */
export const HARNESS = join(TARGETS, 'harness.py')

export function row(frame: NamedFrame): Row {
  const { qualname, file, firstLine, line, endLine, column, endColumn } = frame
  return [qualname, file, firstLine, line, endLine, column, endColumn]
}

/** Distinct stacks, as texts. */
export function texts(samples: readonly NamedSample[]): string[] {
  return [...new Set(samples.map(({ text }) => text))]
}
