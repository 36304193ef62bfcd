import { SIDES, type Side } from './run.ts'

/** One run to make. */
export interface Turn {
  readonly side: Side
  /** From 1 on. */
  readonly pair: number
}

/**
 * The order of runs that take turns, pair by pair. Which of a pair comes first is drawn by lot for
 * each: only so does no drift and no rhythm of the machine favour a side, whatever it is like. In the
 * fixed order base, head, head, base neighbouring pairs depend on each other, and in up to 3.3 % of the
 * comparisons instead of 2.5 the total would be called slower without being so (docs/statistics.md).
 * @param draw numbers from 0 to 1
 */
export function turns(runs: number, draw: () => number = Math.random): Turn[] {
  return Array.from({ length: runs }, (_, at) => {
    const order = draw() < 0.5 ? SIDES : SIDES.toReversed()
    return order.map((side) => ({ side, pair: at + 1 }))
  }).flat()
}
