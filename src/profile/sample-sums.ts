import { float64Column } from './column.ts'
import { gapCount } from './gaps.ts'
import { NO_CPU, type Profile, QUALITY, type Quality, type Reason } from './profile.ts'
import { type QualityCount, qualityCounts } from './quality-view.ts'
import { countAt, SampleColumns, sampleCount } from './sample-columns.ts'
import { ActivitySums } from './state-view.ts'
import { type Sum, sumByStack, type WeightTotals, waitingTasks } from './views.ts'

/** What a summary needs to know of samples. */
export interface SampleSums {
  readonly samples: number
  readonly gaps: number
  readonly quality: Readonly<Record<Quality, QualityCount>>
  readonly time: WeightTotals
  /** Of waiting tasks, whose time is in no other sum of time. */
  readonly waiting: Sum
  /** ns by stack, without the stacks below it; stacks at the end may be missing. */
  readonly ofStack: ArrayLike<number>
  /** Samples by thread; threads at the end may be missing. */
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

/** Adds up samples as they come, so that they need not be kept. */
export class RunningSums implements SampleSums {
  samples = 0
  gaps = 0
  quality: Record<Quality, QualityCount> = emptyCounts()
  time: WeightTotals = { total: 0, python: 0, empty: 0, missed: 0 }
  readonly waiting: Sum = { weight: 0, samples: 0 }
  readonly activity: ActivitySums = new ActivitySums()
  readonly #ofStack = float64Column()
  readonly #ofThread = float64Column()

  get ofStack(): ArrayLike<number> {
    return this.#ofStack.view()
  }

  get ofThread(): ArrayLike<number> {
    return this.#ofThread.view()
  }

  /** Adds all rows of a profile, whose tables may have grown since the last time. */
  add(profile: Profile): void {
    const { samples, gaps, stacks, threads } = profile
    this.samples += sampleCount(samples)
    this.gaps += gapCount(gaps)
    this.activity.add(profile)
    this.quality = addCounts(this.quality, qualityCounts(profile))
    const sums = sumByStack(profile)
    while (this.#ofStack.length < stacks.length) this.#ofStack.push(0)
    while (this.#ofThread.length < threads.length) this.#ofThread.push(0)
    const ofStack = this.#ofStack.view()
    const ofThread = this.#ofThread.view()
    let python = 0
    for (const stack of sums.used) {
      ofStack[stack]! += sums.weight[stack]!
      python += sums.weight[stack]!
    }
    for (let row = 0; row < samples.length; row++) {
      ofThread[samples.thread[row]!]! += countAt(samples, row)
    }
    const { weight: waited, samples: waits } = waitingTasks(profile)
    this.waiting.weight += waited
    this.waiting.samples += waits
    const empty = sums.empty.weight
    const missed = sums.missed.weight
    this.time = {
      total: this.time.total + (python + empty + missed),
      python: this.time.python + python,
      empty: this.time.empty + empty,
      missed: this.time.missed + missed,
    }
  }
}

function emptyCounts(): Record<Quality, QualityCount> {
  const entries = QUALITY.map((name) => [name, { samples: 0, weight: 0, reasons: {} }])
  return Object.fromEntries(entries) as Record<Quality, QualityCount>
}

function addCounts(
  a: Readonly<Record<Quality, QualityCount>>,
  b: Readonly<Record<Quality, QualityCount>>,
): Record<Quality, QualityCount> {
  const sums = QUALITY.map((name) => {
    const reasons: Partial<Record<Reason, number>> = { ...a[name].reasons }
    for (const [reason, samples] of Object.entries(b[name].reasons) as [Reason, number][]) {
      reasons[reason] = (reasons[reason] ?? 0) + samples
    }
    const weight = a[name].weight + b[name].weight
    return [name, { samples: a[name].samples + b[name].samples, weight, reasons }]
  })
  return Object.fromEntries(sums) as Record<Quality, QualityCount>
}
