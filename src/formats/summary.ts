import { gapCount } from '../profile/gaps.ts'
import {
  type Accounting,
  type Gap,
  type Meta,
  type Profile,
  QUALITY,
  type Quality,
  type ViewStep,
} from '../profile/profile.ts'
import { type QualityCount, qualityCounts } from '../profile/quality-view.ts'
import { summarize } from '../profile/summary.ts'
import { type Sum, type WeightTotals, waitingTasks, weightTotals } from '../profile/views.ts'
import { formatCount, formatTime, visible } from './text.ts'

/** What a recording is worth, apart from its samples; part of every speedscope file. */
export interface Details {
  readonly meta: Meta
  readonly weights: WeightTotals
  /** Samples of suspended tasks, whose time is in no weight; absent when there are none. */
  readonly waiting?: Sum
  readonly quality: Record<Quality, QualityCount>
  readonly accounting: Accounting
  readonly gaps: readonly Gap[]
}

export function detailsOf(profile: Profile): Details {
  const waiting = waitingTasks(profile)
  return {
    meta: profile.meta,
    weights: weightTotals(profile),
    ...(waiting.samples > 0 && { waiting }),
    quality: qualityCounts(profile),
    accounting: profile.accounting,
    gaps: profile.gaps,
  }
}

/** How many threads there are; waiting tasks are none. */
export function threadCount({ threads }: Profile): number {
  return threads.filter((thread) => !thread.waitingTasks).length
}

/** What a page says in front of a profile that is not to be trusted; '' for one that is. */
export function warningOf(profile: Profile): string {
  return summarize(profile).isUncertain ? 'More than 2 % of the samples are partial or missed.' : ''
}

/** The lines of `detailLines` for a profile. */
export function summaryLines(profile: Profile): string[] {
  return detailLines(detailsOf(profile), threadCount(profile))
}

/**
 * What was recorded and how good it is, in lines for people: interpreter, length, rate and threads;
 * then samples by quality with the reasons, gaps, and whatever else is missing; then what filters
 * have left out, if there were any.
 */
export function detailLines(details: Details, threads: number): string[] {
  const { meta, accounting, gaps, quality, weights, waiting } = details
  const samples = QUALITY.reduce((sum, name) => sum + quality[name].samples, 0)
  const seconds = meta.duration / 1e9
  const isCounted = seconds > 0 && accounting.ticks > 0
  const rate = isCounted ? `${(accounting.ticks / seconds).toFixed(1)} Hz` : 'an unknown rate'
  const asked = meta.rate > 0 ? ` (${meta.rate} Hz asked)` : ''
  const qualities = QUALITY.filter(
    (name) => name === 'exact' || name === 'missed' || quality[name].samples > 0,
  ).map((name) => {
    const reasons = Object.entries(quality[name].reasons).map(
      ([reason, count]) => `${reason} ${formatCount(count)}`,
    )
    const why = reasons.length > 0 ? ` (${reasons.join(', ')})` : ''
    return `${formatCount(quality[name].samples)} ${name}${why}`
  })
  const { empty } = weights
  return [
    [
      ...(meta.pythonVersion === '' ? [] : [`Python ${meta.pythonVersion}`]),
      `${formatTime(meta.duration)} at ${rate}${asked}`,
      countOf(threads, 'thread'),
      `${meta.mode} time`,
      `read ${meta.read}`,
    ].join(' · '),
    [
      `${countOf(samples, 'sample')}: ${qualities.join(', ')}`,
      gaps.length === 0
        ? 'no gaps'
        : `${countOf(gapCount(gaps), 'gap')}, ${formatTime(accounting.gapTime)}, ` +
          `${countOf(accounting.missedTicks, 'tick')} missed`,
      ...(waiting
        ? [
            `${formatCount(waiting.samples)} of them of waiting tasks, ${formatTime(waiting.weight)}`,
          ]
        : []),
      ...(empty > 0 ? [`${formatTime(empty)} without Python frames`] : []),
      ...(accounting.lateTicks > 0 ? [`${countOf(accounting.lateTicks, 'tick')} late`] : []),
      ...(accounting.droppedSamples > 0
        ? [`${countOf(accounting.droppedSamples, 'sample')} dropped`]
        : []),
      ...(accounting.execs > 0 ? [`${countOf(accounting.execs, 'exec')}`] : []),
    ].join(' · '),
    ...(meta.view && meta.view.steps.length > 0 ? [meta.view.steps.map(stepText).join(' · ')] : []),
  ]
}

/** What a filter did, in words, for example `--exclude idle: 12 samples removed, 120 ms`. */
export function stepText({ option, patterns, effect, samples, weight, missed }: ViewStep): string {
  const by = [option, ...patterns.map(visible)].join(' ')
  const what = effect === 'removed' ? 'removed' : 'folded into their callers'
  const unknown =
    effect === 'removed' && missed > 0 ? `, ${formatCount(missed)} of them missed ones` : ''
  return `${by}: ${countOf(samples, 'sample')} ${what}${unknown}, ${formatTime(weight)}`
}

function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}
