import { NO_CPU } from '../../src/profile/profile.ts'
import type {
  Addon,
  AttachErrorCode,
  Batch,
  NativeProcess,
  NativeSampler,
  SamplerOptions,
  SamplerStatus,
} from '../../src/sampling/addon.ts'

export const SAMPLING: SamplerStatus = {
  state: 'sampling',
  endReason: '',
  elapsed: 0,
  ticks: 0,
  missedTicks: 0,
  gapTime: 0,
  droppedSamples: 0,
  execs: 0,
  samplerCpu: 0,
  pythonVersion: '3.14.0',
  read: 'live',
  readChange: '',
  lateTicks: 0,
  states: [],
  pausedTime: 0,
  pauses: 0,
  tickTime: 0,
  descendants: '',
  loopSeen: false,
  attachError: '',
  attachDetail: '',
}

/** The target of a recording. */
export const PROCESS: NativeProcess = {
  index: 0,
  pid: 42,
  parent: -1,
  commandLine: 'python3\0app.py\0',
  pythonVersion: '3.14.0',
  start: 0,
  end: -1,
  unreadable: '',
  detail: '',
}

/** A batch with nothing new in it, but for what is given. */
export function batchOf(parts: Partial<Omit<Batch, 'status'>>, status = SAMPLING): Batch {
  return {
    strings: [],
    functions: new Int32Array(),
    frames: new Int32Array(),
    stacks: new Int32Array(),
    processes: [],
    threads: [],
    renamedThreads: [],
    time: new Float64Array(),
    weight: new Float64Array(),
    thread: new Int32Array(),
    stack: new Int32Array(),
    quality: new Uint8Array(),
    reason: new Uint8Array(),
    state: new Uint8Array(parts.time?.length ?? 0),
    cpu: new Float64Array(parts.time?.length ?? 0).fill(NO_CPU),
    gaps: new Float64Array(),
    ...parts,
    status,
  }
}

/** One thread that is in `work` (line 7), called by `<module>`, at so many ticks of 10 ms. */
export function workBatch(ticks: number, status: Partial<SamplerStatus> = {}): Batch {
  const elapsed = ticks * 10e6
  return batchOf(
    {
      strings: ['<module>', '/srv/app.py', 'work'],
      functions: Int32Array.of(0, 1, 1, 2, 1, 5),
      frames: Int32Array.of(0, 12, 12, 0, 6, 1, 7, 7, 4, 9),
      stacks: Int32Array.of(-1, 0, 0, 1),
      processes: [PROCESS],
      threads: [{ process: 0, nativeId: 42, interpreter: 0, name: 'MainThread', isMain: true }],
      time: Float64Array.from({ length: ticks }, (_, tick) => (tick + 1) * 10e6),
      weight: new Float64Array(ticks).fill(10e6),
      thread: new Int32Array(ticks),
      stack: new Int32Array(ticks).fill(1),
      quality: new Uint8Array(ticks),
      reason: new Uint8Array(ticks),
    },
    { ...SAMPLING, elapsed, ticks, ...status },
  )
}

/** An addon whose sampler hands out the given batches, one a drain, and then repeats its status. */
export class FakeAddon implements Addon {
  options: SamplerOptions | undefined
  drains = 0
  stops = 0
  readonly switches: boolean[] = []
  readonly #batches: Batch[]
  readonly #failure: { code: AttachErrorCode; detail: string } | undefined
  #status: SamplerStatus = { ...SAMPLING, state: 'searching', pythonVersion: '' }

  constructor(batches: readonly Batch[], failure?: { code: AttachErrorCode; detail: string }) {
    this.#batches = [...batches]
    this.#failure = failure
  }

  probe(): never {
    throw new Error('A recording does not probe.')
  }

  probeMany(): never {
    throw new Error('A recording does not probe.')
  }

  reachableProcessors(): never {
    throw new Error('A recording does not ask for processors.')
  }

  openExec(): never {
    throw new Error('A recording runs nothing in its target.')
  }

  dump(): never {
    throw new Error('A recording takes no dump.')
  }

  createSampler(options: SamplerOptions): NativeSampler {
    this.options = options
    if (this.#failure && !options.wait) {
      throw Object.assign(new Error(this.#failure.detail), { code: this.#failure.code })
    }
    return {
      drain: () => {
        this.drains++
        const batch = this.#batches.shift() ?? batchOf({}, this.#status)
        const isStopped = this.stops > 0 && batch.status.state !== 'ended'
        this.#status = isStopped
          ? { ...batch.status, state: 'ended', endReason: 'stopped' }
          : batch.status
        return { ...batch, status: this.#status }
      },
      stop: () => {
        this.stops++
      },
      setEnabled: (enabled) => {
        this.switches.push(enabled)
        return this.#status.state !== 'ended'
      },
      elapsed: () => this.#status.elapsed,
    }
  }
}
