import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { readProfile } from '../../src/commands/convert/read-profile.ts'
import { compare } from '../../src/diff/compare.ts'
import { type ChangedRow, isFinding } from '../../src/diff/result.ts'
import { type Run as DiffRun, runOf } from '../../src/diff/run.ts'
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
    const runs = new Map<Variant, DiffRun[]>()
    for (const [at, variant] of order.entries()) {
      const run = recorded(variant, `run-${at}`)
      runs.set(variant, [...(runs.get(variant) ?? []), run])
    }
    const seconds = runs.get(none)!.map(({ durationNs }) => durationNs / 1e9)
    say(`${order.length} runs in random order at ${RATE}; without a change they took`)
    say(`${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)} s.\n`)

    const next = random(2)
    const equal = [SMALL_SIDE, side].map((count) => {
      const half = Math.min(count, Math.floor(pool / 2))
      const results = Array.from({ length: draws }, () => {
        const drawn = shuffled(runs.get(none)!, next)
        return compared(drawn.slice(0, half), drawn.slice(half, 2 * half))
      })
      const alarms = results.filter(
        ({ total, functions }) => total?.kind === 'grew' || functions.rows.some(isFinding),
      )
      return [String(half), String(draws), String(alarms.length)]
    })
    say(table(['equal sides: runs a side', 'comparisons', 'false alarms'], equal))
    say('')

    const rows = variants.map((variant) => {
      const results = Array.from({ length: draws }, () =>
        compared(
          shuffled(runs.get(none)!, next).slice(0, side),
          shuffled(runs.get(variant)!, next).slice(0, side),
        ),
      )
      const own = results.map(({ functions }) =>
        functions.rows.find((row) => row.time === 'self' && row.place.qualname === variant.name),
      )
      const found = own.filter((row): row is ChangedRow => row?.kind === 'grew')
      const others = results.filter(({ functions }) =>
        functions.rows.some(
          (row) => row.time === 'self' && isFinding(row) && row.place.qualname !== variant.name,
        ),
      )
      const held = own.filter(
        (row) => row && row.low! <= variant.growth / 100 && row.high! >= variant.growth / 100,
      )
      const detectable = own.reduce((sum, row) => sum + (row?.detectable ?? 0), 0) / draws
      return [
        variant.name,
        `+${variant.growth} %`,
        `${found.length} of ${draws}`,
        `${others.length}`,
        `${held.length} of ${draws}`,
        `+${percent(detectable, 1)}`,
      ]
    })
    say(`${side} runs a side:\n`)
    say(
      table(
        [
          'function',
          'added work',
          'found',
          'others named',
          'interval holds it',
          'told as detectable',
        ],
        rows,
      ),
    )
  },
}

function compared(base: readonly DiffRun[], head: readonly DiffRun[]) {
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
      gates: [],
    },
  ).result
}

function recorded({ name, growth }: Variant, id: string): DiffRun {
  const file = temporary(`${id}.pyprof`)
  const program = [python('3.14', ROOT), join(ROOT, 'bench', 'targets', 'shares.py'), String(WORK)]
  const target = onCore('target', [...program, ...(name === '' ? [] : [name, String(growth)])])
  const [command = '', ...args] = onCore('sampler', [
    ...PYPROF,
    ...['record', '-r', RATE, '--read', 'live', '-o', file, '--', ...target],
  ])
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const range = { from: 0, to: Number.POSITIVE_INFINITY }
  return runOf({ name: id, isTimed: true, ...readProfile(file, { range, rate: undefined }) })
}

function shuffled<T>(values: readonly T[], next: () => number): T[] {
  const result = [...values]
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor(next() * (at + 1))
    ;[result[at], result[other]] = [result[other]!, result[at]!]
  }
  return result
}
