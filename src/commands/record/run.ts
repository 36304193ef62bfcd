import { basename } from 'node:path'
import { durationText } from '../../duration.ts'
import { EXIT } from '../../errors.ts'
import type { FormatOptions } from '../../formats/index.ts'
import { type Ending, type Guard, underPermission } from '../../policy/guard.ts'
import type { EndReason } from '../../profile/profile.ts'
import type { Redactor } from '../../redaction/redactor.ts'
import type { Addon } from '../../sampling/addon.ts'
import { LaunchError, type LaunchedCommand, launch, signalStatus } from '../../sampling/launch.ts'
import { commandOf, PROC, quoteCommand } from '../../sampling/proc.ts'
import { Sources } from '../../sampling/sources.ts'
import type { CommandContext } from '../context.ts'
import { Capture, type Captured, type CaptureOptions } from './capture.ts'
import { CONTROL_VARIABLE, ControlChannel, controlText } from './control.ts'
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
  /** Once it is allowed to record. */
  #control: ControlChannel | undefined
  /** Only where an output shows sources. */
  readonly #sources: Sources | undefined
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
    this.#sources = outputs.some(({ format }) => format.options.includes('findSource'))
      ? new Sources(options.format.sourceRoot, this.#redactor)
      : undefined
  }

  /** For the audit log. */
  get ending(): Ending {
    return this.#ending
  }

  async attach(pid: number): Promise<number> {
    const progress = this.#context.drawsProgress
      ? new Progress((text) => this.#context.writeErr(text))
      : undefined
    this.#openControl()
    let capture: Capture
    try {
      const command = commandOf(PROC, pid, this.#redactor)
      capture = this.#capture({ pid, command, wait: false, progress })
    } catch (error) {
      this.#control?.close()
      throw error
    }
    const release = endOnSignal((signal) => capture.stop(signal))
    const releaseSnapshot = snapshotOnSignal(() => this.#snapshot(capture))
    try {
      return await this.#deliver(capture, pid, false)
    } finally {
      this.#control?.close()
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
      this.#openControl()
      command = await launch(argv, this.#variables, this.#options.isTalk)
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
      // Until then the command gets its answers, whatever has become of the recording.
      this.#control?.close()
      release()
      releaseSnapshot()
    }
  }

  #openControl(): void {
    const { control } = this.#options
    const say = (text: string) => this.#context.writeErr(text)
    this.#control = control && new ControlChannel(control, say, this.#redactor)
  }

  get #variables(): Record<string, string> {
    return this.#control ? { [CONTROL_VARIABLE]: controlText(this.#control.fifos) } : {}
  }

  /** Writes what there is so far. Until there is something, and when it is over, there is no need. */
  #snapshot(capture: Capture | undefined): void {
    if (this.#isDelivered) return
    const profile = capture?.snapshot()
    const options = { ...this.#options, format: this.#format() }
    this.#plan = deliverSoFar(profile, this.#plan, options, this.#context)
  }

  #capture(target: Pick<CaptureOptions, 'pid' | 'command' | 'wait' | 'progress'>): Capture {
    const { rate, duration, read, maxOverhead, nativeMarkers, subprocesses, tasks } = this.#options
    const { exporter } = this.#context
    // A short command may be over before anything is sampled.
    this.#sources?.note(0, target.pid)
    const control = this.#control
    const capture = new Capture({
      ...(control && { beforeEnd: () => control.drain() }),
      isControlled: control !== undefined,
      startsDisabled: this.#options.startsDisabled,
      run: this.#options.run,
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
      ...(this.#sources && { sources: this.#sources }),
      recorder: this.#plan.recorder,
      ...target,
    })
    control?.serve(capture.controlled)
    return capture
  }

  #format(): FormatOptions {
    const { format } = this.#options
    const sources = this.#sources
    return sources ? { ...format, findSource: sources.find.bind(sources) } : format
  }

  async #deliver(capture: Capture, pid: number, launched: boolean): Promise<number> {
    const { choice, json, mode, idle } = this.#options
    const format = this.#format()
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
    // Without a signal, `stop` of --control has ended it.
    const isStopped = endReason === 'interrupted' && captured.signal === null
    if (launched && (isStopped || OUTLIVED.has(endReason))) {
      this.#context.writeErr(`The command goes on as process ${pid}; pyprof waits for its end.\n`)
    }
    return exitCode
  }
}
