import { basename } from 'node:path'
import type { EndReason } from '../../profile/profile.ts'
import type { Addon } from '../../sampling/addon.ts'
import { LaunchError, type LaunchedCommand, launch, signalStatus } from '../../sampling/launch.ts'
import { commandOf, PROC, quoteCommand } from '../../sampling/proc.ts'
import type { CommandContext } from '../context.ts'
import { Capture, type Captured, type CaptureOptions } from './capture.ts'
import { CONTROL_VARIABLE, ControlChannel, controlText } from './control.ts'
import { deliver } from './deliver.ts'
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
export async function record(options: RecordOptions, context: CommandContext): Promise<number> {
  const { target } = options
  const recording = new Recording(options, context)
  if (target.kind === 'attach') return recording.attach(target.pid)
  try {
    return await recording.launch(target.command)
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
  readonly #control: ControlChannel | undefined
  #isDelivered = false

  constructor(options: RecordOptions, context: CommandContext) {
    this.#options = options
    this.#context = context
    const outputs = planOutputs(options.outputs)
    const { target, rotation } = options
    const name = basename(target.kind === 'attach' ? String(target.pid) : (target.command[0] ?? ''))
    const say = (text: string) => context.writeErr(text)
    this.#plan = planRecording(outputs, rotation, name, say)
    this.#addon = context.loadAddon()
    this.#control = options.control && new ControlChannel(options.control, say)
  }

  async attach(pid: number): Promise<number> {
    const progress = this.#context.drawsProgress
      ? new Progress((text) => this.#context.writeErr(text))
      : undefined
    let capture: Capture
    try {
      capture = this.#capture({ pid, command: commandOf(PROC, pid), wait: false, progress })
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
      command = await launch(argv, this.#variables)
      over = Promise.race([command.ended, left])
      const { pid, ended } = command
      capture = this.#capture({
        pid,
        command: quoteCommand(argv),
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

  get #variables(): Record<string, string> {
    return this.#control ? { [CONTROL_VARIABLE]: controlText(this.#control.fifos) } : {}
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
    const capture = new Capture({
      isControlled: this.#control !== undefined,
      startsDisabled: this.#options.startsDisabled,
      run: this.#options.run,
      addon: this.#addon,
      exporter,
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
    this.#control?.serve(capture.controlled)
    return capture
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
    if (launched && OUTLIVED.has(captured.profile.meta.endReason)) {
      this.#context.writeErr(`The command goes on as process ${pid}; pyprof waits for its end.\n`)
    }
    return exitCode
  }
}
