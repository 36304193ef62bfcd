import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Case, Run } from '../lib/case.ts'
import { writeLargeRecording } from '../lib/large-recording.ts'
import { measure, type Usage } from '../lib/measured.ts'
import { PYPROF } from '../lib/pyprof.ts'
import { median, spread } from '../lib/stats.ts'
import { table } from '../lib/table.ts'
import { temporary } from '../lib/temporary.ts'

const SAMPLES = 10_000_000
/** 1 GB at 2.61 bytes a sample, and a little more. */
const LARGE_SAMPLES = 400_000_000
const STACKS = 100_000
/** What `--quick` takes of both. */
const QUICK_PART = 20
const READ = join(import.meta.dirname, '..', 'lib', 'read-recording.js')

interface Work {
  readonly name: string
  /** What comes of it, beside the recording. */
  readonly output: string | undefined
  command(recording: string, output: string): string[]
}

const convert = (name: string, suffix: string, ...options: string[]): Work => ({
  name,
  output: `out${suffix}`,
  command: (recording, output) => [...PYPROF, 'convert', recording, ...options, '-o', output],
})

const WORKS: readonly Work[] = [
  { name: 'read', output: undefined, command: (file) => [process.execPath, READ, file] },
  convert('speedscope', '.speedscope.json'),
  convert('pprof', '.pb.gz'),
  convert('collapsed', '.collapsed'),
  convert('table', '.table'),
  convert('filter, speedscope', '.speedscope.json', '--include', 'module:package_1'),
  convert('filter, collapsed', '.collapsed', '--include', 'module:package_1'),
  convert('cut, recording', '.pyprof', '--from', '1m'),
]

/** An hour in the middle of the days that a large recording lasts, or of the hours of a quick one. */
const anHour = ({ quick }: Run) =>
  quick ? ['--from', '3h', '--to', '4h'] : ['--from', '70h', '--to', '71h']

const largeWorks = (run: Run): readonly Work[] => [
  convert('collapsed', '.collapsed'),
  convert('pprof', '.pb.gz'),
  convert('table', '.table'),
  convert('without its first hour, collapsed', '.collapsed', '--from', '1h'),
  convert('without its first hour, recording', '.pyprof', '--from', '1h'),
  convert('an hour of it, recording', '.pyprof', ...anHour(run)),
  convert('an hour of it, speedscope', '.speedscope.json', ...anHour(run)),
]

interface Found {
  readonly samples: number
  readonly work: Work
  readonly usages: Usage[]
  bytes: number
}

/** Does all works with recordings of all lengths, in turn, and shows what each took. */
async function takeTurns(
  { rounds, quick, say }: Run,
  works: readonly Work[],
  lengths: readonly number[],
  usualRounds: number,
): Promise<void> {
  const scale = quick ? QUICK_PART : 1
  const stacks = STACKS / scale
  const files = lengths.map((length) => {
    const samples = length / scale
    const path = temporary(`${samples}.pyprof`)
    return { path, samples, bytes: writeLargeRecording(path, samples, stacks) }
  })
  const found: Found[] = files.flatMap(({ samples }) =>
    works.map((work) => ({ samples, work, usages: [], bytes: 0 })),
  )
  for (let round = 0; round < rounds(usualRounds); round++) {
    for (const each of found) {
      const { path } = files.find(({ samples }) => samples === each.samples)!
      const output = temporary(each.work.output ?? '')
      each.usages.push(await measure(each.work.command(path, output), 'sampler'))
      if (each.work.output === undefined) continue
      each.bytes = statSync(output).size
      rmSync(output)
    }
  }
  for (const { path } of files) rmSync(path)
  const cpu = (each: Found) => median(each.usages.map((usage) => usage.cpu))
  say(
    table(
      ['work', 'samples', 's', 'CPU, s', 'CPU ÷ that of half', 'peak, MB', 'output, MB'],
      works.flatMap((work) => {
        const own = found.filter((each) => each.work === work)
        return own.map((each, at) => [
          work.name,
          String(each.samples),
          spread(each.usages.map(({ wall }) => wall)),
          spread(each.usages.map((usage) => usage.cpu)),
          at === 0 ? '' : (cpu(each) / cpu(own[at - 1]!)).toFixed(2),
          spread(each.usages.map(({ peak }) => peak / 1e6)),
          (each.bytes / 1e6).toFixed(1),
        ])
      }),
    ),
  )
  const longest = files.at(-1)!
  const half = files.at(-2)
  const perSample = half
    ? `${((longest.bytes - half.bytes) / (longest.samples - half.samples)).toFixed(2)} bytes a sample ` +
      `behind its tables of ${stacks} stacks`
    : `${(longest.bytes / longest.samples).toFixed(2)} bytes a sample with its tables of ${stacks} stacks`
  say(
    `The longest has ${(longest.bytes / 1e6).toFixed(1)} MB, ${perSample}. ` +
      'To reach: 600 MB, 2 for twice the samples, 3 bytes.',
  )
}

export const recordings: Case = {
  name: 'recordings',
  question: 'What do a large recording and what is made of it take, in time, memory and bytes?',
  long: true,
  run: (context) => takeTurns(context, WORKS, [SAMPLES / 4, SAMPLES / 2, SAMPLES], 3),
}

export const recordingsLarge: Case = {
  name: 'recordings-large',
  question: 'Is a recording of 1 GB converted without holding it all?',
  long: true,
  run: (context) => takeTurns(context, largeWorks(context), [LARGE_SAMPLES], 1),
}
