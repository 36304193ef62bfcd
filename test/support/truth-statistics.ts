/**
 * Bounds of the truth tests. Each is exceeded by chance once in a million times, so that a suite of
 * some hundred comparisons fails for a defect and not for bad luck.
 */
export const ALPHA = 1e-6

/**
 * The most events that chance brings among n independent samples when each is one with probability
 * p: the smallest count whose upper binomial tail is at most ALPHA. A count above it proves a true
 * share above p (Clopper-Pearson, one side).
 */
export function mostOf(n: number, p: number): number {
  let logTerm = n * Math.log1p(-p)
  let below = Math.exp(logTerm)
  let count = 0
  while (1 - below > ALPHA && count < n) {
    logTerm += Math.log(((n - count) / (count + 1)) * (p / (1 - p)))
    below += Math.exp(logTerm)
    count++
  }
  return count
}

/** Two-sided quantile of Student's t at ALPHA (Cornish-Fisher expansion; good from 15 degrees on). */
export function studentQuantile(degrees: number): number {
  const z = 4.8916 // of the normal distribution at 1 - ALPHA / 2
  const z3 = z ** 3
  const z5 = z ** 5
  const z7 = z ** 7
  const second = (5 * z5 + 16 * z3 + 3 * z) / 96
  const third = (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / 384
  return z + (z3 + z) / (4 * degrees) + second / degrees ** 2 + third / degrees ** 3
}

/** A mean of batch means, and what is known of its error. */
export interface Estimate {
  readonly mean: number
  /** Variance of the mean, from the spread of the batches: samples near in time are not independent. */
  readonly variance: number
  readonly batches: number
}

export function estimate(batches: readonly number[]): Estimate {
  const count = batches.length
  const mean = batches.reduce((sum, value) => sum + value, 0) / count
  const squares = batches.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, variance: squares / (count - 1) / count, batches: count }
}

export interface Difference {
  readonly difference: number
  /** What the difference may be by chance. */
  readonly error: number
}

/** Welch's comparison of two estimates, with the fewer batches' degrees of freedom. */
export function compare(one: Estimate, other: Estimate): Difference {
  const degrees = Math.min(one.batches, other.batches) - 1
  return {
    difference: one.mean - other.mean,
    error: studentQuantile(degrees) * Math.sqrt(one.variance + other.variance),
  }
}
