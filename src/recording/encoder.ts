import { crc32 } from 'node:zlib'
import {
  type FrameIndex,
  type FunctionIndex,
  type Gap,
  NO_STACK,
  type Process,
  type Profile,
  type SampleTable,
  type StackIndex,
  type Thread,
} from '../profile/profile.ts'
import { sampleTables } from '../profile/time-line.ts'
import { ByteWriter } from './bytes.ts'
import { BLOCK, BLOCK_BYTES, MAGIC, VERSION } from './layout.ts'
import {
  COUNTER_NAMES,
  type Counters,
  countersOf,
  PROCESS,
  STILL_THERE,
  statesNumber,
  THREAD,
  writeRow,
} from './rows.ts'
import { SampleEncoder } from './sample-codec.ts'

/** The rows of a profile that are written already, or are to be left out. */
export interface Written {
  readonly samples: number
  readonly gaps: number
}

const NOTHING: Written = { samples: 0, gaps: 0 }

/** A table's new rows in the block in hand. */
class Section {
  readonly #bytes = new ByteWriter()
  #rows = 0

  get length(): number {
    return this.#bytes.length
  }

  /** Where the fields of the next row go. */
  row(): ByteWriter {
    this.#rows++
    return this.#bytes
  }

  flush(out: ByteWriter): void {
    out.unsigned(this.#rows)
    out.bytes(this.#bytes.view())
    this.#bytes.clear()
    this.#rows = 0
  }
}

class GapSection extends Section {
  #last = 0

  /** @param start time of the recording that is time 0 here, ns */
  add(gap: Gap, start: number): void {
    const out = this.row()
    out.signed(gap.start - start - this.#last)
    out.unsigned(gap.duration)
    out.unsigned(gap.missedTicks)
    this.#last = Math.round(gap.start) - start
  }
}

/** The frames of blocks, each with a checksum of all that came before. */
class BlockChain {
  #crc = 0

  header(): Uint8Array {
    const out = new ByteWriter()
    out.bytes(MAGIC)
    out.u32(VERSION)
    this.#crc = crc32(out.view())
    out.u32(this.#crc)
    return new Uint8Array(out.view())
  }

  block(type: number, payload: Uint8Array): Uint8Array {
    const out = new ByteWriter()
    out.u32(payload.length)
    out.u8(type)
    this.#crc = crc32(payload, crc32(out.view(), this.#crc))
    out.u32(this.#crc)
    out.bytes(payload)
    return new Uint8Array(out.view())
  }
}

/**
 * Makes the bytes of one `.pyprof` file out of a profile that grows. Tables hold what samples refer
 * to, each row written when it is first needed, so that a file is complete in itself wherever in
 * a recording it begins.
 */
export class RecordingEncoder {
  /** When this file begins: its times and counts are from there on. */
  readonly #origin: Counters | undefined
  readonly #strings = new Map<string, number>()
  readonly #newStrings = new Section()
  readonly #functions = new Table()
  readonly #frames = new Table()
  readonly #stacks = new Table()
  readonly #threads = new Table()
  readonly #samples = new SampleEncoder()
  readonly #gaps = new GapSection()
  readonly #knownProcesses: KnownRow[] = []
  readonly #knownThreads: KnownRow[] = []
  #metaText = ''
  #counters = new Map<keyof Counters, number>()
  #sampleCount = 0
  #blocks = 0
  readonly #chain = new BlockChain()

  /** @param origin where a rotated file begins; absent for the beginning of the recording */
  constructor(origin?: Counters) {
    this.#origin = origin
  }

  /** Samples written so far. */
  get sampleCount(): number {
    return this.#sampleCount
  }

  header(): Uint8Array {
    return this.#chain.header()
  }

  /** The blocks that bring the file up to the profile, which the ones before were made of too. */
  *encode(profile: Profile, written: Written = NOTHING): Generator<Uint8Array> {
    const start = this.#origin?.duration ?? 0
    let skipped = written.samples
    for (const samples of sampleTables(profile)) {
      let row = skipped
      while (row < samples.length) {
        row = this.#addRows(profile, samples, row, start)
        if (row < samples.length) yield this.#data(profile, false)
      }
      skipped = Math.max(0, skipped - samples.length)
    }
    for (const gap of profile.gaps.slice(written.gaps)) this.#gaps.add(gap, start)
    yield this.#data(profile, true)
  }

  /** Takes rows until the block is full. @returns the first row that was not taken */
  #addRows(profile: Profile, samples: SampleTable, from: number, start: number): number {
    for (let row = from; row < samples.length; row++) {
      const stacks = this.#stacks.size
      const thread = this.#thread(samples.thread[row]!)
      const stack = this.#stack(profile, samples.stack[row]!)
      const isFull = this.#stacks.size > stacks && this.#pendingBytes > BLOCK_BYTES
      if (isFull || !this.#samples.add(samples, row, start, thread, stack)) return row
    }
    return samples.length
  }

  /** Proves that nothing is missing; nothing may follow. */
  end(): Uint8Array {
    const out = new ByteWriter()
    out.unsigned(this.#blocks)
    out.unsigned(this.#sampleCount)
    return this.#chain.block(BLOCK.end, out.view())
  }

  get #pendingBytes(): number {
    const { length } = this.#newStrings
    return length + this.#functions.length + this.#frames.length + this.#stacks.length
  }

  #data(profile: Profile, isLast: boolean): Uint8Array {
    const processes = this.#processes(profile)
    const threads = this.#threadRows(profile.threads)
    const out = new ByteWriter()
    this.#newStrings.flush(out)
    this.#functions.flush(out)
    this.#frames.flush(out)
    this.#stacks.flush(out)
    processes.flush(out)
    threads.flush(out)
    this.#sampleCount += this.#samples.length
    this.#samples.write(out)
    this.#gaps.flush(out)
    this.#meta(profile, out)
    this.#count(profile, isLast, out)
    this.#blocks++
    return this.#chain.block(BLOCK.data, out.view())
  }

  /** The rows that are new or have changed, each behind its index. */
  #processes({ processes, meta }: Profile): Section {
    const start = this.#origin?.duration ?? 0
    const shifted = (row: Process) => ({
      ...row,
      start: Math.max(0, row.start - start),
      // One that is still there would change with every block.
      end: row.end === meta.duration ? STILL_THERE : Math.max(0, row.end - start) + 1,
    })
    return changedRows(processes, shifted, this.#knownProcesses, (row, out) =>
      writeRow(PROCESS, row, (text) => this.#string(text), out),
    )
  }

  #threadRows(threads: readonly Thread[]): Section {
    const rowOf = (thread: Thread) => {
      const { waitingTasks = false, states } = thread
      return { ...thread, waitingTasks, states: statesNumber(states) }
    }
    const used = this.#threads.order.map((index) => threads[index]!)
    return changedRows(used, rowOf, this.#knownThreads, (row, out) =>
      writeRow(THREAD, row, (text) => this.#string(text), out),
    )
  }

  /** What is not counted; empty when it is as before. */
  #meta({ meta }: Profile, out: ByteWriter): void {
    const { duration: _, ...rest } = meta
    const begins = (this.#origin?.duration ?? 0) / 1e6
    const startedAt = meta.startedAt === 0 ? 0 : meta.startedAt + begins
    const text = JSON.stringify({ ...rest, startedAt })
    out.text(text === this.#metaText ? '' : text)
    this.#metaText = text
  }

  #count({ meta, accounting }: Profile, isLast: boolean, out: ByteWriter): void {
    const now = countersOf(meta, accounting)
    for (const name of COUNTER_NAMES) {
      const before = this.#counters.get(name) ?? 0
      const value = isLast ? Math.round(now[name] - (this.#origin?.[name] ?? 0)) : before
      out.signed(value - before)
      this.#counters.set(name, value)
    }
  }

  #string(text: string): number {
    let index = this.#strings.get(text)
    if (index === undefined) {
      index = this.#strings.size
      this.#strings.set(text, index)
      this.#newStrings.row().text(text)
    }
    return index
  }

  #function({ strings, functions }: Profile, fn: FunctionIndex): number {
    return this.#functions.index(fn, (out) => {
      out.unsigned(this.#string(strings[functions.qualname[fn]!]!))
      out.unsigned(this.#string(strings[functions.file[fn]!]!))
      out.signed(functions.firstLine[fn]!)
    })
  }

  #frame(profile: Profile, frame: FrameIndex): number {
    const { frames } = profile
    const known = this.#frames.known(frame)
    if (known !== undefined) return known
    const fn = this.#function(profile, frames.function[frame]!)
    return this.#frames.index(frame, (out) => {
      out.unsigned(fn)
      out.signed(frames.line[frame]!)
      out.signed(frames.endLine[frame]! - frames.line[frame]!)
      out.signed(frames.column[frame]!)
      out.signed(frames.endColumn[frame]! - frames.column[frame]!)
    })
  }

  #stack(profile: Profile, leaf: StackIndex): number {
    const known = leaf === NO_STACK ? NO_STACK : this.#stacks.known(leaf)
    if (known !== undefined) return known
    const { parent, frame } = profile.stacks
    const missing: StackIndex[] = []
    let stack = leaf
    while (stack !== NO_STACK && this.#stacks.known(stack) === undefined) {
      missing.push(stack)
      stack = parent[stack]!
    }
    let index = stack === NO_STACK ? NO_STACK : this.#stacks.known(stack)!
    for (const next of missing.reverse()) {
      const above = index
      const own = this.#frame(profile, frame[next]!)
      index = this.#stacks.index(next, (out) => {
        out.unsigned(above === NO_STACK ? 0 : this.#stacks.size - above)
        out.unsigned(own)
      })
    }
    return index
  }

  /** Its row is written with the block, when all that is known of it is known. */
  #thread(thread: number): number {
    return this.#threads.known(thread) ?? this.#threads.index(thread, () => {})
  }
}

/** Which row of the profile is which of the file, in the order in which they were needed. */
class Table {
  readonly #index: (number | undefined)[] = []
  /** Rows of the profile by row of the file. */
  readonly order: number[] = []
  readonly #section = new Section()

  get size(): number {
    return this.order.length
  }

  get length(): number {
    return this.#section.length
  }

  known(row: number): number | undefined {
    return this.#index[row]
  }

  /** The row's index in the file; `write` writes its fields when it is new there. */
  index(row: number, write: (out: ByteWriter) => void): number {
    const known = this.#index[row]
    if (known !== undefined) return known
    write(this.#section.row())
    this.#index[row] = this.order.length
    return this.order.push(row) - 1
  }

  flush(out: ByteWriter): void {
    this.#section.flush(out)
  }
}

/** A row as it was written: what it was made of, and its fields. */
interface KnownRow {
  source: unknown
  text: string
}

/** @param sources what rows are made of, never changed itself: the same one is the same row */
function changedRows<Source, Row>(
  sources: readonly Source[],
  rowOf: (source: Source) => Row,
  known: KnownRow[],
  write: (row: Row, out: ByteWriter) => void,
): Section {
  const section = new Section()
  sources.forEach((source, index) => {
    const before = known[index]
    if (before?.source === source) return
    const row = rowOf(source)
    const text = JSON.stringify(row)
    known[index] = { source, text }
    if (text === before?.text) return
    const out = section.row()
    out.unsigned(index)
    write(row, out)
  })
  return section
}
