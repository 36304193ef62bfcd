import { kindOf } from './family.ts'
import type { RunSets } from './measure.ts'
import type { Basis, Change } from './result.ts'
import type { Run } from './run.ts'
import {
  detectable,
  type LogRatio,
  limitsOf,
  logRatio,
  mean,
  probabilityOf,
} from './statistics/log-ratio.ts'

export interface TotalOptions {
  readonly confidence: number
  readonly minChange: number
  /** Whether there are runs enough to be judged. */
  readonly isJudged: boolean
  /** Whether runs at the same place of both sides are partners. */
  readonly isPaired: boolean
}

/** The time of whole runs. */
export interface Total {
  readonly change: Change & { readonly of: 'elapsed' | 'sampled' }
  /** Undefined where a side has one run only. */
  readonly ratio: LogRatio | undefined
}

/**
 * Compares the time of whole runs: by the clock where all of it is shown, else what was sampled of
 * it. Undefined on the basis of shares, whose total is always the same.
 */
export function compareTotals(
  { base, head }: RunSets,
  basis: Basis,
  options: TotalOptions,
): Total | undefined {
  if (basis.kind === 'share') return undefined
  const isWhole = [...base, ...head].every(({ mode, isFiltered }) => mode === 'wall' && !isFiltered)
  const of = isWhole ? 'elapsed' : 'sampled'
  const timeOf = (run: Run) =>
    (isWhole ? run.durationNs : run.sampledNs) / (basis.perIteration ? run.iterations! : 1)
  return {
    ...totalChange(base.map(timeOf), head.map(timeOf), floorOf([...base, ...head]), of, options),
  }
}

/** A run's time is known to a sample at each end; the variance of its logarithm at least. */
function floorOf(runs: readonly Run[]): number {
  return (
    mean(
      runs.map(
        ({ intervalNs, durationNs }) => (intervalNs / Math.max(intervalNs, durationNs)) ** 2,
      ),
    ) / 12
  )
}

/** Compares two sets of positive numbers, one a run. */
export function totalChange(
  base: readonly number[],
  head: readonly number[],
  floor: number,
  of: Total['change']['of'],
  { confidence, minChange, isJudged, isPaired }: TotalOptions,
): Total {
  const about = {
    of,
    base: mean(base),
    head: mean(head),
    seen: { base: base.length, head: head.length },
  }
  if (!isJudged) {
    const change = {
      ...about,
      change: about.base > 0 ? about.head / about.base - 1 : null,
      low: null,
      high: null,
      probability: null,
      adjusted: null,
      kind: 'unclear' as const,
      detectable: null,
    }
    return { change, ratio: undefined }
  }
  const ratio = logRatio({ base: base.map(Math.log), head: head.map(Math.log), isPaired }, floor)
  const tail = (1 - confidence) / 2
  const [low, high] = limitsOf(ratio, tail).map(Math.expm1) as [number, number]
  const change = Math.expm1(ratio.estimate)
  const probability = probabilityOf(ratio)
  const isFound = probability <= 1 - confidence
  return {
    change: {
      ...about,
      change,
      low,
      high,
      probability,
      adjusted: probability,
      kind: kindOf({ change, low, high, isFound }, minChange),
      detectable: detectable(ratio, tail),
    },
    ratio,
  }
}
