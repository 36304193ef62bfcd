import { float64Column, int32Column, uint8Column } from './column.ts'
import type { SampleTable } from './profile.ts'

/** One row of the sample table. */
export interface Sample {
  readonly time: number
  readonly weight: number
  readonly thread: number
  readonly stack: number
  readonly quality: number
  readonly reason: number
  readonly state: number
  readonly cpu: number
}

/** A sample table that grows by one row at a time. */
export class SampleColumns {
  readonly #time = float64Column()
  readonly #weight = float64Column()
  readonly #thread = int32Column()
  readonly #stack = int32Column()
  readonly #quality = uint8Column()
  readonly #reason = uint8Column()
  readonly #state = uint8Column()
  readonly #cpu = float64Column()

  get length(): number {
    return this.#time.length
  }

  push(row: Sample): void {
    this.#time.push(row.time)
    this.#weight.push(row.weight)
    this.#thread.push(row.thread)
    this.#stack.push(row.stack)
    this.#quality.push(row.quality)
    this.#reason.push(row.reason)
    this.#state.push(row.state)
    this.#cpu.push(row.cpu)
  }

  view(): SampleTable {
    return {
      length: this.#time.length,
      time: this.#time.view(),
      weight: this.#weight.view(),
      thread: this.#thread.view(),
      stack: this.#stack.view(),
      quality: this.#quality.view(),
      reason: this.#reason.view(),
      state: this.#state.view(),
      cpu: this.#cpu.view(),
    }
  }
}

/** The rows that `keep` names, by their numbers, in its order. */
export function pickSamples(samples: SampleTable, keep: Iterable<number>): SampleColumns {
  const columns = new SampleColumns()
  for (const row of keep) columns.push(sampleAt(samples, row))
  return columns
}

export function sampleAt(samples: SampleTable, row: number): Sample {
  return {
    time: samples.time[row]!,
    weight: samples.weight[row]!,
    thread: samples.thread[row]!,
    stack: samples.stack[row]!,
    quality: samples.quality[row]!,
    reason: samples.reason[row]!,
    state: samples.state[row]!,
    cpu: samples.cpu[row]!,
  }
}
