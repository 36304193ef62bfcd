import { FoldedSamples } from './folded-samples.ts'
import { NO_TIME, type SampleTable } from './profile.ts'
import { type Sample, SampleColumns, sampleAt } from './sample-columns.ts'

/** Two million say as much of chance as ten times as many do, and take 50 MB. */
const MOST_IN_TIME = 1 << 21

/**
 * A sample table that stays bounded by stacks, however long it gets, and still tells how the samples
 * followed each other. All are in it as they are up to a limit. From then on only those of every
 * second instant, of every fourth, and so on have a row of their own; the others are folded into rows
 * without a time behind them, so that sums stay what they are.
 */
export class ThinnedSamples {
  readonly #most: number
  #inTime = new SampleColumns()
  readonly #folded = new FoldedSamples()
  /** How many instants there are to one whose samples have rows of their own. */
  #step = 1
  #instants = 0
  #now: number | undefined

  constructor(most: number = MOST_IN_TIME) {
    this.#most = most
  }

  push(sample: Sample): void {
    if (sample.time !== this.#now) {
      // Between two instants, so that none is torn apart.
      if (this.#inTime.length >= this.#most) this.#thin()
      this.#instants++
      this.#now = sample.time
    }
    const isKept = (this.#instants - 1) % this.#step === 0
    if (isKept) this.#inTime.push(sample)
    else this.#folded.push(sample)
  }

  view(): SampleTable {
    const instants = this.#instants
    const folded = this.#folded.view()
    if (folded.length === 0) return { ...this.#inTime.view(), instants }
    const all = new SampleColumns()
    const inTime = this.#inTime.view()
    for (let row = 0; row < inTime.length; row++) all.push(sampleAt(inTime, row))
    for (let row = 0; row < folded.length; row++) {
      all.push({ ...sampleAt(folded, row), time: NO_TIME })
    }
    return { ...all.view(), instants }
  }

  /** Keeps every second of the instants that were kept. */
  #thin(): void {
    const all = this.#inTime.view()
    this.#inTime = new SampleColumns()
    let isKept = false
    for (let row = 0; row < all.length; row++) {
      if (row === 0 || all.time[row] !== all.time[row - 1]) isKept = !isKept
      const sample = sampleAt(all, row)
      if (isKept) this.#inTime.push(sample)
      else this.#folded.push(sample)
    }
    this.#step *= 2
  }
}
