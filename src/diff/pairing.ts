import { formatCount } from '../formats/text.ts'
import type { RunSets } from './measure.ts'
import type { Pairing } from './result.ts'
import type { Run } from './run.ts'

/**
 * With fewer pairs than this, what is not known of their differences outweighs the drift that they
 * are free of: docs/statistics.md has the numbers.
 */
export const LEAST_PAIRS = 5

/**
 * Sets runs against each other as they were made, which is decided before any time of them is looked
 * at: in pairs where all tell which one they belong to and enough pairs are whole, else side by side.
 * @returns the runs to compare, partners at the same place of both sides where there are pairs
 */
export function pairUp(all: RunSets): { readonly sets: RunSets; readonly pairing: Pairing } {
  const bySide = { base: byPair(all.base), head: byPair(all.head) }
  const apart = (reason: string) =>
    ({ sets: all, pairing: { kind: 'sides', reason, leftOut: [] } }) as const
  if (!bySide.base || !bySide.head) {
    return apart(
      'Runs are taken for independent: they do not tell of pairs that were made by turns.',
    )
  }
  const { base, head } = bySide
  const whole = [...base.keys()].filter((key) => head.has(key))
  if (whole.length < LEAST_PAIRS) {
    return apart(
      `Runs are taken for independent: ${formatCount(LEAST_PAIRS)} whole pairs are needed to compare in pairs, here are ${formatCount(whole.length)}.`,
    )
  }
  const inPairs = (runs: ReadonlyMap<string, Run>) => whole.map((key) => runs.get(key)!)
  const leftOut = [...all.base, ...all.head]
    .filter(({ pair }) => !whole.includes(keyOf(pair!)))
    .map(({ name }) => name)
  const reason =
    `Runs are compared in ${formatCount(whole.length)} pairs that were made by turns: ` +
    'what the machine does to both of a pair counts for neither.'
  return {
    sets: { base: inPairs(base), head: inPairs(head) },
    pairing: { kind: 'pairs', reason, leftOut },
  }
}

/** The runs of a side by their pairs; undefined when some have none, or two have the same. */
function byPair(runs: readonly Run[]): ReadonlyMap<string, Run> | undefined {
  const result = new Map<string, Run>()
  for (const run of runs) {
    if (!run.pair) return undefined
    result.set(keyOf(run.pair), run)
  }
  return result.size === runs.length ? result : undefined
}

function keyOf({ bench, number }: NonNullable<Run['pair']>): string {
  return `${number} ${bench}`
}
