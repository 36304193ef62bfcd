import type { SampleTable } from './profile.ts'
import { type Sample, SampleColumns, sampleAt } from './sample-columns.ts'

/** Whoever takes samples one by one and gives a table of them. */
export interface Holder {
  push(sample: Sample): void
  view(): SampleTable
}

/** Two million take 60 MB. */
const MOST = 1 << 21

/** Samples as they are up to a number of them, and of more what another holder makes of them. */
export class WholeSamples implements Holder {
  readonly #sums: Holder
  readonly #most: number
  #whole: SampleColumns | undefined = new SampleColumns()

  constructor(sums: Holder, most: number = MOST) {
    this.#sums = sums
    this.#most = most
  }

  push(sample: Sample): void {
    if (this.#whole && this.#whole.length >= this.#most) {
      const table = this.#whole.view()
      for (let row = 0; row < table.length; row++) this.#sums.push(sampleAt(table, row))
      this.#whole = undefined
    }
    const holder = this.#whole ?? this.#sums
    holder.push(sample)
  }

  /** Whether each sample is in the table by itself. */
  get isWhole(): boolean {
    return this.#whole !== undefined
  }

  view(): SampleTable {
    return (this.#whole ?? this.#sums).view()
  }
}
