import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { readProfile } from '../../src/commands/convert/read-profile.ts'
import { compare } from '../../src/diff/compare.ts'
import { parseGate } from '../../src/diff/gates.ts'
import { isFinding } from '../../src/diff/result.ts'
import { type Run as DiffRun, runOf } from '../../src/diff/run.ts'
import { viewInMode } from '../../src/profile/modes.ts'
import { python } from '../../test/support/pythons.ts'
import { random } from '../../test/support/synthetic-runs.ts'
import type { Case, Run } from '../lib/case.ts'
import { onCore } from '../lib/cores.ts'
import { PYPROF } from '../lib/pyprof.ts'
import { ROOT } from '../lib/root.ts'
import { percent, table } from '../lib/table.ts'
import { temporary } from '../lib/temporary.ts'

const RATE = '1khz'
/** Runs a side of a comparison. No run is in two comparisons of a line, and sides take turns. */
const SIDE = 10
/** Groups of so many runs: as they are, and with each change. */
const GROUPS = 40
const REAL_GROUPS = GROUPS / 2
const CHANGED_GROUPS = GROUPS / 10
/** The change that must be found nearly always has more. */
const MAIN_CHANGE = { name: 'thirty', growth: 10 }
const MAIN_GROUPS = GROUPS / 2

const FUNCTIONS = ['thirty', 'ten', 'three'] as const
const GROWTHS = [2, 5, 10, 20] as const

/** A program of bench/targets, as it is or with more work in one of its functions. */
interface Variant {
  readonly program: string
  /** About 0.8 s. */
  readonly rounds: number
  readonly name: string
  /** Percent. */
  readonly growth: number
  /** Comparisons' worth of runs. */
  readonly groups: number
}

export const diffPool: Case = {
  name: 'diff-pool',
  question:
    'How often does `pyprof diff` call equal real runs different, and find work that was added?',
  long: true,
  run: async ({ quick, rounds, say }: Run) => {
    const side = quick ? 2 : SIDE
    const scale = quick ? 0.05 : rounds(GROUPS) / GROUPS
    const variants = variantsOf((groups) => Math.max(1, Math.round(groups * scale)))
    const order = shuffled(
      variants.flatMap((variant) => new Array<Variant>(variant.groups * side).fill(variant)),
      random(1),
    )
    const recordings = new Map<Variant, Recorded[]>()
    for (const [at, variant] of order.entries()) {
      const run = recorded(variant, `run-${at}`)
      recordings.set(variant, [...(recordings.get(variant) ?? []), run])
    }
    say(`${order.length} runs in random order at ${RATE}.`)
    for (const mode of MODES) {
      const runsOf = (variant: Variant) => recordings.get(variant)!.map((each) => each[mode])
      const same = variants.filter(({ growth }) => growth === 0)
      say(`\n### By ${mode === 'cpu' ? 'CPU time' : 'the clock'}\n`)
      say(
        table(
          [
            'equal sides',
            'a run, s',
            'SD',
            'runs a side',
            'comparisons',
            'total slower',
            'a function changed',
            GATES.join(', '),
          ],
          same.flatMap((variant) => {
            const times = recordings.get(variant)!.map((each) => timeOf(each[mode], mode))
            return [Math.ceil(side / 2), side].map((size) => {
              const pairs = inGroups(runsOf(variant), 2 * size).map(byTurns)
              return [
                variant.program,
                `${Math.min(...times).toFixed(2)}–${Math.max(...times).toFixed(2)}`,
                percent(spread(times)),
                String(size),
                String(pairs.length),
                ...falseAlarmsIn(pairs).map(String),
              ]
            })
          }),
        ),
      )
      const [plain] = same
      say(`\n${side} runs a side:\n`)
      say(
        table(
          ['function', 'added work', 'found', 'others', 'interval holds it', 'told as detectable'],
          variants
            .filter(({ growth }) => growth > 0)
            .map((variant) =>
              foundIn(besides(runsOf(plain!), inGroups(runsOf(variant), side)), variant),
            ),
        ),
      )
    }
  },
}

function variantsOf(scaled: (groups: number) => number): Variant[] {
  const shares = { program: 'shares.py', rounds: 3000 }
  return [
    { ...shares, name: '', growth: 0, groups: scaled(GROUPS) },
    { program: 'unparse.py', rounds: 40, name: '', growth: 0, groups: scaled(REAL_GROUPS) },
    ...FUNCTIONS.flatMap((name) =>
      GROWTHS.map((growth) => {
        const isMain = name === MAIN_CHANGE.name && growth === MAIN_CHANGE.growth
        return { ...shares, name, growth, groups: scaled(isMain ? MAIN_GROUPS : CHANGED_GROUPS) }
      }),
    ),
  ]
}

/** Consecutive ones together; what is left over is left out. */
function inGroups<T>(values: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.floor(values.length / size) }, (_, group) =>
    values.slice(group * size, (group + 1) * size),
  )
}

type Sides = readonly [base: readonly DiffRun[], head: readonly DiffRun[]]

/** Two sides of runs that were made one after the other: A B B A A B B A … */
function byTurns<T>(runs: readonly T[]): [T[], T[]] {
  const isBase = (at: number) => at % 4 === 0 || at % 4 === 3
  return [runs.filter((_, at) => isBase(at)), runs.filter((_, at) => !isBase(at))]
}

/** Each group with as many of the other runs, spread over the time in which the group was made. */
function besides<T>(others: readonly T[], groups: readonly T[][]): [T[], T[]][] {
  const slice = Math.floor(others.length / groups.length)
  return groups.map((group, at) => {
    const step = slice / group.length
    return [group.map((_, run) => others[at * slice + Math.floor(run * step)]!), group]
  })
}

/** Limits that a careful user of a quiet machine would set. */
const GATES = ['total>2%', 'any>10%']

/**
 * How many comparisons of runs that are alike call the total slower, some function changed, or fail
 * one of GATES.
 */
function falseAlarmsIn(pairs: readonly Sides[]): number[] {
  const alarms = [0, 0, 0]
  for (const [base, head] of pairs) {
    const result = compared(base, head, GATES)
    if (result.total?.kind === 'grew') alarms[0]!++
    if (result.functions.rows.some(isFinding)) alarms[1]!++
    if (result.outcome === 'regression') alarms[2]!++
  }
  return alarms
}

/** A line of the table: how often added work is found, and what else is called changed. */
function foundIn(pairs: readonly Sides[], { name, growth }: Variant): string[] {
  const truth = growth / 100
  const count = pairs.length
  let [found, others, held, detectable] = [0, 0, 0, 0]
  for (const [base, head] of pairs) {
    const result = compared(base, head)
    const own = result.functions.rows.filter(({ time }) => time === 'self')
    const changed = own.find(({ place }) => place.qualname === name)
    if (changed?.kind === 'grew') found++
    if (own.some((row) => row !== changed && isFinding(row))) others++
    if (changed && changed.low! <= truth && changed.high! >= truth) held++
    detectable += (changed?.detectable ?? 0) / count
  }
  const of = (some: number) => `${some} of ${count}`
  return [name, `+${growth} %`, of(found), of(others), of(held), `+${percent(detectable, 1)}`]
}

function timeOf({ durationNs, sampledNs }: DiffRun, mode: (typeof MODES)[number]): number {
  return (mode === 'cpu' ? sampledNs : durationNs) / 1e9
}

/** Standard deviation over the mean. */
function spread(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return Math.sqrt(squares / (values.length - 1)) / mean
}

function compared(
  base: readonly DiffRun[],
  head: readonly DiffRun[],
  gates: readonly string[] = [],
) {
  return compare(
    { base, head },
    {
      exporter: '',
      confidence: 0.95,
      minShare: 0.005,
      minChange: 0.01,
      allowed: [],
      renames: [],
      isSameWork: false,
      gates: gates.map(parseGate),
    },
  ).result
}

const MODES = ['wall', 'cpu'] as const
type Recorded = Readonly<Record<(typeof MODES)[number], DiffRun>>

function recorded({ program, rounds, name, growth }: Variant, id: string): Recorded {
  const file = temporary(`${id}.pyprof`)
  const command = [python('3.14', ROOT), join(ROOT, 'bench', 'targets', program), String(rounds)]
  const target = onCore('target', [...command, ...(name === '' ? [] : [name, String(growth)])])
  const [profiler = '', ...args] = onCore('sampler', [
    ...PYPROF,
    ...['record', '-r', RATE, '--read', 'live', '-o', file, '--', ...target],
  ])
  execFileSync(profiler, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const range = { from: 0, to: Number.POSITIVE_INFINITY }
  const { profile } = readProfile(file, { range, rate: undefined })
  rmSync(file)
  const runIn = (mode: (typeof MODES)[number]) =>
    runOf({ name: id, isTimed: true, profile: viewInMode(profile, { mode, idle: false }).profile })
  return { wall: runIn('wall'), cpu: runIn('cpu') }
}

function shuffled<T>(values: readonly T[], next: () => number): T[] {
  const result = [...values]
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1))
    ;[result[at], result[other]] = [result[other]!, result[at]!]
  }
  return result
}
