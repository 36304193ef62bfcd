import type { Case, Run } from '../lib/case.ts'
import { measure } from '../lib/measured.ts'
import type { Peer } from '../lib/peers.ts'
import { record } from '../lib/pyprof.ts'
import { readerBench } from '../lib/reader-bench.ts'
import { median, ratios, spread } from '../lib/stats.ts'
import { table } from '../lib/table.ts'
import { withFrames } from '../lib/target.ts'

const SHAPES = [
  { depth: 10, threads: 1, reach: 3 },
  { depth: 50, threads: 10, reach: 20 },
  { depth: 1000, threads: 1, reach: 5 },
] as const

/** Asked of the peer: more than it can do on any of the shapes, so that it runs flat out. */
const PEER_RATE = 500_000

/**
 * Samples a second of CPU time, its start not counted: from two recordings, the second longer by
 * `seconds`. Undefined when the difference is lost in noise.
 */
async function peerRate(
  peer: Peer,
  command: Peer['command'],
  pid: number,
  threads: number,
  seconds: number,
) {
  const more = threads > 1 ? ['-a'] : []
  const [short, long] = [1, 1 + seconds].map((length) => command(pid, PEER_RATE, length, more))
  const from = await measure(short!, 'sampler')
  const to = await measure(long!, 'sampler')
  return (
    ((peer.samples(to) ?? Number.NaN) - (peer.samples(from) ?? Number.NaN)) / (to.cpu - from.cpu)
  )
}

/** The same of `pyprof record`. */
async function recordRate(pid: number, seconds: number) {
  const options = { pid, rate: '100khz', read: 'live' } as const
  const from = await record({ ...options, seconds: 1 }, 'sampler')
  const to = await record({ ...options, seconds: 1 + seconds }, 'sampler')
  return (to.summary.ticks - from.summary.ticks) / (to.usage.cpu - from.usage.cpu)
}

async function run({ rounds, quick, peers, say }: Run): Promise<void> {
  const peer = peers.find(({ minors }) => minors.includes('3.15'))
  const count = rounds(7)
  const seconds = quick ? 1 : 2
  const rows: string[][] = []
  for (const { depth, threads, reach } of SHAPES) {
    for (const busy of [0, 1]) {
      const theirs: number[] = []
      const usual: number[] = []
      const reader: number[] = []
      const whole: number[] = []
      await withFrames({ minor: '3.15', depth, threads, busy }, async ({ pid }) => {
        for (let round = 0; round < count; round++) {
          if (peer) {
            theirs.push(await peerRate(peer, peer.command, pid, threads, seconds))
            const command = peer.usualCommand ?? peer.command
            usual.push(await peerRate(peer, command, pid, threads, seconds))
          }
          const blocks = await readerBench(pid, 9, (seconds * 1000) / 18)
          reader.push(1e9 / median(blocks.ours))
          whole.push(await recordRate(pid, seconds))
        }
      })
      const kilo = (rates: readonly number[]) => spread(rates.map((rate) => rate / 1000))
      rows.push([
        `${threads} × ${depth}`,
        busy ? 'one busy' : 'idle',
        peer ? spread(ratios(reader, theirs)) : 'no peer',
        peer ? spread(ratios(reader, usual)) : 'no peer',
        `≥ ${reach}`,
        peer ? spread(ratios(whole, theirs)) : 'no peer',
        kilo(theirs),
        kilo(usual),
        kilo(reader),
        kilo(whole),
      ])
    }
  }
  say(
    table(
      [
        'threads × frames',
        'target',
        'reader ÷ peer, collapsed',
        'reader ÷ peer, its usual output',
        'to reach',
        '`record -r 100khz` ÷ peer, both collapsed',
        'peer, k/s',
        'peer, usual output, k/s',
        'reader, k/s',
        '`record`, k/s',
      ],
      rows,
    ),
  )
  say(
    'A sample is a look at all threads. Per second of CPU time, so that it matters little what else ' +
      `the machine does; flat out, on a core of its own, that is a second. The peer is asked for ${PEER_RATE} Hz.`,
  )
}

export const peerRateCase: Case = {
  name: 'peer-rate',
  question: "How many samples a second of CPU time, flat out, beside CPython 3.15's own sampler?",
  run,
}
