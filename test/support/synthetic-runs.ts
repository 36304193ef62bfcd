import type { Scale } from '../../src/diff/basis.ts'
import type { Compared } from '../../src/diff/family.ts'
import { type Turn, turns } from '../../src/diff/turns.ts'

/** Numbers from 0 to 1, the same in every run (mulberry32). */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A standard normal number (Box and Muller). */
export function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
}

/** What runs of a made-up program are like. */
export interface Cell {
  readonly runs: number
  /** Standard deviation of the logarithm of the time of a whole run: what the machine does to it. */
  readonly noise: number
  /** The same of each function by itself. */
  readonly functionNoise: number
  /** Mean number of samples of a run. */
  readonly samples: number
  /** Mean number of samples in a row that show the same function: their dependence. */
  readonly dwell: number
  /** Share of the runs that take much longer, as when something else used the machine. */
  readonly outliers: number
  /** Correlation of the noise of a run with that of the run before; the sides take turns. */
  readonly carry: number
  /** Standard deviation of how much the machine's speed changes for good from run to run. */
  readonly drift: number
  readonly functions: number
}

export const USUAL: Cell = {
  runs: 5,
  noise: 0.02,
  functionNoise: 0.02,
  samples: 1000,
  dwell: 5,
  outliers: 0,
  carry: 0,
  drift: 0,
  functions: 40,
}

/** ns that a sample stands for. */
const INTERVAL = 1e7

/** Runs of both sides as the comparison sees them. */
export interface Experiment {
  readonly scale: Scale
  /** Time of each run, ns. */
  readonly totals: { readonly base: number[]; readonly head: number[] }
  readonly rows: Compared[]
  /** Samples by function and run, for methods that take samples for the unit. */
  readonly counts: Float64Array[]
}

/** How much an outlier takes longer. */
const OUTLIER = 1.3

/**
 * Simulates both sides. Functions have shares like 1, 1/2, 1/3, …; what a run does is a walk between
 * them, a stay at a time, and a sample is taken each interval.
 * @param grown by function, how much slower head is, as a factor
 * @param order in which runs are made
 */
export function simulate(
  cell: Cell,
  next: () => number,
  grown: ReadonlyMap<number, number> = new Map(),
  order: (runs: number, next: () => number) => readonly Turn[] = turns,
): Experiment {
  const { runs, functions } = cell
  const harmonic = Array.from({ length: functions }, (_, at) => 1 / (at + 1))
  const sum = harmonic.reduce((a, b) => a + b, 0)
  const share = harmonic.map((each) => each / sum)
  const counts = share.map(() => new Float64Array(2 * runs))
  const times = share.map(() => new Float64Array(2 * runs))
  const totals = { base: [] as number[], head: [] as number[] }
  const sampled = new Array<number>(2 * runs).fill(0)
  let carried = normal(next)
  let drifted = 0
  for (const { side, pair } of order(runs, next)) {
    const isHead = side === 'head'
    const run = (isHead ? runs : 0) + pair - 1
    const { carry } = cell
    carried = carry * carried + Math.sqrt(1 - carry ** 2) * normal(next)
    drifted += cell.drift * normal(next)
    const outlier = next() < cell.outliers ? Math.log(OUTLIER) : 0
    const machine = drifted + cell.noise * carried + outlier
    const cost = share.map((each, at) => {
      const own = cell.functionNoise * normal(next)
      return each * Math.exp(machine + own) * (isHead ? (grown.get(at) ?? 1) : 1)
    })
    const work = cost.reduce((a, b) => a + b, 0)
    walk(cell, cost, work, next, (at) => {
      counts[at]![run]!++
      times[at]![run]! += INTERVAL
      sampled[run]! += INTERVAL
    })
    totals[side].push(work * cell.samples * INTERVAL)
  }
  const rows = times.map(
    (each, at): Compared => ({
      key: String(at),
      place: { qualname: `f${at}`, file: '/srv/app.py', line: at + 1, oldFile: '' },
      time: 'self',
      times: each,
    }),
  )
  const scale: Scale = {
    kind: 'time',
    baseRuns: runs,
    isPaired: false,
    divisor: sampled.map(() => 1),
    interval: sampled.map(() => INTERVAL),
    sampled,
  }
  return { scale, totals, rows, counts }
}

/** Samples of one run: at each the program may go on to another function, picked by its cost. */
function walk(
  { samples, dwell }: Cell,
  cost: readonly number[],
  work: number,
  next: () => number,
  sample: (at: number) => void,
): void {
  const pick = () => {
    let left = next() * work
    let at = 0
    while (at < cost.length - 1 && left >= cost[at]!) left -= cost[at++]!
    return at
  }
  let at = pick()
  const count = Math.round(samples * work)
  for (let tick = 0; tick < count; tick++) {
    if (tick > 0 && next() < 1 / dwell) at = pick()
    sample(at)
  }
}
