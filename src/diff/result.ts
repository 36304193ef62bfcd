import type { Difference, Same } from './comparable.ts'
import type { Place } from './measure.ts'
import type { RunFacts } from './run.ts'

/** The shape of the result; a change that is no addition makes it another number. */
export const RESULT_VERSION = 1

/**
 * What is known of a change. The first four are findings; `same` is shown to be no change that
 * matters, `unclear` is neither.
 */
export const KINDS = ['grew', 'shrank', 'new', 'vanished', 'same', 'unclear'] as const
export type Kind = (typeof KINDS)[number]

/** A quantity in base and in head. */
export interface Change {
  /** Mean of the runs of a side: ns, ns an iteration, or a share of 0 to 1, by the basis. */
  readonly base: number
  readonly head: number
  /** Head over base, less 1; null where one side has nothing. */
  readonly change: number | null
  /** Ends of the confidence interval of the change; null where nothing can be said. */
  readonly low: number | null
  readonly high: number | null
  /** How likely such a difference is without a change. */
  readonly probability: number | null
  /** The same, adjusted for the number of rows that were tested with it. */
  readonly adjusted: number | null
  readonly kind: Kind
  /** The smallest growth that these runs would have shown, 4 times in 5; as a fraction. */
  readonly detectable: number | null
  /** In how many runs it was seen. */
  readonly seen: { readonly base: number; readonly head: number }
}

/** A function, line or path that was compared. */
export interface ChangedRow extends Change {
  /** `self`: while it was the innermost; `total`: with what it called. */
  readonly time: 'self' | 'total'
  readonly place: Place
  /** Functions from the root to the place; only of paths. */
  readonly path?: readonly Place[]
  /** How much the whole run grew by it, as a fraction of all time in base. */
  readonly effect: number
  /** Share of all time, mean of both sides. */
  readonly share: number
}

/** Rows that were tested together. */
export interface Family {
  /** Those with the largest effect first. */
  readonly rows: readonly ChangedRow[]
  /** Rows whose share is too small to be tested. */
  readonly leftOut: number
}

export const OUTCOMES = ['regression', 'inconclusive', 'pass'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** What a `--fail-on` came to. */
export interface GateResult {
  /** As it was typed. */
  readonly gate: string
  readonly outcome: Outcome
  /** Why, in a sentence. */
  readonly reason: string
  /** The functions that are proven to be above the limit. */
  readonly proven: readonly ChangedRow[]
}

/** What is compared. */
export interface Basis {
  /** `time` of runs that did the same work, or `share` of the time of runs that did not. */
  readonly kind: 'time' | 'share'
  readonly perIteration: boolean
  /** Why, in a sentence. */
  readonly reason: string
}

/** How the runs of both sides are set against each other. */
export interface Pairing {
  /** `pairs`: each run with the one that was made beside it; `sides`: all of base with all of head. */
  readonly kind: 'pairs' | 'sides'
  /** Why, in a sentence. */
  readonly reason: string
  /** Runs that are not compared, because their partner is missing. */
  readonly leftOut: readonly string[]
}

/** The whole comparison; every report is made from it. */
export interface DiffResult {
  readonly version: number
  readonly exporter: string
  /** That of the worst gate; without gates that of the total. */
  readonly outcome: Outcome
  readonly basis: Basis
  readonly pairing: Pairing
  /** 0 to 1. */
  readonly confidence: number
  readonly minShare: number
  readonly minChange: number
  /** False where a side has only one run: then nothing is judged. */
  readonly isJudged: boolean
  readonly runs: { readonly base: readonly RunFacts[]; readonly head: readonly RunFacts[] }
  /** Differences that were allowed. */
  readonly differences: readonly Difference[]
  /** What no run tells, so that it was not compared. */
  readonly unknown: readonly Same[]
  /** What to know before believing the numbers, a sentence each. */
  readonly careful: readonly string[]
  /** Time of the whole run; null on the basis of shares. */
  readonly total: (Change & { readonly of: 'elapsed' | 'sampled' }) | null
  readonly functions: Family
  readonly lines: Family
  readonly paths: Family
  readonly gates: readonly GateResult[]
}

/** Whether a row is shown to have changed. */
export function isFinding({ kind }: Change): boolean {
  return kind !== 'same' && kind !== 'unclear'
}
