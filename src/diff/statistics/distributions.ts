/**
 * Student's t and what moderated variances need. Written here because the packages that have it are
 * either unkept or bring two hundred others; test/unit/diff/distributions.test.ts checks it against
 * published tables.
 */

/** Coefficients of Lanczos' approximation for g = 7, n = 9 (Godfrey); error below 1e-14. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
] as const

/** The logarithm of the gamma function, for x > 0. */
export function logGamma(x: number): number {
  const z = x - 1
  const base = z + 7.5
  let sum: number = LANCZOS[0]
  for (let at = 1; at < LANCZOS.length; at++) sum += LANCZOS[at]! / (z + at)
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(base) - base + Math.log(sum)
}

/**
 * The regularized incomplete beta function I_x(a, b), by its continued fraction with Lentz' method
 * (DLMF 8.17.22).
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast on this side only; the other one follows by symmetry (DLMF 8.17.4).
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
  )
  const tiny = 1e-300
  const away = (value: number) => (Math.abs(value) < tiny ? tiny : value)
  let c = 1
  let d = 1 / away(1 - ((a + b) * x) / (a + 1))
  let fraction = d
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / away(1 + even * d)
    c = away(1 + even / c)
    fraction *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / away(1 + odd * d)
    c = away(1 + odd / c)
    const step = d * c
    fraction *= step
    if (Math.abs(step - 1) < 1e-15) break
  }
  return (front * fraction) / a
}

/** Above this many degrees of freedom Student's t is the normal distribution to all digits shown. */
const MOST_FREEDOM = 1e7

/** The probability that Student's t exceeds `t`. */
export function tUpperTail(t: number, freedom: number): number {
  if (t < 0) return 1 - tUpperTail(-t, freedom)
  const n = Math.min(freedom, MOST_FREEDOM)
  return 0.5 * incompleteBeta(n / (n + t * t), n / 2, 0.5)
}

/** The value that Student's t exceeds with probability `tail`, which is from 0 to 1. */
export function tCritical(tail: number, freedom: number): number {
  if (tail > 0.5) return -tCritical(1 - tail, freedom)
  let low = 0
  let high = 1
  while (tUpperTail(high, freedom) > tail && high < 1e300) {
    low = high
    high *= 2
  }
  // Bisection to the last bit but a few: always right, and seldom called.
  for (let step = 0; step < 80 && high - low > 1e-14 * high; step++) {
    const middle = (low + high) / 2
    if (tUpperTail(middle, freedom) > tail) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** From here on the asymptotic series are exact to the last digits. */
const ASYMPTOTIC = 10

/** The derivative of `logGamma`, for x > 0 (Abramowitz and Stegun 6.3.5 and 6.3.18). */
export function digamma(x: number): number {
  let result = 0
  let at = x
  for (; at < ASYMPTOTIC; at++) result -= 1 / at
  const s = 1 / (at * at)
  const series = s * (1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s * (1 / 132)))))
  return result + Math.log(at) - 0.5 / at - series
}

/** The derivative of `digamma`, for x > 0 (Abramowitz and Stegun 6.4.6 and 6.4.12). */
export function trigamma(x: number): number {
  let result = 0
  let at = x
  for (; at < ASYMPTOTIC; at++) result += 1 / (at * at)
  const s = 1 / (at * at)
  const series = s * (1 / 6 - s * (1 / 30 - s * (1 / 42 - s * (1 / 30 - s * (5 / 66)))))
  return result + 1 / at + s / 2 + series / at
}

/** The x > 0 whose trigamma is `y` > 0. */
export function trigammaInverse(y: number): number {
  let low = 1e-8
  let high = 1e8
  if (y >= trigamma(low)) return low
  if (y <= trigamma(high)) return high
  for (let step = 0; step < 200 && high / low > 1 + 1e-13; step++) {
    const middle = Math.sqrt(low * high)
    if (trigamma(middle) > y) low = middle
    else high = middle
  }
  return Math.sqrt(low * high)
}
