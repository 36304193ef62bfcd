import type { PyprofError } from '../../errors.ts'
import { ProfileBuilder } from '../../profile/builder.ts'
import { type ModeOptions, requireStates } from '../../profile/modes.ts'
import type {
  EndReason,
  Mark,
  Process,
  Profile,
  Reading,
  RunFacts,
  TaskScope,
} from '../../profile/profile.ts'
import { RunningSums, type SampleSums } from '../../profile/sample-sums.ts'
import { MarkNames } from '../../redaction/mark-names.ts'
import type { Redactor } from '../../redaction/redactor.ts'
import type { Addon, NativeProcess, SamplerStatus } from '../../sampling/addon.ts'
import {
  attachFailureOf,
  explainAttachFailure,
  whyUnreadable,
} from '../../sampling/attach-failure.ts'
import { machineKind } from '../../sampling/machine.ts'
import { commandIn, PROC, readStatus } from '../../sampling/proc.ts'
import { BatchRedactor } from '../../sampling/redacted-batch.ts'
import { Session } from '../../sampling/session.ts'
import type { Sources } from '../../sampling/sources.ts'
import type { Controlled } from './control.ts'
import type { Progress } from './progress.ts'
import type { Recorder } from './recorder.ts'

export interface CaptureOptions {
  readonly addon: Addon
  readonly exporter: string
  readonly pid: number
  /** Without its secrets. */
  readonly command: string
  /** For whatever else is read of the target. */
  readonly redactor: Redactor
  /** Hz. */
  readonly rate: number
  /** ns, 0 for no limit. */
  readonly duration: number
  readonly read: Reading | 'auto'
  /** Share of a core that 'auto' may take from the target. */
  readonly maxOverhead: number
  readonly nativeMarkers: boolean
  /** What the recording will be shown as. */
  readonly view: ModeOptions
  /** Stacks by asyncio task, and of which; undefined: by thread. */
  readonly tasks: TaskScope | undefined
  /** Whether the target may still have to become a Python. */
  readonly wait: boolean
  /** Record the target's descendants too. */
  readonly follow: boolean
  /** Whether sampling is switched from outside, and whether it begins switched off. */
  readonly isControlled: boolean
  readonly startsDisabled: boolean
  /** Called before the recording's marks are counted for the last time. */
  readonly beforeEnd?: () => void
  /** Of a set of runs. */
  readonly run: RunFacts | undefined
  readonly progress: Progress | undefined
  /** Told of every process while it is there. */
  readonly sources?: Sources
  /** Where the recording goes while it is made. */
  readonly recorder: Recorder
}

export interface Captured {
  /** Of its samples the last ones only: the recorder has all. */
  readonly profile: Profile
  /** Of all samples. */
  readonly sums: SampleSums
  /** The signal that ended the recording, if one did. */
  readonly signal: NodeJS.Signals | null
  /** Why a launched command could not be read, when it never could. */
  readonly failure: PyprofError | undefined
}

/** Codes of failures that only say that the target is gone. */
const ENDED: ReadonlySet<string> = new Set(['no-such-process', 'zombie', 'not-started'])

/** Names of marks that a recording holds. */
const MAX_MARKS = 1000
const ENDED_ALREADY = 'the recording has ended'

/** What the death of pyprof may cost. */
const APPEND_INTERVAL_MS = 1000

/** A recording in progress: session, builder and progress line of one target. */
export class Capture {
  readonly ended: Promise<Captured>
  readonly #options: CaptureOptions
  readonly #builder = new ProfileBuilder()
  readonly #session: Session
  readonly #sums = new RunningSums()
  #recordedAt = performance.now()
  #status: SamplerStatus | undefined
  #startedAt: number | undefined
  #signal: NodeJS.Signals | null = null
  #targetEnded = false
  #failureCode = ''
  #failure: PyprofError | undefined
  /** What the first Python tells can be shown as asked for, or why it cannot. */
  #isSuitable = false
  #refusal: unknown
  /** Why processes could not be read, by index: asked while they are there. */
  readonly #unreadable: string[] = []
  readonly #marks = new Map<string, Mark>()
  readonly #markNames: MarkNames
  /** ns; only while the last marks are taken. */
  #endsAt: number | undefined
  readonly #commands: string[] = []

  /** @throws PyprofError when the target cannot be read, unless `wait` */
  constructor(options: CaptureOptions) {
    this.#options = options
    const { addon, pid, rate, duration, wait, read, maxOverhead, nativeMarkers, follow, tasks } =
      options
    const status = readStatus(PROC, pid)
    // A thread's id opens all of its process's files in /proc, and would be read like one.
    if (status && status.tgid !== pid) {
      throw explainAttachFailure({ pid, code: 'no-such-process', detail: '' })
    }
    const threads = status?.threads ?? 1
    const files = new BatchRedactor(options.redactor.file)
    this.#markNames = new MarkNames(options.redactor)
    try {
      this.#session = new Session({
        addon,
        pid,
        rate,
        duration,
        wait,
        read,
        maxOverhead,
        nativeMarkers,
        ...(tasks && { tasks }),
        threads,
        follow,
        disabled: options.startsDisabled,
        onBatch: (batch) => {
          this.#builder.add(files.redact(batch))
          for (const process of batch.processes) {
            this.#unreadable[process.index] = whyUnreadable(process)
            this.#commands[process.index] = commandIn(process.commandLine, options.redactor)
            options.sources?.note(process.index, process.pid)
          }
          this.#follow(batch.status)
          this.#check(batch.status)
        },
      })
    } catch (error) {
      const failure = attachFailureOf(pid, error)
      throw failure ? explainAttachFailure(failure) : error
    }
    this.ended = this.#session.ended.then((status) => this.#result(status))
  }

  /** Ends the recording because of a signal, or because a launched command has ended. */
  stop(reason: NodeJS.Signals | 'target-ended'): void {
    if (reason === 'target-ended') this.#targetEnded = true
    else this.#signal = reason
    this.#session.stop()
  }

  /** What --control may do. */
  readonly controlled: Controlled = {
    // Off is what it is when the recording has ended.
    enable: (enabled) => (this.#session.setEnabled(enabled) || !enabled ? '' : ENDED_ALREADY),
    mark: (name, count) => this.#mark(name, count),
    stop: () => {
      this.#session.stop()
      return ''
    },
  }

  #mark(name: string, count: number): string {
    const now = this.#session.elapsed() ?? this.#endsAt
    if (now === undefined) return ENDED_ALREADY
    const before = this.#marks.get(name)
    if (!before && this.#marks.size >= MAX_MARKS) return `more than ${MAX_MARKS} names of marks`
    const sum = (before?.count ?? 0) + count
    if (!Number.isSafeInteger(sum)) return 'the count is too large'
    this.#marks.set(name, {
      name: this.#markNames.of(name),
      first: before?.first ?? now,
      last: now,
      count: sum,
    })
    return ''
  }

  /**
   * Ends a recording at once that cannot be shown as asked for. A Python that comes later does not:
   * what was captured until then counts.
   */
  #check({ pythonVersion, states }: SamplerStatus): void {
    if (this.#isSuitable || this.#refusal || pythonVersion === '') return
    try {
      requireStates(this.#options.view, states, pythonVersion)
      this.#isSuitable = true
    } catch (error) {
      this.#refusal = error
      this.#session.stop()
    }
  }

  /** Brings the recorder up to now. @returns the profile so far, of its samples the last ones only */
  snapshot(): Profile | undefined {
    this.#session.pull()
    return this.#recordNow()
  }

  #recordNow(): Profile | undefined {
    const profile = this.#status && this.#profile(this.#status, 'unfinished')
    if (profile) this.#record(profile)
    return profile
  }

  #follow(status: SamplerStatus): void {
    const { progress, duration } = this.#options
    this.#status = status
    if (this.#startedAt === undefined && status.ticks > 0) {
      this.#startedAt = Date.now() - status.elapsed / 1e6
    }
    progress?.update(status, this.#builder.sampleCount, duration, performance.now())
    this.#noteFailure(status)
    const isDue = performance.now() - this.#recordedAt >= APPEND_INTERVAL_MS
    // The last append is made when it is known why the recording has ended.
    if (isDue && status.state !== 'ended') this.#recordNow()
  }

  /** Samples are on the disk from then on, and here are their sums. */
  #record(profile: Profile): void {
    this.#recordedAt = performance.now()
    this.#options.recorder.append(profile)
    this.#sums.add(profile)
    this.#builder.forgetSamples()
  }

  /** Explained while the process is there to be asked; that it has ended explains nothing. */
  #noteFailure({ attachError, attachDetail }: SamplerStatus): void {
    if (attachError === '' || attachError === this.#failureCode) return
    this.#failureCode = attachError
    const failure = { pid: this.#options.pid, code: attachError, detail: attachDetail }
    const explained = explainAttachFailure(failure)
    if (!ENDED.has(explained.code)) this.#failure = explained
  }

  #result(status: SamplerStatus): Captured {
    this.#options.progress?.erase()
    if (this.#refusal) throw this.#refusal
    this.#endsAt = status.elapsed
    this.#options.beforeEnd?.()
    this.#endsAt = undefined
    const profile = this.#profile(status, endReason(status, this.#targetEnded))
    this.#record(profile)
    return {
      profile,
      sums: this.#sums,
      signal: this.#signal,
      failure: status.pythonVersion === '' ? this.#failure : undefined,
    }
  }

  /** What there is so far. */
  #profile(status: SamplerStatus, endReason: EndReason): Profile {
    const { exporter, command, rate, tasks } = this.#options
    const cpu = process.cpuUsage()
    const meta = {
      exporter,
      command,
      pythonVersion: status.pythonVersion,
      mode: 'wall',
      states: status.states,
      // Until a Python is found no reading has been chosen, and nothing has been read.
      read: status.read === 'auto' ? 'live' : status.read,
      readChange: status.readChange,
      descendants: status.descendants,
      ...(tasks && { tasks: { scope: tasks, loopSeen: status.loopSeen } }),
      rate,
      startedAt: this.#startedAt ?? Date.now(),
      duration: status.elapsed,
      endReason,
      machine: machineKind(),
      ...(this.#options.isControlled && {
        control: {
          pausedTime: status.pausedTime,
          pauses: status.pauses,
          marks: [...this.#marks.values()],
        },
      }),
      // Iterations of different things make no sum.
      ...(this.#marks.size === 1 && { iterations: [...this.#marks.values()][0]!.count }),
      ...(this.#options.run && { run: this.#options.run }),
    } as const
    const processes = this.#builder.processes.map((each) => this.#process(each, status.elapsed))
    return this.#builder.build(meta, processes, (cpu.user + cpu.system) * 1000)
  }

  #process(
    { index, commandLine: _, end, detail, ...process }: NativeProcess,
    elapsed: number,
  ): Process {
    return {
      ...process,
      // The target's is the one that it was recorded for, whatever it has become since.
      command: index === 0 ? this.#options.command : (this.#commands[index] ?? ''),
      end: end < 0 ? elapsed : end,
      unreadable: this.#unreadable[index] ?? '',
    }
  }
}

function endReason(status: SamplerStatus, targetEnded: boolean): EndReason {
  if (status.endReason !== 'stopped' && status.endReason !== '') return status.endReason
  if (!targetEnded) return 'interrupted'
  return status.pythonVersion === '' ? 'never-python' : 'exited'
}
