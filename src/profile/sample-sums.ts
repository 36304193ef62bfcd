import { grown } from './column.ts'
import { gapCount } from './gaps.ts'
import { NO_CPU, type Profile, type Quality } from './profile.ts'
import { type QualityCount, QualitySums } from './quality-view.ts'
import { countAt, SampleColumns, sampleCount } from './sample-columns.ts'
import { ActivitySums } from './state-view.ts'
import { StackSums, type Sum, totalsOf, type WeightTotals } from './views.ts'

/** What a summary needs to know of samples. */
export interface SampleSums {
  readonly samples: number
  readonly gaps: number
  readonly quality: Readonly<Record<Quality, QualityCount>>
  readonly time: WeightTotals
  /** Of waiting tasks, whose time is in no other sum of time. */
  readonly waiting: Sum
  /** ns by stack, without the stacks below it; there may be fewer rows than stacks, or more. */
  readonly ofStack: ArrayLike<number>
  /** Samples by thread; there may be fewer rows than threads, or more. */
  readonly ofThread: ArrayLike<number>
  readonly activity: ActivitySums
}

/** The profile with one sample for each stack that has time, which stands for all of its own. */
export function stackSamples(profile: Profile, { ofStack }: SampleSums): Profile {
  const samples = new SampleColumns()
  const thread = profile.threads.findIndex(({ waitingTasks }) => !waitingTasks)
  for (let stack = 0; stack < ofStack.length; stack++) {
    const weight = ofStack[stack]!
    if (weight === 0) continue
    const none = { time: 0, thread, quality: 0, reason: 0, state: 0, cpu: NO_CPU }
    samples.push({ ...none, weight, stack })
  }
  return { ...profile, samples: samples.view() }
}

/** Adds up the samples of a profile. */
export function sumSamples(profile: Profile): SampleSums {
  const sums = new RunningSums()
  sums.add(profile)
  return sums
}

/**
 * Adds up samples as they come, so that they need not be kept. A recorder does this for every
 * sample: one walk over the rows, and no number is handed over that is not an index.
 */
export class RunningSums implements SampleSums {
  samples = 0
  gaps = 0
  readonly waiting: Sum = { weight: 0, samples: 0 }
  readonly activity: ActivitySums = new ActivitySums()
  readonly #quality = new QualitySums()
  readonly #stacks = new StackSums(0)
  #ofThread = new Float64Array(0)

  get quality(): Record<Quality, QualityCount> {
    return this.#quality.counts()
  }

  get time(): WeightTotals {
    return totalsOf(this.#stacks)
  }

  get ofStack(): ArrayLike<number> {
    return this.#stacks.weight
  }

  get ofThread(): ArrayLike<number> {
    return this.#ofThread
  }

  /** Adds all rows of a profile, whose tables may have grown since the last time. */
  add({ samples, gaps, stacks, threads }: Profile): void {
    this.samples += sampleCount(samples)
    this.gaps += gapCount(gaps)
    this.activity.include(threads)
    this.#stacks.include(stacks.length)
    if (threads.length > this.#ofThread.length) {
      const room = Math.max(threads.length, this.#ofThread.length * 2)
      this.#ofThread = grown(this.#ofThread, new Float64Array(room))
    }
    const isWaiting = Uint8Array.from(threads, ({ waitingTasks }) => (waitingTasks ? 1 : 0))
    for (let row = 0; row < samples.length; row++) {
      const thread = samples.thread[row]!
      this.#ofThread[thread]! += countAt(samples, row)
      this.#quality.add(samples, row)
      this.activity.add(samples, row)
      if (isWaiting[thread] === 0) {
        this.#stacks.add(samples, row)
      } else {
        this.waiting.weight += samples.weight[row]!
        this.waiting.samples += countAt(samples, row)
      }
    }
  }
}
