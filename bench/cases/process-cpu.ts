import type { Minor } from '../../test/support/pythons.ts'
import type { Case, Run } from '../lib/case.ts'
import { measure } from '../lib/measured.ts'
import { record } from '../lib/pyprof.ts'
import { wakeUpCost } from '../lib/reader-bench.ts'
import { ratios, spread } from '../lib/stats.ts'
import { table } from '../lib/table.ts'
import { withFrames } from '../lib/target.ts'

const RATE = 1000
/** The shortest recording: what is left of its CPU time is the start and the end. */
const START_SECONDS = 0.1

interface Side {
  readonly name: string
  /** CPU seconds of a recording of the given length. */
  cpu(pid: number, seconds: number): Promise<number>
  readonly all: number[]
  readonly start: number[]
}

function sidesFor(minor: Minor, { peers }: Run): Side[] {
  const ours = (read: 'auto' | 'live' | 'exact'): Side => ({
    name: `pyprof --read ${read}`,
    cpu: async (pid, seconds) =>
      (await record({ pid, rate: String(RATE), read, seconds }, 'sampler')).usage.cpu,
    all: [],
    start: [],
  })
  const theirs = peers
    .filter(({ minors }) => minors.includes(minor))
    .map((peer): Side => {
      // The peers take whole seconds only.
      const cpu = async (pid: number, seconds: number) =>
        (await measure(peer.command(pid, RATE, Math.ceil(seconds)), 'sampler')).cpu
      return { name: peer.name, cpu, all: [], start: [] }
    })
  const floor: Side = {
    name: 'a loop that only wakes up',
    cpu: (_, seconds) => wakeUpCost(RATE, seconds),
    all: [],
    start: [],
  }
  return [ours('auto'), ours('live'), ours('exact'), ...theirs, floor]
}

async function run(context: Run): Promise<void> {
  const { quick, say } = context
  const rounds = context.rounds(5)
  const seconds = quick ? 2 : 10
  const rows: string[][] = []
  for (const minor of ['3.15', '3.13'] as const) {
    const sides = sidesFor(minor, context)
    await withFrames({ minor, depth: 50, busy: 1 }, async ({ pid }) => {
      for (let round = 0; round < rounds; round++) {
        for (const side of sides) {
          side.all.push(await side.cpu(pid, seconds))
          side.start.push(await side.cpu(pid, START_SECONDS))
        }
      }
    })
    const [base] = sides
    for (const side of sides) {
      const own = side.name.startsWith('pyprof')
      rows.push([
        minor,
        side.name,
        spread(side.all.map((cpu) => cpu * 1000)),
        spread(side.start.map((cpu) => cpu * 1000)),
        spread(ratios(base!.all, side.all)),
        own ? '' : side.name.startsWith('CPython') ? '≤ 0.25' : 'none set',
      ])
    }
  }
  say(
    table(
      [
        'Python',
        'profiler',
        `CPU ms, ${seconds} s at 1 kHz`,
        'CPU ms, shortest run',
        'pyprof (auto) ÷ this one',
        'to reach',
      ],
      rows,
    ),
  )
  say('No profiler that wakes up for each sample can be below the loop.')
  say('The shortest run is 0.1 s for pyprof and 1 s for the others, whose shortest it is.')
}

export const processCpu: Case = {
  name: 'process-cpu',
  question: 'What CPU time does a whole recording cost: 1 kHz, one thread, 50 frames, collapsed?',
  run,
}
