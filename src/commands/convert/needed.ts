import type { Format } from '../../formats/index.ts'
import type { ReadProfileOptions } from './read-profile.ts'

/**
 * What outputs need of the samples of recordings.
 * @param isOne whether it is one recording: of several, each sample is needed to judge chance by
 * @param isApart whether each sample is needed by itself, whatever the formats are
 */
export function neededOf(
  formats: readonly Format[],
  isOne: boolean,
  isApart: boolean,
): Pick<Required<ReadProfileOptions>, 'holds' | 'timeline'> {
  const isAny = (test: (format: Format) => boolean | undefined) => formats.some(test)
  const hasEstimates = isAny(({ isEstimate }) => isEstimate)
  const hasTimes = isAny(({ isSum, isEstimate }) => !isSum && !isEstimate)
  const timeline = hasTimes || isApart || (hasEstimates && !isOne)
  return { holds: hasEstimates ? 'estimates' : 'sums', timeline }
}
