import { NO_STACK, type StackIndex, type StackTable } from './profile.ts'

/** A stack that counts for no row. */
export const NO_ROW = -1

/** What stacks are added up by: a stack counts for the row of its innermost frame. */
export interface Keying {
  /** How many rows there are. */
  readonly length: number
  /** Row by stack, or NO_ROW. */
  readonly of: Int32Array
}

/** Sums of what ends at each stack, such as StackSums. */
export interface StackValues {
  /** ns by stack. */
  readonly weight: Float64Array
  /** Samples by stack. */
  readonly samples: Float64Array
}

/** Sums of one keying, by row. */
export interface RowTotals {
  /** ns with the row anywhere on the stack; recursion counts once. */
  readonly weight: Float64Array
  readonly samples: Float64Array
}

/**
 * What every row of some keyings has on the stacks. One walk over the tree of stacks: the sum of a
 * subtree goes to a row where the row is entered and is not open already.
 */
export function stackTotals(
  stacks: StackTable,
  values: StackValues,
  keyings: readonly Keying[],
): RowTotals[] {
  const { length, parent } = stacks
  const weight = values.weight.slice()
  const samples = values.samples.slice()
  const firstChild = new Int32Array(length).fill(NO_STACK)
  const nextSibling = new Int32Array(length).fill(NO_STACK)
  let firstRoot: StackIndex = NO_STACK
  for (let stack = length - 1; stack >= 0; stack--) {
    const above = parent[stack]!
    if (above === NO_STACK) {
      nextSibling[stack] = firstRoot
      firstRoot = stack
    } else {
      weight[above]! += weight[stack]!
      samples[above]! += samples[stack]!
      nextSibling[stack] = firstChild[above]!
      firstChild[above] = stack
    }
  }
  const sums = keyings.map((keying) => ({
    of: keying.of,
    open: new Uint32Array(keying.length),
    weight: new Float64Array(keying.length),
    samples: new Float64Array(keying.length),
  }))
  const enter = (stack: StackIndex) => {
    for (const sum of sums) {
      const row = sum.of[stack]!
      if (row === NO_ROW || sum.open[row]!++ > 0) continue
      sum.weight[row]! += weight[stack]!
      sum.samples[row]! += samples[stack]!
    }
  }
  const leave = (stack: StackIndex) => {
    for (const { of, open } of sums) if (of[stack] !== NO_ROW) open[of[stack]!]!--
  }
  let stack = firstRoot
  while (stack !== NO_STACK) {
    enter(stack)
    let next = firstChild[stack]!
    while (next === NO_STACK && stack !== NO_STACK) {
      leave(stack)
      next = nextSibling[stack]!
      stack = parent[stack]!
    }
    stack = next
  }
  return sums
}
