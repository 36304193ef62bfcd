/** A range of shares, 0 to 1, that holds the true share in about 95 of 100 such recordings. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/** What the samples of a recording say about one thing that a sample shows or does not show. */
export interface Evidence {
  /** Samples in all. */
  readonly samples: number
  /** Samples that show it. */
  readonly hits: number
  /** Rows of consecutive samples of a thread that show it. */
  readonly stays: number
  /** How many samples of an instant tell as much as one does alone, see `togetherness`; 1 or more. */
  readonly together: number
  /** Time by block, ns, BLOCKS of each: what showed it, and all. */
  readonly hitTime: Float64Array
  readonly allTime: Float64Array
  /** Its share, where these samples are only a part of all; that among them when absent. */
  readonly share?: number
}

/**
 * Blocks that a recording is cut into. Few and long ones hold whole stays of what is measured, and
 * more than 30 gain nothing (Schmeiser, Batch size effects in the analysis of simulation output,
 * Operations Research 30, 1982). In simulations 10 covered best.
 */
export const BLOCKS = 10
/** Student's t for 95 % on two sides and BLOCKS - 1 degrees of freedom. */
const T = 2.262
/** With fewer stays, or fewer samples outside of them, there is too little to judge chance by. */
const LEAST_STAYS = 5

/**
 * The 95 % confidence interval of a share; undefined when there is too little to judge by.
 *
 * Samples of one run are not independent: what is on the stack now is likely to be there at the next
 * sample too. So the unit is a block of time: the variance of the share is that of a ratio
 * between blocks (batch means; Cochran, Sampling Techniques, 6.4). Where something is seldom seen,
 * ten blocks tell little, and how long it stays tells more: of a two-state Markov chain with rates a
 * of leaving and b of coming, N samples are worth N (a + b) / (2 - a - b) independent ones. The
 * larger of both variances counts. Threads that do the same at the same time are not so many
 * witnesses: their samples and stays count as many times less as they go together. All this enters as
 * a number of independent samples in Wilson's interval, which
 * holds near 0 and 1 too (Kott and Carr, Developing an estimation strategy for a pesticide data
 * program, Journal of Official Statistics 13, 1997). test/unit/profile/intervals.test.ts simulates
 * how often it is right.
 *
 * It tells of chance within one run. Another run of the program may differ by more.
 */
export function shareInterval(evidence: Evidence): Interval | undefined {
  const { samples, hits, stays, together, hitTime, allTime } = evidence
  const misses = samples - hits
  if (stays / together < LEAST_STAYS || misses / together < LEAST_STAYS) return undefined
  const all = sum(allTime)
  const among = sum(hitTime) / all
  const share = evidence.share ?? among
  if (!(share > 0 && share < 1)) return undefined
  let squares = 0
  for (let block = 0; block < BLOCKS; block++) {
    squares += (hitTime[block]! - among * allTime[block]!) ** 2
  }
  const variance = ((BLOCKS / (BLOCKS - 1)) * squares) / all ** 2
  const leaving = stays / hits
  const coming = Math.min(1, stays / misses)
  const correlation = Math.max(1, (2 - leaving - coming) / (leaving + coming))
  const byBlocks = variance > 0 ? (share * (1 - share)) / variance : samples
  return wilson(share, Math.min(byBlocks, samples / (correlation * together)))
}

/**
 * How alike the samples of an instant are: the design effect of clusters (Kish, Survey Sampling, 5.4),
 * which is 1 for threads that have nothing to do with each other, and their number for threads that
 * always show the same.
 * @param hits by instant: samples that show it
 * @param samples by instant: all
 */
export function togetherness(hits: ArrayLike<number>, samples: ArrayLike<number>): number {
  let [allHits, allSamples] = [0, 0]
  for (let at = 0; at < hits.length; at++) {
    allHits += hits[at]!
    allSamples += samples[at]!
  }
  const share = allHits / allSamples
  let squares = 0
  for (let at = 0; at < hits.length; at++) squares += (hits[at]! - share * samples[at]!) ** 2
  const alone = allSamples * share * (1 - share)
  return alone > 0 ? Math.max(1, squares / alone) : 1
}

/** Wilson's score interval for a share among n independent samples. */
function wilson(share: number, n: number): Interval {
  const square = T ** 2
  const middle = (share + square / (2 * n)) / (1 + square / n)
  const half = (T / (1 + square / n)) * Math.sqrt((share * (1 - share)) / n + square / (4 * n ** 2))
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) }
}

function sum(values: Float64Array): number {
  return values.reduce((a, b) => a + b, 0)
}
