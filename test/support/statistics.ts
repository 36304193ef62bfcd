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

/** What a sample says for or against a share. */
export interface Vote {
  /** ns */
  readonly time: number
  readonly weight: number
  readonly counts: boolean
}

/** A share by weight, and how far chance may have put it from the true one. */
export interface Share {
  readonly share: number
  readonly tolerance: number
}

/**
 * Samples follow one another too closely to be independent, and a busy machine gives them in clumps.
 * So the error is judged between blocks of time, each much longer than any turn of the program: that
 * of a ratio estimator (Cochran, Sampling Techniques, 6.4).
 *
 * @param block length of a block, ns
 */
export function shareOf(votes: readonly Vote[], block: number): Share {
  const blocks = new Map<number, { counted: number; all: number }>()
  let [counted, all] = [0, 0]
  for (const { time, weight, counts } of votes) {
    const at = Math.floor(time / block)
    const sums = blocks.get(at) ?? { counted: 0, all: 0 }
    blocks.set(at, sums)
    sums.all += weight
    all += weight
    if (!counts) continue
    sums.counted += weight
    counted += weight
  }
  const share = counted / all
  let squares = 0
  for (const sums of blocks.values()) squares += (sums.counted - share * sums.all) ** 2
  return { share, tolerance: (SIGMAS * Math.sqrt(squares)) / all }
}

/** How far the number of ticks may be from its mean when each gap is drawn from ½ to 1½ intervals. */
export function tickTolerance(ticks: number): number {
  return SIGMAS * Math.sqrt(ticks / 12) + 1
}
