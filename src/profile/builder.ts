import type { Batch, NativeProcess, NativeThread, SamplerStatus } from '../sampling/addon.ts'
import { float64Column, int32Column, uint8Column } from './column.ts'
import type { Accounting, Gap, Meta, Process, Profile } from './profile.ts'

/** Collects batches into columns. A profile of what is there so far can be had at any time. */
export class ProfileBuilder {
  readonly #strings: string[] = []
  readonly #functions = {
    qualname: int32Column(),
    file: int32Column(),
    firstLine: int32Column(),
  }
  readonly #frames = {
    function: int32Column(),
    line: int32Column(),
    endLine: int32Column(),
    column: int32Column(),
    endColumn: int32Column(),
  }
  readonly #stacks = { parent: int32Column(), frame: int32Column() }
  readonly #processes: NativeProcess[] = []
  readonly #threads: NativeThread[] = []
  readonly #samples = {
    time: float64Column(),
    weight: float64Column(),
    thread: int32Column(),
    stack: int32Column(),
    quality: uint8Column(),
    reason: uint8Column(),
    state: uint8Column(),
    cpu: float64Column(),
  }
  readonly #gaps: Gap[] = []
  #forgotten = 0
  #status: SamplerStatus | undefined

  add(batch: Batch): void {
    for (const string of batch.strings) this.#strings.push(string)
    appendRows(batch.functions, Object.values(this.#functions))
    appendRows(batch.frames, Object.values(this.#frames))
    appendRows(batch.stacks, Object.values(this.#stacks))
    for (const process of batch.processes) this.#processes[process.index] = process
    for (const thread of batch.threads) this.#threads.push(thread)
    for (const { thread, name } of batch.renamedThreads) {
      const known = this.#threads[thread]
      if (known) this.#threads[thread] = { ...known, name }
    }
    this.#samples.time.append(batch.time)
    this.#samples.weight.append(batch.weight)
    this.#samples.thread.append(batch.thread)
    this.#samples.stack.append(batch.stack)
    this.#samples.quality.append(batch.quality)
    this.#samples.reason.append(batch.reason)
    this.#samples.state.append(batch.state)
    this.#samples.cpu.append(batch.cpu)
    for (let at = 0; at + 2 < batch.gaps.length; at += 3) {
      const [start = 0, duration = 0, missedTicks = 0] = batch.gaps.subarray(at, at + 3)
      this.#gaps.push({ start, duration, missedTicks })
    }
    this.#status = batch.status
  }

  /** The processes so far, the target first, as they were announced last. */
  get processes(): readonly NativeProcess[] {
    return this.#processes
  }

  /** All samples ever added. */
  get sampleCount(): number {
    return this.#forgotten + this.#samples.time.length
  }

  /**
   * Drops the samples and gaps so far, for who has written them elsewhere; the tables stay. The
   * columns of profiles that were built hold until samples are added.
   */
  forgetSamples(): void {
    this.#forgotten = this.sampleCount
    for (const column of Object.values(this.#samples)) column.clear()
    this.#gaps.length = 0
  }

  /**
   * The profile so far. Its columns are views: cheap, and unchanged by batches added later, unless
   * samples are forgotten.
   * @param processes one for each that was announced, in their order
   * @param profilerCpu CPU time of the whole profiler process, ns
   */
  build(meta: Meta, processes: readonly Process[], profilerCpu: number): Profile {
    return {
      strings: this.#strings,
      functions: { length: this.#functions.qualname.length, ...views(this.#functions) },
      frames: { length: this.#frames.function.length, ...views(this.#frames) },
      stacks: { length: this.#stacks.parent.length, ...views(this.#stacks) },
      processes,
      threads: [...this.#threads],
      samples: { length: this.#samples.time.length, ...views(this.#samples) },
      gaps: [...this.#gaps],
      meta,
      accounting: accounting(this.#status, profilerCpu),
    }
  }
}

interface FieldColumn {
  appendField(rows: ArrayLike<number>, offset: number, stride: number): void
}

/** Interleaved rows, one field a column, in the order in which the columns are declared. */
function appendRows(rows: Int32Array, columns: readonly FieldColumn[]): void {
  columns.forEach((column, field) => {
    column.appendField(rows, field, columns.length)
  })
}

type Viewable = Record<string, { view(): ArrayLike<number> }>

function views<T extends Viewable>(columns: T): { [K in keyof T]: ArrayLike<number> } {
  const entries = Object.entries(columns).map(([name, column]) => [name, column.view()])
  return Object.fromEntries(entries) as { [K in keyof T]: ArrayLike<number> }
}

function accounting(status: SamplerStatus | undefined, profilerCpu: number): Accounting {
  return {
    ticks: status?.ticks ?? 0,
    missedTicks: status?.missedTicks ?? 0,
    gapTime: status?.gapTime ?? 0,
    droppedSamples: status?.droppedSamples ?? 0,
    profilerCpu,
    lateTicks: status?.lateTicks ?? 0,
    execs: status?.execs ?? 0,
    tickTime: status?.tickTime ?? 0,
  }
}
