/** The q-quantile, linear between neighbours. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)] ?? Number.NaN
  const high = sorted[Math.ceil(at)] ?? Number.NaN
  return low + (high - low) * (at - Math.floor(at))
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Confidence of `medianInterval`. */
const CONFIDENCE = 0.95

/**
 * An interval that holds the true median with at least 95 %, whatever the distribution: the two
 * ordered values between which it lies by the sign test. Undefined for fewer than six values, from
 * which no such interval can be had.
 */
export function medianInterval(values: readonly number[]): [number, number] | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  const n = sorted.length
  let probability = 0.5 ** n
  let tail = 0
  let cut = 0
  // The largest cut for which leaving out that many values at both ends keeps the confidence.
  while (tail + probability <= (1 - CONFIDENCE) / 2) {
    tail += probability
    cut++
    probability *= (n - cut + 1) / cut
  }
  if (cut === 0) return undefined
  return [sorted[cut - 1]!, sorted[n - cut]!]
}

/** One ratio a pair. */
export function ratios(over: readonly number[], under: readonly number[]): number[] {
  return over.map((value, at) => value / under[at]!)
}

/** Digits after the point that suit a number of this size. */
function format(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(size >= 1000 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4)
}

/** `median (first quartile–third quartile)`; with fewer than four values `median (min–max)`. */
export function spread(values: readonly number[], unit = ''): string {
  if (values.length === 0) return 'none'
  const few = values.length < 4
  const low = quantile(values, few ? 0 : 0.25)
  const high = quantile(values, few ? 1 : 0.75)
  return `${format(median(values))}${unit} (${format(low)}–${format(high)})`
}
