import { type Profile, QUALITY, type Quality, REASONS, type Reason } from './profile.ts'
import { countAt } from './sample-columns.ts'

/** How many samples of one quality, why, and how much time they stand for (ns). */
export interface QualityCount {
  readonly samples: number
  readonly weight: number
  /** Samples by reason, without `none` and without zeros. */
  readonly reasons: Readonly<Partial<Record<Reason, number>>>
}

/** Counts the samples by quality and reason. */
export function qualityCounts(profile: Profile): Record<Quality, QualityCount> {
  const { samples } = profile
  const count = new Float64Array(QUALITY.length * REASONS.length)
  const weight = new Float64Array(QUALITY.length)
  for (let row = 0; row < samples.length; row++) {
    const quality = samples.quality[row]!
    count[quality * REASONS.length + samples.reason[row]!]! += countAt(samples, row)
    weight[quality]! += samples.weight[row]!
  }
  const entries = QUALITY.map((quality, index): [Quality, QualityCount] => {
    const row = count.subarray(index * REASONS.length, (index + 1) * REASONS.length)
    const reasons: Partial<Record<Reason, number>> = {}
    REASONS.forEach((reason, at) => {
      if (reason !== 'none' && row[at]! > 0) reasons[reason] = row[at]!
    })
    return [quality, { samples: row.reduce((a, b) => a + b, 0), weight: weight[index]!, reasons }]
  })
  return Object.fromEntries(entries) as Record<Quality, QualityCount>
}
