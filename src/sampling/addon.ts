import { createRequire } from 'node:module'
import { join } from 'node:path'
import { PyprofError } from '../errors.ts'
import { PACKAGE_ROOT } from '../package-root.ts'
import type {
  DescendantSource,
  Reading,
  ReadingChange,
  State,
  TaskScope,
} from '../profile/profile.ts'
import type { DumpAddon } from './dump-addon.ts'

/** New rows of the tables since the last drain. Field order and units as in profile.ts. */
export interface Batch {
  readonly strings: readonly string[]
  /** 3 per row: qualname, file (string indexes), first line. */
  readonly functions: Int32Array
  /** 5 per row: function, line, end line, column, end column. */
  readonly frames: Int32Array
  /** 2 per row: parent stack (-1: none), frame. */
  readonly stacks: Int32Array
  /** New processes, and those that have changed since they were announced; each is whole. */
  readonly processes: readonly NativeProcess[]
  readonly threads: readonly NativeThread[]
  /** Names that changed after the thread was announced. */
  readonly renamedThreads: readonly { readonly thread: number; readonly name: string }[]
  /** The columns of the samples, from here to `cpu`, are valid until the next drain. */
  readonly time: Float64Array
  readonly weight: Float64Array
  readonly thread: Int32Array
  readonly stack: Int32Array
  readonly quality: Uint8Array
  readonly reason: Uint8Array
  /** Bits by STATES. */
  readonly state: Uint8Array
  /** ns; NO_CPU where it was not measured. */
  readonly cpu: Float64Array
  /** 3 per row: start, duration, missed ticks. */
  readonly gaps: Float64Array
  readonly status: SamplerStatus
}

/** A process; its index counts from 0, the target. Times are ns since the start of the recording. */
export interface NativeProcess {
  readonly index: number
  readonly pid: number
  /** Index of the nearest process above it that has been announced; -1: none. */
  readonly parent: number
  /** As /proc/PID/cmdline has it; the name in brackets of a process that has none. */
  readonly commandLine: string
  /** '' until a Python was found in it. */
  readonly pythonVersion: string
  readonly start: number
  /** -1 as long as it goes on. */
  readonly end: number
  /** Why it cannot be read; '' when it can. */
  readonly unreadable: AttachErrorCode | ''
  readonly detail: string
}

export interface NativeThread {
  readonly process: number
  readonly nativeId: number
  readonly interpreter: number
  readonly name: string
  readonly isMain: boolean
  /** As Thread.waitingTasks. */
  readonly waitingTasks?: boolean
  /** As Thread.states. */
  readonly states?: readonly State[]
}

export type SamplerState = 'searching' | 'sampling' | 'ended'
export type NativeEndReason =
  | ''
  | 'duration'
  | 'stopped'
  | 'exited'
  | 'lost-access'
  | 'never-python'
  | 'not-python-after-exec'

export interface SamplerStatus {
  readonly state: SamplerState
  readonly endReason: NativeEndReason
  /** ns between the first tick's origin and the last tick. */
  readonly elapsed: number
  readonly ticks: number
  readonly missedTicks: number
  readonly gapTime: number
  readonly droppedSamples: number
  readonly execs: number
  /** CPU time of the sampling thread, ns. */
  readonly samplerCpu: number
  /** `3.14.10`, '' while searching. */
  readonly pythonVersion: string
  /** The reading in use; 'auto' while searching. */
  readonly read: Reading | 'auto'
  /** Why it is not the one that was asked for. */
  readonly readChange: ReadingChange
  /** Wake-ups that came late because the core was not given. */
  readonly lateTicks: number
  /** The states that samples tell of. */
  readonly states: readonly State[]
  /** Time in which sampling was disabled, ns, and how often it was; a pause counts when it is over. */
  readonly pausedTime: number
  readonly pauses: number
  /** Time in which ticks were taken, all processes read one after the other, ns. */
  readonly tickTime: number
  /** How descendants are found; '' when they are not followed. */
  readonly descendants: DescendantSource
  /** Whether a thread was seen to run an asyncio event loop; false unless tasks were asked for. */
  readonly loopSeen: boolean
  /** Why no supported Python was found so far; '' when one was. Codes as in AttachFailure. */
  readonly attachError: AttachErrorCode | ''
  readonly attachDetail: string
}

/** Why a process cannot be attached to. */
export type AttachErrorCode =
  | 'no-such-process'
  | 'permission'
  | 'not-python'
  | 'unsupported-version'
  | 'bad-layout'
  | 'not-started'
  /** Tasks were asked for, and this version of Python does not publish them. */
  | 'no-task-table'

/** What `probe` found: a readable Python, or the reason why not. */
export type Probe =
  | {
      readonly ok: true
      readonly version: string
      readonly runtimeAddress: string
      readonly freeThreaded: boolean
      /** Whether it takes scripts from a debugger (PEP 768); null: not in 3.13, or not readable. */
      readonly remoteDebugging: boolean | null
    }
  | { readonly ok: false; readonly code: AttachErrorCode; readonly detail: string }

export interface SamplerOptions {
  readonly pid: number
  /** Mean gap between two ticks, ns. */
  readonly interval: number
  /** ns, or 0 for no limit. Counts from the first tick. */
  readonly duration: number
  /** Keep looking for Python in the process instead of failing (a launched command). */
  readonly wait: boolean
  /** Samples that the native buffer holds between two drains. */
  readonly capacity: number
  /** Seed of the jitter. */
  readonly seed: number
  readonly read: Reading | 'auto'
  /** Share of a core (0.005 is half a percent) that 'auto' may take from the target. */
  readonly maxOverhead: number
  /** Record what threads were doing and the CPU time they used, and mark `<GC>`. */
  readonly states: boolean
  /** Mark with `<native>` where C code has called Python code. */
  readonly nativeMarkers: boolean
  /** Record the descendants of the process too; it need not be a Python itself then. */
  readonly follow?: boolean
  /** Stacks by asyncio task; without it they are those of threads. */
  readonly tasks?: TaskScope
  /** Begin paused, until `setEnabled`. */
  readonly disabled?: boolean
}

export interface NativeSampler {
  drain(): Batch
  /** Ends the loop and joins its thread; what was captured can still be drained. */
  stop(): void
  /**
   * Pauses or goes on, and returns when it is so, within a tick. A pause is in no sample and no gap.
   * @returns false when the recording has ended
   */
  setEnabled(enabled: boolean): boolean
  /** ns since the first Python was found; 0 before. */
  elapsed(): number
}

/** A thread of the main interpreter, and where a request to it is written; addresses are hex. */
export interface ExecThread {
  /** Its thread state. */
  readonly state: string
  /** Its id in our /proc; 0 when there is no such thread. */
  readonly tid: number
  readonly isMain: boolean
  /** A request waits to be taken, whoever made it. */
  readonly pending: boolean
  readonly pathAddress: string
  readonly pendingAddress: string
  readonly breakerAddress: string
}

/** What became of a request; as AskStatus and RequestState in native/exec/script_request.h. */
export type AskStatus =
  | 'asked'
  | 'off'
  | 'no-thread'
  | 'busy'
  | 'path-too-long'
  | 'write-failed'
  | 'disturbed'
export type RequestState = 'none' | 'waiting' | 'taken' | 'gone' | 'replaced'

/** A process that may be asked to run a script (PEP 768), one request at a time. */
export interface NativeExec {
  readonly version: string
  readonly runtimeAddress: string
  /** Bytes for the path of a script and a NUL; 0 where the version has no such interface. */
  readonly pathSize: number
  state(): 'on' | 'off' | 'unpublished' | 'unreadable'
  /** The newest first. */
  threads(): readonly ExecThread[]
  /** Writes a request; `errno` belongs to `write-failed`. */
  ask(state: string, path: string): { readonly status: AskStatus; readonly errno: number }
  look(): RequestState
  /** `none`: nothing waits any more. Whether the target had taken it just before cannot be told. */
  withdraw(): RequestState
}

/** Detail of a `not-python` whose memory would have to be searched to be sure: see `probeMany`. */
export const NOT_SEARCHED = 'memory not searched'

export interface Addon extends DumpAddon {
  probe(pid: number): Probe
  /**
   * Probes many processes by the files that they map, each file once: about 0.1 ms a process. Where
   * files do not tell, the answer is `not-python` with the detail NOT_SEARCHED.
   */
  probeMany(pids: readonly number[]): readonly Probe[]
  /** The processors that a sampler of this process could move to; empty: the kernel does not say. */
  reachableProcessors(): readonly number[]
  /** Reads only. Throws an Error whose `code` is an AttachErrorCode. */
  openExec(pid: number): NativeExec
  /** Starts sampling at once. Throws an Error whose `code` is an AttachErrorCode unless `wait`. */
  createSampler(options: SamplerOptions): NativeSampler
}

/** Directory names under prebuilds/ are `linux-x64`, `linux-arm64`, with `-musl` behind for musl. */
function prebuildName(): string {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  const libc = report.header?.glibcVersionRuntime === undefined ? '-musl' : ''
  return `${process.platform}-${process.arch}${libc}`
}

let loaded: Addon | undefined

/**
 * Loads the native addon: the local build first, so that a checkout never runs a stale prebuilt file.
 * @throws PyprofError code `addon-missing`
 */
export function loadAddon(): Addon {
  if (loaded) return loaded
  const require = createRequire(import.meta.url)
  // Which prebuilt one takes 10 ms to find out.
  const places = [
    () => join(PACKAGE_ROOT, 'build', 'Release', 'pyprof.node'),
    () => join(PACKAGE_ROOT, 'prebuilds', prebuildName(), 'pyprof.node'),
  ]
  const failures: string[] = []
  for (const place of places) {
    const path = place()
    try {
      loaded = require(path) as Addon
      return loaded
    } catch (error) {
      failures.push(error instanceof Error ? (error.message.split('\n')[0] ?? path) : String(error))
    }
  }
  throw new PyprofError({
    code: 'addon-missing',
    what: `pyprof's native part could not be loaded for ${prebuildName()}.`,
    why: failures.join('; '),
    hint: `Build it from a checkout: npm ci && npm run build`,
    exitCode: 3,
  })
}
