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

/** Rounds of bench/targets/shares.py: about a second. */
const WORK = 3000
const RATE = '1khz'
/** Runs without a change, and with each change. */
const POOL = 40
const CHANGED = 20
/** Runs a side of each comparison, and how many are drawn from the pools. */
const SIDE = 10
const SMALL_SIDE = 5
const DRAWS = 40

const FUNCTIONS = ['thirty', 'ten', 'three'] as const
const GROWTHS = [2, 5, 10, 20] as const

/** A run of the workload without a change is `''` grown by 0. */
interface Variant {
  readonly name: string
  readonly growth: number
}

export const diffPool: Case = {
  name: 'diff-pool',
  question:
    'How often does `pyprof diff` call equal real runs different, and find work that was added?',
  long: true,
  run: async ({ quick, rounds, say }: Run) => {
    const pool = quick ? 6 : rounds(POOL)
    const changed = Math.ceil((pool * CHANGED) / POOL)
    const side = Math.min(SIDE, Math.floor(pool / 3))
    const draws = quick ? 4 : DRAWS
    const none = { name: '', growth: 0 }
    const variants = FUNCTIONS.flatMap((name) => GROWTHS.map((growth) => ({ name, growth })))
    const order = shuffled(
      [
        ...new Array<Variant>(pool).fill(none),
        ...variants.flatMap((variant) => new Array<Variant>(changed).fill(variant)),
      ],
      random(1),
    )
    const recordings = new Map<Variant, Recorded[]>()
    for (const [at, variant] of order.entries()) {
      const run = recorded(variant, `run-${at}`)
      recordings.set(variant, [...(recordings.get(variant) ?? []), run])
    }
    say(`${order.length} runs in random order at ${RATE}.`)
    for (const mode of MODES) {
      const runs = (variant: Variant) => recordings.get(variant)!.map((each) => each[mode])
      const times = runs(none).map((each) => timeOf(each, mode))
      say(`\n### By ${mode === 'cpu' ? 'CPU time' : 'the clock'}\n`)
      say(`Without a change they took ${Math.min(...times).toFixed(2)} to`)
      say(
        `${Math.max(...times).toFixed(2)} s, a standard deviation of ${percent(spread(times))}.\n`,
      )
      const next = random(2)
      say(
        table(
          [
            'equal sides: runs a side',
            'comparisons',
            'total slower',
            'a function changed',
            GATES.join(', '),
          ],
          [...new Set([Math.min(SMALL_SIDE, side), side])].map((count) => [
            String(count),
            String(draws),
            ...falseAlarmsOf(runs(none), count, draws, next).map(String),
          ]),
        ),
      )
      say(`\n${side} runs a side:\n`)
      say(
        table(
          ['function', 'added work', 'found', 'others', 'interval holds it', 'told as detectable'],
          variants.map((variant) => foundIn(runs(none), runs(variant), variant, side, draws, next)),
        ),
      )
    }
  },
}

/** Limits that a careful user of a quiet machine would set. */
const GATES = ['total>2%', 'any>10%']

/**
 * How many comparisons of runs that are alike call the total slower, some function changed, or fail
 * one of GATES.
 */
function falseAlarmsOf(
  runs: readonly DiffRun[],
  count: number,
  draws: number,
  next: () => number,
): number[] {
  const alarms = [0, 0, 0]
  for (let draw = 0; draw < draws; draw++) {
    const drawn = shuffled(runs, next)
    const result = compared(drawn.slice(0, count), drawn.slice(count, 2 * count), GATES)
    if (result.total?.kind === 'grew') alarms[0]!++
    if (result.functions.rows.some(isFinding)) alarms[1]!++
    if (result.outcome === 'regression') alarms[2]!++
  }
  return alarms
}

/** A line of the table: how often added work is found, and what else is called changed. */
function foundIn(
  base: readonly DiffRun[],
  head: readonly DiffRun[],
  { name, growth }: Variant,
  side: number,
  draws: number,
  next: () => number,
): string[] {
  const truth = growth / 100
  let [found, others, held, detectable] = [0, 0, 0, 0]
  for (let draw = 0; draw < draws; draw++) {
    const result = compared(
      shuffled(base, next).slice(0, side),
      shuffled(head, next).slice(0, side),
    )
    const own = result.functions.rows.filter(({ time }) => time === 'self')
    const changed = own.find(({ place }) => place.qualname === name)
    if (changed?.kind === 'grew') found++
    if (own.some((row) => row !== changed && isFinding(row))) others++
    if (changed && changed.low! <= truth && changed.high! >= truth) held++
    detectable += (changed?.detectable ?? 0) / draws
  }
  const of = (count: number) => `${count} of ${draws}`
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

function recorded({ name, growth }: Variant, id: string): Recorded {
  const file = temporary(`${id}.pyprof`)
  const program = [python('3.14', ROOT), join(ROOT, 'bench', 'targets', 'shares.py'), String(WORK)]
  const target = onCore('target', [...program, ...(name === '' ? [] : [name, String(growth)])])
  const [command = '', ...args] = onCore('sampler', [
    ...PYPROF,
    ...['record', '-r', RATE, '--read', 'live', '-o', file, '--', ...target],
  ])
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
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
