import { digamma, trigamma, trigammaInverse } from './distributions.ts'
import { differencesOf, type LogRatio, logRatio, mean, type Sides } from './log-ratio.ts'

/** One of many quantities that are measured in the same runs. */
export interface Row extends Sides {
  /** The least variance that a value can have. */
  readonly floor: number
  /** How much there is of it, in any unit; what is rare varies more. */
  readonly size: number
}

/** Below this many rows nothing can be learnt from one about the others. */
const LEAST_ROWS = 4
/** From here on the variance may depend on the size. */
const LEAST_ROWS_FOR_TREND = 10

/**
 * The comparison of each row, of sides or of pairs as in `logRatio`, with variances that borrow strength from all rows: with few runs
 * the variance of one row alone is little known, and among hundreds of rows some look quiet by
 * chance. A variance that is smaller than what is usual for its size is drawn up towards that, as far
 * as the rows' variances resemble each other. A larger one stays, so that a row that does vary more is
 * never judged by the others (after Smyth, Statistical Applications in Genetics and Molecular
 * Biology 3, 2004; the trend as in Sartor et al., BMC Bioinformatics 7, 2006).
 *
 * Rows of one run share what the machine did to that run. So they tell less about each other than as
 * many independent ones, and the degrees of freedom never exceed those of that smaller number.
 */
export function moderatedRatios(rows: readonly Row[]): LogRatio[] {
  const plain = rows.map((row) => logRatio(row, row.floor))
  if (rows.length < LEAST_ROWS) return plain
  const { base, head, isPaired } = rows[0]!
  const scale = isPaired ? 1 / base.length : 1 / base.length + 1 / head.length
  const variance = plain.map(({ error }) => error ** 2 / scale)
  const likeness = meanSquaredCorrelation(rows)
  const effectiveRows = rows.length / (1 + (rows.length - 1) * likeness)
  const prior = priorOf(rows, variance, plain, likeness)
  const pooled = mean(plain.map(({ freedom }) => freedom)) * effectiveRows
  return plain.map(({ estimate, freedom }, at) => {
    const moderated = Number.isFinite(prior.freedom)
      ? (prior.freedom * prior.variance[at]! + freedom * variance[at]!) / (prior.freedom + freedom)
      : prior.variance[at]!
    return {
      estimate,
      error: Math.sqrt(Math.max(moderated, variance[at]!) * scale),
      freedom: Math.max(freedom, Math.min(prior.freedom + freedom, pooled)),
    }
  })
}

interface Prior {
  /** What is usual for each row. */
  readonly variance: readonly number[]
  /** How many degrees of freedom that is worth. */
  readonly freedom: number
}

function priorOf(
  rows: readonly Row[],
  variance: readonly number[],
  plain: readonly LogRatio[],
  likeness: number,
): Prior {
  // The logarithm of a variance that is estimated with n degrees of freedom is off by
  // digamma(n/2) - log(n/2) on average, with the variance trigamma(n/2).
  const level = variance.map((each, at) => {
    const half = plain[at]!.freedom / 2
    return Math.log(each) - digamma(half) + Math.log(half)
  })
  const chance = mean(plain.map(({ freedom }) => trigamma(freedom / 2)))
  const hasTrend = rows.length >= LEAST_ROWS_FOR_TREND
  const usual = hasTrend ? trend(rows, level) : level.map(() => mean(level))
  const used = hasTrend ? 2 : 1
  const squares = level.reduce((sum, each, at) => sum + (each - usual[at]!) ** 2, 0)
  // What rows have in common makes their variances rise and fall together: less spread than chance
  // alone would make is no sign that they are equal.
  const excess = squares / (rows.length - used) - chance * (1 - likeness)
  const freedom = excess > 0 ? 2 * trigammaInverse(excess) : Number.POSITIVE_INFINITY
  // The level is a mean of logarithms, which lies above the logarithm of the prior's variance.
  const shift = Number.isFinite(freedom) ? digamma(freedom / 2) - Math.log(freedom / 2) : 0
  return { variance: usual.map((each) => Math.exp(each + shift)), freedom }
}

/**
 * A straight line through the levels over the logarithm of the size. Its slope lies between that of
 * counting noise, whose variance goes with 1 / size, and that of noise of the whole run.
 */
function trend(rows: readonly Row[], level: readonly number[]): number[] {
  const x = rows.map(({ size }) => Math.log(size))
  const [middleX, middleY] = [mean(x), mean(level)]
  let [xx, xy] = [0, 0]
  for (const [at, each] of x.entries()) {
    xx += (each - middleX) ** 2
    xy += (each - middleX) * (level[at]! - middleY)
  }
  const slope = xx > 0 ? Math.min(0, Math.max(-1, xy / xx)) : 0
  return x.map((each) => middleY + slope * (each - middleX))
}

/** How alike the rows rise and fall from run to run: the mean square of their correlations, 0 to 1. */
function meanSquaredCorrelation(rows: readonly Row[]): number {
  const { isPaired } = rows[0]!
  const deviations = rows.flatMap((row) => {
    const each = isPaired
      ? centred(differencesOf(row))
      : [...centred(row.base), ...centred(row.head)]
    const length = Math.sqrt(each.reduce((sum, value) => sum + value ** 2, 0))
    return length > 0 ? [each.map((value) => value / length)] : []
  })
  const count = deviations.length
  const length = rows[0]!.base.length + (isPaired ? 0 : rows[0]!.head.length)
  const freedom = length - (isPaired ? 1 : 2)
  if (count < 2 || freedom < 2) return 1
  // The sum of the squares of all correlations, by way of the smaller product.
  let all = 0
  for (let i = 0; i < length; i++) {
    for (let j = 0; j < length; j++) {
      let product = 0
      for (const row of deviations) product += row[i]! * row[j]!
      all += product ** 2
    }
  }
  const square = (all - count) / (count * (count - 1))
  // Independent rows have 1 / freedom by chance.
  return Math.min(1, Math.max(0, (square - 1 / freedom) / (1 - 1 / freedom)))
}

function centred(values: readonly number[]): number[] {
  const middle = mean(values)
  return values.map((value) => value - middle)
}
