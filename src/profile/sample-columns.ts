import {
  CompactColumn,
  float64Column,
  int32Column,
  type NumberArray,
  uint8Column,
} from './column.ts'
import type { Column, SampleTable } from './profile.ts'

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
  /** Absent: 1. */
  readonly count?: number | undefined
}

/** A sample table that grows by one row at a time, in as few bytes as its values need. */
export class SampleColumns {
  readonly #time = float64Column()
  readonly #weight = new CompactColumn()
  readonly #thread = new CompactColumn()
  readonly #stack = int32Column()
  readonly #quality = uint8Column()
  readonly #reason = uint8Column()
  readonly #state = uint8Column()
  readonly #cpu = new CompactColumn()
  #count: CompactColumn | undefined

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
    if (row.count !== undefined && row.count !== 1) this.#count ??= new CompactColumn()
    if (!this.#count) return
    while (this.#count.length < this.length - 1) this.#count.push(1)
    this.#count.push(row.count ?? 1)
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
      ...(this.#count && { count: this.#count.view() }),
    }
  }
}

/** Room for samples that go by: what `view` has given is gone with `clear`. */
export class SampleBlock {
  readonly #time: Float64Array
  readonly #weight: Float64Array
  readonly #thread: Int32Array
  readonly #stack: Int32Array
  readonly #quality: Uint8Array
  readonly #reason: Uint8Array
  readonly #state: Uint8Array
  readonly #cpu: Float64Array
  length = 0

  /** @param most there are never more at once */
  constructor(most: number) {
    this.#time = new Float64Array(most)
    this.#weight = new Float64Array(most)
    this.#thread = new Int32Array(most)
    this.#stack = new Int32Array(most)
    this.#quality = new Uint8Array(most)
    this.#reason = new Uint8Array(most)
    this.#state = new Uint8Array(most)
    this.#cpu = new Float64Array(most)
  }

  push(row: Sample): void {
    const at = this.length++
    this.#time[at] = row.time
    this.#weight[at] = row.weight
    this.#thread[at] = row.thread
    this.#stack[at] = row.stack
    this.#quality[at] = row.quality
    this.#reason[at] = row.reason
    this.#state[at] = row.state
    this.#cpu[at] = row.cpu
  }

  view(): SampleTable {
    const { length } = this
    return {
      length,
      time: this.#time.subarray(0, length),
      weight: this.#weight.subarray(0, length),
      thread: this.#thread.subarray(0, length),
      stack: this.#stack.subarray(0, length),
      quality: this.#quality.subarray(0, length),
      reason: this.#reason.subarray(0, length),
      state: this.#state.subarray(0, length),
      cpu: this.#cpu.subarray(0, length),
    }
  }

  clear(): void {
    this.length = 0
  }
}

/** How many samples a row stands for. */
export function countAt({ count }: SampleTable, row: number): number {
  return count ? count[row]! : 1
}

/** How many samples all rows stand for. */
export function sampleCount(samples: SampleTable): number {
  if (!samples.count) return samples.length
  let sum = 0
  for (let row = 0; row < samples.length; row++) sum += samples.count[row]!
  return sum
}

/** Numbers of rows of a table, in the order in which they are wanted. */
export class RowList {
  readonly #rows: Uint32Array
  length = 0

  /** @param most there are never more */
  constructor(most: number) {
    this.#rows = new Uint32Array(most)
  }

  push(row: number): void {
    this.#rows[this.length++] = row
  }

  view(): Uint32Array {
    return this.#rows.subarray(0, this.length)
  }
}

/** The rows for which `keep` says yes; the table itself when it says so of all. */
export function rowsWhere(samples: SampleTable, keep: (row: number) => boolean): SampleTable {
  const rows = new RowList(samples.length)
  for (let row = 0; row < samples.length; row++) if (keep(row)) rows.push(row)
  return rows.length === samples.length ? samples : pickSamples(samples, rows.view())
}

/** The rows with these numbers, in their order. */
export function pickSamples(samples: SampleTable, rows: ArrayLike<number>): SampleTable {
  const pick = (column: Column) => picked(column, rows)
  return {
    length: rows.length,
    time: pick(samples.time),
    weight: pick(samples.weight),
    thread: pick(samples.thread),
    stack: pick(samples.stack),
    quality: pick(samples.quality),
    reason: pick(samples.reason),
    state: pick(samples.state),
    cpu: pick(samples.cpu),
    ...(samples.count && { count: pick(samples.count) }),
  }
}

/** A loop, since the `from` of typed arrays is ten times slower, and samples are millions. */
function picked(column: Column, rows: ArrayLike<number>): NumberArray {
  const into = sameKind(column, rows.length)
  for (let at = 0; at < rows.length; at++) into[at] = column[rows[at]!]!
  return into
}

/** Room for values of a column, in as few bytes as they take there. */
export function sameKind(column: Column, length: number): NumberArray {
  if (column instanceof Uint8Array) return new Uint8Array(length)
  if (column instanceof Int32Array) return new Int32Array(length)
  return new Float64Array(length)
}

/** The samples of each thread in the order of their times: all by time, where one is not. */
export function inThreadOrder(samples: SampleTable): SampleTable {
  const last: number[] = []
  for (let row = 0; row < samples.length; row++) {
    const thread = samples.thread[row]!
    if (samples.time[row]! < (last[thread] ?? 0)) return inOrder(samples)
    last[thread] = samples.time[row]!
  }
  return samples
}

/** All samples in the order of their times. */
export function inOrder(samples: SampleTable): SampleTable {
  let at = 1
  while (at < samples.length && samples.time[at]! >= samples.time[at - 1]!) at++
  if (at >= samples.length) return samples
  const rows = new Uint32Array(samples.length)
  for (let row = 0; row < rows.length; row++) rows[row] = row
  rows.sort((a, b) => samples.time[a]! - samples.time[b]! || a - b)
  return pickSamples(samples, rows)
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
    count: samples.count?.[row],
  }
}
