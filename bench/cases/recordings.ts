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
const STACKS = 100_000
/** The lengths that are compared, as parts of the longest. */
const PARTS = [4, 2, 1]
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
  convert('filter, speedscope', '.speedscope.json', '--include', 'module:package_1'),
  convert('filter, collapsed', '.collapsed', '--include', 'module:package_1'),
  convert('cut, recording', '.pyprof', '--from', '1m'),
]

interface Found {
  readonly samples: number
  readonly work: Work
  readonly usages: Usage[]
  bytes: number
}

async function run({ rounds, quick, say }: Run): Promise<void> {
  const most = quick ? SAMPLES / 20 : SAMPLES
  const stacks = quick ? STACKS / 20 : STACKS
  const files = PARTS.map((part) => {
    const samples = most / part
    const path = temporary(`${samples}.pyprof`)
    return { path, samples, bytes: writeLargeRecording(path, samples, stacks) }
  })
  const found: Found[] = files.flatMap(({ samples }) =>
    WORKS.map((work) => ({ samples, work, usages: [], bytes: 0 })),
  )
  for (let round = 0; round < rounds(3); round++) {
    for (const each of found) {
      const { path } = files.find(({ samples }) => samples === each.samples)!
      const output = temporary(each.work.output ?? '')
      each.usages.push(await measure(each.work.command(path, output), 'sampler'))
      if (each.work.output === undefined) continue
      each.bytes = statSync(output).size
      rmSync(output)
    }
  }
  const cpu = (each: Found) => median(each.usages.map((usage) => usage.cpu))
  say(
    table(
      ['work', 'samples', 's', 'CPU, s', 'CPU ÷ that of half', 'peak, MB', 'output, MB'],
      WORKS.flatMap((work) => {
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
  const [longest, half] = [files.at(-1)!, files.at(-2)!]
  const perSample = (longest.bytes - half.bytes) / (longest.samples - half.samples)
  say(
    `The longest has ${(longest.bytes / 1e6).toFixed(1)} MB, ${perSample.toFixed(2)} bytes a sample ` +
      `behind its tables of ${stacks} stacks. To reach: 600 MB, 2 for twice the samples, 3 bytes.`,
  )
}

export const recordings: Case = {
  name: 'recordings',
  question: 'What do a large recording and what is made of it take, in time, memory and bytes?',
  long: true,
  run,
}
