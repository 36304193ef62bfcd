/**
 * What each reading shows of programs whose possible stacks are known, against each other and against
 * the program. `PYPROF_TRUTH_SAMPLES=100000` takes as many samples, `PYPROF_TRUTH_TABLE=FILE` adds the
 * rows of the table in docs/accuracy.md to a file.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { MINORS, type Minor } from '../support/pythons.ts'
import {
  differences,
  differencesFromSaid,
  type Measurement,
  measure,
  nameOf,
  type Result,
  SAMPLES,
} from '../support/truth-run.ts'
import { mostOf } from '../support/truth-statistics.ts'
import { PROGRAMS, type TruthProgram } from './programs.ts'

/** Impossible chains that `live` may call exact, on frames of the data stack from 3.14 on. */
const UNSEEN = 0.0002
/** Points by which `live` may miss the share of a function that is faster than its read. */
const ADVERSARIAL_SHARE = 0.05
const TIMEOUT_MS = 60_000 + 3 * SAMPLES

function expectExact(result: Result): void {
  const { chains, lines, leafLines, examples } = result
  expect({ chains, lines, leafLines, examples }).toEqual({
    chains: 0,
    lines: 0,
    leafLines: 0,
    examples: [],
  })
}

/** What adding up floating-point numbers may bring. */
const ROUNDING = 1e-9

/** Functions whose share differs by more than chance and `beyond` explain. */
function unlike(one: Result, other: Result, kinds: readonly ('self' | 'total')[], beyond = 0) {
  return kinds.flatMap((kind) =>
    differences(one, other, kind)
      .filter(({ difference, error }) => Math.abs(difference) - error > beyond + ROUNDING)
      .map(({ name, difference, error }) => ({ kind, name, difference, error })),
  )
}

/**
 * Functions whose share is another than it should be: than the program's own clock says, where it has
 * one, which tells more than stops do; else than when stopped.
 */
function wrong(one: Result, stop: Result, kinds: readonly ('self' | 'total')[], beyond = 0) {
  if (one.said.length === 0) return unlike(one, stop, kinds, beyond)
  return differencesFromSaid(one).filter(
    ({ difference, error }) => Math.abs(difference) - error > beyond + ROUNDING,
  )
}

function expectSomeShares(result: Result): void {
  expect([...result.self.values()].some(({ mean }) => mean > 0.1)).toBe(true)
}

/** Whether the chain itself of a live sample can be exact, or its leaf only. */
function livesOnDataStack(minor: Minor, program: TruthProgram): boolean {
  return minor !== '3.13' && !program.heapFrames
}

const CASES = MINORS.flatMap((minor) =>
  PROGRAMS.filter(({ minors }) => minors?.includes(minor) ?? true).map((program) => ({
    minor,
    program,
    name: nameOf(program),
  })),
)

describe.each(CASES)('$name on $minor', ({ minor, program }) => {
  let measured: Measurement
  beforeAll(async () => {
    measured = await measure(minor, program)
  }, TIMEOUT_MS)

  it('runs as it should', () => {
    expect(measured.rules.jit).toBe(program.env !== undefined)
    for (const result of Object.values(measured.results)) expectSomeShares(result)
  })

  it('stop: nothing impossible, everything exact', () => {
    const { stop } = measured.results
    expectExact(stop)
    expect(stop.quality.missed).toBe(0)
  })

  it('exact: nothing impossible, and nearly everything proved', () => {
    const { exact } = measured.results
    expectExact(exact)
    // While others have the sampler's core in the middle of a read, the target may run on.
    const allowed = mostOf(exact.ticks, program.unproved ?? 0.01) + exact.preempted
    expect(exact.unprovedTicks).toBeLessThanOrEqual(allowed)
  })

  it('exact: the shares that it should have', () => {
    const { exact, stop } = measured.results
    expect(wrong(exact, stop, ['self', 'total'])).toEqual([])
  })

  it('live: every sample kept', () => {
    const { live } = measured.results
    expect(live.quality.missed).toBeLessThanOrEqual(mostOf(live.samples, UNSEEN))
  })

  it('live: what is wrong says so', () => {
    const { live } = measured.results
    const { chains, examples } = live
    const allowed = livesOnDataStack(minor, program) ? mostOf(live.quality.exact, UNSEEN) : 0
    expect({ examples, isMore: chains > allowed }).toEqual({ examples, isMore: false })
  })

  it('live: shares near those that it should have', () => {
    const { live, stop } = measured.results
    const kinds = livesOnDataStack(minor, program)
      ? (['self', 'total'] as const)
      : (['self'] as const)
    const isOrdinary = program.speed === 'ordinary' && minor !== '3.13'
    expect(wrong(live, stop, kinds, isOrdinary ? 0 : ADVERSARIAL_SHARE)).toEqual([])
  })
})
