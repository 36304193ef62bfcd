/**
 * Adjusts probabilities of one family of tests: what is at most q afterwards can be called a finding,
 * and of all such findings a share of q is false on average (Benjamini and Hochberg, Journal of the
 * Royal Statistical Society B 57, 1995).
 * @returns the adjusted probabilities, in the order given
 */
export function falseDiscoveryAdjusted(probabilities: readonly number[]): number[] {
  const count = probabilities.length
  const order = probabilities.map((_, at) => at)
  order.sort((a, b) => probabilities[b]! - probabilities[a]!)
  const adjusted = new Array<number>(count).fill(1)
  let least = 1
  for (const [place, at] of order.entries()) {
    least = Math.min(least, (probabilities[at]! * count) / (count - place))
    adjusted[at] = least
  }
  return adjusted
}

/** The level at which the largest of the probabilities that are findings at `q` was judged. */
export function falseDiscoveryLevel(probabilities: readonly number[], q: number): number {
  const found = falseDiscoveryAdjusted(probabilities).filter((each) => each <= q).length
  return (q * Math.max(1, found)) / Math.max(1, probabilities.length)
}
