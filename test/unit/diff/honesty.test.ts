import { describe, expect, test } from 'vitest'
import { type FalseAlarms, falseAlarms, found, mostByChance } from '../../support/false-alarms.ts'
import { type Cell, USUAL } from '../../support/synthetic-runs.ts'

/** A part of the table of docs/statistics.md that takes seconds; `npm run bench` makes all of it. */
const EXPERIMENTS = 150

const CELLS: readonly [string, Cell][] = [
  ['few runs', { ...USUAL, runs: 3 }],
  ['what is usual', USUAL],
  ['many runs', { ...USUAL, runs: 12, samples: 500 }],
  ['much noise of the machine', { ...USUAL, noise: 0.1, functionNoise: 0.01 }],
  ['hardly any noise of the machine', { ...USUAL, noise: 0.01, functionNoise: 0.05 }],
  ['samples that depend on each other', { ...USUAL, dwell: 20 }],
  ['outliers', { ...USUAL, runs: 8, samples: 600, outliers: 0.1 }],
  ['runs that depend on each other', { ...USUAL, runs: 8, samples: 600, carry: 0.8 }],
]

const checks = (alarms: FalseAlarms, functions: number): boolean =>
  functions <= mostByChance(0.05, alarms.experiments)

describe('equal sides', () => {
  test.each(CELLS)('with %s are called different no more often than promised', (_, cell) => {
    const alarms = falseAlarms(cell, EXPERIMENTS, 17)
    expect(alarms.total).toBeLessThanOrEqual(mostByChance(0.025, EXPERIMENTS))
    expect(checks(alarms, alarms.functions)).toBe(true)
    expect(alarms.held).toBeGreaterThan(0.93)
  })

  test('are called different all the time when samples are taken for the unit', () => {
    const alarms = falseAlarms(USUAL, 100, 17)
    expect(checks(alarms, alarms.naive)).toBe(false)
    expect(alarms.naive).toBeGreaterThan(0.9)
    // With independent samples and runs alike in all else it would be right, so the check is fair.
    const ideal = { ...USUAL, dwell: 1, noise: 0, functionNoise: 0 }
    const fair = falseAlarms(ideal, 100, 17)
    expect(checks(fair, fair.naive)).toBe(true)
  })
})

describe('a function that got slower', () => {
  const cell: Cell = { ...USUAL, runs: 10, dwell: 1, samples: 1500 }

  test('is found as often as told, named first, with few others', () => {
    // The first of 40 functions has a share of 23 %.
    const growth = found(cell, { function: 0, factor: 1 }, 30, 3).detectable
    const result = found(cell, { function: 0, factor: 1 + growth }, 150, 7)
    expect(result.found).toBeGreaterThan(0.65)
    expect(result.found).toBeLessThan(0.95)
    expect(result.first).toBeGreaterThan(0.9)
    expect(result.falseShare).toBeLessThan(mostByChance(0.05, 150))
  })

  test('is found nearly always with twice that', () => {
    const growth = found(cell, { function: 0, factor: 1 }, 30, 3).detectable
    expect(found(cell, { function: 0, factor: 1 + 2 * growth }, 100, 9).found).toBeGreaterThan(0.97)
  })
})
