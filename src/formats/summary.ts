import { type Profile, QUALITY } from '../profile/profile.ts'
import { qualityCounts } from '../profile/quality-view.ts'
import { weightTotals } from '../profile/views.ts'
import { formatCount, formatTime } from './text.ts'

/**
 * What was recorded and how good it is, in two lines for people: interpreter, length, rate and
 * threads; then samples by quality with the reasons, gaps, and whatever else is missing.
 */
export function summaryLines(profile: Profile): [string, string] {
  const { meta, accounting, gaps, threads, samples } = profile
  const seconds = meta.duration / 1e9
  const isCounted = seconds > 0 && accounting.ticks > 0
  const rate = isCounted ? `${(accounting.ticks / seconds).toFixed(1)} Hz` : 'an unknown rate'
  const asked = meta.rate > 0 ? ` (${meta.rate} Hz asked)` : ''
  const quality = qualityCounts(profile)
  const qualities = QUALITY.filter(
    (name) => name === 'exact' || name === 'missed' || quality[name].samples > 0,
  ).map((name) => {
    const reasons = Object.entries(quality[name].reasons).map(
      ([reason, count]) => `${reason} ${formatCount(count)}`,
    )
    const why = reasons.length > 0 ? ` (${reasons.join(', ')})` : ''
    return `${formatCount(quality[name].samples)} ${name}${why}`
  })
  const { empty } = weightTotals(profile)
  return [
    [
      ...(meta.pythonVersion === '' ? [] : [`Python ${meta.pythonVersion}`]),
      `${formatTime(meta.duration)} at ${rate}${asked}`,
      countOf(threads.length, 'thread'),
      `${meta.mode} time`,
      `read ${meta.read}`,
    ].join(' · '),
    [
      `${countOf(samples.length, 'sample')}: ${qualities.join(', ')}`,
      gaps.length === 0
        ? 'no gaps'
        : `${countOf(gaps.length, 'gap')}, ${formatTime(accounting.gapTime)}, ` +
          `${countOf(accounting.missedTicks, 'tick')} missed`,
      ...(empty > 0 ? [`${formatTime(empty)} without Python frames`] : []),
      ...(accounting.lateTicks > 0 ? [`${countOf(accounting.lateTicks, 'tick')} late`] : []),
      ...(accounting.droppedSamples > 0
        ? [`${countOf(accounting.droppedSamples, 'sample')} dropped`]
        : []),
      ...(accounting.execs > 0 ? [`${countOf(accounting.execs, 'exec')}`] : []),
    ].join(' · '),
  ]
}

function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}
