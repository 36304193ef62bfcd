import { type HotPlace, hotPlaces } from '../profile/hot-places.ts'
import type { Interval } from '../profile/intervals.ts'
import type { Profile } from '../profile/profile.ts'
import { type ComparedView, functionView, lineView, placeKey, type RunSets } from './measure.ts'
import type { Names } from './names.ts'
import type { Side } from './run.ts'

/** More places than anybody reads; each costs two looks at all samples. */
const MOST_PLACES = 200

/** Limits of changes as fractions, by time and key of the place. */
export type WithinRuns = (
  time: 'self' | 'total',
  key: string,
) => { readonly low: number; readonly high: number } | undefined

/**
 * What chance within a run says about the changes between two single runs, for functions and lines.
 * It tells nothing about how much two runs of one program differ, which is usually more. Undefined
 * where there are several runs, or samples without times of their own.
 * @param isShare whether shares are compared, and not times
 */
export function withinRuns(
  { base, head }: RunSets,
  names: Names,
  isShare: boolean,
): { readonly functions: WithinRuns; readonly lines: WithinRuns } | undefined {
  const [before, after] = [base[0]?.whole, head[0]?.whole]
  if (base.length !== 1 || head.length !== 1 || !before || !after) return undefined
  if (!base[0]!.isTimed || !head[0]!.isTimed) return undefined
  const grown = isShare ? 1 : head[0]!.sampledNs / base[0]!.sampledNs
  const made = (view: (profile: Profile, side: Side, names: Names) => ComparedView): WithinRuns => {
    const here = placesOf(view(before, 'base', names).view)
    const there = placesOf(view(after, 'head', names).view)
    return (time, key) => changeOf(here.get(key)?.[time], there.get(key)?.[time], grown)
  }
  return { functions: made(functionView), lines: made(lineView) }
}

function placesOf(view: Profile): Map<string, HotPlace> {
  const { rows } = hotPlaces(view, { limit: MOST_PLACES, by: 'total' })
  return new Map(rows.map((row) => [placeKey(row, row.line), row]))
}

interface Share {
  readonly share: number
  readonly interval: Interval | null
}

/**
 * The interval of a ratio of two shares from the intervals of both, on the scale of logarithms
 * (Zou and Donner, Statistics in Medicine 27, 2008).
 */
function changeOf(before: Share | undefined, after: Share | undefined, grown: number) {
  if (!before?.interval || !after?.interval) return undefined
  if (before.interval.low <= 0 || after.interval.low <= 0) return undefined
  const [a, b] = [Math.log(before.share), Math.log(after.share)]
  const estimate = b - a + Math.log(grown)
  const down = Math.hypot(b - Math.log(after.interval.low), Math.log(before.interval.high) - a)
  const up = Math.hypot(Math.log(after.interval.high) - b, a - Math.log(before.interval.low))
  return { low: Math.expm1(estimate - down), high: Math.expm1(estimate + up) }
}
