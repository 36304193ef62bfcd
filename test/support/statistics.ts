/** Nothing that a test allows by chance may fail it more often than once in so many runs. */
const FALSE_ALARMS = 1e-5

/** Standard normal quantile of FALSE_ALARMS on two sides. */
const SIGMAS = 4.42

/** The most events that chance brings when `mean` are expected (Poisson). */
export function mostByChance(mean: number): number {
  let count = 0
  let term = Math.exp(-mean)
  let sum = term
  while (1 - sum > FALSE_ALARMS) {
    count++
    term *= mean / count
    sum += term
  }
  return count
}

/**
 * How far the share that n independent samples show may be from the true share p. Samples that are
 * spread evenly over time are nearer than independent ones.
 */
export function shareTolerance(p: number, n: number): number {
  return SIGMAS * Math.sqrt((p * (1 - p)) / n)
}

/** How far the number of ticks may be from its mean when each gap is drawn from ½ to 1½ intervals. */
export function tickTolerance(ticks: number): number {
  return SIGMAS * Math.sqrt(ticks / 12) + 1
}
