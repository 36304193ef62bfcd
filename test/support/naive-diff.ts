import { tUpperTail } from '../../src/diff/statistics/distributions.ts'
import { falseDiscoveryAdjusted } from '../../src/diff/statistics/false-discovery.ts'
import type { Experiment } from './synthetic-runs.ts'

/**
 * What one would do without thinking: all samples of a side are one heap, each is independent, and
 * two shares are compared. It is kept to prove that the checks of the real method can fail.
 * @returns how many functions it calls changed
 */
export function naiveFindings({ counts, scale }: Experiment, q: number): number {
  const { baseRuns } = scale
  const sums = counts.map(
    (each) => [sum(each.slice(0, baseRuns)), sum(each.slice(baseRuns))] as const,
  )
  const [base, head] = [0, 1].map((side) => sum(sums.map((each) => each[side]!))) as [
    number,
    number,
  ]
  const probabilities = sums
    .filter(([a, b]) => (a + b) / (base + head) >= 0.005)
    .map(([a, b]) => {
      const pooled = (a + b) / (base + head)
      const error = Math.sqrt(pooled * (1 - pooled) * (1 / base + 1 / head))
      return 2 * tUpperTail(Math.abs(a / base - b / head) / error, Number.POSITIVE_INFINITY)
    })
  return falseDiscoveryAdjusted(probabilities).filter((each) => each <= q).length
}

function sum(values: ArrayLike<number>): number {
  return Array.from(values).reduce((a, b) => a + b, 0)
}
