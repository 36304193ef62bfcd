import { NODE_KINDS } from '../profile/call-tree-view.ts'
import { basisOf, type Scale, scaleOf } from './basis.ts'
import { carefulNotes } from './careful.ts'
import { differencesOf, requireComparable, type Same, unknownOf } from './comparable.ts'
import { type Compared, type Tested, type TestOptions, testRows } from './family.ts'
import type { Gate } from './gates.ts'
import { judge } from './judge.ts'
import {
  measure,
  type PathIndex,
  type Place,
  type RunSets,
  type Timed,
  type Times,
} from './measure.ts'
import { Names, type Rename } from './names.ts'
import { pairUp } from './pairing.ts'
import {
  type ChangedRow,
  type DiffResult,
  type Family,
  type GateResult,
  OUTCOMES,
  type Outcome,
  RESULT_VERSION,
} from './result.ts'
import { factsOf, type Run } from './run.ts'
import { LEAST_RUNS } from './statistics/log-ratio.ts'
import { compareTotals } from './total.ts'
import { type WithinRuns, withinRuns } from './within-runs.ts'

export interface CompareOptions {
  /** `pyprof@version`. */
  readonly exporter: string
  /** 0 to 1: of intervals, and which share of the findings is right on average. */
  readonly confidence: number
  /** Functions, lines and paths with less of all time are not tested; 0 to 1. */
  readonly minShare: number
  /** Smaller changes are no findings; a fraction. */
  readonly minChange: number
  readonly allowed: readonly Same[]
  readonly renames: readonly Rename[]
  /** The runs did the same work, whatever their files tell. */
  readonly isSameWork: boolean
  readonly gates: readonly Gate[]
}

/** What was found of a path. */
export interface PathRows {
  readonly self?: ChangedRow
  readonly total?: ChangedRow
}

/** A comparison, and what a flame graph of it is drawn from. */
export interface Comparison {
  readonly result: DiffResult
  readonly times: Times
  readonly scale: Scale
  /** Those that were tested. */
  readonly paths: ReadonlyMap<PathIndex, PathRows>
}

/**
 * Compares two sets of runs. The run is the unit: samples of one run depend on each other, and how
 * much two runs of one program differ no sample tells. Functions (self and total time), lines (self)
 * and paths (self and total) are a family of tests each.
 * @throws PyprofError code `not-comparable`
 */
export function compare(all: RunSets, options: CompareOptions): Comparison {
  const { sets, pairing } = pairUp(all)
  const isPaired = pairing.kind === 'pairs'
  const differences = differencesOf(sets)
  requireComparable(differences, options.allowed)
  const names = new Names(profilesOf(sets.base), profilesOf(sets.head), options.renames)
  const basis = basisOf(sets, options.isSameWork)
  const scale = scaleOf(sets, basis, isPaired)
  const times = measure(sets, names)
  const isJudged = sets.base.length >= LEAST_RUNS && sets.head.length >= LEAST_RUNS
  const chance = withinRuns(sets, names, basis.kind === 'share')
  const { confidence, minShare, minChange } = options
  const test: TestOptions = { scale, confidence, minShare, minChange, isJudged }

  const functionRows = times.functions.flatMap(selfAndTotal)
  const functions = testRows(functionRows, test)
  const lines = testRows(times.lines.map(selfOf), test)
  const paths = testRows(pathRows(times), test)
  const total = compareTotals(sets, basis, { ...test, isPaired })
  const evidence = { total, functions: functionRows, tested: functions.tested, options: test }
  const gates = options.gates.map((gate) => judge(gate, evidence))
  const result: DiffResult = {
    version: RESULT_VERSION,
    exporter: options.exporter,
    outcome: worstOf(gates, isJudged),
    basis,
    pairing,
    confidence,
    minShare,
    minChange,
    isJudged,
    runs: { base: sets.base.map(factsOf), head: sets.head.map(factsOf) },
    differences,
    unknown: unknownOf(sets),
    careful: carefulNotes(sets, basis, pairing),
    total: total?.change ?? null,
    functions: familyOf(functions, within(chance?.functions)),
    lines: familyOf(lines, within(chance?.lines)),
    paths: familyOf(paths, ({ node }) => ({ path: pathOf(times, node) })),
    gates,
  }
  return { result, times, scale, paths: byPath(paths.tested) }
}

function profilesOf(runs: readonly Run[]) {
  return runs.map(({ profile }) => profile)
}

function selfOf({ key, place, self }: Timed): Compared {
  return { key, place, time: 'self', times: self }
}

/** Total time is only told apart where it is not the self time. */
function selfAndTotal(timed: Timed): Compared[] {
  const { key, place, self, total } = timed
  const own = selfOf(timed)
  if (self.every((each, run) => each === total[run])) return [own]
  return [own, { key, place, time: 'total', times: total }]
}

interface ComparedPath extends Compared {
  readonly node: PathIndex
}

const PLACE = NODE_KINDS.indexOf('place')

function pathRows({ functions, paths }: Times): ComparedPath[] {
  const result: ComparedPath[] = []
  for (let node = 1; node < paths.length; node++) {
    if (paths.kind[node] !== PLACE) continue
    const { place } = functions[paths.function[node]!]!
    const timed = { key: String(node), place, self: paths.self[node]!, total: paths.total[node]! }
    for (const row of selfAndTotal(timed)) result.push({ ...row, node })
  }
  return result
}

function pathOf({ paths, functions }: Times, leaf: PathIndex): Place[] {
  const result: Place[] = []
  for (let node = leaf; node > 0; node = paths.parent[node]!) {
    result.push(functions[paths.function[node]!]!.place)
  }
  return result.reverse()
}

/** Tested rows with what else belongs to them, those with the largest effect first. */
function familyOf<T extends Compared>(
  { tested, leftOut }: { readonly tested: readonly Tested<T>[]; readonly leftOut: number },
  more: (of: T, row: ChangedRow) => Partial<ChangedRow> | undefined,
): Family {
  const rows = tested.map(({ of, row }): ChangedRow => ({ ...row, ...more(of, row) }))
  return { rows: rows.sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect)), leftOut }
}

function within(known: WithinRuns | undefined) {
  return ({ key }: Compared, { time, change }: ChangedRow) =>
    change === null ? undefined : known?.(time, key)
}

function byPath(tested: readonly Tested<ComparedPath>[]): Map<PathIndex, PathRows> {
  const result = new Map<PathIndex, PathRows>()
  for (const { of, row } of tested) {
    result.set(of.node, { ...result.get(of.node), [of.time]: row })
  }
  return result
}

/** That of the worst gate; without gates nothing has failed, and with one run a side nothing is known. */
function worstOf(gates: readonly GateResult[], isJudged: boolean): Outcome {
  if (gates.length === 0) return isJudged ? 'pass' : 'inconclusive'
  return OUTCOMES.find((outcome) => gates.some((gate) => gate.outcome === outcome))!
}
