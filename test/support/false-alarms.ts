import { type TestOptions, testRows } from '../../src/diff/family.ts'
import { LEAST_PAIRS } from '../../src/diff/pairing.ts'
import { isFinding, type Pairing } from '../../src/diff/result.ts'
import { totalChange } from '../../src/diff/total.ts'
import { turns } from '../../src/diff/turns.ts'
import { naiveFindings } from './naive-diff.ts'
import { type Cell, random, simulate } from './synthetic-runs.ts'

export const CONFIDENCE = 0.95

export type Kind = Pairing['kind']
/** Both ways to set runs against each other, each judged on the same runs. */
export const KINDS: readonly Kind[] = ['pairs', 'sides']

/** How often comparisons of equal sides called something changed; shares of all experiments. */
export interface Alarms {
  /** The total is called slower: nominal 0.025. */
  readonly total: number
  /** Some function is called changed: nominal 0.05. */
  readonly functions: number
  /** How often the interval of a function held the truth: nominal 0.95. */
  readonly held: number
  /** Half the width of the interval of the total, on the scale of logarithms; the mean of all. */
  readonly half: number
}

export interface FalseAlarms extends Readonly<Record<Kind, Alarms>> {
  readonly experiments: number
  /** How often some function is called changed by the naive method. */
  readonly naive: number
}

/** Compares equal sides again and again; changes of any size count, so that nothing hides errors. */
export function falseAlarms(
  cell: Cell,
  experiments: number,
  seed: number,
  order = turns,
): FalseAlarms {
  const next = random(seed)
  const counts = {
    pairs: { total: 0, functions: 0, held: 0, intervals: 0, half: 0 },
    sides: { total: 0, functions: 0, held: 0, intervals: 0, half: 0 },
  }
  let naive = 0
  for (let at = 0; at < experiments; at++) {
    const simulated = simulate(cell, next, undefined, order)
    if (naiveFindings(simulated, 1 - CONFIDENCE) > 0) naive++
    for (const kind of KINDS) {
      const { change, tested } = judged(simulated, kind)
      const count = counts[kind]
      if (change.kind === 'grew') count.total++
      count.half += Math.log((1 + change.high!) / (1 + change.low!)) / 2
      if (tested.some(({ row }) => isFinding(row))) count.functions++
      for (const { row } of tested) {
        if (row.low === null || row.high === null) continue
        count.intervals++
        if (row.low <= 0 && row.high >= 0) count.held++
      }
    }
  }
  const shares = ({ total, functions, held, intervals, half }: (typeof counts)[Kind]): Alarms => ({
    total: total / experiments,
    functions: functions / experiments,
    held: held / intervals,
    half: half / experiments,
  })
  return {
    experiments,
    pairs: shares(counts.pairs),
    sides: shares(counts.sides),
    naive: naive / experiments,
  }
}

/** How often a change of one function is found, and what else is called changed. */
export interface Found {
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
): Readonly<Record<Kind, Found>> {
  const next = random(seed)
  const grown = new Map([[changed.function, changed.factor]])
  const sums = {
    pairs: { hits: 0, falseShare: 0, first: 0, detectable: 0 },
    sides: { hits: 0, falseShare: 0, first: 0, detectable: 0 },
  }
  for (let at = 0; at < experiments; at++) {
    const simulated = simulate(cell, next, grown)
    for (const kind of KINDS) {
      const { tested } = judged(simulated, kind)
      const sum = sums[kind]
      const own = tested.find(({ of }) => of.key === String(changed.function))!
      sum.detectable += own.row.detectable!
      const findings = tested.filter(({ row }) => isFinding(row))
      if (findings.length === 0) continue
      sum.falseShare += findings.filter((each) => each !== own).length / findings.length
      if (!isFinding(own.row) || own.row.change! < 0) continue
      sum.hits++
      if (findings.every(({ row }) => Math.abs(row.effect) <= own.row.effect)) sum.first++
    }
  }
  const shares = ({ hits, falseShare, first, detectable }: (typeof sums)[Kind]): Found => ({
    found: hits / experiments,
    falseShare: falseShare / experiments,
    first: hits === 0 ? 0 : first / hits,
    detectable: detectable / experiments,
  })
  return { pairs: shares(sums.pairs), sides: shares(sums.sides) }
}

/** How `pyprof diff` compares so many runs a side that took turns. */
export function usualKind({ runs }: Cell): Kind {
  return runs < LEAST_PAIRS ? 'sides' : 'pairs'
}

function judged({ scale, totals, rows }: ReturnType<typeof simulate>, kind: Kind) {
  const isPaired = kind === 'pairs'
  const options: TestOptions = {
    scale: { ...scale, isPaired },
    confidence: CONFIDENCE,
    minShare: 0.005,
    minChange: 0,
    isJudged: true,
  }
  const how = { ...options, isPaired }
  const { change } = totalChange(totals.base, totals.head, 1e-12, 'elapsed', how)
  const { tested } = testRows(rows, options)
  return { change, tested }
}

/** The most that chance may bring in so many experiments, with 1e-4 of a chance of more. */
export function mostByChance(nominal: number, experiments: number): number {
  return nominal + 3.72 * Math.sqrt((nominal * (1 - nominal)) / experiments)
}
