import { type TestOptions, testRows } from '../../src/diff/family.ts'
import { isFinding } from '../../src/diff/result.ts'
import { totalChange } from '../../src/diff/total.ts'
import { naiveFindings } from './naive-diff.ts'
import { type Cell, random, simulate } from './synthetic-runs.ts'

export const CONFIDENCE = 0.95

/** How often comparisons of equal sides called something changed; shares of all experiments. */
export interface FalseAlarms {
  readonly experiments: number
  /** The total is called slower: nominal 0.025. */
  readonly total: number
  /** Some function is called changed: nominal 0.05. */
  readonly functions: number
  /** The same by the naive method. */
  readonly naive: number
  /** How often the interval of a function held the truth: nominal 0.95. */
  readonly held: number
}

/** Compares equal sides again and again; changes of any size count, so that nothing hides errors. */
export function falseAlarms(cell: Cell, experiments: number, seed: number): FalseAlarms {
  const next = random(seed)
  let [total, functions, naive, held, intervals] = [0, 0, 0, 0, 0]
  for (let at = 0; at < experiments; at++) {
    const { change, tested, naiveCount } = experiment(cell, next)
    if (change.kind === 'grew') total++
    if (tested.some(({ row }) => isFinding(row))) functions++
    if (naiveCount > 0) naive++
    for (const { row } of tested) {
      if (row.low === null || row.high === null) continue
      intervals++
      if (row.low <= 0 && row.high >= 0) held++
    }
  }
  const share = (count: number) => count / experiments
  return {
    experiments,
    total: share(total),
    functions: share(functions),
    naive: share(naive),
    held: held / intervals,
  }
}

/** How often a change of one function is found, and what else is called changed. */
export interface Found {
  readonly experiments: number
  readonly found: number
  /** Mean share of the findings that are false. */
  readonly falseShare: number
  /** How often the changed function has the largest effect of all findings, where it is found. */
  readonly first: number
  /** Mean of the smallest growth that was said to be detectable. */
  readonly detectable: number
}

/** Compares sides that differ in one function, whose cost grows by a factor. */
export function found(
  cell: Cell,
  changed: { readonly function: number; readonly factor: number },
  experiments: number,
  seed: number,
): Found {
  const next = random(seed)
  const grown = new Map([[changed.function, changed.factor]])
  let [hits, falseShare, first, detectable] = [0, 0, 0, 0]
  for (let at = 0; at < experiments; at++) {
    const { tested } = experiment(cell, next, grown)
    const own = tested.find(({ of }) => of.key === String(changed.function))!
    detectable += own.row.detectable!
    const findings = tested.filter(({ row }) => isFinding(row))
    if (findings.length === 0) continue
    falseShare += findings.filter((each) => each !== own).length / findings.length
    if (!isFinding(own.row) || own.row.change! < 0) continue
    hits++
    if (findings.every(({ row }) => Math.abs(row.effect) <= own.row.effect)) first++
  }
  return {
    experiments,
    found: hits / experiments,
    falseShare: falseShare / experiments,
    first: hits === 0 ? 0 : first / hits,
    detectable: detectable / experiments,
  }
}

function experiment(cell: Cell, next: () => number, grown?: ReadonlyMap<number, number>) {
  const simulated = simulate(cell, next, grown)
  const { scale, totals, rows } = simulated
  const options: TestOptions = {
    scale,
    confidence: CONFIDENCE,
    minShare: 0.005,
    minChange: 0,
    isJudged: true,
  }
  const { change } = totalChange(totals.base, totals.head, 1e-12, 'elapsed', options)
  const { tested } = testRows(rows, options)
  return { change, tested, naiveCount: naiveFindings(simulated, 1 - CONFIDENCE) }
}

/** The most that chance may bring in so many experiments, with 1e-4 of a chance of more. */
export function mostByChance(nominal: number, experiments: number): number {
  return nominal + 3.72 * Math.sqrt((nominal * (1 - nominal)) / experiments)
}
