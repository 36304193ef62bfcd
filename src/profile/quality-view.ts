import {
  type Profile,
  QUALITY,
  type Quality,
  REASONS,
  type Reason,
  type SampleTable,
} from './profile.ts'
import { countAt } from './sample-columns.ts'

/** How many samples of one quality, why, and how much time they stand for (ns). */
export interface QualityCount {
  readonly samples: number
  readonly weight: number
  /** Samples by reason, without `none` and without zeros. */
  readonly reasons: Readonly<Partial<Record<Reason, number>>>
}

/** Counts the samples by quality and reason. */
export function qualityCounts({ samples }: Profile): Record<Quality, QualityCount> {
  const sums = new QualitySums()
  for (let row = 0; row < samples.length; row++) sums.add(samples, row)
  return sums.counts()
}

/** Counts qualities and reasons as samples come, so that they need not be kept. */
export class QualitySums {
  /** Samples by quality and reason. */
  readonly #samples = new Float64Array(QUALITY.length * REASONS.length)
  /** ns by quality. */
  readonly #weight = new Float64Array(QUALITY.length)

  /** Adds one row of a sample table. */
  add(samples: SampleTable, row: number): void {
    const quality = samples.quality[row]!
    this.#samples[quality * REASONS.length + samples.reason[row]!]! += countAt(samples, row)
    this.#weight[quality]! += samples.weight[row]!
  }

  counts(): Record<Quality, QualityCount> {
    const entries = QUALITY.map((quality, index): [Quality, QualityCount] => {
      const row = this.#samples.subarray(index * REASONS.length, (index + 1) * REASONS.length)
      const reasons: Partial<Record<Reason, number>> = {}
      REASONS.forEach((reason, at) => {
        if (reason !== 'none' && row[at]! > 0) reasons[reason] = row[at]!
      })
      const samples = row.reduce((a, b) => a + b, 0)
      return [quality, { samples, weight: this.#weight[index]!, reasons }]
    })
    return Object.fromEntries(entries) as Record<Quality, QualityCount>
  }
}
