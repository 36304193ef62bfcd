import {
  type Accounting,
  type FrameIndex,
  type FunctionIndex,
  type Gap,
  type Meta,
  NO_COLUMN,
  type Process,
  type ProcessIndex,
  type Profile,
  type StackIndex,
  type Thread,
  type ThreadIndex,
} from './profile.ts'
import { inThreadOrder, type Sample, SampleColumns } from './sample-columns.ts'
import { ProfileTables } from './tables.ts'

/** A place as other tools tell it. */
export interface Place {
  readonly qualname: string
  /** '' for a marker. */
  readonly file: string
  /** Line of the `def`; 0 when unknown. */
  readonly firstLine?: number
  /** 0 when unknown. */
  readonly line: number
  readonly column?: number
}

/** Nothing counted: what a profile says that was not taken by pyprof's sampler. */
export const NO_ACCOUNTING: Accounting = {
  ticks: 0,
  missedTicks: 0,
  gapTime: 0,
  droppedSamples: 0,
  profilerCpu: 0,
  lateTicks: 0,
  execs: 0,
  tickTime: 0,
}

/** What threads alone tell of tasks: those that wait can be seen only where all are recorded. */
export function tasksOf(threads: readonly Thread[]): Pick<Meta, 'tasks'> {
  return threads.some(({ waitingTasks }) => waitingTasks)
    ? { tasks: { scope: 'all', loopSeen: true } }
    : {}
}

/** Builds a profile out of anything: each string, function, frame and stack is in a table once. */
export class ProfileAssembler {
  readonly #tables = new ProfileTables()
  readonly #strings = new Map<string, number>()
  readonly #functions = new Map<string, FunctionIndex>()
  readonly #frames = new Map<string, FrameIndex>()
  /** By parent and frame, which make one key. */
  readonly #stacks = new Map<string, StackIndex>()
  readonly #processes: Process[] = []
  readonly #threads: Thread[] = []
  readonly #samples = new SampleColumns()
  readonly #gaps: Gap[] = []

  function(qualname: string, file: string, firstLine: number): FunctionIndex {
    const [name, path] = [this.#string(qualname), this.#string(file)]
    return known(this.#functions, `${name},${path},${firstLine}`, () =>
      this.#tables.addFunction(name, path, firstLine),
    )
  }

  frame(
    fn: FunctionIndex,
    line: number,
    endLine: number,
    column: number,
    endColumn: number,
  ): FrameIndex {
    return known(this.#frames, `${fn},${line},${endLine},${column},${endColumn}`, () =>
      this.#tables.addFrame({ function: fn, line, endLine, column, endColumn }),
    )
  }

  /** A frame of which only a place is known. */
  place({ qualname, file, firstLine = 0, line, column = NO_COLUMN }: Place): FrameIndex {
    return this.frame(this.function(qualname, file, firstLine), line, line, column, NO_COLUMN)
  }

  stack(parent: StackIndex, frame: FrameIndex): StackIndex {
    return known(this.#stacks, `${parent},${frame}`, () => this.#tables.addStack(parent, frame))
  }

  /** Frames of a stack; 0 for NO_STACK. */
  depthOf(stack: StackIndex): number {
    return this.#tables.depthOf(stack)
  }

  process(process: Process): ProcessIndex {
    return this.#processes.push(process) - 1
  }

  /** Replaces what is known of a process. */
  updateProcess(index: ProcessIndex, process: Process): void {
    this.#processes[index] = process
  }

  processAt(index: ProcessIndex): Process {
    return this.#processes[index]!
  }

  thread(thread: Thread): ThreadIndex {
    return this.#threads.push(thread) - 1
  }

  /** Adds a sample; those of a thread need not come in order of time. */
  sample(sample: Sample): void {
    this.#samples.push(sample)
  }

  get threads(): readonly Thread[] {
    return this.#threads
  }

  gap(gap: Gap): void {
    this.#gaps.push(gap)
  }

  finish(meta: Meta, accounting: Accounting): Profile {
    return {
      strings: this.#tables.strings,
      ...this.#tables.view(),
      processes: this.#processes,
      threads: this.#threads,
      samples: inThreadOrder(this.#samples.view()),
      gaps: this.#gaps.toSorted((a, b) => a.start - b.start),
      meta,
      accounting,
    }
  }

  #string(text: string): number {
    return known(this.#strings, text, () => this.#tables.strings.push(text) - 1)
  }
}

function known(rows: Map<string, number>, key: string, add: () => number): number {
  let row = rows.get(key)
  if (row === undefined) {
    row = add()
    rows.set(key, row)
  }
  return row
}
