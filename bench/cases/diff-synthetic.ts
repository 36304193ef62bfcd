import { falseAlarms, found, mostByChance } from '../../test/support/false-alarms.ts'
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
  ['300 functions', { functions: 300, samples: 3000 }],
  ['8 functions', { functions: 8 }],
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
      const { total, functions, naive, held } = falseAlarms(cell, experiments, 100 + at)
      const isKept =
        total <= mostByChance(0.025, experiments) && functions <= mostByChance(0.05, experiments)
      return [
        name,
        percent(total),
        percent(functions),
        percent(held),
        percent(naive),
        isKept ? 'kept' : 'BROKEN',
      ]
    })
    say(
      table(
        ['equal sides', 'total slower', 'a function changed', 'intervals hold', 'naive method', ''],
        alarms,
      ),
    )
    const powers = [5, 10, 20].flatMap((runs) =>
      [0, 2, 8].flatMap((changed) =>
        [1.05, 1.1, 1.2].map((factor, at) => {
          const cell: Cell = { ...USUAL, runs, dwell: 1, samples: 2000 }
          const seed = runs * 100 + changed * 10 + at
          const result = found(
            cell,
            { function: changed, factor },
            Math.ceil(experiments / 10),
            seed,
          )
          return [
            String(runs),
            percent(1 / (changed + 1) / harmonic(USUAL.functions)),
            `+${Math.round((factor - 1) * 100)} %`,
            percent(result.found),
            percent(result.first),
            percent(result.falseShare),
            `+${percent(result.detectable)}`,
          ]
        }),
      ),
    )
    say('')
    say(
      table(
        ['runs', 'share', 'growth', 'found', 'first', 'false among findings', 'told as detectable'],
        powers,
      ),
    )
  },
}

function harmonic(count: number): number {
  return Array.from({ length: count }, (_, at) => 1 / (at + 1)).reduce((a, b) => a + b, 0)
}
