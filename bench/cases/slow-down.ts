import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { samplerThread, untilSampling } from '../lib/busy.ts'
import type { Case, Run } from '../lib/case.ts'
import type { Core } from '../lib/cores.ts'
import { type Measured, startMeasured, type Usage } from '../lib/measured.ts'
import type { Peer } from '../lib/peers.ts'
import { type Read, type Summary, startRecord } from '../lib/pyprof.ts'
import { median, medianInterval } from '../lib/stats.ts'
import { percent, table } from '../lib/table.ts'
import { startTarget } from '../lib/target.ts'
import { temporary } from '../lib/temporary.ts'
import { until } from '../lib/wait.ts'

const US_PER_S = 1e6
/** Longer than any window, so that a profiler is always ended by the harness. */
const LONG_SECONDS = 60

/** After the start, in which Node loads and compiles pyprof on whatever core is free. */
const SETTLE_MS = 1000

/** A way of being sampled, or of being left alone. */
interface Side {
  readonly name: string
  /** Hz; 0 for the control. */
  readonly rate: number
  readonly reach: string
  /** Whether each sample takes time of the target itself, of which a cost can be told. */
  readonly takesTime: boolean
  /** Resolves when sampling is under way. */
  start(pid: number): Promise<Measured | undefined>
  /** The rate that a run says it had, Hz; undefined when it does not say. */
  achieved(usage: Usage): number | undefined
  readonly rates: number[]
  /** Share of work lost, a value a round: by the clock, and by the target's own CPU time. */
  readonly loss: number[]
  readonly cpuLoss: number[]
}

function side(how: Pick<Side, 'name' | 'rate' | 'reach' | 'start' | 'achieved'>): Side {
  const takesTime = /exact|stop|blocking/.test(how.name)
  return { ...how, takesTime, rates: [], loss: [], cpuLoss: [] }
}

function nothing(): Side {
  const [start, achieved] = [async () => undefined, () => undefined]
  return side({ name: 'nothing: the noise', rate: 0, reach: '', start, achieved })
}

function ours(read: Read, rate: number, reach: string, core: Core = 'sampler'): Side {
  const name = read === 'auto' ? `pyprof, default settings` : `pyprof --read ${read}`
  const start = async (pid: number) => {
    const running = await startRecord(
      { pid, rate: String(rate), read, seconds: LONG_SECONDS },
      core,
    )
    await until('pyprof to sample', () => samplerThread(running.pid) !== undefined)
    return running
  }
  const achieved = ({ status, stdout, stderr }: Usage) => {
    if (status !== 0) throw new Error(`pyprof record: ${stderr}`)
    const { ticks, durationNs } = JSON.parse(stdout) as Summary
    return ticks / (durationNs / 1e9)
  }
  return side({ name, rate, reach, start, achieved })
}

function theirs(peer: Peer, rate: number, more: readonly string[] = []): Side {
  const start = async (pid: number) => {
    const running = await startMeasured(peer.command(pid, rate, LONG_SECONDS, more), 'sampler')
    await untilSampling(running.pid, rate)
    return running
  }
  const name = [peer.name, ...more].join(' ')
  return side({ name, rate, reach: '', start, achieved: peer.rate })
}

interface Reading {
  readonly time: number
  readonly done: number
  readonly cpu: number
}

/** Where the target stands; both numbers are of the same moment to within one unit of its work. */
function look(file: string): Reading {
  const bytes = readFileSync(file)
  const time = Number(process.hrtime.bigint())
  return { time, done: Number(bytes.readBigUInt64LE(0)), cpu: Number(bytes.readBigUInt64LE(8)) }
}

interface Speed {
  readonly byClock: number
  readonly byCpu: number
}

async function window(file: string, ms: number): Promise<Speed> {
  const from = look(file)
  await sleep(ms)
  const to = look(file)
  const done = to.done - from.done
  return { byClock: done / (to.time - from.time), byCpu: done / (to.cpu - from.cpu) }
}

/** Below this share of its core, what the target did is more about other programs than about us. */
const OWN_CORE = 0.98

/** One window of every side; returns the target's share of its core in the windows between. */
async function oneRound(sides: readonly Side[], pid: number, file: string, quick: boolean) {
  const ms = quick ? 300 : 600
  const shares: number[] = []
  let before = await window(file, ms)
  for (const { start, achieved, rates, loss, cpuLoss } of sides) {
    const running = await start(pid)
    if (!quick) await sleep(SETTLE_MS)
    const during = await window(file, ms)
    if (running) {
      process.kill(running.pid, 'SIGINT')
      const rate = achieved(await running.ended)
      if (rate !== undefined) rates.push(rate)
    }
    const after = await window(file, ms)
    loss.push(1 - (2 * during.byClock) / (before.byClock + after.byClock))
    cpuLoss.push(1 - (2 * during.byCpu) / (before.byCpu + after.byCpu))
    shares.push(after.byClock / after.byCpu)
    before = after
  }
  return shares
}

function interval(values: readonly number[], scale: number, digits: number): string {
  const number = (value: number) => (value * scale).toFixed(digits)
  const between = medianInterval(values)
  const range = between ? `${number(between[0])} … ${number(between[1])}` : 'too few'
  return `${number(median(values))} (${range})`
}

async function run({ rounds, quick, peers, say }: Run): Promise<void> {
  const cpython = peers.find(({ minors }) => minors.includes('3.15'))
  const sides = [
    nothing(),
    ours('auto', 100, '≤ 0.5 %', 'any'),
    ours('live', 1000, 'not measurable'),
    ours('live', 10_000, '≤ 1 %'),
    ours('exact', 100, ''),
    ours('exact', 1000, '≤ half of stop'),
    ours('stop', 100, ''),
    ours('stop', 1000, ''),
    ...(cpython ? [theirs(cpython, 1000), theirs(cpython, 1000, ['--blocking'])] : []),
    ...peers
      .filter((peer) => peer !== cpython && peer.minors.includes('3.15'))
      .map((p) => theirs(p, 1000)),
  ]
  const file = temporary('work')
  writeFileSync(file, new Uint8Array(16))
  const target = await startTarget('3.15', 'work.py', [file])
  const shares: number[] = []
  try {
    for (let round = 0; round < rounds(24); round++) {
      const own = await oneRound(sides, target.pid, file, quick)
      shares.push(...own)
    }
  } finally {
    await target.end()
  }
  const rows = sides.map(({ name, rate, reach, takesTime, rates, loss, cpuLoss }) => [
    name,
    rate === 0 ? '' : `${rate}`,
    rate === 0 ? '' : rates.length > 0 ? median(rates).toFixed(0) : 'not told',
    interval(loss, 100, 2),
    reach,
    interval(cpuLoss, 100, 2),
    takesTime && rates.length === loss.length
      ? interval(
          loss.map((share, at) => share / rates[at]!),
          US_PER_S,
          1,
        )
      : '',
    String(loss.length),
  ])
  say(
    table(
      [
        'sampled by',
        'Hz asked',
        'Hz got',
        'loss, %',
        'to reach',
        'loss by its own CPU time, %',
        'cost a sample, µs',
        'pairs',
      ],
      rows,
    ),
  )
  say(`Unsampled, the target had ${percent(median(shares), 1)} of its core.`)
  if (median(shares) < OWN_CORE) {
    say('careful: other programs ran on its core, and the loss by the clock is about them')
  }
}

export const slowDown: Case = {
  name: 'slow-down',
  question: 'How much slower is a busy, call-heavy target while it is sampled?',
  run,
}
