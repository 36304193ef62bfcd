import { NO_CPU, NO_STACK, QUALITY, REASONS, STATES } from '../profile/profile.ts'
import type { Sample } from '../profile/sample-columns.ts'
import { type ByteReader, type ByteWriter, DamageError } from './bytes.ts'
import { BLOCK_SAMPLES, FLAG, FLAGS, MAX_BLOCK_SAMPLES, PLACE, PLACES } from './layout.ts'

/** What is known of a thread from its rows so far, and so expected of the next one. */
interface ThreadState {
  time: number
  stack: number
  quality: number
  reason: number
  state: number
  cpu: number
  /** The thread whose row came behind this one's last time, and whether that began a tick. */
  next: { readonly thread: number; readonly isNewTick: boolean } | undefined
}

/**
 * What both sides remember from row to row. A steady profile is what is expected: the threads of a
 * tick follow each other as before, and each is where it was.
 */
class Memory {
  readonly #threads: ThreadState[] = []
  /** Time and weight of the tick in hand. */
  time = 0
  weight = 0
  #last: ThreadState | undefined

  thread(index: number): ThreadState {
    this.#threads[index] ??= {
      time: 0,
      stack: NO_STACK,
      quality: 0,
      reason: 0,
      state: 0,
      cpu: NO_CPU,
      next: undefined,
    }
    return this.#threads[index]
  }

  get expected(): ThreadState['next'] {
    return this.#last?.next
  }

  keep(row: Sample, isNewTick: boolean): void {
    if (this.#last) {
      const { next } = this.#last
      if (next?.thread !== row.thread || next.isNewTick !== isNewTick) {
        this.#last.next = { thread: row.thread, isNewTick }
      }
    }
    const known = this.thread(row.thread)
    known.time = row.time
    known.stack = row.stack
    known.quality = row.quality
    known.reason = row.reason
    known.state = row.state
    known.cpu = row.cpu
    this.time = row.time
    this.weight = row.weight
    this.#last = known
  }
}

/** Writes the samples of one block after the other; docs/recording-format.md, "Samples". */
export class SampleEncoder {
  readonly #memory = new Memory()
  readonly #rows: Sample[] = []
  #last: Sample | undefined
  #leastStep = 0
  #mostStep = 0

  /** Rows that `write` will write. */
  get length(): number {
    return this.#rows.length
  }

  /** Takes one row. @returns false when it has to wait for the next block */
  add(row: Sample): boolean {
    if (this.#rows.length === BLOCK_SAMPLES) return false
    const step = row.time - (this.#last?.time ?? 0)
    const isFirst = this.#rows.length === 0
    const least = isFirst ? step : Math.min(this.#leastStep, step)
    const most = isFirst ? step : Math.max(this.#mostStep, step)
    if (most - least > Number.MAX_SAFE_INTEGER) return false
    this.#leastStep = least
    this.#mostStep = most
    this.#rows.push(row)
    this.#last = row
    return true
  }

  write(out: ByteWriter): void {
    const rows = this.#rows
    out.unsigned(rows.length)
    if (rows.length === 0) return
    const memory = this.#memory
    const isNewTick = (row: Sample, at: number) =>
      at === 0 || row.time !== rows[at - 1]!.time || row.weight !== rows[at - 1]!.weight
    const steps: number[] = []
    let before = memory.time
    rows.forEach((row, at) => {
      if (isNewTick(row, at)) steps.push(row.time - before)
      before = row.time
    })
    writeSteps(steps, out)
    let expectedRows = 0
    rows.forEach((row, at) => {
      const flags = this.#write(row, isNewTick(row, at), expectedRows, out)
      expectedRows = flags === 0 ? expectedRows + 1 : 0
    })
    if (expectedRows > 0) out.unsigned(expectedRows * FLAGS)
    rows.length = 0
  }

  /** @returns the flags of the row; nothing is written of one that has none */
  #write(row: Sample, isNewTick: boolean, expectedRows: number, out: ByteWriter): number {
    const memory = this.#memory
    const known = memory.thread(row.thread)
    const expected = memory.expected
    const isOwnWeight = isNewTick && row.weight !== row.time - known.time
    const isInOrder =
      expected?.thread === row.thread && expected.isNewTick === isNewTick && !isOwnWeight
    const flags =
      (isInOrder ? 0 : FLAG.order) |
      (row.stack === known.stack ? 0 : FLAG.stack) |
      (row.quality === known.quality && row.reason === known.reason ? 0 : FLAG.quality) |
      (row.state === known.state ? 0 : FLAG.state) |
      (row.cpu === known.cpu ? 0 : FLAG.cpu)
    if (flags !== 0) {
      out.unsigned(expectedRows * FLAGS + flags)
      if ((flags & FLAG.order) !== 0) {
        const inNew = isOwnWeight ? PLACE.newTickWithWeight : PLACE.newTick
        out.unsigned(row.thread * PLACES + (isNewTick ? inNew : PLACE.sameTick))
        if (isOwnWeight) out.unsigned(row.weight)
      }
      if ((flags & FLAG.stack) !== 0) out.signed(row.stack - known.stack)
      if ((flags & FLAG.quality) !== 0) {
        out.u8(row.quality)
        out.u8(row.reason)
      }
      if ((flags & FLAG.state) !== 0) out.u8(row.state)
      if ((flags & FLAG.cpu) !== 0) out.signed(row.cpu - row.weight)
    }
    memory.keep(row, isNewTick)
    return flags
  }
}

/** Steps from tick to tick: the least one, and in as few bytes as the widest needs, what is more. */
function writeSteps(steps: readonly number[], out: ByteWriter): void {
  const least = steps.reduce((a, b) => Math.min(a, b))
  const range = steps.reduce((a, b) => Math.max(a, b)) - least
  let width = 0
  while (range >= 2 ** (8 * width)) width++
  out.unsigned(steps.length)
  out.signed(least)
  out.u8(width)
  for (const step of steps) out.fixed(step - least, width)
}

/** Reads what SampleEncoder has written, and believes nothing of it. */
export class SampleDecoder {
  readonly #memory = new Memory()
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
    const steps = readSteps(bytes, rows)
    let usedSteps = 0
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
      const isNewTick = this.#read(bytes, own, threads, stacks, () => {
        if (usedSteps === steps.length) throw new DamageError('there are too few ticks')
        return steps[usedSteps++]!
      })
      if (at === 0 && !isNewTick) throw new DamageError('the first sample is in no tick')
      this.#memory.keep(this.#row, isNewTick)
      take(this.#row)
    }
    if (usedSteps !== steps.length) throw new DamageError('there are too many ticks')
  }

  #read(
    bytes: ByteReader,
    flags: number,
    threads: number,
    stacks: number,
    nextStep: () => number,
  ): boolean {
    const memory = this.#memory
    const row = this.#row
    let place: number
    if ((flags & FLAG.order) !== 0) {
      const order = bytes.below(threads * PLACES, 'thread')
      row.thread = Math.floor(order / PLACES)
      place = order % PLACES
    } else {
      const { expected } = memory
      if (!expected) throw new DamageError('a sample has no thread')
      row.thread = expected.thread
      place = expected.isNewTick ? PLACE.newTick : PLACE.sameTick
    }
    const known = memory.thread(row.thread)
    row.time = memory.time
    row.weight = memory.weight
    if (place !== PLACE.sameTick) {
      row.time += nextStep()
      if (row.time < 0 || row.time > Number.MAX_SAFE_INTEGER) {
        throw new DamageError('a time is out of range')
      }
      row.weight = place === PLACE.newTick ? row.time - known.time : bytes.unsigned()
      if (row.weight < 0) throw new DamageError('a weight is negative')
    }
    row.stack = known.stack
    if ((flags & FLAG.stack) !== 0) row.stack += bytes.signed()
    if (row.stack < NO_STACK || row.stack >= stacks) {
      throw new DamageError(`stack ${row.stack} of ${stacks}`)
    }
    row.quality = known.quality
    row.reason = known.reason
    if ((flags & FLAG.quality) !== 0) {
      row.quality = bytes.u8()
      row.reason = bytes.u8()
      if (row.quality >= QUALITY.length || row.reason >= REASONS.length) {
        throw new DamageError('a quality is unknown')
      }
    }
    row.state = known.state
    if ((flags & FLAG.state) !== 0) {
      row.state = bytes.u8()
      if (row.state >= 1 << STATES.length) throw new DamageError('a state is unknown')
    }
    row.cpu = known.cpu
    if ((flags & FLAG.cpu) !== 0) row.cpu = row.weight + bytes.signed()
    if (row.cpu < NO_CPU || row.cpu > Number.MAX_SAFE_INTEGER) {
      throw new DamageError('a CPU time is out of range')
    }
    return place !== PLACE.sameTick
  }
}

function readSteps(bytes: ByteReader, rows: number): Float64Array {
  const ticks = bytes.below(rows + 1, 'ticks')
  const least = bytes.signed()
  const width = bytes.below(8, 'width')
  if (ticks * width > bytes.left) throw new DamageError('the ticks are cut off')
  return Float64Array.from({ length: ticks }, () => least + bytes.fixed(width))
}
