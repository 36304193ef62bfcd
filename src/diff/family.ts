import type { Scale } from './basis.ts'
import type { Place } from './measure.ts'
import type { Change, ChangedRow, Kind } from './result.ts'
import { falseDiscoveryAdjusted, falseDiscoveryLevel } from './statistics/false-discovery.ts'
import { detectable, type LogRatio, limitsOf, mean, probabilityOf } from './statistics/log-ratio.ts'
import { moderatedRatios, type Row } from './statistics/moderation.ts'

/** A quantity to compare: ns by run, base first. */
export interface Compared {
  /** What makes it the same in all runs. */
  readonly key: string
  readonly place: Place
  readonly time: 'self' | 'total'
  readonly times: ArrayLike<number>
}

export interface TestOptions {
  readonly scale: Scale
  readonly confidence: number
  readonly minShare: number
  readonly minChange: number
  /** Whether both sides have runs enough to be judged. */
  readonly isJudged: boolean
}

/** A row that was tested; `ratio` is undefined where nothing is judged. */
export interface Tested<T extends Compared> {
  readonly of: T
  readonly row: ChangedRow
  readonly ratio: LogRatio | undefined
}

/**
 * Compares rows as one family: those with a share too small are left out, whatever happened to
 * them, and of those that are findings a share of at most 1 - confidence is false on average.
 */
export function testRows<T extends Compared>(
  rows: readonly T[],
  options: TestOptions,
): { readonly tested: readonly Tested<T>[]; readonly leftOut: number } {
  const { scale, minShare, isJudged, confidence } = options
  const seen = rows.filter(({ times }) => shareOf(times, scale) > 0)
  const kept = seen.filter(({ times }) => shareOf(times, scale) >= minShare)
  const leftOut = seen.length - kept.length
  if (!isJudged) {
    const tested = kept.map((of) => ({ of, row: unjudged(of, scale), ratio: undefined }))
    return { tested, leftOut }
  }
  const ratios = moderatedRatios(kept.map(({ times }) => logarithms(times, scale)))
  const probabilities = ratios.map(probabilityOf)
  const adjusted = falseDiscoveryAdjusted(probabilities)
  const level = falseDiscoveryLevel(probabilities, 1 - confidence)
  const tested = kept.map((of, at) => {
    const judged = { ratio: ratios[at]!, probability: probabilities[at]!, adjusted: adjusted[at]! }
    return { of, row: judgedRow(of, judged, level, options), ratio: ratios[at]! }
  })
  return { tested, leftOut }
}

/** Share of all time, the mean of both sides. */
function shareOf(times: ArrayLike<number>, { sampled, baseRuns }: Scale): number {
  const shares = Array.from(times, (time, run) => (sampled[run]! > 0 ? time / sampled[run]! : 0))
  return (mean(shares.slice(0, baseRuns)) + mean(shares.slice(baseRuns))) / 2
}

/** A time below this many samples is not known to be less than this many. */
const LEAST_SAMPLES = 0.5

/**
 * The logarithms of times, half a sample's added so that what was not seen has one. Times are
 * known to a sample, so they vary at least as evenly spread roundings do: by a twelfth of its square.
 */
export function logarithms(times: ArrayLike<number>, scale: Scale): Row {
  const { interval, divisor, baseRuns, isPaired } = scale
  const values = Array.from(times, (time, run) =>
    Math.log((time + LEAST_SAMPLES * interval[run]!) / divisor[run]!),
  )
  const samples = mean(Array.from(times, (time, run) => time / interval[run]!))
  return {
    base: values.slice(0, baseRuns),
    head: values.slice(baseRuns),
    isPaired,
    floor: 1 / 12 / Math.max(LEAST_SAMPLES, samples) ** 2,
    size: Math.max(LEAST_SAMPLES, samples),
  }
}

/** What holds of a row whether it is judged or not. */
function measured({ place, time, times }: Compared, scale: Scale) {
  const { baseRuns, divisor, sampled } = scale
  const values = Array.from(times, (each, run) => each / divisor[run]!)
  const base = mean(values.slice(0, baseRuns))
  const head = mean(values.slice(baseRuns))
  const all = mean(sampled.slice(0, baseRuns).map((each, run) => each / divisor[run]!))
  const seenIn = (from: number, to: number) =>
    values.slice(from, to).filter((value) => value > 0).length
  return {
    time,
    place,
    base,
    head,
    effect: all > 0 ? (head - base) / all : 0,
    share: shareOf(times, scale),
    seen: { base: seenIn(0, baseRuns), head: seenIn(baseRuns, values.length) },
  }
}

function unjudged(of: Compared, scale: Scale): ChangedRow {
  const about = measured(of, scale)
  const { base, head } = about
  return {
    ...about,
    change: base > 0 && head > 0 ? head / base - 1 : null,
    low: null,
    high: null,
    probability: null,
    adjusted: null,
    kind: 'unclear',
    detectable: null,
  }
}

/** New and vanished are only told of what was in this many runs of its side, where there are so many. */
const LEAST_SEEN = 3

function judgedRow(
  of: Compared,
  judged: { readonly ratio: LogRatio; readonly probability: number; readonly adjusted: number },
  level: number,
  { scale, confidence, minChange }: TestOptions,
): ChangedRow {
  const { ratio, probability, adjusted } = judged
  const about = measured(of, scale)
  const { base, head, seen } = about
  const change = base > 0 && head > 0 ? Math.expm1(ratio.estimate) : null
  const [low, high] = limitsOf(ratio, (1 - confidence) / 2).map(Math.expm1) as [number, number]
  const runs = { base: scale.baseRuns, head: of.times.length - scale.baseRuns }
  const isFound = adjusted <= 1 - confidence
  let kind: Kind = 'unclear'
  if (change === null) {
    const side = base > 0 ? 'base' : 'head'
    const isThere = seen[side] >= Math.min(LEAST_SEEN, runs[side])
    if (isFound && isThere) kind = side === 'base' ? 'vanished' : 'new'
  } else {
    kind = kindOf({ change, low, high, isFound }, minChange)
  }
  return {
    ...about,
    change,
    low: change === null ? null : low,
    high: change === null ? null : high,
    probability,
    adjusted,
    kind,
    detectable: detectable(ratio, level / 2),
  }
}

/** A finding is proven and large enough to matter; the same is proven to be too small to matter. */
export function kindOf(
  { change, low, high, isFound }: { change: number; low: number; high: number; isFound: boolean },
  minChange: number,
): Change['kind'] {
  if (isFound && Math.abs(change) >= minChange) return change > 0 ? 'grew' : 'shrank'
  return low > -minChange && high < minChange ? 'same' : 'unclear'
}
