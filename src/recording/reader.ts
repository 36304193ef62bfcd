import { EXIT, PyprofError } from '../errors.ts'
import { FoldedSamples } from '../profile/folded-samples.ts'
import { GapList } from '../profile/gaps.ts'
import {
  ALL_TIME,
  NO_PROCESS,
  NO_STACK,
  type Process,
  type Profile,
  type SampleTable,
  type Thread,
  type TimeLine,
  type TimeRange,
} from '../profile/profile.ts'
import { type Sample, SampleBlock, SampleColumns, sampleAt } from '../profile/sample-columns.ts'
import { ProfileTables } from '../profile/tables.ts'
import { ThinnedSamples } from '../profile/thinned-samples.ts'
import { type Holder, WholeSamples } from '../profile/whole-samples.ts'
import { BlockReader, RefusedError } from './blocks.ts'
import { ByteReader, DamageError } from './bytes.ts'
import { BLOCK, MAX_BLOCK_SAMPLES, MAX_STACK_DEPTH } from './layout.ts'
import { parseMeta, type StoredMeta } from './meta.ts'
import {
  accountingOf,
  COUNTER_NAMES,
  type Counters,
  numberedStates,
  PROCESS,
  readRow,
  STILL_THERE,
  THREAD,
} from './rows.ts'
import { SampleDecoder } from './sample-codec.ts'

const MAX_INT32 = 2 ** 31 - 1

/** What a recording holds, and whether that is all of it. */
export interface Recording {
  /** Undefined when not even the first block could be read. */
  readonly profile: Profile | undefined
  /** The closing block was there and all agreed with it. */
  readonly isComplete: boolean
  /** What is wrong and from which byte on, in a few words; '' when the file just ends too early. */
  readonly damage: string
  readonly damagedAt: number
  /** Bytes that were not read because of the damage. */
  readonly lostBytes: number
}

/** How samples can be held, by what is to be known of them. */
const HOLDERS = {
  /** Each as it is: their time line. */
  all: () => new SampleColumns(),
  /** Their sums, and enough of the time line to judge chance by. */
  estimates: () => new ThinnedSamples(),
  /** Their sums: those that are alike are one row. */
  sums: () => new FoldedSamples(),
}
export type Holding = keyof typeof HOLDERS

/** Bytes of a recording in order, from the first one whenever it is asked for. */
export type ReadAgain = () => Iterable<Uint8Array>

export interface ReadOptions {
  /** Samples outside are checked but not kept. */
  readonly range?: TimeRange
  /** What is to be known of the samples; all but `all` is bounded by stacks. All when absent. */
  readonly holds?: Holding
  /**
   * The same bytes again. With it, what `all` holds beyond `most` is not held but read again: the
   * profile has a time line then, and its samples are held as `holds` says.
   */
  readonly again?: ReadAgain
  /** Samples that are held though they could be read again; see WholeSamples. */
  readonly most?: number
}

/**
 * Reads a `.pyprof` file. Whatever is in it, the result holds what was written before the first
 * thing that does not hold together.
 * @param pieces the bytes of the file in order
 * @throws RefusedError when it is no recording, of another version, or its header is damaged
 */
export function readRecording(
  pieces: Iterable<Uint8Array>,
  { range = ALL_TIME, holds = 'all', again, most }: ReadOptions = {},
): Recording {
  const blocks = new BlockReader(pieces)
  const sums = () => HOLDERS[again && holds === 'all' ? 'sums' : holds]()
  const samples = again ? new WholeSamples(sums(), most) : sums()
  const content = new Content(range, (row) => {
    if (isIn(range, row)) samples.push(row)
  })
  let damage = ''
  let damagedAt = blocks.position
  try {
    for (;;) {
      damagedAt = blocks.position
      if (!content.takeBlock(blocks)) break
    }
  } catch (error) {
    if (!(error instanceof DamageError)) throw error
    damage = error.message
  }
  const isComplete = damage === '' && content.isEnded
  const lostBytes = blocks.position - damagedAt + blocks.drain()
  const read = content.profile(isComplete, samples.view())
  const isWhole = !(samples instanceof WholeSamples) || samples.isWhole
  const profile =
    !again || isWhole || !read
      ? read
      : { ...read, timeline: timelineOf(again, range, content, sums) }
  return { profile, isComplete, damage, damagedAt, lostBytes }
}

function isIn({ from, to }: TimeRange, { time }: Sample): boolean {
  return time >= from && time < to
}

/** The samples of a recording that has been read, as they are read again. */
function timelineOf(
  again: ReadAgain,
  range: TimeRange,
  { sampleCount, isInOrder }: Content,
  sums: () => Holder,
): TimeLine {
  return {
    tables: () => scan(again(), range, sampleCount),
    hold(tables) {
      const samples = sums()
      for (const table of tables) {
        for (let row = 0; row < table.length; row++) samples.push(sampleAt(table, row))
      }
      return samples.view()
    },
    isInOrder,
    range,
  }
}

/** Rows of a table that is passed on, without the last block in it. */
const PASSED_ON = 1 << 14

/**
 * The samples of a recording that has been read before, as far as they were there then: it may have
 * grown since.
 * @param count how many there were, those outside of the range too
 * @throws PyprofError code `changed` when they are not there any more
 */
function* scan(
  pieces: Iterable<Uint8Array>,
  range: TimeRange,
  count: number,
): Generator<SampleTable> {
  const rows = new SampleBlock(PASSED_ON + MAX_BLOCK_SAMPLES)
  let seen = 0
  const content = new Content(range, (row) => {
    if (seen < count && isIn(range, row)) rows.push(row)
    seen++
  })
  let isLeft = true
  try {
    const blocks = new BlockReader(pieces)
    while (isLeft && seen < count) {
      isLeft = content.takeBlock(blocks)
      if (rows.length < PASSED_ON) continue
      yield rows.view()
      rows.clear()
    }
  } catch (error) {
    // As before: what was read until then counts.
    if (!(error instanceof DamageError || error instanceof RefusedError)) throw error
  }
  if (seen < count) throw changed()
  yield rows.view()
}

/** A recording that is read again is not what it was. */
function changed(): PyprofError {
  return new PyprofError({
    code: 'changed',
    what: 'The recording was changed while it was read.',
    why: 'What was there before is not there any more.',
    hint: 'Copy it, and read the copy.',
    exitCode: EXIT.nothing,
  })
}

class Content {
  readonly #range: TimeRange
  readonly #take: (row: Sample) => void
  readonly #tables = new ProfileTables()
  readonly #processes: Process[] = []
  readonly #threads: Thread[] = []
  readonly #decoder = new SampleDecoder()
  readonly #gaps = new GapList()
  readonly #counters = new Map(COUNTER_NAMES.map((name) => [name, 0]))
  #meta: StoredMeta | undefined
  #lastGap = 0
  #lastTime = 0
  #blocks = 0
  #now = 0
  /** Samples so far. */
  sampleCount = 0
  /** Whether none was earlier than the one before. */
  isInOrder = true
  isEnded = false

  /**
   * @param range gaps outside are left out
   * @param take gets all samples; a row is valid until the next one
   */
  constructor(range: TimeRange, take: (row: Sample) => void) {
    this.#range = range
    this.#take = take
  }

  /**
   * Takes what is in the next block.
   * @returns false when there is none
   * @throws DamageError; what was read before it stays
   */
  takeBlock(blocks: BlockReader): boolean {
    const block = blocks.next()
    if (!block) return false
    if (this.isEnded) throw new DamageError('something follows the end')
    if (block.type === BLOCK.data) this.#add(new ByteReader(block.payload))
    else if (block.type === BLOCK.end) this.#end(new ByteReader(block.payload))
    else throw new DamageError(`a block of unknown type ${block.type}`)
    return true
  }

  #add(bytes: ByteReader): void {
    repeat(bytes.count(1), () => this.#tables.strings.push(bytes.text()))
    repeat(bytes.count(3), () => this.#addFunction(bytes))
    repeat(bytes.count(5), () => this.#addFrame(bytes))
    repeat(bytes.count(2), () => this.#addStack(bytes))
    repeat(bytes.count(8), () => put(this.#processes, bytes, (at) => this.#readProcess(bytes, at)))
    repeat(bytes.count(7), () => put(this.#threads, bytes, () => this.#readThread(bytes)))
    this.#decoder.read(bytes, this.#threads.length, this.#tables.stackCount, (row) =>
      this.#addSample(row),
    )
    repeat(bytes.count(3), () => this.#addGap(bytes))
    const meta = bytes.text()
    if (meta !== '') this.#meta = parseMeta(meta)
    if (!this.#meta) throw new DamageError('it does not say what was recorded')
    for (const name of COUNTER_NAMES) {
      const value = this.#counters.get(name)! + bytes.signed()
      if (value < 0 || value > Number.MAX_SAFE_INTEGER) {
        throw new DamageError('a count is out of range')
      }
      this.#counters.set(name, value)
    }
    if (bytes.left > 0) throw new DamageError('a block is longer than what is in it')
    this.#blocks++
  }

  /** @throws DamageError when something is missing */
  #end(bytes: ByteReader): void {
    if (bytes.unsigned() !== this.#blocks || bytes.unsigned() !== this.sampleCount) {
      throw new DamageError('the end does not fit what came before')
    }
    this.isEnded = true
  }

  profile(isComplete: boolean, samples: SampleTable): Profile | undefined {
    if (!this.#meta) return undefined
    const { endReason, ...stored } = this.#meta
    const counters = Object.fromEntries(this.#counters) as unknown as Counters
    const duration = Math.max(counters.duration, this.#lastTime)
    return {
      strings: this.#tables.strings,
      ...this.#tables.view(),
      processes: this.#processes.map((process) => ({
        ...process,
        end: process.end === STILL_THERE ? duration : process.end - 1,
      })),
      threads: this.#threads,
      samples,
      gaps: this.#gaps.view(),
      meta: {
        ...stored,
        duration,
        endReason: isComplete ? endReason : 'unfinished',
      },
      accounting: accountingOf(counters),
    }
  }

  #addFunction(bytes: ByteReader): void {
    const { strings } = this.#tables
    const qualname = bytes.below(strings.length, 'string')
    const file = bytes.below(strings.length, 'string')
    this.#tables.addFunction(qualname, file, int32(bytes.signed()))
  }

  #addFrame(bytes: ByteReader): void {
    const fn = bytes.below(this.#tables.functionCount, 'function')
    const line = int32(bytes.signed())
    const endLine = int32(line + bytes.signed())
    const column = int32(bytes.signed())
    const endColumn = int32(column + bytes.signed())
    this.#tables.addFrame({ function: fn, line, endLine, column, endColumn })
  }

  #addStack(bytes: ByteReader): void {
    const own = this.#tables.stackCount
    const back = bytes.below(own + 1, 'parent')
    const parent = back === 0 ? NO_STACK : own - back
    const frame = bytes.below(this.#tables.frameCount, 'frame')
    if (this.#tables.depthOf(parent) >= MAX_STACK_DEPTH)
      throw new DamageError('a stack is too deep')
    this.#tables.addStack(parent, frame)
  }

  #readProcess(bytes: ByteReader, index: number): Process {
    const process = readRow(PROCESS, this.#tables.strings, bytes)
    if (process.parent < NO_PROCESS || process.parent >= index) {
      throw new DamageError(`process ${process.parent} as the parent of ${index}`)
    }
    if (process.start < 0 || process.end < 0) throw new DamageError('a time is negative')
    return process
  }

  #readThread(bytes: ByteReader): Thread {
    const { waitingTasks, states, ...thread } = readRow(THREAD, this.#tables.strings, bytes)
    const own = numberedStates(states)
    if (thread.process < 0 || thread.process >= this.#processes.length) {
      throw new DamageError(`process ${thread.process} of ${this.#processes.length}`)
    }
    return { ...thread, ...(waitingTasks && { waitingTasks }), ...(own && { states: own }) }
  }

  #addGap(bytes: ByteReader): void {
    this.#lastGap += bytes.signed()
    if (Math.abs(this.#lastGap) > Number.MAX_SAFE_INTEGER) {
      throw new DamageError('a time is out of range')
    }
    const start = Math.max(0, this.#lastGap)
    const gap = { start, duration: bytes.unsigned(), missedTicks: bytes.unsigned() }
    const { from, to } = this.#range
    if (start + gap.duration >= from && start <= to) this.#gaps.push(gap)
  }

  #addSample(row: Sample): void {
    this.sampleCount++
    if (row.time < this.#now) this.isInOrder = false
    this.#now = row.time
    this.#lastTime = Math.max(this.#lastTime, row.time)
    this.#take(row)
  }
}

/** A row that is new, or one that has changed. */
function put<Row>(table: Row[], bytes: ByteReader, read: (index: number) => Row): void {
  const index = bytes.below(table.length + 1, 'row')
  table[index] = read(index)
}

function int32(value: number): number {
  if (Math.abs(value) > MAX_INT32) throw new DamageError('a number is too large')
  return value
}

function repeat(times: number, work: () => void): void {
  for (let done = 0; done < times; done++) work()
}
