import { describe, expect, test } from 'vitest'
import { compare } from '../../../src/diff/compare.ts'
import { LEAST_PAIRS } from '../../../src/diff/pairing.ts'
import { type DiffResult, isFinding } from '../../../src/diff/result.ts'
import type { RunInput } from '../../../src/diff/run.ts'
import { turns } from '../../../src/diff/turns.ts'
import {
  inPairs,
  type MadeRun,
  madeRuns,
  optionsOf,
  setsOf,
  slowed,
} from '../../support/made-runs.ts'
import { random } from '../../support/synthetic-runs.ts'

const APP: MadeRun = { counts: { 'main;load:12': 300, 'main;parse:30': 200, 'main;wait': 400 } }
const SLOWER: MadeRun = { counts: { ...APP.counts, 'main;load:12': 345 } }
/** What the machine does to each pair of runs. */
const DRIFT = [1, 1.2, 1.3, 1.1, 0.9, 0.8, 1, 1.4]
const RUNS = DRIFT.length

const base = inPairs(slowed(madeRuns('base', APP, RUNS), DRIFT))
const head = inPairs(slowed(madeRuns('head', SLOWER, RUNS), DRIFT))
const GATES = ['total>2%', 'self:load>5%', 'any>5%']

function compared(before: readonly RunInput[], after: readonly RunInput[]): DiffResult {
  return compare(setsOf(before, after), optionsOf(GATES)).result
}

/** The runs as those of a version that told of no pairs. */
function unpaired(runs: readonly RunInput[]): RunInput[] {
  return runs.map(({ profile, ...rest }) => {
    const { run: _, ...meta } = profile.meta
    return { ...rest, profile: { ...profile, meta } }
  })
}

const load = ({ functions, lines, paths }: DiffResult) =>
  [functions, lines, paths].map(
    ({ rows }) => rows.find(({ place, time }) => place.qualname === 'load' && time === 'self')!,
  )

describe('runs that were made in pairs', () => {
  const result = compared(base, head)
  const apart = compared(unpaired(base), unpaired(head))

  test('are compared in pairs, which is told', () => {
    expect(result.pairing).toEqual({
      kind: 'pairs',
      reason: expect.stringContaining(`in ${RUNS} pairs that were made by turns`),
      leftOut: [],
    })
    expect(result.careful).toEqual([])
  })

  test('show what the drift of the machine hides otherwise: total, functions, lines, paths, gates', () => {
    expect(result.total!.kind).toBe('grew')
    expect(load(result).map(({ kind }) => kind)).toEqual(['grew', 'grew', 'grew'])
    expect(
      result.functions.rows.filter((row) => row.time === 'self' && isFinding(row)),
    ).toHaveLength(1)
    expect(result.gates.map(({ outcome }) => outcome)).toEqual([
      'regression',
      'regression',
      'regression',
    ])
    expect(apart.total!.kind).toBe('unclear')
    expect(load(apart).map(({ kind }) => kind)).toEqual(['unclear', 'unclear', 'unclear'])
    expect(apart.outcome).toBe('inconclusive')
    // The smallest change that is visible tells of it.
    expect(result.total!.detectable! * 5).toBeLessThan(apart.total!.detectable!)
    for (const [at, row] of load(result).entries()) {
      expect(row.detectable! * 3).toBeLessThan(load(apart)[at]!.detectable!)
      expect(row.change!).toBeCloseTo(0.15, 1)
    }
  })

  test('belong together by what they tell, not by their place', () => {
    expect(compared(base.toReversed(), head)).toMatchObject({
      total: { low: expect.closeTo(result.total!.low!, 9) },
    })
  })

  test('may be of several benches', () => {
    const two = (runs: readonly RunInput[]) => [
      ...inPairs(runs.slice(0, 4), 'one bench'),
      ...inPairs(runs.slice(4), 'another'),
    ]
    const both = compared(two(base), two(head))
    expect(both.pairing.kind).toBe('pairs')
    expect(both.total!.low).toBeCloseTo(result.total!.low!, 9)
  })

  test('break only their pair when they are missing, which is told', () => {
    const some = compared(base.slice(0, -1), head.slice(1))
    expect(some.pairing).toMatchObject({
      kind: 'pairs',
      leftOut: ['base-1.pyprof', `head-${RUNS}.pyprof`],
    })
    expect(some.runs.base.map(({ name }) => name)).toEqual(
      some.runs.head.map(({ name }) => name.replace('head', 'base')),
    )
    expect(some.runs.base).toHaveLength(RUNS - 2)
    expect(some.careful).toEqual([
      'base-1.pyprof and 1 more have no partner, so that only whole pairs are compared.',
    ])
    expect(some.total!.seen).toEqual({ base: RUNS - 2, head: RUNS - 2 })
  })

  test('are compared by share in pairs too', () => {
    const limited = (runs: readonly RunInput[]) =>
      runs.map((run) => {
        const meta = { ...run.profile.meta, endReason: 'duration' as const }
        return { ...run, profile: { ...run.profile, meta } }
      })
    const { result: shares } = compare(setsOf(limited(base), limited(head)), optionsOf())
    expect(shares).toMatchObject({ basis: { kind: 'share' }, pairing: { kind: 'pairs' } })
    expect(load(shares)[0]!.kind).toBe('grew')
  })

  test('of the same program show nothing', () => {
    const same = compared(base, inPairs(slowed(madeRuns('head', APP, RUNS), DRIFT)))
    expect(same.functions.rows.filter(isFinding)).toEqual([])
    expect(same.total!.kind).not.toBe('grew')
  })
})

describe('runs are taken for independent', () => {
  test.each([
    ['where some do not tell of pairs', [...base.slice(0, -1), ...unpaired(base.slice(-1))], head],
    ['where two are of one pair', base, [...head, head[0]!]],
    ['where they are of different benches', base, inPairs(head, 'another bench')],
    ['where too few pairs are whole', base.slice(0, LEAST_PAIRS), head.slice(1)],
  ])('%s', (_, before, after) => {
    const result = compared(before, after)
    expect(result.pairing).toMatchObject({ kind: 'sides', leftOut: [] })
    expect(result.pairing.reason).toMatch(/^Runs are taken for independent: /)
    expect(result.runs.base).toHaveLength(before.length)
    expect(result.runs.head).toHaveLength(after.length)
  })

  test('and judged as without pairs', () => {
    const few = LEAST_PAIRS - 1
    const result = compared(base.slice(0, few), head.slice(0, few))
    const apart = compared(unpaired(base.slice(0, few)), unpaired(head.slice(0, few)))
    expect(result.total).toEqual(apart.total)
    expect(result.functions).toEqual(apart.functions)
  })
})

describe('turns', () => {
  test('go pair by pair, with one run of each side in a pair', () => {
    const order = turns(50)
    expect(order).toHaveLength(100)
    for (let pair = 1; pair <= 50; pair++) {
      const two = order.slice(2 * pair - 2, 2 * pair)
      expect(two.map((turn) => turn.pair)).toEqual([pair, pair])
      expect(two.map(({ side }) => side).sort()).toEqual(['base', 'head'])
    }
  })

  test('let each side come first as often, by lots that do not depend on each other', () => {
    const next = random(3)
    const count = 4000
    const isFirst = turns(count, next)
      .filter((_, at) => at % 2 === 0)
      .map(({ side }) => (side === 'base' ? 1 : -1))
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
    // Four standard errors.
    const limit = 4 / Math.sqrt(count)
    expect(Math.abs(mean(isFirst))).toBeLessThan(limit)
    expect(Math.abs(mean(isFirst.slice(1).map((each, at) => each * isFirst[at]!)))).toBeLessThan(
      limit,
    )
  })
})
