import { grown } from '../profile/column.ts'
import { NO_CPU, NO_STACK, QUALITY, REASONS, type SampleTable, STATES } from '../profile/profile.ts'
import type { Sample } from '../profile/sample-columns.ts'
import { type ByteReader, ByteWriter, DamageError } from './bytes.ts'
import { BLOCK_SAMPLES, FLAG, FLAGS, MAX_BLOCK_SAMPLES, PLACE, PLACES } from './layout.ts'

/** `next` of a thread behind which no row has come yet. */
const NOTHING_YET = -1

/**
 * What is known of threads from their rows so far, and so expected of the next ones, on both sides. A
 * steady profile is what is expected: the threads of a tick follow each other as before, and each is
 * where it was. A column each, since this is done for every sample.
 */
class ThreadColumns {
  time = new Float64Array(0)
  stack = new Int32Array(0)
  quality = new Uint8Array(0)
  reason = new Uint8Array(0)
  state = new Uint8Array(0)
  cpu = new Float64Array(0)
  /** The thread whose row came behind, times two, plus one if that began a tick. */
  next = new Float64Array(0)

  /** Makes room for a thread. */
  include(thread: number): void {
    const known = this.time.length
    if (thread < known) return
    const length = Math.max(64, thread + 1, known * 2)
    this.time = grown(this.time, new Float64Array(length))
    this.stack = grown(this.stack, new Int32Array(length).fill(NO_STACK))
    this.quality = grown(this.quality, new Uint8Array(length))
    this.reason = grown(this.reason, new Uint8Array(length))
    this.state = grown(this.state, new Uint8Array(length))
    this.cpu = grown(this.cpu, new Float64Array(length).fill(NO_CPU))
    this.next = grown(this.next, new Float64Array(length).fill(NOTHING_YET))
  }
}

/** Time and weight of the row that was added last; least and most step of the block in hand. */
const [TIME, WEIGHT, LEAST, MOST] = [0, 1, 2, 3] as const

/** Writes the samples of one block after the other; docs/recording-format.md, "Samples". */
export class SampleEncoder {
  readonly #threads = new ThreadColumns()
  /** The rows of the block in hand, as they are written. */
  readonly #rows = new ByteWriter()
  /** From tick to tick of the block in hand, ns. */
  readonly #steps = new Float64Array(BLOCK_SAMPLES)
  #ticks = 0
  #length = 0
  /** Rows that are as expected and not told of yet. */
  #expectedRows = 0
  /** Thread of the row that was added last; -1 before the first. */
  #last = -1
  /** By TIME and so on. A field that outgrows 31 bits would have all compiled anew. */
  readonly #ns = new Float64Array(4)

  /** Rows that `write` will write. */
  get length(): number {
    return this.#length
  }

  /**
   * Takes one row of a table. Numbers go from column to column, since those that are handed from
   * function to function are made objects of.
   * @param start time of the table that is time 0 here, ns
   * @param thread,stack what the row's are called here
   * @returns false when it has to wait for the next block
   */
  add(samples: SampleTable, row: number, start: number, thread: number, stack: number): boolean {
    if (this.#length === BLOCK_SAMPLES) return false
    const time = Math.max(0, Math.round(samples.time[row]! - start))
    const weight = Math.max(0, Math.round(samples.weight[row]!))
    const ns = this.#ns
    const isNewTick = this.#length === 0 || time !== ns[TIME] || weight !== ns[WEIGHT]
    if (isNewTick && !this.#beginTick(time)) return false
    this.#length++
    ns[TIME] = time
    ns[WEIGHT] = weight

    const known = this.#threads
    known.include(thread)
    const quality = samples.quality[row]!
    const reason = samples.reason[row]!
    const state = samples.state[row]!
    const cpu = Math.round(samples.cpu[row]!)
    const place = thread * 2 + (isNewTick ? 1 : 0)
    const expected = this.#last < 0 ? NOTHING_YET : known.next[this.#last]!
    const isOwnWeight = isNewTick && weight !== time - known.time[thread]!
    const flags =
      (expected === place && !isOwnWeight ? 0 : FLAG.order) |
      (stack === known.stack[thread]! ? 0 : FLAG.stack) |
      (quality === known.quality[thread]! && reason === known.reason[thread]! ? 0 : FLAG.quality) |
      (state === known.state[thread]! ? 0 : FLAG.state) |
      (cpu === known.cpu[thread]! ? 0 : FLAG.cpu)
    if (flags === 0) {
      this.#expectedRows++
    } else {
      const out = this.#rows
      out.unsigned(this.#expectedRows * FLAGS + flags)
      this.#expectedRows = 0
      if ((flags & FLAG.order) !== 0) {
        const inNew = isOwnWeight ? PLACE.newTickWithWeight : PLACE.newTick
        out.unsigned(thread * PLACES + (isNewTick ? inNew : PLACE.sameTick))
        if (isOwnWeight) out.unsigned(weight)
      }
      if ((flags & FLAG.stack) !== 0) out.signed(stack - known.stack[thread]!)
      if ((flags & FLAG.quality) !== 0) {
        out.u8(quality)
        out.u8(reason)
      }
      if ((flags & FLAG.state) !== 0) out.u8(state)
      if ((flags & FLAG.cpu) !== 0) out.signed(cpu - weight)
      known.stack[thread] = stack
      known.quality[thread] = quality
      known.reason[thread] = reason
      known.state[thread] = state
      known.cpu[thread] = cpu
    }
    if (this.#last >= 0) known.next[this.#last] = place
    known.time[thread] = time
    this.#last = thread
    return true
  }

  /** False when the step to this time and the others cannot stand in one block. */
  #beginTick(time: number): boolean {
    const ns = this.#ns
    const step = time - ns[TIME]!
    const isFirst = this.#ticks === 0
    const least = isFirst ? step : Math.min(ns[LEAST]!, step)
    const most = isFirst ? step : Math.max(ns[MOST]!, step)
    if (most - least > Number.MAX_SAFE_INTEGER) return false
    ns[LEAST] = least
    ns[MOST] = most
    this.#steps[this.#ticks++] = step
    return true
  }

  write(out: ByteWriter): void {
    out.unsigned(this.#length)
    if (this.#length === 0) return
    writeSteps(this.#steps.subarray(0, this.#ticks), this.#ns[LEAST]!, this.#ns[MOST]!, out)
    if (this.#expectedRows > 0) this.#rows.unsigned(this.#expectedRows * FLAGS)
    out.bytes(this.#rows.view())
    this.#rows.clear()
    this.#expectedRows = 0
    this.#ticks = 0
    this.#length = 0
  }
}

/** Steps from tick to tick: the least one, and in as few bytes as the widest needs, what is more. */
function writeSteps(steps: Float64Array, least: number, most: number, out: ByteWriter): void {
  let width = 0
  while (most - least >= 2 ** (8 * width)) width++
  out.unsigned(steps.length)
  out.signed(least)
  out.u8(width)
  for (let at = 0; at < steps.length; at++) out.fixed(steps[at]! - least, width)
}

/** Reads what SampleEncoder has written, and believes nothing of it. */
export class SampleDecoder {
  readonly #threads = new ThreadColumns()
  /** Thread of the row before; -1 before the first. */
  #last = -1
  /** By TIME and WEIGHT. */
  readonly #ns = new Float64Array(2)
  /** Of the block in hand, and how many of them are used. */
  #steps: Float64Array = new Float64Array(0)
  #usedSteps = 0
  readonly #row = {
    time: 0,
    weight: 0,
    thread: 0,
    stack: 0,
    quality: 0,
    reason: 0,
    state: 0,
    cpu: 0,
  }

  /**
   * @param threads,stacks how many the file has told of so far
   * @param take gets every row, in an object that is used again for the next one
   * @throws DamageError, after any number of rows
   */
  read(bytes: ByteReader, threads: number, stacks: number, take: (row: Sample) => void): void {
    const rows = bytes.below(MAX_BLOCK_SAMPLES + 1, 'samples')
    if (rows === 0) return
    this.#threads.include(threads - 1)
    this.#steps = readSteps(bytes, rows)
    this.#usedSteps = 0
    let expectedRows = 0
    let flags = 0
    for (let at = 0; at < rows; at++) {
      if (expectedRows === 0 && flags === 0) {
        const head = bytes.unsigned()
        expectedRows = Math.floor(head / FLAGS)
        flags = head % FLAGS
        if (expectedRows + Number(flags !== 0) > rows - at || head === 0) {
          throw new DamageError('a run of samples is too long or empty')
        }
      }
      const own = expectedRows > 0 ? 0 : flags
      if (expectedRows > 0) expectedRows--
      else flags = 0
      const isNewTick = this.#read(bytes, own, threads, stacks)
      if (at === 0 && !isNewTick) throw new DamageError('the first sample is in no tick')
      take(this.#row)
    }
    if (this.#usedSteps !== this.#steps.length) throw new DamageError('there are too many ticks')
  }

  /** Reads one row. @returns whether it begins a tick */
  #read(bytes: ByteReader, flags: number, threads: number, stacks: number): boolean {
    const known = this.#threads
    const row = this.#row
    const ns = this.#ns
    let thread: number
    let place: number
    if ((flags & FLAG.order) !== 0) {
      const order = bytes.below(threads * PLACES, 'thread')
      thread = Math.floor(order / PLACES)
      place = order % PLACES
    } else {
      const expected = this.#last < 0 ? NOTHING_YET : known.next[this.#last]!
      if (expected === NOTHING_YET) throw new DamageError('a sample has no thread')
      thread = Math.floor(expected / 2)
      place = expected % 2 === 1 ? PLACE.newTick : PLACE.sameTick
    }
    const isNewTick = place !== PLACE.sameTick
    if (isNewTick) {
      if (this.#usedSteps === this.#steps.length) throw new DamageError('there are too few ticks')
      const time = ns[TIME]! + this.#steps[this.#usedSteps++]!
      if (time < 0 || time > Number.MAX_SAFE_INTEGER) {
        throw new DamageError('a time is out of range')
      }
      const weight = place === PLACE.newTick ? time - known.time[thread]! : bytes.unsigned()
      if (weight < 0) throw new DamageError('a weight is negative')
      ns[TIME] = time
      ns[WEIGHT] = weight
    }
    if (flags !== 0) this.#change(bytes, flags, thread, stacks)
    if (this.#last >= 0) known.next[this.#last] = thread * 2 + (isNewTick ? 1 : 0)
    known.time[thread] = ns[TIME]!
    this.#last = thread
    row.time = ns[TIME]!
    row.weight = ns[WEIGHT]!
    row.thread = thread
    row.stack = known.stack[thread]!
    row.quality = known.quality[thread]!
    row.reason = known.reason[thread]!
    row.state = known.state[thread]!
    row.cpu = known.cpu[thread]!
    return isNewTick
  }

  /** Reads what is not as it was with a thread. */
  #change(bytes: ByteReader, flags: number, thread: number, stacks: number): void {
    const known = this.#threads
    if ((flags & FLAG.stack) !== 0) {
      const stack = known.stack[thread]! + bytes.signed()
      if (stack < NO_STACK || stack >= stacks) throw new DamageError(`stack ${stack} of ${stacks}`)
      known.stack[thread] = stack
    }
    if ((flags & FLAG.quality) !== 0) {
      const quality = bytes.u8()
      const reason = bytes.u8()
      if (quality >= QUALITY.length || reason >= REASONS.length) {
        throw new DamageError('a quality is unknown')
      }
      known.quality[thread] = quality
      known.reason[thread] = reason
    }
    if ((flags & FLAG.state) !== 0) {
      const state = bytes.u8()
      if (state >= 1 << STATES.length) throw new DamageError('a state is unknown')
      known.state[thread] = state
    }
    if ((flags & FLAG.cpu) !== 0) {
      const cpu = this.#ns[WEIGHT]! + bytes.signed()
      if (cpu < NO_CPU || cpu > Number.MAX_SAFE_INTEGER) {
        throw new DamageError('a CPU time is out of range')
      }
      known.cpu[thread] = cpu
    }
  }
}

function readSteps(bytes: ByteReader, rows: number): Float64Array {
  const ticks = bytes.below(rows + 1, 'ticks')
  const least = bytes.signed()
  const width = bytes.below(8, 'width')
  if (ticks * width > bytes.left) throw new DamageError('the ticks are cut off')
  return Float64Array.from({ length: ticks }, () => least + bytes.fixed(width))
}
