import { NO_CPU, type Profile, STATES, type State } from './profile.ts'

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

/** Adds up activity as samples come, so that they need not be kept. */
export class ActivitySums {
  readonly #all = new Sums()
  /** By thread; waiting tasks have none. */
  readonly #threads: (Sums | undefined)[] = []

  /** Adds all rows of a profile, whose threads may have become more since the last time. */
  add({ samples, threads }: Profile): void {
    for (let index = this.#threads.length; index < threads.length; index++) {
      this.#threads.push(threads[index]!.waitingTasks ? undefined : new Sums())
    }
    for (let row = 0; row < samples.length; row++) {
      const sums = this.#threads[samples.thread[row]!]
      if (!sums) continue
      const cpu = samples.cpu[row]!
      for (const each of [this.#all, sums]) {
        each.add(samples.weight[row]!, samples.state[row]!, cpu)
      }
    }
  }

  /** @param states those that the recording knows */
  times(states: readonly State[]): ReturnType<typeof activityTimes> {
    return {
      all: this.#all.times(states),
      threads: this.#threads.map((sums) => sums?.times(states) ?? new Sums().times([])),
    }
  }
}

class Sums {
  #total = 0
  #idle = 0
  #cpu: number | undefined
  readonly #byState = STATES.map(() => 0)

  add(weight: number, bits: number, cpu: number): void {
    this.#total += weight
    STATES.forEach((_, index) => {
      if ((bits & (1 << index)) !== 0) this.#byState[index]! += weight
    })
    if (isIdle(bits)) this.#idle += weight
    if (cpu !== NO_CPU) this.#cpu = (this.#cpu ?? 0) + cpu
  }

  times(known: readonly State[]): ActivityTimes {
    const entries: [Activity, number][] = STATES.filter((state) => known.includes(state)).map(
      (state) => [state, this.#byState[STATES.indexOf(state)]!],
    )
    if (known.includes('cpu')) entries.push(['idle', this.#idle])
    const timeNs: Partial<Record<Activity, number>> = Object.fromEntries(entries)
    return { total: this.#total, timeNs, cpuNs: this.#cpu }
  }
}
