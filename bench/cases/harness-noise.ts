import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readProfile } from '../../src/commands/convert/read-profile.ts'
import { signedText } from '../../src/diff/percent.ts'
import { limitsOf, logRatio, mean } from '../../src/diff/statistics/log-ratio.ts'
import { benchmarkHarnesses } from '../../test/support/pythons.ts'
import type { Case, Run } from '../lib/case.ts'
import { PYPROF } from '../lib/pyprof.ts'
import { ROOT } from '../lib/root.ts'
import { percent, table } from '../lib/table.ts'
import { temporary } from '../lib/temporary.ts'

const ROUNDS = 20
const WORK = join(ROOT, 'bench', 'targets', 'harness.py')

/** What a harness says of its benchmark. */
interface Said {
  /** Seconds. */
  readonly median: number
  /** Interquartile range, seconds. */
  readonly range: number
}

interface Harness {
  readonly name: string
  /** Behind the interpreter; writes its result into the file. */
  command(file: string, quick: boolean): readonly string[]
  said(file: string): Said
}

const HARNESSES: readonly Harness[] = [
  {
    name: 'pytest-benchmark',
    command: (file, quick) => [
      ...['-m', 'pytest', '-q', '-p', 'no:cacheprovider', WORK, `--benchmark-json=${file}`],
      `--benchmark-max-time=${quick ? 0.1 : 1}`,
    ],
    said(file) {
      const { benchmarks } = JSON.parse(readFileSync(file, 'utf8')) as {
        benchmarks: readonly { stats: { median: number; iqr: number } }[]
      }
      const { median, iqr } = benchmarks[0]!.stats
      return { median, range: iqr }
    },
  },
  {
    name: 'pyperf',
    command: (file, quick) => [
      ...[WORK, '--quiet', '-o', file, '--processes', quick ? '2' : '6', '--values', '3'],
      ...['--min-time', quick ? '0.01' : '0.1'],
    ],
    said(file) {
      const { benchmarks } = JSON.parse(readFileSync(file, 'utf8')) as {
        benchmarks: readonly { runs: readonly { values?: readonly number[] }[] }[]
      }
      const values = benchmarks[0]!.runs.flatMap(({ values: some = [] }) => some)
      values.sort((a, b) => a - b)
      return {
        median: quantile(values, 0.5),
        range: quantile(values, 0.75) - quantile(values, 0.25),
      }
    },
  },
]

/** How each benchmark is run; nothing of pyprof comes first. */
const WAYS: readonly [string, (file: string) => readonly string[]][] = [
  ['without', () => []],
  ['record -s', (file) => [...PYPROF, 'record', '-s', '-o', file, '--']],
  [
    'record -s --read live',
    (file) => [...PYPROF, 'record', '-s', '--read', 'live', '-o', file, '--'],
  ],
]

export const harnessNoise: Case = {
  name: 'harness-noise',
  question: 'What does `pyprof record` add to what pytest-benchmark and pyperf measure?',
  long: true,
  run: async ({ quick, rounds, say }: Run) => {
    const count = quick ? 3 : rounds(ROUNDS)
    const python = benchmarkHarnesses(ROOT)
    say(
      `${count} rounds in which each benchmark is run in each way, in an order drawn by lot; nothing is pinned. ` +
        'Changes are of the same round, with 95 % intervals.\n',
    )
    const rows = HARNESSES.flatMap((harness) => {
      const said = WAYS.map((): Said[] => [])
      const readings = WAYS.map(() => new Set<string>())
      for (let round = 0; round < count; round++) {
        for (const way of shuffled(WAYS.map((_, at) => at))) {
          const result = temporary('harness.json')
          const recording = temporary('harness.pyprof')
          const before = WAYS[way]![1](recording)
          const [program = '', ...args] = [...before, python, ...harness.command(result, quick)]
          execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
          said[way]!.push(harness.said(result))
          rmSync(result)
          if (before.length === 0) continue
          readings[way]!.add(readingOf(recording))
          rmSync(recording)
        }
      }
      return WAYS.map(([name], way) => {
        const medians = said.map((each) => each.map(({ median }) => median))
        const ranges = said.map((each) => each.map(({ range }) => range))
        const isFirst = way === 0
        return [
          harness.name,
          name,
          [...readings[way]!].sort().join(', '),
          (mean(medians[way]!) * 1000).toFixed(4),
          isFirst ? '' : changeText(medians[0]!, medians[way]!),
          percent(mean(ranges[way]!) / mean(medians[way]!)),
          isFirst ? '' : changeText(ranges[0]!, ranges[way]!),
        ]
      })
    })
    const heads = [
      'harness',
      'pyprof',
      'read',
      'median, ms',
      'change',
      'IQR ÷ median',
      'change of IQR',
    ]
    say(table(heads, rows))
  },
}

function readingOf(recording: string): string {
  const range = { from: 0, to: Number.POSITIVE_INFINITY }
  return readProfile(recording, { range, rate: undefined }).profile.meta.read
}

/** The mean change from round to round: `+0.3 % (−0.1 % to +0.7 %)`. */
function changeText(base: readonly number[], head: readonly number[]): string {
  const logs = (values: readonly number[]) => values.map(Math.log)
  const ratio = logRatio({ base: logs(base), head: logs(head), isPaired: true }, 0)
  const [low, high] = limitsOf(ratio, 0.025).map(Math.expm1) as [number, number]
  return `${signedText(Math.expm1(ratio.estimate))} (${signedText(low)} to ${signedText(high)})`
}

/** Between the two nearest of sorted values, in proportion. */
function quantile(values: readonly number[], share: number): number {
  const at = share * (values.length - 1)
  const below = Math.floor(at)
  const next = values[Math.min(below + 1, values.length - 1)]!
  return values[below]! + (at - below) * (next - values[below]!)
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, lot: Math.random() }))
    .sort((a, b) => a.lot - b.lot)
    .map(({ value }) => value)
}
