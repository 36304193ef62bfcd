import { execFileSync } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readProfile } from '../../src/commands/convert/read-profile.ts'
import { compare } from '../../src/diff/compare.ts'
import { parseGate } from '../../src/diff/gates.ts'
import type { RunSets } from '../../src/diff/measure.ts'
import { LEAST_PAIRS } from '../../src/diff/pairing.ts'
import { type DiffResult, isFinding } from '../../src/diff/result.ts'
import { type Run as DiffRun, runOf, SIDES } from '../../src/diff/run.ts'
import { viewInMode } from '../../src/profile/modes.ts'
import { KINDS, type Kind } from '../../test/support/false-alarms.ts'
import { python } from '../../test/support/pythons.ts'
import { random } from '../../test/support/synthetic-runs.ts'
import type { Case, Run } from '../lib/case.ts'
import { onCore } from '../lib/cores.ts'
import { PYPROF } from '../lib/pyprof.ts'
import { ROOT } from '../lib/root.ts'
import { percent, table } from '../lib/table.ts'
import { temporary } from '../lib/temporary.ts'

/** A run of a second has the samples of one of four seconds at 1 kHz, and is over four times as fast. */
const RATE = '4khz'
/** Pairs of runs of a `pyprof bench`. */
const SIDE = 10
/** Benches of the program as it is on both sides are half as many; see `variantsOf`. */
const GROUPS = 40
/** The change that must be found nearly always has more. */
const MAIN_CHANGE = { name: 'thirty', growth: 10 }

const FUNCTIONS = ['thirty', 'ten', 'three'] as const
const GROWTHS = [2, 5, 10, 20] as const

/** A program of bench/targets, in head with more work in one of its functions, or as it is. */
interface Variant {
  readonly program: string
  /** About 0.8 s. */
  readonly rounds: number
  readonly name: string
  /** Percent; 0 where both sides are equal. */
  readonly growth: number
  /** How many benches of it. */
  readonly benches: number
}

/** The runs of one bench, in one mode. */
type ByMode = Readonly<Record<(typeof MODES)[number], RunSets>>
const MODES = ['wall', 'cpu'] as const

export const diffPool: Case = {
  name: 'diff-pool',
  question:
    'How often does `pyprof diff` call equal real runs different, and find work that was added?',
  long: true,
  run: async ({ quick, rounds, say }: Run) => {
    const side = quick ? LEAST_PAIRS : SIDE
    const scale = quick ? 0.05 : rounds(GROUPS) / GROUPS
    const variants = variantsOf(
      (benches) => Math.max(1, Math.round(benches * scale)),
      quick ? 0.05 : 1,
    )
    const order = shuffled(
      variants.flatMap((variant) => new Array<Variant>(variant.benches).fill(variant)),
      random(1),
    )
    const made = new Map<Variant, ByMode[]>(variants.map((variant) => [variant, []]))
    for (const [at, variant] of order.entries()) {
      made.get(variant)!.push(bench(variant, side, temporary(`bench-${at}`)))
    }
    say(
      `${order.length} times \`pyprof bench --runs ${side} -r ${RATE}\` in random order: ` +
        `${2 * side * order.length} runs. The same runs are compared in pairs, as \`pyprof diff\` does, ` +
        'and as sides whose runs are independent.',
    )
    const columns = (each: readonly string[]) =>
      KINDS.flatMap((kind) => each.map((name) => `${kind}: ${name}`))
    for (const mode of MODES) {
      const setsOf = (variant: Variant) => made.get(variant)!.map((sets) => sets[mode])
      say(`\n### By ${mode === 'cpu' ? 'CPU time' : 'the clock'}\n`)
      say(
        table(
          [
            'equal sides',
            'a run, s',
            'SD of runs',
            'SD within pairs',
            'runs a side',
            'comparisons',
            ...columns(['total slower', 'a function changed', GATES.join(' or ')]),
          ],
          variants
            .filter(({ growth }) => growth === 0)
            .flatMap((variant) => {
              const sets = setsOf(variant)
              return [sets.flatMap(halves), sets].map((parts) => [
                variant.program,
                ...spreadsOf(sets, mode),
                String(parts[0]!.base.length),
                String(parts.length),
                ...KINDS.flatMap((kind) => falseAlarmsIn(parts, kind).map(String)),
              ])
            }),
        ),
      )
      say(`\n${side} runs a side:\n`)
      say(
        table(
          [
            'function',
            'added work',
            ...columns(['found', 'others', 'interval holds it', 'told as detectable']),
          ],
          variants
            .filter(({ growth }) => growth > 0)
            .map((variant) => [
              variant.name,
              `+${variant.growth} %`,
              ...KINDS.flatMap((kind) => foundIn(setsOf(variant), variant, kind)),
            ]),
        ),
      )
    }
  },
}

/** @param length of each run, of its usual one */
function variantsOf(scaled: (benches: number) => number, length: number): Variant[] {
  const shares = { program: 'shares.py', rounds: 3000 * length }
  const rounds = 40 * length
  return [
    { ...shares, name: '', growth: 0, benches: scaled(GROUPS / 2) },
    { program: 'unparse.py', rounds, name: '', growth: 0, benches: scaled(GROUPS / 4) },
    ...FUNCTIONS.flatMap((name) =>
      GROWTHS.map((growth) => {
        const isMain = name === MAIN_CHANGE.name && growth === MAIN_CHANGE.growth
        return { ...shares, name, growth, benches: scaled(GROUPS / (isMain ? 2 : 10)) }
      }),
    ),
  ]
}

/** Makes both sides as a user would, the programs and pyprof on a core each. */
function bench({ program, rounds, name, growth }: Variant, side: number, folder: string): ByMode {
  const command = [python('3.14', ROOT), join(ROOT, 'bench', 'targets', program), String(rounds)]
  const change = name === '' ? [] : [name, String(growth)]
  const shell = (more: readonly string[]) =>
    onCore('target', [...command, ...more])
      .map((word) => `'${word}'`)
      .join(' ')
  const [profiler = '', ...args] = onCore('sampler', [
    ...[...PYPROF, 'bench', shell([]), shell(change), '--runs', String(side)],
    ...['-r', RATE, '--read', 'live', '-o', folder, '--json'],
  ])
  execFileSync(profiler, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const files = SIDES.map((each) =>
    readdirSync(join(folder, each))
      .sort()
      .map((file) => join(folder, each, file)),
  )
  const [base = [], head = []] = files.map((paths) => paths.map(recorded))
  rmSync(folder, { recursive: true })
  const inMode = (mode: (typeof MODES)[number]): RunSets => ({
    base: base.map((run) => run[mode]),
    head: head.map((run) => run[mode]),
  })
  return { wall: inMode('wall'), cpu: inMode('cpu') }
}

function recorded(file: string): Readonly<Record<(typeof MODES)[number], DiffRun>> {
  const range = { from: 0, to: Number.POSITIVE_INFINITY }
  const { profile } = readProfile(file, { range, rate: undefined })
  const runIn = (mode: (typeof MODES)[number]) =>
    runOf({
      name: file,
      isTimed: true,
      profile: viewInMode(profile, { mode, idle: false }).profile,
    })
  return { wall: runIn('wall'), cpu: runIn('cpu') }
}

/** The first and the last pairs of a bench; that in the middle is in none where they are odd. */
function halves({ base, head }: RunSets): RunSets[] {
  const size = Math.floor(base.length / 2)
  if (size < LEAST_PAIRS) return [{ base, head }]
  const part = (from: number, to?: number) => ({
    base: base.slice(from, to),
    head: head.slice(from, to),
  })
  return [part(0, size), part(-size)]
}

/** Limits that a careful user of a quiet machine would set. */
const GATES = ['total>2%', 'any>10%']

/**
 * How many comparisons of runs that are alike call the total slower, some function changed, or fail
 * one of GATES.
 */
function falseAlarmsIn(sets: readonly RunSets[], kind: Kind): number[] {
  const alarms = [0, 0, 0]
  for (const each of sets) {
    const result = compared(each, kind, GATES)
    if (result.total?.kind === 'grew') alarms[0]!++
    if (result.functions.rows.some(isFinding)) alarms[1]!++
    if (result.outcome === 'regression') alarms[2]!++
  }
  return alarms
}

/** How often added work is found, and what else is called changed. */
function foundIn(sets: readonly RunSets[], { name, growth }: Variant, kind: Kind): string[] {
  const truth = growth / 100
  const count = sets.length
  let [found, others, held, detectable] = [0, 0, 0, 0]
  for (const each of sets) {
    const result = compared(each, kind)
    const own = result.functions.rows.filter(({ time }) => time === 'self')
    const changed = own.find(({ place }) => place.qualname === name)
    if (changed?.kind === 'grew') found++
    if (own.some((row) => row !== changed && isFinding(row))) others++
    if (changed && changed.low! <= truth && changed.high! >= truth) held++
    detectable += (changed?.detectable ?? 0) / count
  }
  const of = (some: number) => `${some} of ${count}`
  return [of(found), of(others), of(held), `+${percent(detectable, 1)}`]
}

/** The times of all runs; how much they differ; and how much they would if pairs were equal. */
function spreadsOf(sets: readonly RunSets[], mode: (typeof MODES)[number]): string[] {
  const timeOf = ({ durationNs, sampledNs }: DiffRun) =>
    (mode === 'cpu' ? sampledNs : durationNs) / 1e9
  const times = sets.flatMap(({ base, head }) => [...base, ...head].map(timeOf))
  const differences = sets.flatMap(({ base, head }) =>
    base.map((run, at) => Math.log(timeOf(head[at]!) / timeOf(run))),
  )
  const squares = differences.reduce((sum, each) => sum + each ** 2, 0)
  return [
    `${Math.min(...times).toFixed(2)}–${Math.max(...times).toFixed(2)}`,
    percent(spread(times)),
    // Both runs of a pair vary.
    percent(Math.sqrt(squares / differences.length / 2)),
  ]
}

/** Standard deviation over the mean. */
function spread(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return Math.sqrt(squares / (values.length - 1)) / mean
}

/** @throws Error when runs that were made in pairs are not compared so */
function compared(sets: RunSets, kind: Kind, gates: readonly string[] = []): DiffResult {
  const alone = (runs: readonly DiffRun[]) => runs.map((run) => ({ ...run, pair: undefined }))
  const judged = kind === 'pairs' ? sets : { base: alone(sets.base), head: alone(sets.head) }
  const { result } = compare(judged, {
    exporter: '',
    confidence: 0.95,
    minShare: 0.005,
    minChange: 0.01,
    allowed: [],
    renames: [],
    isSameWork: false,
    gates: gates.map(parseGate),
  })
  if (result.pairing.kind !== kind) throw new Error(`compared otherwise: ${result.pairing.reason}`)
  return result
}

function shuffled<T>(values: readonly T[], next: () => number): T[] {
  const result = [...values]
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1))
    ;[result[at], result[other]] = [result[other]!, result[at]!]
  }
  return result
}
