import { describe, expect, test } from 'vitest'
import {
  detectable,
  limitsOf,
  logRatio,
  probabilityAbove,
  probabilityOf,
} from '../../../src/diff/statistics/log-ratio.ts'
import { moderatedRatios, type Row } from '../../../src/diff/statistics/moderation.ts'
import { normal, random } from '../../support/synthetic-runs.ts'

const ONE = 1e-12

describe('a comparison of two sets of runs', () => {
  const base = [
    27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4,
  ]
  const head = [
    27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 24.4,
  ]

  test("is Welch's", () => {
    // By hand: means 20.82 and 23.6533, sums of squares 109.924 and 90.2173, 15 values each.
    const ratio = logRatio({ base, head, isPaired: false }, ONE)
    expect(ratio.estimate).toBeCloseTo(23.6533 - 20.82, 3)
    const [a, b] = [squares(base) / 14 / 15, squares(head) / 14 / 15]
    expect(ratio.error).toBeCloseTo(Math.sqrt(a + b), 12)
    expect(ratio.freedom).toBeCloseTo((a + b) ** 2 / (a ** 2 / 14 + b ** 2 / 14), 9)
    expect(ratio.freedom).toBeLessThan(28)
  })

  test('has an interval whose ends are just not rejected', () => {
    const ratio = logRatio({ base, head, isPaired: false }, ONE)
    const [low, high] = limitsOf(ratio, 0.025)
    expect(probabilityAbove(ratio, low)).toBeCloseTo(0.025, 9)
    expect(probabilityAbove(ratio, high)).toBeCloseTo(0.975, 9)
    expect(probabilityOf(ratio)).toBeCloseTo(2 * probabilityAbove(ratio, 0), 12)
  })

  test('never takes values for surer than they were measured', () => {
    const ratio = logRatio({ base: [1, 1, 1], head: [1.01, 1.01, 1.01], isPaired: false }, 0.04)
    expect(ratio.error).toBeCloseTo(Math.sqrt(0.08 / 3), 12)
    expect(probabilityOf(ratio)).toBeGreaterThan(0.9)
  })

  test('tells a larger change as detectable when there are fewer runs, or they vary more', () => {
    const of = (values: readonly number[]) =>
      detectable(logRatio({ base: values, head: values, isPaired: false }, ONE), 0.025)
    const values = [0.01, -0.02, 0.015, 0, -0.005, 0.01, -0.01, 0.02]
    expect(of(values.slice(0, 4))).toBeGreaterThan(of([...values, ...values]))
    expect(of(values.map((each) => 2 * each))).toBeGreaterThan(1.9 * of(values))
  })
})

describe('a comparison in pairs', () => {
  // Student's sleep data (Biometrika 6, 1908): hours gained by the same ten people with each drug.
  // Published: a mean difference of 1.58, t = 4.0621 with 9 degrees of freedom, two-sided p = 0.002833.
  const base = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
  const head = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
  const ratio = logRatio({ base, head, isPaired: true }, ONE)

  test("is Student's", () => {
    expect(ratio.estimate).toBeCloseTo(1.58, 12)
    expect(ratio.estimate / ratio.error).toBeCloseTo(4.0621, 4)
    expect(ratio.freedom).toBe(9)
    expect(probabilityOf(ratio)).toBeCloseTo(0.002833, 6)
    const [low, high] = limitsOf(ratio, 0.025)
    expect(low).toBeCloseTo(0.7001142, 7)
    expect(high).toBeCloseTo(2.4598858, 7)
  })

  test('knows nothing of what both of a pair have in common', () => {
    const shift = base.map((_, at) => 10 * Math.sin(at))
    const moved = (values: readonly number[]) => values.map((value, at) => value + shift[at]!)
    const same = logRatio({ base: moved(base), head: moved(head), isPaired: true }, ONE)
    expect(same.error).toBeCloseTo(ratio.error, 12)
    const apart = logRatio({ base: moved(base), head: moved(head), isPaired: false }, ONE)
    expect(apart.error).toBeGreaterThan(5 * ratio.error)
  })

  test('never takes differences for surer than two values were measured', () => {
    const flat = logRatio({ base: [1, 2, 3], head: [1.01, 2.01, 3.01], isPaired: true }, 0.04)
    expect(flat.error).toBeCloseTo(Math.sqrt(0.08 / 3), 12)
  })
})

function squares(values: readonly number[]): number {
  const middle = values.reduce((a, b) => a + b, 0) / values.length
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0)
}

describe('moderated comparisons', () => {
  const next = random(5)
  const rows = (
    count: number,
    runs: number,
    value: (row: number, run: number) => number,
    isPaired = false,
  ): Row[] =>
    Array.from({ length: count }, (_, row) => {
      const side = (from: number) =>
        Array.from({ length: runs }, (__, run) => value(row, from + run))
      return { base: side(0), head: side(runs), isPaired, floor: 1e-9, size: 100 }
    })

  test('draw small variances up where all rows vary alike, and never one down', () => {
    const noisy = rows(100, 3, () => 0.05 * normal(next))
    const errors = moderatedRatios(noisy).map(({ error }) => error)
    const plain = noisy.map((row) => logRatio(row, row.floor).error)
    expect(errors.every((error, at) => error >= plain[at]!)).toBe(true)
    const truth = 0.05 * Math.sqrt(2 / 3)
    expect(Math.min(...plain)).toBeLessThan(truth * 0.4)
    expect(Math.min(...errors)).toBeGreaterThan(truth * 0.7)
    expect(moderatedRatios(noisy)[0]!.freedom).toBeGreaterThan(20)
  })

  test('keep them apart where rows differ', () => {
    const mixed = rows(60, 8, (row) => (row % 2 === 0 ? 0.2 : 0.002) * normal(next))
    const errors = moderatedRatios(mixed).map(({ error }) => error)
    const [loud, quiet] = [0, 1].map((odd) => errors.filter((_, at) => at % 2 === odd))
    expect(Math.min(...loud!)).toBeGreaterThan(10 * Math.max(...quiet!))
  })

  test('follow what small rows have: more counting noise', () => {
    const sizes = Array.from({ length: 60 }, (_, at) => 10 ** (at / 20))
    const counted = rows(60, 4, (row) => normal(next) / Math.sqrt(sizes[row]!)).map((row, at) => ({
      ...row,
      size: sizes[at]!,
    }))
    const errors = moderatedRatios(counted).map(({ error }) => error)
    expect(errors[0]! / errors[59]!).toBeGreaterThan(10)
  })

  test('learn nothing from rows that all show the same noise of the run', () => {
    const machine = Array.from({ length: 6 }, () => 0.05 * normal(next))
    const alike = rows(100, 3, (_, run) => machine[run]! + 1e-4 * normal(next))
    for (const { freedom } of moderatedRatios(alike)) expect(freedom).toBeLessThan(4.6)
  })

  test('of pairs learn nothing from what the machine does to pairs, and all from rows', () => {
    const pair = Array.from({ length: 6 }, () => 0.3 * normal(next))
    const drifting = rows(100, 6, (_, run) => pair[run % 6]! + 0.01 * normal(next), true)
    const truth = 0.01 * Math.sqrt(2 / 6)
    for (const { error, freedom } of moderatedRatios(drifting)) {
      expect(error).toBeGreaterThan(truth * 0.7)
      expect(error).toBeLessThan(truth * 2.5)
      expect(freedom).toBeGreaterThan(20)
    }
    const apart = drifting.map((row) => ({ ...row, isPaired: false }))
    expect(moderatedRatios(apart)[0]!.error).toBeGreaterThan(5 * truth)
  })

  test('are plain where there are too few rows', () => {
    const few = rows(3, 4, () => normal(next))
    expect(moderatedRatios(few)).toEqual(few.map((row) => logRatio(row, row.floor)))
    expect(moderatedRatios([])).toEqual([])
  })
})
