import { float64Column } from './column.ts'
import { NO_CPU, type Profile, STATES, type State, type Thread } from './profile.ts'

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
  const sums = new ActivitySums()
  sums.add(profile)
  return sums.times(profile.meta.states)
}

/** Numbers that the bits of a state can be. */
const BITS = 1 << STATES.length

/** Adds up activity as samples come, so that they need not be kept. A recorder does this for each. */
export class ActivitySums {
  /** ns by thread and the bits of its state, BITS for each thread. */
  readonly #weight = float64Column()
  /** Measured CPU time by thread, ns; NO_CPU when none was measured. */
  readonly #cpu = float64Column()
  #threads: readonly Thread[] = []

  /** Adds all rows of a profile, whose threads may have become more since the last time. */
  add({ samples, threads }: Profile): void {
    while (this.#cpu.length < threads.length) {
      this.#cpu.push(NO_CPU)
      for (let bits = 0; bits < BITS; bits++) this.#weight.push(0)
    }
    this.#threads = threads
    const weight = this.#weight.view()
    const cpu = this.#cpu.view()
    for (let row = 0; row < samples.length; row++) {
      const thread = samples.thread[row]!
      weight[thread * BITS + samples.state[row]!]! += samples.weight[row]!
      const measured = samples.cpu[row]!
      if (measured === NO_CPU) continue
      cpu[thread] = measured + (cpu[thread] === NO_CPU ? 0 : cpu[thread]!)
    }
  }

  /** @param states those that the recording knows */
  times(states: readonly State[]): ReturnType<typeof activityTimes> {
    const all = new Sums()
    const threads = this.#threads.map(({ waitingTasks }, index) => {
      const sums = new Sums()
      if (waitingTasks) return sums.times([])
      const weight = this.#weight.view().subarray(index * BITS, (index + 1) * BITS)
      for (const each of [all, sums]) each.add(weight, this.#cpu.view()[index]!)
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
