import type { State } from '../profile/profile.ts'
import type { AttachErrorCode } from './addon.ts'
import type { Variable } from './value.ts'

/** How much of a process's values is read; each is a bound, and what is beyond is said to be so. */
export interface ValueLimits {
  /** Containers in containers. */
  readonly depth: number
  /** Items of a container, attributes of an object. */
  readonly items: number
  /** Characters, bytes or digits of one value. */
  readonly text: number
  /** Of all values together, as they take in memory here. */
  readonly bytes: number
}

export interface NativeDumpOptions {
  /** A live process; 0 with `core`. */
  readonly pid: number
  /** Path of a core file. */
  readonly core?: string
  /** Path of the program for `core`; '': as the core names it. */
  readonly executable: string
  readonly read: 'live' | 'exact' | 'stop'
  readonly tasks: boolean
  /** Absent: no values are read. */
  readonly values?: ValueLimits | undefined
  /** Values of these threads only, by native id; empty: of all. */
  readonly threads: readonly number[]
  /** Values of this frame only, counted from the innermost one; -1: of all. */
  readonly frame: number
}

export interface NativeDumpFrame {
  /** Row of `frames`. */
  readonly frame: number
  readonly variables?: readonly Variable[]
  /** Names of a module or class body that were left out. */
  readonly omitted?: number
  readonly readable?: boolean
}

export interface NativeDumpThread {
  readonly nativeId: number
  /** In our own /proc; 0: not known. */
  readonly outerId: number
  readonly pythonId: number
  readonly interpreter: number
  readonly name: string
  readonly isMain: boolean
  /** It runs under the GIL of the main interpreter. */
  readonly mainGil: boolean
  /** Bits by STATES. */
  readonly state: number
  /** Indexes into QUALITY and REASONS. */
  readonly quality: number
  readonly reason: number
  /** Innermost first. */
  readonly frames: readonly NativeDumpFrame[]
}

export type TaskState = 'running' | 'suspended' | 'finished' | 'foreign' | 'broken'

export interface NativeDumpTask {
  readonly address: string
  readonly name: string
  readonly state: TaskState
  /** Index of the thread that made or runs it; -1: that has ended. */
  readonly thread: number
  readonly partial: boolean
  /** Indexes of tasks. */
  readonly awaitedBy: readonly number[]
  readonly frames: readonly NativeDumpFrame[]
}

/** What a core file says of itself. */
export interface NativeCore {
  readonly pid: number
  readonly command: string
  readonly signal: number
  readonly executable: string
  /** Mapped files that were needed and are not there, or are others by now. */
  readonly missing: readonly { readonly path: string; readonly replaced: boolean }[]
}

export type CoreErrorCode = 'core-unreadable' | 'not-a-core' | 'other-machine'

export interface NativeDumpFailure {
  readonly ok: false
  readonly code: AttachErrorCode | CoreErrorCode
  readonly detail: string
  readonly core?: NativeCore
}

/** Tables as in Batch of src/sampling/addon.ts. */
export interface NativeDumpTaken {
  readonly ok: true
  readonly version: string
  readonly read: 'live' | 'exact' | 'stop'
  readonly readChange: '' | 'no-gil' | 'core-not-allowed' | 'no-run-count'
  /** It is of one instant. */
  readonly proved: boolean
  readonly attempts: number
  readonly durationNs: number
  readonly limitReached: boolean
  readonly loopSeen: boolean
  readonly tasksCut: boolean
  readonly hasTaskTable: boolean
  readonly states: readonly State[]
  readonly strings: readonly string[]
  readonly functions: Int32Array
  readonly frames: Int32Array
  readonly threads: readonly NativeDumpThread[]
  readonly tasks: readonly NativeDumpTask[]
  readonly core?: NativeCore
}

export type NativeDump = NativeDumpTaken | NativeDumpFailure

/** The part of the addon that takes dumps. */
export interface DumpAddon {
  /** Takes one; blocks for two seconds at most, and nearly always for a few milliseconds. */
  dump(options: NativeDumpOptions): NativeDump
}
