import { excluding, including, onlyThreads } from './filters.ts'
import { withoutStdlib } from './folding.ts'
import { atGranularity } from './granularity.ts'
import { type FunctionName, nearNames } from './near-names.ts'
import type { FramePattern, ThreadPattern } from './pattern.ts'
import { GRANULARITIES, type Granularity, type Profile } from './profile.ts'
import { frameRow, restack } from './restack.ts'

/** What to show of a profile; the filters hold one after the other, in this order. */
export interface Choice {
  /** Threads to keep, by any of these; all when there is none. */
  readonly threads: readonly ThreadPattern[]
  /** Samples to keep are those with a frame that any of these matches; all when there is none. */
  readonly include: readonly FramePattern[]
  /** Samples to leave out are those with a frame that any of these matches. */
  readonly exclude: readonly FramePattern[]
  /** False folds the standard library into its callers. */
  readonly stdlib: boolean
  readonly granularity: Granularity
}

/** A pattern that matches nothing in the whole recording. */
export interface Unmatched {
  readonly option: '--thread' | '--include' | '--exclude'
  readonly pattern: string
  /** What it may have been meant for: the nearest names first; the threads of the recording. */
  readonly near: readonly string[]
}

/**
 * The view of a profile that a choice asks for. What the filters left out, and how much, stands in
 * the `meta.view` of the result, so that every format can tell; patterns that match nothing, which
 * are most likely mistakes, are told apart.
 */
export function chosen(
  profile: Profile,
  choice: Choice,
): { readonly profile: Profile; readonly unmatched: readonly Unmatched[] } {
  const { threads, include, exclude, stdlib, granularity } = choice
  const unmatched = unmatchedPatterns(profile, choice)
  let view = profile
  if (threads.length > 0) view = onlyThreads(view, threads)
  if (include.length > 0) view = including(view, include)
  if (exclude.length > 0) view = excluding(view, exclude)
  const before = view
  // Names that nobody refers to any more must not stay in the tables.
  if (view !== profile) view = restack(view, { frame: (frame) => frameRow(before, frame) })
  if (!stdlib) view = withoutStdlib(view)
  return { profile: merged(view, granularity), unmatched }
}

/** At the coarser one of what is asked for and what the profile has been merged to before. */
function merged(profile: Profile, granularity: Granularity): Profile {
  const { meta } = profile
  const level = (each: Granularity) => GRANULARITIES.indexOf(each)
  const view = meta.view ?? { granularity: 'lines', steps: [] }
  if (level(granularity) <= level(view.granularity)) return profile
  const result = atGranularity(profile, granularity)
  return { ...result, meta: { ...meta, view: { ...view, granularity } } }
}

const MOST_THREADS = 20

function unmatchedPatterns(profile: Profile, { threads, include, exclude }: Choice): Unmatched[] {
  const result: Unmatched[] = []
  for (const pattern of threads) {
    if (profile.threads.some((thread) => pattern.matches(thread))) continue
    const names = [...new Set(profile.threads.map(({ name }) => name))].slice(0, MOST_THREADS)
    result.push({ option: '--thread', pattern: pattern.text, near: names })
  }
  if (include.length + exclude.length === 0) return result
  const rows = functionRows(profile)
  for (const [option, patterns] of [
    ['--include', include],
    ['--exclude', exclude],
  ] as const) {
    for (const { text, matches } of patterns) {
      if (rows.some(({ qualname, file }) => matches(qualname, file))) continue
      result.push({ option, pattern: text, near: nearNames(text, rows) })
    }
  }
  return result
}

function functionRows({ functions, strings }: Profile): FunctionName[] {
  return Array.from({ length: functions.length }, (_, fn) => ({
    qualname: strings[functions.qualname[fn]!]!,
    file: strings[functions.file[fn]!]!,
  }))
}
