import type { Case, Run } from '../lib/case.ts'
import { measure } from '../lib/measured.ts'
import { type Read, record } from '../lib/pyprof.ts'
import { spread } from '../lib/stats.ts'
import { percent, table } from '../lib/table.ts'
import { type Target, withFrames } from '../lib/target.ts'

const RATE = 1000
const DEPTH = 50
/** Of what comes first, much is compiling pyprof's own JavaScript. */
const START_SECONDS = 2
const SHAPES = [
  { name: '1 thread, busy', threads: 1, busy: 1 },
  { name: '100 threads, all wait', threads: 100, busy: 0 },
  { name: '100 threads, 1 busy', threads: 100, busy: 1 },
  { name: '100 threads, 4 busy', threads: 100, busy: 4 },
] as const
const READS: readonly Read[] = ['live', 'exact']

interface Measure {
  readonly rate: number[]
  readonly share: number[]
  exact: number
  missed: number
  dropped: number
}

async function measureOnce(pid: number, read: Read, seconds: number, into: Measure) {
  const options = { pid, rate: String(RATE), read }
  const long = await record({ ...options, seconds }, 'sampler')
  const start = await record({ ...options, seconds: START_SECONDS }, 'sampler')
  const { ticks, durationNs, quality, samples, gaps, droppedSamples } = long.summary
  into.rate.push(ticks / (durationNs / 1e9) / RATE)
  into.share.push((long.usage.cpu - start.usage.cpu) / (seconds - START_SECONDS))
  into.exact = quality.exact.samples / samples
  into.missed += gaps.missedTicks
  into.dropped += droppedSamples
}

async function run({ rounds, quick, peers, say }: Run): Promise<void> {
  const count = rounds(3)
  const seconds = START_SECONDS + (quick ? 1 : 5)
  const peer = peers.find(({ minors }) => minors.includes('3.15'))
  const rows: string[][] = []
  for (const shape of SHAPES) {
    const own = new Map<Read, Measure>(
      READS.map((read) => [read, { rate: [], share: [], exact: 0, missed: 0, dropped: 0 }]),
    )
    const theirs: Measure = { rate: [], share: [], exact: 0, missed: 0, dropped: 0 }
    const inPosition = async ({ pid }: Target) => {
      for (let round = 0; round < count; round++) {
        for (const [read, into] of own) await measureOnce(pid, read, seconds, into)
        if (!peer) continue
        const long = await measure(peer.command(pid, RATE, seconds, ['-a']), 'sampler')
        const start = await measure(peer.command(pid, RATE, START_SECONDS, ['-a']), 'sampler')
        theirs.rate.push((peer.rate(long) ?? Number.NaN) / RATE)
        theirs.share.push((long.cpu - start.cpu) / (seconds - START_SECONDS))
      }
    }
    await withFrames({ minor: '3.15', depth: DEPTH, ...shape }, inPosition)
    const row = (name: string, { rate, share }: Measure, rest: string[]) => {
      rows.push([shape.name, name, spread(rate), spread(share.map((part) => part * 100)), ...rest])
    }
    for (const [read, found] of own) {
      const reach = read === 'live' && shape.threads > 1 ? '≤ 5 %' : ''
      const { exact, missed, dropped } = found
      row(`pyprof --read ${read}`, found, [reach, percent(exact, 1), `${missed} / ${dropped}`])
    }
    if (peer) row(peer.name, theirs, ['', '', ''])
  }
  say(
    table(
      [
        'target',
        'profiler',
        'rate held',
        `% of a core after ${START_SECONDS} s`,
        'to reach',
        'exact',
        'ticks missed / samples dropped',
      ],
      rows,
    ),
  )
}

export const manyThreads: Case = {
  name: 'many-threads',
  question: 'Does 1 kHz hold with 100 threads of 50 frames, and what share of a core does it take?',
  run,
}
