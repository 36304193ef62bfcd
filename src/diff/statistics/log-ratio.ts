import { tCritical, tUpperTail } from './distributions.ts'

/** What two sets of runs say about the logarithm of head over base. */
export interface LogRatio {
  readonly estimate: number
  /** Standard error. */
  readonly error: number
  /** Degrees of freedom of the error; may be infinite. */
  readonly freedom: number
}

/** Logarithms of one quantity, a value a run. */
export interface Sides {
  readonly base: readonly number[]
  readonly head: readonly number[]
  /** Whether values at the same place belong together, so that both sides have as many. */
  readonly isPaired: boolean
}

/** Fewer runs than this on a side tell nothing about how much runs differ. */
export const LEAST_RUNS = 2

/** How often a change of the size that is told as detectable is found. */
export const POWER = 0.8

/**
 * Welch's comparison of the means of logarithms, without assuming that both sides vary alike. Of
 * pairs Student's: each has one difference, and what both runs of a pair have in common is in none.
 * @param floor the least variance that a value can have, from how finely it was measured
 */
export function logRatio(sides: Sides, floor: number): LogRatio {
  if (sides.isPaired) {
    const values = differencesOf(sides)
    const error = Math.sqrt(squaredError(values, 2 * floor))
    return { estimate: mean(values), error, freedom: values.length - 1 }
  }
  const { base, head } = sides
  const [a, b] = [squaredError(base, floor), squaredError(head, floor)]
  return {
    estimate: mean(head) - mean(base),
    error: Math.sqrt(a + b),
    freedom: (a + b) ** 2 / (a ** 2 / (base.length - 1) + b ** 2 / (head.length - 1)),
  }
}

/** Of each pair. */
export function differencesOf({ base, head }: Sides): number[] {
  return head.map((value, at) => value - base[at]!)
}

function squaredError(values: readonly number[], floor: number): number {
  const middle = mean(values)
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0)
  return Math.max(squares / (values.length - 1), floor) / values.length
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The probability of a difference at least as large, either way, when there is none. */
export function probabilityOf({ estimate, error, freedom }: LogRatio): number {
  return Math.min(1, 2 * tUpperTail(Math.abs(estimate) / error, freedom))
}

/** The probability of so large an estimate when the true one is `limit` or less. */
export function probabilityAbove({ estimate, error, freedom }: LogRatio, limit: number): number {
  return tUpperTail((estimate - limit) / error, freedom)
}

/** The ends of the interval that leaves out `tail` at each side, as logarithms. */
export function limitsOf({ estimate, error, freedom }: LogRatio, tail: number): [number, number] {
  const half = tCritical(tail, freedom) * error
  return [estimate - half, estimate + half]
}

/**
 * The smallest true growth, as a fraction, that would be told from none at this level with
 * probability POWER. It is approximate: the error is taken for known.
 * @param tail the probability, at one side, of being wrong when there is no change
 */
export function detectable({ error, freedom }: LogRatio, tail: number): number {
  return Math.expm1((tCritical(tail, freedom) + tCritical(1 - POWER, freedom)) * error)
}
