import type { Turn } from '../../src/diff/turns.ts'
import {
  falseAlarms,
  found,
  KINDS,
  mostByChance,
  usualKind,
} from '../../test/support/false-alarms.ts'
import { type Cell, USUAL } from '../../test/support/synthetic-runs.ts'
import type { Case, Run } from '../lib/case.ts'
import { percent as shareText, table } from '../lib/table.ts'

const EXPERIMENTS = 2000

/** What is varied of the usual cell, one thing at a time and all runs with all noises. */
const CELLS: readonly [string, Partial<Cell>][] = [
  ...[3, 5, 10, 20].flatMap((runs) =>
    [0.01, 0.03, 0.1].map((noise): [string, Partial<Cell>] => [
      `${runs} runs, noise of runs ${noise * 100} %`,
      { runs, noise },
    ]),
  ),
  ...[1, 20].map((dwell): [string, Partial<Cell>] => [`stays of ${dwell} samples`, { dwell }]),
  ...[0.01, 0.1].map((functionNoise): [string, Partial<Cell>] => [
    `noise of functions ${functionNoise * 100} %`,
    { functionNoise },
  ]),
  ...[0.05, 0.2].map((outliers): [string, Partial<Cell>] => [
    `${outliers * 100} % of the runs take 30 % longer`,
    { outliers, runs: 10 },
  ]),
  ...[0.5, 0.9].map((carry): [string, Partial<Cell>] => [
    `runs correlated by ${carry}`,
    { carry, runs: 10 },
  ]),
  ...[5, 10].flatMap((runs) =>
    [0.5, 0.9].map((carry): [string, Partial<Cell>] => [
      `${runs} runs, noise of runs 8 %, correlated by ${carry}`,
      { runs, noise: 0.08, carry },
    ]),
  ),
  ...[5, 10, 20].map((runs): [string, Partial<Cell>] => [
    `${runs} runs, speed drifts by 3 % a run`,
    { runs, drift: 0.03 },
  ]),
  [
    '10 runs, speed drifts by 3 % a run, 10 % of the runs take 30 % longer',
    { runs: 10, drift: 0.03, outliers: 0.1 },
  ],
  ['300 functions', { functions: 300, samples: 3000 }],
  ['8 functions', { functions: 8 }],
]

/** What machines are like, under which added work is looked for; with runs a side. */
const MACHINES: readonly [string, Partial<Cell>, readonly number[], readonly number[]][] = [
  ['each run by itself, 2 %', {}, [5, 10, 20], [0, 2, 8]],
  ['8 %, correlated by 0.9', { noise: 0.08, carry: 0.9 }, [5, 10, 20], [0, 2]],
  ['drifts by 3 % a run', { drift: 0.03 }, [5, 10, 20], [0, 2]],
]

const percent = (share: number) => shareText(share, 1)

export const diffSynthetic: Case = {
  name: 'diff-synthetic',
  question:
    'How often does `pyprof diff` call equal made-up runs different, and find what differs?',
  long: true,
  run: async ({ quick, rounds, say }: Run) => {
    const experiments = quick ? 50 : rounds(EXPERIMENTS)
    const limit = (nominal: number) => percent(mostByChance(nominal, experiments))
    say(
      `${experiments} comparisons of equal sides a line. Chance brings at most ${limit(0.025)} where`,
    )
    say(`2.5 % are promised, and ${limit(0.05)} where 5 % are. Usual: ${JSON.stringify(USUAL)}\n`)
    const alarms = CELLS.map(([name, varied], at) => {
      const cell = { ...USUAL, ...varied }
      const result = falseAlarms(cell, experiments, 100 + at)
      const isKept = KINDS.every(
        (kind) =>
          result[kind].total <= mostByChance(0.025, experiments) &&
          result[kind].functions <= mostByChance(0.05, experiments),
      )
      return [
        name,
        ...KINDS.flatMap((kind) => {
          const { total, functions, held } = result[kind]
          return [total, functions, held].map(percent)
        }),
        percent(result.naive),
        isKept ? 'kept' : 'BROKEN',
      ]
    })
    const each = ['total slower', 'a function changed', 'intervals hold']
    say(
      table(
        [
          'equal sides',
          ...each.map((name) => `pairs: ${name}`),
          ...each.map((name) => `sides: ${name}`),
          'naive method',
          '',
        ],
        alarms,
      ),
    )
    say('\nHalf the width of the interval of the total:\n')
    say(
      table(
        ['runs', ...ALONE.flatMap(([name]) => KINDS.map((kind) => `${name}: ${kind}`))],
        widths(experiments),
      ),
    )
    const many = 10 * experiments
    say(
      `\n${many} comparisons of equal sides in pairs a line, by the order in which runs are made:\n`,
    )
    say(table(['10 runs, noise of runs 8 %', 'by lot', 'base, head, head, base'], orders(many)))
    say('')
    say(
      table(
        [
          'machine',
          'runs',
          'share',
          'growth',
          'pairs: found',
          'first',
          'false among findings',
          'told as detectable',
          'sides: found',
          'first',
          'false among findings',
          'told as detectable',
          'used',
        ],
        powers(Math.ceil(experiments / 10)),
      ),
    )
  },
}

/** Programs of one function, of which only the whole run matters. */
const WHOLE: Cell = { ...USUAL, noise: 0, functions: 1, samples: 100 }
const ALONE: readonly [string, Partial<Cell>][] = [
  ['each run by itself, 2 %', {}],
  ['and 8 %, correlated by 0.9', { noise: 0.08, carry: 0.9 }],
  ['and drifts by 2 % a run', { drift: 0.02 }],
]

function widths(experiments: number): string[][] {
  return [3, 5, 10, 20].map((runs) => [
    String(runs),
    ...ALONE.flatMap(([, varied], at) => {
      const result = falseAlarms({ ...WHOLE, ...varied, runs }, experiments, 200 + at)
      return KINDS.map((kind) => `±${percent(Math.expm1(result[kind].half))}`)
    }),
  ])
}

/** How often the total of equal sides is called slower, drawn by lot and in a fixed order. */
function orders(experiments: number): string[][] {
  return [0, 0.3, 0.5, 0.7, 0.9].map((carry, at) => {
    const cell = { ...WHOLE, runs: 10, noise: 0.08, functionNoise: 0, carry }
    const alarms = [undefined, fixed].map((order) =>
      percent(falseAlarms(cell, experiments, 300 + at, order).pairs.total),
    )
    return [`correlated by ${carry}`, ...alarms]
  })
}

/** Base, head, head, base, … */
function fixed(runs: number): Turn[] {
  return Array.from({ length: runs }, (_, at): Turn[] => {
    const pair = at + 1
    const turn = [{ side: 'base', pair } as const, { side: 'head', pair } as const]
    return at % 2 === 0 ? turn : turn.toReversed()
  }).flat()
}

function powers(experiments: number): string[][] {
  return MACHINES.flatMap(([machine, varied, sizes, functions], which) =>
    sizes.flatMap((runs) =>
      functions.flatMap((changed) =>
        [1.05, 1.1, 1.2].map((factor, at) => {
          const cell: Cell = { ...USUAL, runs, dwell: 1, samples: 2000, ...varied }
          const seed = which * 10_000 + runs * 100 + changed * 10 + at
          const result = found(cell, { function: changed, factor }, experiments, seed)
          return [
            machine,
            String(runs),
            percent(1 / (changed + 1) / harmonic(USUAL.functions)),
            `+${Math.round((factor - 1) * 100)} %`,
            ...KINDS.flatMap((kind) => {
              const one = result[kind]
              return [
                percent(one.found),
                percent(one.first),
                percent(one.falseShare),
                `+${percent(one.detectable)}`,
              ]
            }),
            usualKind(cell),
          ]
        }),
      ),
    ),
  )
}

function harmonic(count: number): number {
  return Array.from({ length: count }, (_, at) => 1 / (at + 1)).reduce((a, b) => a + b, 0)
}
