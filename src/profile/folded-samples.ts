import { NO_CPU, QUALITY, REASONS, type SampleTable, STATES } from './profile.ts'
import type { Sample } from './sample-columns.ts'

/** A sample table in which all that are alike but for their time are one row, with their sums. */
export class FoldedSamples {
  readonly #time: number[] = []
  readonly #weight: number[] = []
  readonly #thread: number[] = []
  readonly #stack: number[] = []
  readonly #quality: number[] = []
  readonly #reason: number[] = []
  readonly #state: number[] = []
  readonly #cpu: number[] = []
  readonly #count: number[] = []
  /** Rows by thread, then by all else that tells them apart, as one number. */
  readonly #rows: Map<number, number>[] = []
  #instants = 0
  #now: number | undefined

  push(sample: Sample): void {
    if (sample.time !== this.#now) this.#instants++
    this.#now = sample.time
    this.#rows[sample.thread] ??= new Map()
    const rows = this.#rows[sample.thread]!
    const key = keyOf(sample)
    const row = rows.get(key)
    if (row === undefined) {
      rows.set(key, this.#add(sample))
      return
    }
    this.#time[row]! += sample.weight
    this.#weight[row]! += sample.weight
    this.#count[row]! += sample.count ?? 1
    if (sample.cpu === NO_CPU) return
    const known = this.#cpu[row]!
    this.#cpu[row] = sample.cpu + (known === NO_CPU ? 0 : known)
  }

  #add(sample: Sample): number {
    this.#time.push(sample.time)
    this.#weight.push(sample.weight)
    this.#thread.push(sample.thread)
    this.#stack.push(sample.stack)
    this.#quality.push(sample.quality)
    this.#reason.push(sample.reason)
    this.#state.push(sample.state)
    this.#cpu.push(sample.cpu)
    return this.#count.push(sample.count ?? 1) - 1
  }

  view(): SampleTable {
    return {
      length: this.#time.length,
      time: this.#time,
      weight: this.#weight,
      thread: this.#thread,
      stack: this.#stack,
      quality: this.#quality,
      reason: this.#reason,
      state: this.#state,
      cpu: this.#cpu,
      count: this.#count,
      instants: this.#instants,
    }
  }
}

function keyOf({ stack, quality, reason, state }: Sample): number {
  const kind = (quality * REASONS.length + reason) * (1 << STATES.length) + state
  return (stack + 1) * (QUALITY.length * REASONS.length * (1 << STATES.length)) + kind
}
