import { tasksOf } from '../../profile/assembler.ts'
import {
  NO_COLUMN,
  NO_CPU,
  NO_PROCESS,
  NO_STACK,
  type Process,
  type Profile,
  QUALITY,
  type StackIndex,
  type Thread,
  type ThreadIndex,
} from '../../profile/profile.ts'
import { EMPTY_FRAME, MISSED_FRAME, parseThreadName } from '../text.ts'
import { type About, readAbout } from './about.ts'
import { type Labels, readLabels } from './labels.ts'
import { StackTree } from './stack-tree.ts'
import { type Location, MAX_ROWS, type PprofLine, type PprofTables, stringAt } from './tables.ts'
import { NoTime, type Values } from './values.ts'
import { Malformed, TooLarge, WireReader } from './wire.ts'

const MISSED: number = QUALITY.indexOf('missed')
const EXACT: number = QUALITY.indexOf('exact')
const UNKNOWN: number = QUALITY.indexOf('unknown')
/** Frames of all samples, less those that a sample shares with the one before: a bound to the time. */
const MAX_FRAMES = 2 ** 25
/** Far above what a recursion limit lets a stack become. */
const MAX_DEPTH = 2 ** 20
/** Labels of a sample: writers have ten. */
const MAX_LABELS = 1024

/** Builds a profile from the samples of a file whose tables are read. */
export class Importer {
  readonly #tables: PprofTables
  readonly #values: Values
  readonly #about: About
  readonly #text: (index: number) => string
  readonly #code = new CodeTables()
  readonly #processes: Process[]
  readonly #processOf = new Map<number, number>()
  readonly #threads: Thread[] = []
  readonly #threadOf = new Map<string, ThreadIndex>()
  /** Where each thread's last row ended, ns. */
  readonly #end: number[] = []
  readonly #samples = {
    time: [] as number[],
    weight: [] as number[],
    thread: [] as number[],
    stack: [] as number[],
    quality: [] as number[],
    reason: [] as number[],
    cpu: [] as number[],
  }
  /** The quality of a sample that has no label for it. */
  readonly #unlabelled: number
  #frames = 0
  /** The locations of the sample before, root first, and the stack up to each. */
  readonly #path = { ids: [] as (number | bigint)[], stacks: [] as StackIndex[] }

  constructor(tables: PprofTables, values: Values) {
    this.#tables = tables
    this.#values = values
    this.#about = readAbout(tables)
    this.#unlabelled = this.#about.isOwn ? EXACT : UNKNOWN
    this.#text = (index) => stringAt(tables.strings, index)
    this.#processes = [...this.#about.processes]
    for (const [index, { pid }] of this.#processes.entries()) {
      if (!this.#processOf.has(pid)) this.#processOf.set(pid, index)
    }
  }

  /** @throws Malformed, TooLarge, NoTime */
  read(bytes: Uint8Array): Profile {
    const reader = new WireReader(bytes)
    while (reader.next()) {
      if (reader.field === 2) this.#readSample(reader.message())
      else reader.skip()
    }
    return this.#profile()
  }

  #readSample(reader: WireReader): void {
    const { types } = this.#tables
    const ids: (number | bigint)[] = []
    const values: number[] = []
    const labels: WireReader[] = []
    while (reader.next()) {
      if (reader.field === 1) reader.ids(ids, MAX_DEPTH)
      else if (reader.field === 2) reader.numbers(values, types.length)
      else if (reader.field === 3 && labels.length < MAX_LABELS) labels.push(reader.message())
      else reader.skip()
    }
    if (values.length !== types.length) {
      throw new Malformed(`a sample has ${values.length} values and not ${types.length}`)
    }
    const { weight, weightUnit, cpu, cpuUnit, waiting, waitingUnit } = this.#values
    const waited = waiting === -1 ? 0 : values[waiting]! * waitingUnit
    const time = values[weight]! * weightUnit + waited
    if (time < 0) throw new NoTime('It has negative times: it is a difference of two profiles.')
    if (this.#samples.time.length === MAX_ROWS) throw new TooLarge(`${MAX_ROWS} samples`)

    const about = readLabels(labels, this.#text)
    const thread = this.#thread(about)
    const { marker, stack } = this.#stackOf(ids)
    const isMissed = marker === MISSED_FRAME || about.quality === MISSED
    this.#end[thread]! += time
    this.#samples.time.push(this.#end[thread]!)
    this.#samples.weight.push(time)
    this.#samples.thread.push(thread)
    this.#samples.stack.push(isMissed ? NO_STACK : stack)
    const labelled = about.quality === -1 ? this.#unlabelled : about.quality
    this.#samples.quality.push(isMissed ? MISSED : labelled)
    this.#samples.reason.push(about.reason)
    this.#samples.cpu.push(cpu === -1 ? NO_CPU : Math.max(0, values[cpu]! * cpuUnit))
  }

  #thread({ threadName, threadId, pid, interpreter }: Labels): ThreadIndex {
    let process = this.#processOf.get(pid)
    if (process === undefined) {
      process = this.#processes.push(this.#process(pid)) - 1
      this.#processOf.set(pid, process)
    }
    const key = `${process} ${threadId} ${interpreter} ${threadName}`
    let thread = this.#threadOf.get(key)
    if (thread === undefined) {
      const named = this.#about.isOwn ? parseThreadName(threadName) : { name: threadName }
      // On Linux the first thread of a process has the process's id.
      const isFirst = pid !== 0 ? threadId === pid : threadName === MAIN
      const isMain = interpreter === 0 && isFirst && !named.waitingTasks
      const row = { process, nativeId: threadId, interpreter, ...named, isMain }
      thread = this.#threads.push(row) - 1
      this.#threadOf.set(key, thread)
      this.#end.push(0)
    }
    return thread
  }

  #process(pid: number): Process {
    const { command, pythonVersion, duration } = this.#about.meta
    return {
      pid,
      parent: NO_PROCESS,
      command,
      pythonVersion,
      start: 0,
      end: duration,
      unreadable: '',
    }
  }

  /** The stack of a sample, whose locations come leaf first; a marker of pyprof's is none. */
  #stackOf(ids: readonly (number | bigint)[]): { marker: string; stack: StackIndex } {
    if (ids.length === 1) {
      const { name, file } = this.#location(ids[0]!).lines[0]!.function
      if (file === '' && (name === MISSED_FRAME || name === EMPTY_FRAME)) {
        return { marker: name, stack: NO_STACK }
      }
    }
    const path = this.#path
    const idAt = (depth: number) => ids[ids.length - 1 - depth]!
    let depth = 0
    while (depth < path.ids.length && path.ids[depth] === idAt(depth)) depth++
    path.ids.length = depth
    path.stacks.length = depth
    let stack = path.stacks[depth - 1] ?? NO_STACK
    for (; depth < ids.length; depth++) {
      const id = idAt(depth)
      const location = this.#location(id)
      this.#frames += location.lines.length
      if (this.#frames > MAX_FRAMES) throw new TooLarge(`${MAX_FRAMES} different frames of samples`)
      location.frames ??= location.lines.toReversed().map((line) => this.#code.frame(line))
      stack = this.#code.stack(stack, location.frames)
      path.ids.push(id)
      path.stacks.push(stack)
    }
    return { marker: '', stack }
  }

  #location(id: number | bigint): Location {
    const location = this.#tables.locations.get(id)
    if (!location) throw new Malformed(`it refers to a location ${id} that is not there`)
    return location
  }

  #profile(): Profile {
    const { meta, accounting } = this.#about
    const duration = this.#end.reduce((a, b) => Math.max(a, b), meta.duration)
    const length = this.#samples.time.length
    return {
      ...this.#code.tables(),
      processes: this.#processes,
      threads: this.#threads,
      samples: { length, ...this.#samples, state: new Uint8Array(length) },
      gaps: [],
      meta: { ...meta, ...tasksOf(this.#threads), duration },
      accounting,
    }
  }
}

const MAIN = 'MainThread'

/** Strings, functions, frames and stacks, each once, in the order of first use. */
class CodeTables {
  readonly #strings = new Rows<[string]>()
  readonly #functions = new Rows<[qualname: number, file: number, firstLine: number]>()
  readonly #frames = new Rows<[fn: number, line: number, column: number]>()
  readonly #stacks = new StackTree()

  /** The stack of some frames, outermost first, on top of another one. */
  stack(parent: StackIndex, frames: readonly number[]): StackIndex {
    let stack = parent
    for (const frame of frames) stack = this.#stacks.child(stack, frame)
    if (this.#stacks.length > MAX_ROWS) throw new TooLarge(`${MAX_ROWS} stacks`)
    return stack
  }

  frame({ function: { name, file, startLine }, line, column }: PprofLine): number {
    const row = [this.#strings.index([name]), this.#strings.index([file]), startLine] as const
    return this.#frames.index([
      this.#functions.index([...row]),
      line,
      column === 0 ? NO_COLUMN : column - 1,
    ])
  }

  tables(): Pick<Profile, 'strings' | 'functions' | 'frames' | 'stacks'> {
    const line = this.#frames.column(1)
    return {
      strings: this.#strings.column(0),
      functions: {
        length: this.#functions.rows.length,
        qualname: this.#functions.column(0),
        file: this.#functions.column(1),
        firstLine: this.#functions.column(2),
      },
      frames: {
        length: this.#frames.rows.length,
        function: this.#frames.column(0),
        line,
        endLine: line,
        column: this.#frames.column(2),
        endColumn: new Int32Array(line.length).fill(NO_COLUMN),
      },
      stacks: {
        length: this.#stacks.length,
        parent: this.#stacks.parent,
        frame: this.#stacks.frame,
      },
    }
  }
}

class Rows<Row extends readonly (string | number)[]> {
  readonly rows: Row[] = []
  readonly #known = new Map<string, number>()

  index(row: Row): number {
    const key = row.join('\0')
    let index = this.#known.get(key)
    if (index === undefined) {
      index = this.rows.push(row) - 1
      this.#known.set(key, index)
    }
    return index
  }

  column<Field extends keyof Row>(field: Field): Row[Field][] {
    return this.rows.map((row) => row[field])
  }
}
