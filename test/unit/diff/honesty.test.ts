import { describe, expect, test } from 'vitest'
import { falseAlarms, found, KINDS, mostByChance } from '../../support/false-alarms.ts'
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
  ['a machine that drifts', { ...USUAL, runs: 8, samples: 600, drift: 0.03 }],
  [
    'a machine that drifts, and outliers',
    { ...USUAL, runs: 8, samples: 600, drift: 0.03, outliers: 0.1 },
  ],
]

describe('equal sides', () => {
  test.each(CELLS)('with %s are called different no more often than promised', (_, cell) => {
    const alarms = falseAlarms(cell, EXPERIMENTS, 17)
    for (const kind of KINDS) {
      const { total, functions, held } = alarms[kind]
      expect(total, kind).toBeLessThanOrEqual(mostByChance(0.025, EXPERIMENTS))
      expect(functions, kind).toBeLessThanOrEqual(mostByChance(0.05, EXPERIMENTS))
      expect(held, kind).toBeGreaterThan(0.93)
    }
  })

  test('are called different all the time when samples are taken for the unit', () => {
    const limit = mostByChance(0.05, 100)
    const { naive } = falseAlarms(USUAL, 100, 17)
    expect(naive).toBeGreaterThan(limit)
    expect(naive).toBeGreaterThan(0.9)
    // With independent samples and runs alike in all else it would be right, so the check is fair.
    const ideal = { ...USUAL, dwell: 1, noise: 0, functionNoise: 0 }
    expect(falseAlarms(ideal, 100, 17).naive).toBeLessThanOrEqual(limit)
  })
})

describe('a function that got slower', () => {
  const cell: Cell = { ...USUAL, runs: 10, dwell: 1, samples: 1500 }
  // The first of 40 functions has a share of 23 %.
  const told = found(cell, { function: 0, factor: 1 }, 30, 3)

  test.each(KINDS)('is found as often as told, named first, with few others, of %s', (kind) => {
    const factor = 1 + told[kind].detectable
    const result = found(cell, { function: 0, factor }, 150, 7)[kind]
    expect(result.found).toBeGreaterThan(0.65)
    expect(result.found).toBeLessThan(0.95)
    expect(result.first).toBeGreaterThan(0.9)
    expect(result.falseShare).toBeLessThan(mostByChance(0.05, 150))
  })

  test.each(KINDS)('is found nearly always with twice that, of %s', (kind) => {
    const factor = 1 + 2 * told[kind].detectable
    expect(found(cell, { function: 0, factor }, 100, 9)[kind].found).toBeGreaterThan(0.97)
  })

  test('is found more often in pairs where the machine drifts', () => {
    const drifting = { ...cell, drift: 0.05 }
    const { pairs, sides } = found(drifting, { function: 0, factor: 1.15 }, 100, 11)
    expect(pairs.found).toBeGreaterThan(sides.found + 0.2)
    expect(pairs.detectable).toBeLessThan(0.7 * sides.detectable)
  })
})
