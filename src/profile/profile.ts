/**
 * The in-memory profile: columns, not objects. A sample refers to a stack, a stack to its parent and
 * a frame, a frame to a function, a function to strings; every reference is an index into a table.
 * Times are nanoseconds since the start of the recording, held in doubles (exact up to 104 days).
 */

export type StringIndex = number
export type FunctionIndex = number
export type FrameIndex = number
export type StackIndex = number
export type ThreadIndex = number
export type ProcessIndex = number

/** The stack of a thread without Python frames, and the parent of a root frame. */
export const NO_STACK = -1
/** A column that the location table does not give. Lines use 0 for the same. */
export const NO_COLUMN = -1
/** The parent of the target. */
export const NO_PROCESS = -1
/** A sample's CPU time where it was not measured. */
export const NO_CPU = -1
/** The time of a row that stands for samples of many instants; see ThinnedSamples. */
export const NO_TIME = -1

/** Read-only view of a numeric column; the producer may own a larger buffer behind it. */
export type Column = ArrayLike<number>

/** Functions; identity is (qualname, file, first line). */
export interface FunctionTable {
  readonly length: number
  readonly qualname: Column
  readonly file: Column
  /** Line of the `def`; 0 when unknown or for a marker such as `<truncated>`, whose file is ''. */
  readonly firstLine: Column
}

/** Places inside functions. Lines are 1-based (0: unknown), columns 0-based bytes (-1: unknown). */
export interface FrameTable {
  readonly length: number
  readonly function: Column
  readonly line: Column
  readonly endLine: Column
  readonly column: Column
  readonly endColumn: Column
}

/** The tree of (parent, frame) pairs; a parent always has a smaller index than its children. */
export interface StackTable {
  readonly length: number
  /** NO_STACK for a root. */
  readonly parent: Column
  readonly frame: Column
}

/**
 * A recorded process; the first one is the target, whether it is a Python or not, the others are
 * its descendants that are Pythons, or that could not be read. One that replaces itself by exec
 * stays the same process.
 */
export interface Process {
  /** As the profiler sees it. Ids are used again: two rows may have the same. */
  readonly pid: number
  /**
   * The nearest recorded process above it, a smaller index; NO_PROCESS for the target, and where the
   * parent is not recorded.
   */
  readonly parent: ProcessIndex
  /** Its command line, quoted for a shell; the last one that was seen, but for the target. */
  readonly command: string
  /** `3.14.10`; '' when it was never read. */
  readonly pythonVersion: string
  /** When it was first and last seen, ns since the start of the recording. */
  readonly start: number
  readonly end: number
  /** Why it could not be read, in one line; '' when it could. */
  readonly unreadable: string
}

export interface Thread {
  readonly process: ProcessIndex
  /** Native thread id as the target sees it; 0 when the thread has not set it yet. */
  readonly nativeId: number
  /** CPython's interpreter id; 0 is the main interpreter. */
  readonly interpreter: number
  /** Python's own name where it can be read, else the operating system's. */
  readonly name: string
  /** Main thread of the main interpreter. */
  readonly isMain: boolean
  /**
   * Not a thread but the suspended asyncio tasks of the thread with this id (0: of threads that have
   * ended). Each of its samples is one task, and there are many at one instant, so its time is the
   * waiting time of tasks: it is never part of the time of threads.
   */
  readonly waitingTasks?: boolean
  /** The states that its samples tell of; those of the recording when absent. */
  readonly states?: readonly State[]
}

/**
 * What a thread was doing; bit i of a sample's state is STATES[i]. `Thread.states` names those that
 * the samples of a thread tell of, `Meta.states` those that all do: a bit that is not named is 0 and
 * says nothing.
 */
export const STATES = [
  /** Ran on a core, or was ready to. */
  'cpu',
  /** Held the GIL. */
  'gil',
  /** Wanted the GIL, which another thread held. */
  'gil-wait',
  /** Collected garbage. */
  'gc',
  /** Handled an exception (CPython 3.15). */
  'exception',
] as const
export type State = (typeof STATES)[number]

/**
 * How far a sample can be trusted, from best to worst; the value is stored in the sample. `unknown`
 * is what another profiler took without saying so.
 */
export const QUALITY = ['exact', 'repaired', 'partial', 'missed', 'unknown'] as const
export type Quality = (typeof QUALITY)[number]

/** Why a sample is not exact; the value is stored in the sample, 0 means no reason. */
export const REASONS = [
  'none',
  /** A frame's memory could not be read. */
  'unreadable',
  /** The stack moved while it was read: a parent was already gone. */
  'moved',
  /** A generator or coroutine had yielded when its frame was read. */
  'yielded',
  /** The frame chain is longer than the reader's bound, or loops. */
  'truncated',
  /** A code object was freed before its name could be read. */
  'freed-code',
  /** The thread state was not a thread state any more. */
  'thread-gone',
  /** The process ended or was replaced by exec while it was read. */
  'process-gone',
  /** The chain holds together, but the thread may have moved while it was read. */
  'unproved',
  /** Sharing the core: the wake-up came late, so that blocking points are over-represented. */
  'late',
] as const
export type Reason = (typeof REASONS)[number]

/** One thread at one instant a row, in time order for each thread. */
export interface SampleTable {
  readonly length: number
  readonly time: Column
  /** The time the sample stands for, in ns: since the previous tick, less any recorded gap. */
  readonly weight: Column
  readonly thread: Column
  /** NO_STACK when the thread has no Python frames, or the sample was missed. */
  readonly stack: Column
  /** Index into QUALITY. */
  readonly quality: Column
  /** Index into REASONS. */
  readonly reason: Column
  /** Bits by STATES. */
  readonly state: Column
  /**
   * CPU time that the thread used since its last sample that has one, ns; NO_CPU when it was not
   * measured. The kernel counts the time of a running thread up to its last scheduler tick.
   */
  readonly cpu: Column
  /**
   * How many samples a row stands for, which are alike but for their time; `weight` and `cpu` are
   * those of all, and they lie behind one another from where the first began. Absent: one each, as it
   * is in all that has a time line.
   */
  readonly count?: Column
  /** At how many instants they were taken, where the times of the rows do not tell it any more. */
  readonly instants?: number
}

/** Samples that are not held, and come again as often as they are asked for. */
export interface TimeLine {
  /** All of them one after the other, each by itself; a table is valid until the next one. */
  tables(): Iterable<SampleTable>
  /** Makes of samples what `Profile.samples` holds beside a time line. */
  hold(tables: Iterable<SampleTable>): SampleTable
  /** None is earlier than the one before, of whatever thread. */
  readonly isInOrder: boolean
  /** Those outside have been left out. */
  readonly range: TimeRange
}

/** Time in which ticks were due but the profiler did not run. */
export interface Gap {
  readonly start: number
  readonly duration: number
  readonly missedTicks: number
  /**
   * How many gaps a row stands for; `duration` is that of all, and they lie behind one another from
   * where the first began. Absent: one.
   */
  readonly count?: number
}

/** What a sample weighs and which samples count; see modes.ts. Every recording is made in `wall`. */
export const MODES = ['wall', 'cpu', 'gil', 'exception'] as const
export type Mode = (typeof MODES)[number]
/** A part of the time, ns since the start of the recording: from `from` on, before `to`. */
export interface TimeRange {
  readonly from: number
  readonly to: number
}

export const ALL_TIME: TimeRange = { from: 0, to: Number.POSITIVE_INFINITY }

/** How the target is read: while it runs on, sharing its core, or stopped. */
export type Reading = 'live' | 'exact' | 'stop'

/** Why another reading was used than the one asked for; '' when it was not. */
export type ReadingChange =
  | ''
  | 'over-budget'
  | 'no-gil'
  | 'core-not-allowed'
  | 'no-run-count'
  | 'several-processes'

/** How descendants were found: by the kernel's events, or by looking; '' when not followed. */
export type DescendantSource = '' | 'events' | 'polling'

/** Whose stacks are joined by task: those of the running ones, or of the suspended ones too. */
export const TASK_SCOPES = ['running', 'all'] as const
export type TaskScope = (typeof TASK_SCOPES)[number]

/** Why a recording ended. */
export type EndReason =
  | 'duration'
  | 'exited'
  | 'interrupted'
  | 'lost-access'
  | 'never-python'
  | 'not-python-after-exec'
  /** It goes on in another file. */
  | 'rotated'
  /** It has not ended: pyprof is at it still, or was killed. */
  | 'unfinished'
  /** Another profiler took it and does not say. */
  | 'unknown'

/** What a program said with --control that it has done, added up by name. */
export interface Mark {
  readonly name: string
  /** When it said so first and last, ns since the start of the recording. */
  readonly first: number
  readonly last: number
  /** How many times it has done that. */
  readonly count: number
}

/** What was done to a recording by --control. */
export interface Control {
  /**
   * Time in which sampling was disabled, ns: neither in a sample nor in a gap. With the weights of
   * one thread and the gaps it makes the duration.
   */
  readonly pausedTime: number
  /** How often it was; a pause counts when it is over. */
  readonly pauses: number
  /** In the order of their first. */
  readonly marks: readonly Mark[]
}

/** The machine and the source of one run, where several are recorded to be compared. */
export interface RunFacts {
  /** As the processor calls itself. */
  readonly cpu: string
  /** The frequency governors in use; '' where the kernel does not tell. */
  readonly governor: string
  /** Mean number of processes that wanted to run in the minute before, at the start. */
  readonly load: number
  readonly kernel: string
  /** Git revision of the working folder; '' outside of a repository. */
  readonly revision: string
  /** Whether tracked files differ from it. */
  readonly isDirty: boolean
  /** Absent where nothing was run by turns. */
  readonly pair?: RunPair
}

/** Two runs, one of each side, that were made one right after the other, which first by lot. */
export interface RunPair {
  /** Tells the pairs of one `pyprof bench` from those of another. */
  readonly bench: string
  /** From 1 on, in the order of time. */
  readonly number: number
}

export interface Meta {
  /** `pyprof@version`. */
  readonly exporter: string
  readonly command: string
  readonly pythonVersion: string
  readonly mode: Mode
  /** The states that every sample tells of. */
  readonly states: readonly State[]
  /** The reading in use at the end, see docs/accuracy.md; `unknown` of another profiler. */
  readonly read: Reading | 'unknown'
  readonly readChange: ReadingChange
  readonly descendants: DescendantSource
  /** Stacks by asyncio task; without it they are those of threads. */
  readonly tasks?: {
    readonly scope: TaskScope
    /** Whether any thread ran an event loop. */
    readonly loopSeen: boolean
  }
  /** Requested rate in Hz; 0 when it is not known. */
  readonly rate: number
  /** Wall-clock start, milliseconds since the epoch; 0 when it is not known. */
  readonly startedAt: number
  /** Length of the recording in ns. */
  readonly duration: number
  readonly endReason: EndReason
  /** What was chosen of the recording; absent where the profile holds all of it. */
  readonly view?: View
  /** What kind of machine it was recorded on; absent where that is not known. */
  readonly machine?: string
  /** How often the program did what is measured, by its own marks; absent where nobody counted. */
  readonly iterations?: number
  /** What was done by --control; absent without it, and where it is not known of a part. */
  readonly control?: Control
  /** Absent unless a set of runs was recorded. */
  readonly run?: RunFacts
}

/** What a frame stands for: a line of a function, a function, or a module. */
export const GRANULARITIES = ['lines', 'functions', 'modules'] as const
export type Granularity = (typeof GRANULARITIES)[number]

/** What a filter did to the samples of a recording. */
export interface ViewStep {
  /** As on the command line: `--include`. */
  readonly option: string
  /** Its values as they were typed. */
  readonly patterns: readonly string[]
  /** Samples were left out, or their innermost frames folded into their callers. */
  readonly effect: 'removed' | 'folded'
  readonly samples: number
  /** ns. */
  readonly weight: number
  /** Those of the samples that were missed, so that nobody knows whether they should have stayed. */
  readonly missed: number
}

/** How a profile was chosen from a recording. */
export interface View {
  readonly granularity: Granularity
  /** What the filters did, in their order. */
  readonly steps: readonly ViewStep[]
}

/** What the sampler did, counted. */
export interface Accounting {
  /** Instants at which the target was read. */
  readonly ticks: number
  readonly missedTicks: number
  /** Total time of the gaps, in ns. */
  readonly gapTime: number
  /** Samples that did not fit the bounded buffer; their time is in no row. */
  readonly droppedSamples: number
  /** CPU time of the whole profiler process, in ns. */
  readonly profilerCpu: number
  /** Ticks at which sharing the core was asked for and the core came late. */
  readonly lateTicks: number
  /** Times that a process replaced itself by exec and was attached to again. */
  readonly execs: number
  /** Time from the begin to the end of all ticks, in which every process is read, in ns. */
  readonly tickTime: number
}

export interface Profile {
  readonly strings: readonly string[]
  readonly functions: FunctionTable
  readonly frames: FrameTable
  readonly stacks: StackTable
  readonly processes: readonly Process[]
  readonly threads: readonly Thread[]
  readonly samples: SampleTable
  /**
   * Where `samples` holds sums because there are too many to hold each: each by itself. Views change
   * both by `mapSamples`, and who needs a time line reads `sampleTables`.
   */
  readonly timeline?: TimeLine
  readonly gaps: readonly Gap[]
  readonly meta: Meta
  readonly accounting: Accounting
}
