import type { Quality, Reason, State } from '../profile/profile.ts'
import type { TaskState } from '../sampling/dump-addon.ts'
import type { Variable } from '../sampling/value.ts'

/** What `pyprof dump` shows: printed, and the same object as JSON. Documented in docs/dump.md. */
export interface Dump {
  readonly exporter: string
  /** ISO 8601. */
  readonly takenAt: string
  /** The one that was asked for first, then its descendants. */
  readonly processes: readonly DumpedProcess[]
}

export interface DumpedProcess {
  readonly pid: number
  readonly command: string
  readonly pythonVersion: string
  readonly read: 'live' | 'exact' | 'stop' | 'core'
  /** Why it was not read as asked. */
  readonly readChange: '' | 'no-gil' | 'core-not-allowed' | 'no-run-count'
  /** All of it is of one instant. */
  readonly proved: boolean
  /** How often it was read until it was. */
  readonly attempts: number
  /** What threads' `states` can tell of. */
  readonly states: readonly State[]
  readonly threads: readonly DumpedThread[]
  /** How many threads there are in all. */
  readonly threadCount: number
  /** Only with --async. */
  readonly tasks?: DumpedTasks
  /** Whether values were read, and how. */
  readonly locals: DumpedLocals | null
  /** Only with --core. */
  readonly core?: DumpedCore
  /** Why it could not be read; all the rest is empty then. */
  readonly error: DumpError | null
}

export interface DumpedLocals {
  /** They are of the same instant as the stacks; else some may be torn or from before and after. */
  readonly proved: boolean
  /** The limit of bytes or time was reached. */
  readonly limitReached: boolean
}

export interface DumpedCore {
  readonly file: string
  readonly executable: string
  /** The signal that ended the process; '' when there was none. */
  readonly signal: string
  /** Mapped files that were needed and could not be used. */
  readonly missing: readonly { readonly path: string; readonly replaced: boolean }[]
}

export interface DumpError {
  readonly code: string
  readonly what: string
  readonly why: string
  readonly hint: string
}

/** What a thread does, in one word; see docs/dump.md. */
export type Activity =
  | 'gc'
  | 'running'
  | 'holds-gil'
  | 'waits-for-gil'
  | 'in-c'
  | 'idle'
  | 'unknown'

export interface DumpedThread {
  /** As the process itself sees it. */
  readonly nativeId: number
  /** In the pid namespace of pyprof; null: not known. */
  readonly outerId: number | null
  /** threading.get_ident(). */
  readonly pythonId: number
  readonly interpreter: number
  readonly name: string
  readonly isMain: boolean
  readonly activity: Activity
  readonly states: readonly State[]
  readonly quality: Quality
  readonly reason: Reason
  /** How many frames there are in all. */
  readonly frameCount: number
  /** Innermost first. */
  readonly frames: readonly DumpedFrame[]
}

export interface DumpedFrame {
  /** Counted from the innermost one, 0. */
  readonly index: number
  /** Its qualified name; `<GC>` and the like are no functions and have no file. */
  readonly function: string
  readonly file: string
  /** 0: not known. Columns are bytes from 0 on; -1: not known. */
  readonly line: number
  readonly endLine: number
  readonly column: number
  readonly endColumn: number
  readonly firstLine: number
  /** The line of the file; null when it cannot be had. */
  readonly source: string | null
  /** The file was written after the process started: what is shown may not be what runs. */
  readonly sourceChanged: boolean
  /** Lines around it, with --frame. */
  readonly context?: readonly { readonly line: number; readonly text: string }[]
  /** Only with --locals; null when the frame could not be read. */
  readonly variables?: readonly Variable[] | null
  /** Names of a module or class body that are not in `variables`. */
  readonly omitted?: number
}

export interface DumpedTasks {
  /** Whether a thread runs an event loop. */
  readonly loopSeen: boolean
  /** A list of tasks could not be followed to its end. */
  readonly cut: boolean
  readonly tasks: readonly DumpedTask[]
}

export interface DumpedTask {
  readonly address: string
  readonly name: string
  readonly state: TaskState
  /** Native id of the thread that runs it or made it; null: that has ended. */
  readonly thread: number | null
  /** Its frames or its awaiters are not all known. */
  readonly partial: boolean
  /** Addresses of the tasks that await it. */
  readonly awaitedBy: readonly string[]
  /** Innermost first; of a running task, from its thread. */
  readonly frames: readonly DumpedFrame[]
}
