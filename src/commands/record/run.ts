import { basename } from 'node:path'
import { durationText } from '../../duration.ts'
import { EXIT } from '../../errors.ts'
import { type Ending, type Guard, underPermission } from '../../policy/guard.ts'
import type { EndReason } from '../../profile/profile.ts'
import type { Redactor } from '../../redaction/redactor.ts'
import type { Addon } from '../../sampling/addon.ts'
import { LaunchError, type LaunchedCommand, launch, signalStatus } from '../../sampling/launch.ts'
import { commandOf, PROC, quoteCommand } from '../../sampling/proc.ts'
import type { CommandContext } from '../context.ts'
import { Capture, type Captured, type CaptureOptions } from './capture.ts'
import { deliver } from './deliver.ts'
import { planRun } from './dry-run.ts'
import { intentOf } from './intent.ts'
import type { RecordOptions } from './options.ts'
import { planOutputs } from './outputs.ts'
import { Progress } from './progress.ts'
import { planRecording, type RecordingPlan } from './recorder.ts'
import { deliverSoFar, keptLine } from './save-outputs.ts'
import { endOnSignal, passSignals, snapshotOnSignal } from './signals.ts'

/**
 * Records a target from its options to its files.
 * @returns the exit code
 * @throws PyprofError when nothing could be begun
 */
export async function record(
  options: RecordOptions,
  guard: Guard,
  context: CommandContext,
): Promise<number> {
  const { target } = options
  const intent = intentOf(options, guard)
  if (options.dryRun) {
    planRun(options, intent, guard, context.loadAddon(), context)
    return EXIT.done
  }
  const duration = intent.duration ?? 0
  const recording = new Recording({ ...options, duration }, guard, context)
  const permission = guard.authorize(intent)
  if (duration !== options.duration) {
    context.writeErr(`A policy ends the recording after ${durationText(duration)}.\n`)
  }
  const run = () =>
    target.kind === 'attach' ? recording.attach(target.pid) : recording.launch(target.command)
  try {
    return await underPermission(permission, run, () => recording.ending)
  } catch (error) {
    if (!(error instanceof LaunchError)) throw error
    context.report(error)
    return error.status
  }
}

/** Ends of a recording that a launched command outlives. */
const OUTLIVED: ReadonlySet<EndReason> = new Set<EndReason>([
  'duration',
  'lost-access',
  'not-python-after-exec',
])

class Recording {
  readonly #options: RecordOptions
  readonly #context: CommandContext
  #plan: RecordingPlan
  readonly #addon: Addon
  readonly #redactor: Redactor
  #ending: Ending = { result: 'failed', reason: '' }
  #isDelivered = false

  constructor(options: RecordOptions, guard: Guard, context: CommandContext) {
    this.#options = options
    this.#redactor = guard.profileRedactor
    this.#context = context
    const outputs = planOutputs(options.outputs)
    const { target, rotation } = options
    const name = basename(target.kind === 'attach' ? String(target.pid) : (target.command[0] ?? ''))
    const say = (text: string) => context.writeErr(text)
    this.#plan = planRecording(outputs, rotation, name, say)
    this.#addon = context.loadAddon()
  }

  /** For the audit log. */
  get ending(): Ending {
    return this.#ending
  }

  async attach(pid: number): Promise<number> {
    const progress = this.#context.drawsProgress
      ? new Progress((text) => this.#context.writeErr(text))
      : undefined
    const command = commandOf(PROC, pid, this.#redactor)
    const capture = this.#capture({ pid, command, wait: false, progress })
    const release = endOnSignal((signal) => capture.stop(signal))
    const releaseSnapshot = snapshotOnSignal(() => this.#snapshot(capture))
    try {
      return await this.#deliver(capture, pid, false)
    } finally {
      release()
      releaseSnapshot()
    }
  }

  /** The command's own status wins over pyprof's where it is not 0. */
  async launch(argv: readonly string[]): Promise<number> {
    let command: LaunchedCommand | undefined
    let capture: Capture | undefined
    let over: Promise<number> | undefined
    let leave: (status: number) => void
    const left = new Promise<number>((resolve) => {
      leave = resolve
    })
    const release = passSignals({
      forward: (signal) => command?.kill(signal),
      leave: (signal) => {
        capture?.stop(signal)
        leave(signalStatus(signal))
      },
    })
    const releaseSnapshot = snapshotOnSignal(() => this.#snapshot(capture))
    try {
      command = await launch(argv)
      over = Promise.race([command.ended, left])
      const { pid, ended } = command
      capture = this.#capture({
        pid,
        command: quoteCommand(this.#redactor.arguments(argv)),
        wait: true,
        progress: undefined,
      })
      void ended.then(() => capture?.stop('target-ended'))
      const exitCode = await this.#deliver(capture, pid, true)
      const status = await over
      return status === 0 ? exitCode : status
    } catch (error) {
      // Whatever is wrong with pyprof, the command keeps its terminal until it has ended.
      await over
      throw error
    } finally {
      release()
      releaseSnapshot()
    }
  }

  /** Writes what there is so far. Until there is something, and when it is over, there is no need. */
  #snapshot(capture: Capture | undefined): void {
    if (this.#isDelivered) return
    const profile = capture?.snapshot()
    this.#plan = deliverSoFar(profile, this.#plan, this.#options, this.#context)
  }

  #capture(target: Pick<CaptureOptions, 'pid' | 'command' | 'wait' | 'progress'>): Capture {
    const { rate, duration, read, maxOverhead, nativeMarkers, subprocesses, tasks } = this.#options
    const { exporter } = this.#context
    return new Capture({
      addon: this.#addon,
      exporter,
      redactor: this.#redactor,
      rate,
      duration,
      read,
      maxOverhead,
      nativeMarkers,
      view: this.#options,
      follow: subprocesses,
      tasks,
      recorder: this.#plan.streamed ?? this.#plan.spool,
      keepsSamples: this.#plan.atEnd.length > 0,
      ...target,
    })
  }

  async #deliver(capture: Capture, pid: number, launched: boolean): Promise<number> {
    const { format, choice, json, mode, idle } = this.#options
    const options = { pid, launched, format, choice, json, mode, idle }
    let captured: Captured
    let exitCode: number
    try {
      captured = await capture.ended
      this.#isDelivered = true
      exitCode = deliver(captured, this.#plan, options, this.#context)
    } catch (error) {
      this.#context.writeErr(keptLine(this.#plan))
      throw error
    }
    const { endReason } = captured.profile.meta
    this.#ending = { result: exitCode === EXIT.done ? 'done' : 'failed', reason: endReason }
    if (launched && OUTLIVED.has(endReason)) {
      this.#context.writeErr(`The command goes on as process ${pid}; pyprof waits for its end.\n`)
    }
    return exitCode
  }
}
