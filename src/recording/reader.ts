import { float64Column, int32Column, uint8Column } from '../profile/column.ts'
import {
  type Gap,
  NO_PROCESS,
  NO_STACK,
  type Process,
  type Profile,
  type Thread,
} from '../profile/profile.ts'
import { BlockReader } from './blocks.ts'
import { ByteReader, DamageError } from './bytes.ts'
import { BLOCK, MAX_STACK_DEPTH } from './layout.ts'
import { parseMeta, type StoredMeta } from './meta.ts'
import { accountingOf, COUNTER_NAMES, type Counters, PROCESS, readRow, THREAD } from './rows.ts'
import { type Sample, SampleDecoder } from './sample-codec.ts'

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

/** Times of samples to keep, ns since the start of the recording: from `from` on, before `to`. */
export interface TimeRange {
  readonly from: number
  readonly to: number
}

const ALWAYS: TimeRange = { from: 0, to: Number.POSITIVE_INFINITY }

/**
 * Reads a `.pyprof` file. Whatever is in it, the result holds what was written before the first
 * thing that does not hold together.
 * @param pieces the bytes of the file in order
 * @param range samples outside are checked but not kept
 * @throws RefusedError when it is no recording, of another version, or its header is damaged
 */
export function readRecording(pieces: Iterable<Uint8Array>, range = ALWAYS): Recording {
  const blocks = new BlockReader(pieces)
  const content = new Content(range)
  let damage = ''
  let damagedAt = blocks.position
  try {
    for (;;) {
      damagedAt = blocks.position
      const block = blocks.next()
      if (!block) break
      if (content.isEnded) throw new DamageError('something follows the end')
      if (block.type === BLOCK.data) content.add(new ByteReader(block.payload))
      else if (block.type === BLOCK.end) content.end(new ByteReader(block.payload))
      else throw new DamageError(`a block of unknown type ${block.type}`)
    }
  } catch (error) {
    if (!(error instanceof DamageError)) throw error
    damage = error.message
  }
  const isComplete = damage === '' && content.isEnded
  const lostBytes = blocks.position - damagedAt + blocks.drain()
  return { profile: content.profile(isComplete), isComplete, damage, damagedAt, lostBytes }
}

class Content {
  readonly #range: TimeRange
  readonly #strings: string[] = []
  readonly #qualname = int32Column()
  readonly #file = int32Column()
  readonly #firstLine = int32Column()
  readonly #frameFunction = int32Column()
  readonly #line = int32Column()
  readonly #endLine = int32Column()
  readonly #column = int32Column()
  readonly #endColumn = int32Column()
  readonly #parent = int32Column()
  readonly #frame = int32Column()
  readonly #depth = int32Column()
  readonly #processes: Process[] = []
  readonly #threads: Thread[] = []
  readonly #decoder = new SampleDecoder()
  readonly #time = float64Column()
  readonly #weight = float64Column()
  readonly #thread = int32Column()
  readonly #stack = int32Column()
  readonly #quality = uint8Column()
  readonly #reason = uint8Column()
  readonly #state = uint8Column()
  readonly #cpu = float64Column()
  readonly #gaps: Gap[] = []
  readonly #counters = new Map(COUNTER_NAMES.map((name) => [name, 0]))
  #meta: StoredMeta | undefined
  #lastGap = 0
  #lastTime = 0
  #samples = 0
  #blocks = 0
  isEnded = false

  constructor(range: TimeRange) {
    this.#range = range
  }

  /** @throws DamageError; what was read before it stays */
  add(bytes: ByteReader): void {
    repeat(bytes.count(1), () => this.#strings.push(bytes.text()))
    repeat(bytes.count(3), () => this.#addFunction(bytes))
    repeat(bytes.count(5), () => this.#addFrame(bytes))
    repeat(bytes.count(2), () => this.#addStack(bytes))
    repeat(bytes.count(8), () => put(this.#processes, bytes, (at) => this.#readProcess(bytes, at)))
    repeat(bytes.count(6), () => put(this.#threads, bytes, () => this.#readThread(bytes)))
    this.#decoder.read(bytes, this.#threads.length, this.#parent.length, (row) => this.#take(row))
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
  end(bytes: ByteReader): void {
    if (bytes.unsigned() !== this.#blocks || bytes.unsigned() !== this.#samples) {
      throw new DamageError('the end does not fit what came before')
    }
    this.isEnded = true
  }

  profile(isComplete: boolean): Profile | undefined {
    if (!this.#meta) return undefined
    const counters = Object.fromEntries(this.#counters) as unknown as Counters
    return {
      strings: this.#strings,
      functions: {
        length: this.#firstLine.length,
        qualname: this.#qualname.view(),
        file: this.#file.view(),
        firstLine: this.#firstLine.view(),
      },
      frames: {
        length: this.#endColumn.length,
        function: this.#frameFunction.view(),
        line: this.#line.view(),
        endLine: this.#endLine.view(),
        column: this.#column.view(),
        endColumn: this.#endColumn.view(),
      },
      stacks: {
        length: this.#frame.length,
        parent: this.#parent.view(),
        frame: this.#frame.view(),
      },
      processes: this.#processes,
      threads: this.#threads,
      samples: {
        length: this.#time.length,
        time: this.#time.view(),
        weight: this.#weight.view(),
        thread: this.#thread.view(),
        stack: this.#stack.view(),
        quality: this.#quality.view(),
        reason: this.#reason.view(),
        state: this.#state.view(),
        cpu: this.#cpu.view(),
      },
      gaps: this.#gaps,
      meta: {
        ...this.#meta,
        duration: Math.max(counters.duration, this.#lastTime),
        ...(isComplete ? {} : { endReason: 'unfinished' as const }),
      },
      accounting: accountingOf(counters),
    }
  }

  #addFunction(bytes: ByteReader): void {
    const qualname = bytes.below(this.#strings.length, 'string')
    const file = bytes.below(this.#strings.length, 'string')
    this.#qualname.push(qualname)
    this.#file.push(file)
    this.#firstLine.push(int32(bytes.signed()))
  }

  #addFrame(bytes: ByteReader): void {
    const fn = bytes.below(this.#firstLine.length, 'function')
    const line = int32(bytes.signed())
    const endLine = int32(line + bytes.signed())
    const column = int32(bytes.signed())
    const endColumn = int32(column + bytes.signed())
    this.#frameFunction.push(fn)
    this.#line.push(line)
    this.#endLine.push(endLine)
    this.#column.push(column)
    this.#endColumn.push(endColumn)
  }

  #addStack(bytes: ByteReader): void {
    const own = this.#frame.length
    const back = bytes.below(own + 1, 'parent')
    const frame = bytes.below(this.#endColumn.length, 'frame')
    const depth = back === 0 ? 1 : this.#depth.view()[own - back]! + 1
    if (depth > MAX_STACK_DEPTH) throw new DamageError('a stack is too deep')
    this.#depth.push(depth)
    this.#parent.push(back === 0 ? NO_STACK : own - back)
    this.#frame.push(frame)
  }

  #readProcess(bytes: ByteReader, index: number): Process {
    const process = readRow(PROCESS, this.#strings, bytes)
    if (process.parent < NO_PROCESS || process.parent >= index) {
      throw new DamageError(`process ${process.parent} as the parent of ${index}`)
    }
    return process
  }

  #readThread(bytes: ByteReader): Thread {
    const thread = readRow(THREAD, this.#strings, bytes)
    if (thread.process < NO_PROCESS || thread.process >= this.#processes.length) {
      throw new DamageError(`process ${thread.process} of ${this.#processes.length}`)
    }
    return thread
  }

  #addGap(bytes: ByteReader): void {
    this.#lastGap += bytes.signed()
    if (Math.abs(this.#lastGap) > Number.MAX_SAFE_INTEGER) {
      throw new DamageError('a time is out of range')
    }
    const start = Math.max(0, this.#lastGap)
    this.#gaps.push({ start, duration: bytes.unsigned(), missedTicks: bytes.unsigned() })
  }

  #take(row: Sample): void {
    this.#samples++
    this.#lastTime = Math.max(this.#lastTime, row.time)
    if (row.time < this.#range.from || row.time >= this.#range.to) return
    this.#time.push(row.time)
    this.#weight.push(row.weight)
    this.#thread.push(row.thread)
    this.#stack.push(row.stack)
    this.#quality.push(row.quality)
    this.#reason.push(row.reason)
    this.#state.push(row.state)
    this.#cpu.push(row.cpu)
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
