import { onTestFinished } from 'vitest'
import { ProfileBuilder } from '../../src/profile/builder.ts'
import {
  type EndReason,
  type Meta,
  NO_STACK,
  type Profile,
  QUALITY,
  type Quality,
  REASONS,
  type Reason,
  STATES,
  type StackIndex,
  type State,
} from '../../src/profile/profile.ts'
import { NO_REDACTION } from '../../src/redaction/redactor.ts'
import {
  loadAddon,
  type NativeSampler,
  type SamplerOptions,
  type SamplerStatus,
} from '../../src/sampling/addon.ts'
import { commandIn } from '../../src/sampling/proc.ts'
import { still } from './process-state.ts'

export const NS_PER_S = 1e9
export const NS_PER_MS = 1e6

const DRAIN_INTERVAL_MS = 5
const PATIENCE_MS = 20_000
/** Seeds of the jitter, a new one each capture and the same ones each run. */
let nextSeed = 1

export interface CaptureOptions extends Partial<Omit<SamplerOptions, 'pid' | 'interval'>> {
  /** Hz; default 1000. */
  readonly rate?: number
}

/** One frame of a stack, with its names. */
export interface NamedFrame {
  readonly qualname: string
  readonly file: string
  readonly firstLine: number
  readonly line: number
  readonly endLine: number
  readonly column: number
  readonly endColumn: number
}

/** One row of the sample table, with its names. */
export interface NamedSample {
  readonly time: number
  readonly weight: number
  readonly thread: number
  readonly quality: Quality
  readonly reason: Reason
  readonly states: readonly State[]
  /** ns, NO_CPU where it was not measured. */
  readonly cpu: number
  /** Root first; empty for a thread without Python frames and for a missed sample. */
  readonly frames: readonly NamedFrame[]
  /** Function names root first, with `;` between. */
  readonly text: string
}

/** A running sampler of one process, drained while a test waits for something. */
export class Capture {
  readonly #sampler: NativeSampler
  readonly #builder = new ProfileBuilder()
  readonly #rate: number
  #status!: SamplerStatus

  /** Sampling begins at once. @throws Error whose `code` is an AttachErrorCode unless `wait` */
  constructor(pid: number, options: CaptureOptions = {}) {
    const { rate = 1000, ...native } = options
    this.#rate = rate
    this.#sampler = loadAddon().createSampler({
      pid,
      interval: NS_PER_S / rate,
      duration: 0,
      wait: false,
      capacity: 1 << 20,
      seed: nextSeed++,
      read: 'live',
      maxOverhead: 1,
      states: false,
      nativeMarkers: false,
      ...native,
    })
    this.drain()
  }

  get status(): SamplerStatus {
    return this.#status
  }

  /** Takes what the sampler has, and gives back how many samples that was. */
  drain(): number {
    const before = this.#builder.sampleCount
    const batch = this.#sampler.drain()
    this.#builder.add(batch)
    this.#status = batch.status
    return this.#builder.sampleCount - before
  }

  /** Drains until the condition holds. @throws Error when it does not come to hold */
  async until(what: string, holds: () => boolean): Promise<void> {
    const giveUp = Date.now() + PATIENCE_MS
    while (!holds()) {
      if (Date.now() > giveUp) throw new Error(`Waited in vain: ${what}. ${this.#describe()}`)
      await new Promise((resolve) => setTimeout(resolve, DRAIN_INTERVAL_MS))
      this.drain()
    }
  }

  /** Waits for so many more instants at which the target was read. */
  async ticks(count: number): Promise<void> {
    this.drain()
    const wanted = this.#status.ticks + count
    await this.until(`${count} ticks`, () => {
      if (this.#status.ticks < wanted && this.#status.state === 'ended') {
        throw new Error(`The sampler ended too early. ${this.#describe()}`)
      }
      return this.#status.ticks >= wanted
    })
  }

  /** Waits for the sampler to end of itself. */
  async ended(): Promise<SamplerStatus> {
    await this.until('the end', () => this.#status.state === 'ended')
    this.drain()
    return this.#status
  }

  stop(): void {
    this.#sampler.stop()
    this.drain()
  }

  /** What was captured so far. */
  profile(): Profile {
    const { endReason, elapsed, pythonVersion, read, readChange, states } = this.#status
    const meta: Meta = {
      exporter: 'pyprof@test',
      command: 'test',
      pythonVersion,
      mode: 'wall',
      states,
      read: read === 'auto' ? 'live' : read,
      readChange,
      descendants: this.#status.descendants,
      rate: this.#rate,
      startedAt: 0,
      duration: elapsed,
      endReason: profileReason(endReason),
    }
    const processes = this.#builder.processes.map(
      ({ index: _, commandLine, detail, end, ...process }) => ({
        ...process,
        command: commandIn(commandLine, NO_REDACTION),
        end: end < 0 ? elapsed : end,
      }),
    )
    return this.#builder.build(meta, processes, 0)
  }

  /** The samples so far, with names; of one thread when one is given. */
  samples(thread?: number): NamedSample[] {
    const profile = this.profile()
    return namedSamples(profile).filter(
      (sample) => thread === undefined || sample.thread === thread,
    )
  }

  #describe(): string {
    return `Last status: ${JSON.stringify(this.#status)}`
  }
}

/** Starts sampling a process; the end of the test stops it. */
export function startCapture(pid: number, options: CaptureOptions = {}): Capture {
  const capture = new Capture(pid, options)
  onTestFinished(() => capture.stop())
  return capture
}

/** Samples a process in which all threads wait, a number of times, and stops. */
export async function captureStill(
  pid: number,
  ticks: number,
  options: CaptureOptions = {},
): Promise<Capture> {
  await still(pid)
  return captureTicks(pid, ticks, options)
}

/** Waits until a process has come back from a function, by which it says that it is in position. */
export async function past(pid: number, qualname: string): Promise<void> {
  const capture = new Capture(pid, { rate: 100, read: 'stop' })
  const stillIn = () =>
    capture
      .samples()
      .at(-1)
      ?.frames.some((frame) => frame.qualname === qualname) ?? true
  try {
    await capture.until(`the process to be past ${qualname}`, () => !stillIn())
  } finally {
    capture.stop()
  }
}

/** Samples a process a number of times and stops. */
export async function captureTicks(
  pid: number,
  ticks: number,
  options: CaptureOptions = {},
): Promise<Capture> {
  const capture = startCapture(pid, options)
  await capture.ticks(ticks)
  capture.stop()
  return capture
}

/** All samples of a profile, with names. */
export function namedSamples(profile: Profile): NamedSample[] {
  const { samples } = profile
  const named = new Map<StackIndex, Pick<NamedSample, 'frames' | 'text'>>()
  return Array.from({ length: samples.length }, (_, row) => {
    const stack = samples.stack[row]!
    let names = named.get(stack)
    if (!names) {
      const frames = stackFrames(profile, stack)
      names = { frames, text: frames.map(({ qualname }) => qualname).join(';') }
      named.set(stack, names)
    }
    return {
      time: samples.time[row]!,
      weight: samples.weight[row]!,
      thread: samples.thread[row]!,
      quality: QUALITY[samples.quality[row]!]!,
      reason: REASONS[samples.reason[row]!]!,
      states: STATES.filter((_, bit) => (samples.state[row]! & (1 << bit)) !== 0),
      cpu: samples.cpu[row]!,
      ...names,
    }
  })
}

/** The frames of a stack, root first. */
export function stackFrames(profile: Profile, stack: StackIndex): NamedFrame[] {
  const { strings, functions, frames, stacks } = profile
  const found: NamedFrame[] = []
  for (let at = stack; at !== NO_STACK; at = stacks.parent[at]!) {
    const frame = stacks.frame[at]!
    const fn = frames.function[frame]!
    found.push({
      qualname: strings[functions.qualname[fn]!]!,
      file: strings[functions.file[fn]!]!,
      firstLine: functions.firstLine[fn]!,
      line: frames.line[frame]!,
      endLine: frames.endLine[frame]!,
      column: frames.column[frame]!,
      endColumn: frames.endColumn[frame]!,
    })
  }
  return found.reverse()
}

/** How many samples there are of each text, stack or quality. */
export function tally(items: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const item of items) counts[item] = (counts[item] ?? 0) + 1
  return counts
}

function profileReason(reason: SamplerStatus['endReason']): EndReason {
  return reason === '' || reason === 'stopped' ? 'interrupted' : reason
}
