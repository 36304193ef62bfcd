import { grown } from './column.ts'
import {
  NO_CPU,
  type Profile,
  type SampleTable,
  STATES,
  type State,
  type Thread,
} from './profile.ts'

/** What a thread did, or `idle`: it neither ran nor held the GIL nor waited for it. */
export type Activity = State | 'idle'

/** A state's bit in the samples' state column. */
export function stateBit(state: State): number {
  return 1 << STATES.indexOf(state)
}

const BUSY = stateBit('cpu') | stateBit('gil') | stateBit('gil-wait')

/** Whether the bits are those of an idle thread; only where the state `cpu` is known. */
export function isIdle(bits: number): boolean {
  return (bits & BUSY) === 0
}

/** Time by activity, in ns of the samples' weight; one sample may count for several. */
export interface ActivityTimes {
  readonly total: number
  /** Only what the recording knows. */
  readonly timeNs: Readonly<Partial<Record<Activity, number>>>
  /** Measured CPU time; undefined when none was measured. */
  readonly cpuNs: number | undefined
}

/** Adds up what all threads did, and what each of them did, by index; waiting tasks do nothing. */
export function activityTimes(profile: Profile): {
  readonly all: ActivityTimes
  readonly threads: readonly ActivityTimes[]
} {
  const { samples, threads, meta } = profile
  const sums = new ActivitySums()
  sums.include(threads)
  for (let row = 0; row < samples.length; row++) sums.add(samples, row)
  return sums.times(meta.states)
}

/** Numbers that the bits of a state can be. */
const BITS = 1 << STATES.length

/** Adds up activity as samples come, so that they need not be kept. */
export class ActivitySums {
  /** ns by thread and the bits of its state, BITS for each thread. */
  #weight = new Float64Array(0)
  /** Measured CPU time by thread, ns; NO_CPU when none was measured. */
  #cpu = new Float64Array(0)
  #threads: readonly Thread[] = []

  /** To be told of all threads before the first sample of a new one. */
  include(threads: readonly Thread[]): void {
    this.#threads = threads
    if (threads.length <= this.#cpu.length) return
    const room = Math.max(threads.length, this.#cpu.length * 2)
    this.#weight = grown(this.#weight, new Float64Array(room * BITS))
    this.#cpu = grown(this.#cpu, new Float64Array(room).fill(NO_CPU))
  }

  /** Adds one row of a sample table. */
  add(samples: SampleTable, row: number): void {
    const thread = samples.thread[row]!
    this.#weight[thread * BITS + samples.state[row]!]! += samples.weight[row]!
    const measured = samples.cpu[row]!
    if (measured === NO_CPU) return
    const before = this.#cpu[thread]!
    this.#cpu[thread] = before === NO_CPU ? measured : before + measured
  }

  /** @param states those that the recording knows */
  times(states: readonly State[]): ReturnType<typeof activityTimes> {
    const all = new Sums()
    const threads = this.#threads.map(({ waitingTasks }, index) => {
      const sums = new Sums()
      if (waitingTasks) return sums.times([])
      const weight = this.#weight.subarray(index * BITS, (index + 1) * BITS)
      for (const each of [all, sums]) each.add(weight, this.#cpu[index]!)
      return sums.times(states)
    })
    return { all: all.times(states), threads }
  }
}

class Sums {
  readonly #weight = new Float64Array(BITS)
  #cpu: number | undefined

  /** @param weight ns by bits */
  add(weight: Float64Array, cpu: number): void {
    for (let bits = 0; bits < BITS; bits++) this.#weight[bits]! += weight[bits]!
    if (cpu !== NO_CPU) this.#cpu = (this.#cpu ?? 0) + cpu
  }

  times(known: readonly State[]): ActivityTimes {
    const where = (holds: (bits: number) => boolean) =>
      this.#weight.reduce((sum, weight, bits) => (holds(bits) ? sum + weight : sum), 0)
    const entries: [Activity, number][] = STATES.filter((state) => known.includes(state)).map(
      (state) => [state, where((bits) => (bits & stateBit(state)) !== 0)],
    )
    if (known.includes('cpu')) entries.push(['idle', where(isIdle)])
    const timeNs: Partial<Record<Activity, number>> = Object.fromEntries(entries)
    return { total: where(() => true), timeNs, cpuNs: this.#cpu }
  }
}
