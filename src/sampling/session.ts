import { randomInt } from 'node:crypto'
import type { Addon, Batch, NativeSampler, SamplerOptions, SamplerStatus } from './addon.ts'

/** Often enough for a smooth progress line and small batches, rare enough to cost nothing. */
const DRAIN_INTERVAL_MS = 100
const NS_PER_S = 1e9

/** A garbage collection, a slow disk or a busy machine may keep Node from draining this long. */
const BUFFERED_SECONDS = 5
/** The number of threads to expect when fewer are there at the start. */
const EXPECTED_THREADS = 32
/** The same where processes may come, each with threads of its own. */
const EXPECTED_THREADS_OF_A_TREE = 256
const MIN_CAPACITY = 1 << 16
/** About 73 MB of native memory at 35 bytes a sample. */
const MAX_CAPACITY = 1 << 21

export interface SessionOptions {
  readonly addon: Addon
  readonly pid: number
  /** Hz. */
  readonly rate: number
  /** ns, or 0 for no limit. */
  readonly duration: number
  /** Keep looking for Python in the process instead of failing. */
  readonly wait: boolean
  readonly read: SamplerOptions['read']
  /** Share of a core that 'auto' may take from the target. */
  readonly maxOverhead: number
  /** Mark with `<native>` where C code has called Python code. */
  readonly nativeMarkers: boolean
  /** Stacks by asyncio task; without it they are those of threads. */
  readonly tasks?: SamplerOptions['tasks']
  /** Threads of the target when the recording starts, as far as known. */
  readonly threads: number
  /** Record the descendants too. */
  readonly follow: boolean
  /** Begin without sampling, until it is enabled. */
  readonly disabled?: boolean
  /** Receives every batch in order. */
  readonly onBatch: (batch: Batch) => void
}

/**
 * How many samples the native buffer must hold so that a pause of Node loses none. How many suspended
 * tasks there are is not known.
 */
export function bufferCapacity(
  rate: number,
  threads: number,
  follow = false,
  tasks?: SamplerOptions['tasks'],
): number {
  if (tasks === 'all') return MAX_CAPACITY
  const expected = follow ? EXPECTED_THREADS_OF_A_TREE : EXPECTED_THREADS
  const wanted = Math.ceil(rate * Math.max(threads, expected) * BUFFERED_SECONDS)
  return Math.min(MAX_CAPACITY, Math.max(MIN_CAPACITY, wanted))
}

/** Pulls batches from a running sampler until it has ended and nothing is left in its buffer. */
export class Session {
  /** The sampler's last status; rejects when draining fails. */
  readonly ended: Promise<SamplerStatus>
  readonly #sampler: NativeSampler
  readonly #onBatch: (batch: Batch) => void
  readonly #timer: NodeJS.Timeout
  #done = false
  #resolve!: (status: SamplerStatus) => void
  #reject!: (error: unknown) => void

  /** Sampling begins at once. @throws Error whose `code` is an AttachErrorCode unless `wait` */
  constructor(options: SessionOptions) {
    this.#sampler = options.addon.createSampler({
      pid: options.pid,
      interval: NS_PER_S / options.rate,
      duration: options.duration,
      wait: options.wait,
      capacity: bufferCapacity(options.rate, options.threads, options.follow, options.tasks),
      seed: randomInt(2 ** 32),
      read: options.read,
      maxOverhead: options.maxOverhead,
      states: true,
      nativeMarkers: options.nativeMarkers,
      follow: options.follow,
      disabled: options.disabled ?? false,
      ...(options.tasks && { tasks: options.tasks }),
    })
    this.#onBatch = options.onBatch
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#timer = setInterval(() => this.#pull(), DRAIN_INTERVAL_MS)
  }

  /** Ends sampling; what was captured is still drained. Does nothing when it has ended already. */
  stop(): void {
    if (this.#done) return
    this.#guarded(() => {
      this.#sampler.stop()
      this.#finish()
    })
  }

  /** Switches sampling on or off. @returns false when the recording has ended */
  setEnabled(enabled: boolean): boolean {
    return !this.#done && this.#sampler.setEnabled(enabled)
  }

  /** ns since the start of the recording; undefined when it has ended. */
  elapsed(): number | undefined {
    return this.#done ? undefined : this.#sampler.elapsed()
  }

  /** Drains now what is there, besides ten times a second. Does nothing when it has ended. */
  pull(): void {
    if (!this.#done) this.#pull()
  }

  #pull(): void {
    this.#guarded(() => {
      const batch = this.#drain()
      if (batch.status.state === 'ended') this.#finish()
    })
  }

  #finish(): void {
    let batch = this.#drain()
    while (batch.time.length > 0) batch = this.#drain()
    this.#done = true
    clearInterval(this.#timer)
    this.#resolve(batch.status)
  }

  #drain(): Batch {
    const batch = this.#sampler.drain()
    this.#onBatch(batch)
    return batch
  }

  #guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#done = true
      clearInterval(this.#timer)
      this.#reject(error)
    }
  }
}
