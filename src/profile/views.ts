import { grown } from './column.ts'
import { byFunction } from './granularity.ts'
import { type PlaceTable, places } from './place-view.ts'
import { NO_STACK, type Profile, QUALITY, type SampleTable, type StackIndex } from './profile.ts'
import { countAt } from './sample-columns.ts'
import { stackTotals } from './stack-totals.ts'

const MISSED: number = QUALITY.indexOf('missed')

/** Rows of the sample table by thread: those of thread t are `order[start[t]]`, up to `start[t + 1]`. */
export interface RowsByThread {
  readonly start: Uint32Array
  readonly order: Uint32Array
}

/** Groups the samples by thread, keeping their order within each. */
export function rowsByThread(profile: Profile): RowsByThread {
  const { samples, threads } = profile
  const start = new Uint32Array(threads.length + 1)
  for (let row = 0; row < samples.length; row++) start[samples.thread[row]! + 1]!++
  for (let thread = 0; thread < threads.length; thread++) start[thread + 1]! += start[thread]!
  const next = start.slice()
  const order = new Uint32Array(samples.length)
  for (let row = 0; row < samples.length; row++) order[next[samples.thread[row]!]!++] = row
  return { start, order }
}

/** Weight and number of some samples. */
export interface Sum {
  weight: number
  samples: number
}

/** Samples added up by stack; what has no stack is kept apart. */
export class StackSums {
  /** ns by stack, without the stacks below it. */
  weight = new Float64Array(0)
  /** Samples by stack. */
  samples = new Float64Array(0)
  /** The stacks that have samples, in the order of first use. */
  readonly used: StackIndex[] = []
  /** Samples of threads without Python frames. */
  empty: Sum = { weight: 0, samples: 0 }
  missed: Sum = { weight: 0, samples: 0 }

  /** @param stacks how many there are; `include` makes room for more */
  constructor(stacks: number) {
    this.#resize(stacks)
  }

  /** Makes room for as many stacks; there may be more room than asked for. */
  include(stacks: number): void {
    if (stacks > this.weight.length) this.#resize(Math.max(stacks, this.weight.length * 2))
  }

  #resize(stacks: number): void {
    this.weight = grown(this.weight, new Float64Array(stacks))
    this.samples = grown(this.samples, new Float64Array(stacks))
  }

  /** Adds one row of a sample table. A missed sample counts as missed whatever its stack. */
  add(samples: SampleTable, row: number): void {
    const stack = samples.stack[row]!
    const weight = samples.weight[row]!
    const isMissed = samples.quality[row] === MISSED
    if (isMissed || stack === NO_STACK) {
      const sum = isMissed ? this.missed : this.empty
      sum.weight += weight
      sum.samples += countAt(samples, row)
      return
    }
    if (this.samples[stack] === 0) this.used.push(stack)
    this.weight[stack]! += weight
    this.samples[stack]! += countAt(samples, row)
  }

  /** Starts again, at the cost of the stacks in use. */
  clear(): void {
    for (const stack of this.used) {
      this.weight[stack] = 0
      this.samples[stack] = 0
    }
    this.used.length = 0
    this.empty = { weight: 0, samples: 0 }
    this.missed = { weight: 0, samples: 0 }
  }
}

/** Adds up the samples of all threads by stack; those of waiting tasks are not among them. */
export function sumByStack(profile: Profile): StackSums {
  const { stacks, threads, samples } = profile
  const sums = new StackSums(stacks.length)
  for (let row = 0; row < samples.length; row++) {
    if (!threads[samples.thread[row]!]?.waitingTasks) sums.add(samples, row)
  }
  return sums
}

/** The samples of waiting tasks: their number, and the sum of the time that they waited. */
export function waitingTasks(profile: Profile): Sum {
  const { threads, samples } = profile
  const sum = { weight: 0, samples: 0 }
  for (let row = 0; row < samples.length; row++) {
    if (!threads[samples.thread[row]!]?.waitingTasks) continue
    sum.weight += samples.weight[row]!
    sum.samples += countAt(samples, row)
  }
  return sum
}

/** Where the sampled time went, in ns; `total` is the sum of the others. */
export interface WeightTotals {
  readonly total: number
  /** Samples with at least one Python frame. */
  readonly python: number
  /** Threads without Python frames. */
  readonly empty: number
  readonly missed: number
}

/** The weight of the samples of all threads, with missed and empty ones apart. */
export function weightTotals(profile: Profile): WeightTotals {
  return totalsOf(sumByStack(profile))
}

/** The weight of what was added up. */
export function totalsOf(sums: StackSums): WeightTotals {
  let python = 0
  for (const stack of sums.used) python += sums.weight[stack]!
  const empty = sums.empty.weight
  const missed = sums.missed.weight
  return { total: python + empty + missed, python, empty, missed }
}

/** ns by place; rows are those of `places`. */
export interface PlaceTotals {
  readonly places: PlaceTable
  /** Time with the place as leaf. */
  readonly self: Float64Array
  /** Time with the place anywhere in the stack; recursion counts once. */
  readonly total: Float64Array
}

/** Self and total time of every place. */
export function placeTotals(profile: Profile): PlaceTotals {
  const { stacks } = profile
  const table = places(profile)
  const sums = sumByStack(profile)
  const of = Int32Array.from(
    { length: stacks.length },
    (_, at) => table.ofFrame[stacks.frame[at]!]!,
  )
  const self = new Float64Array(table.length)
  for (const stack of sums.used) self[of[stack]!]! += sums.weight[stack]!
  const [total] = stackTotals(stacks, sums, [{ length: table.length, of }])
  return { places: table, self, total: total!.weight }
}

/** One function and its time, in ns. */
export interface HotFunction {
  readonly qualname: string
  readonly file: string
  readonly firstLine: number
  readonly self: number
  readonly total: number
}

/** The n functions with the most self time, then the most total time, then by name. */
export function hottest(profile: Profile, n: number): HotFunction[] {
  const { places, self, total } = placeTotals(byFunction(profile))
  return Array.from({ length: places.length }, (_, row) => ({
    qualname: places.qualname[row]!,
    file: places.file[row]!,
    firstLine: places.line[row]!,
    self: self[row]!,
    total: total[row]!,
  }))
    .filter((row) => row.total > 0)
    .sort(
      (a, b) =>
        b.self - a.self ||
        b.total - a.total ||
        compareText(a.qualname, b.qualname) ||
        compareText(a.file, b.file) ||
        a.firstLine - b.firstLine,
    )
    .slice(0, n)
}

/** Order by code units: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
