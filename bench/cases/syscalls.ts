import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { samplerThread } from '../lib/busy.ts'
import type { Case, Run } from '../lib/case.ts'
import { collect, start } from '../lib/children.ts'
import { type Read, startRecord } from '../lib/pyprof.ts'
import { median } from '../lib/stats.ts'
import { percent, table } from '../lib/table.ts'
import { withFrames } from '../lib/target.ts'
import { temporary } from '../lib/temporary.ts'
import { until } from '../lib/wait.ts'

const SHAPES: readonly { read: Read; threads: number; busy: number; reach: string }[] = [
  { read: 'live', threads: 1, busy: 1, reach: '1' },
  { read: 'live', threads: 100, busy: 1, reach: '1' },
  { read: 'live', threads: 100, busy: 4, reach: '' },
  { read: 'exact', threads: 1, busy: 1, reach: '' },
  { read: 'exact', threads: 100, busy: 1, reach: '' },
]
const RATE = 500
/** Left out at the beginning: the tracer's arrival and the first samples, which learn the target. */
const SETTLE_SAMPLES = 20

/** What the sampling thread asked of the kernel between two waits for the next tick. */
type Sample = Map<string, number>

/** Splits strace's lines at the timed waits, of which there is one a sample. */
function samplesOf(trace: string): Sample[] {
  const samples: Sample[] = []
  let current: Sample = new Map()
  for (const line of trace.split('\n')) {
    // A system call is printed in two halves when something came between; only the first has '('.
    const name = /^(?:\d+ +)?([a-z_0-9]+)\(/.exec(line)?.[1]
    if (name === undefined) continue
    if (name === 'futex' && line.includes('FUTEX_WAIT_BITSET')) {
      samples.push(current)
      current = new Map()
    } else {
      current.set(name, (current.get(name) ?? 0) + 1)
    }
  }
  return samples.slice(SETTLE_SAMPLES)
}

async function traced(pid: number, read: Read, seconds: number): Promise<Sample[]> {
  const running = await startRecord(
    { pid, rate: String(RATE), read, seconds: seconds + 5 },
    'sampler',
  )
  await until('pyprof to sample', () => samplerThread(running.pid) !== undefined)
  const file = temporary('strace')
  const command = ['strace', '-o', file, '-p', String(samplerThread(running.pid))]
  const strace = start(command, ['ignore', 'ignore', 'pipe'])
  const words = collect(strace.stderr!)
  await until('strace to attach', () => words.text.includes('attached'))
  await sleep(seconds * 1000)
  const ended = new Promise((resolve) => strace.once('exit', resolve))
  strace.kill('SIGINT')
  await ended
  process.kill(running.pid, 'SIGINT')
  await running.ended
  return samplesOf(readFileSync(file, 'utf8'))
}

function hasStrace(): boolean {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function run({ quick, say }: Run): Promise<void> {
  if (!hasStrace()) return say('strace was not found: nothing was measured.')
  const rows: string[][] = []
  for (const { read, threads, busy, reach } of SHAPES) {
    for (const minor of ['3.14', '3.15'] as const) {
      const samples = await withFrames({ minor, depth: 50, threads, busy }, ({ pid }) =>
        traced(pid, read, quick ? 1 : 6),
      )
      const reads = samples.map((sample) => sample.get('process_vm_readv') ?? 0)
      const calls = samples.map((sample) => [...sample.values()].reduce((a, b) => a + b, 0))
      const names = new Map<string, number>()
      for (const sample of samples) {
        for (const [name, count] of sample) names.set(name, (names.get(name) ?? 0) + count)
      }
      const others = [...names]
        .filter(([name]) => name !== 'process_vm_readv')
        .sort(([, a], [, b]) => b - a)
        .map(([name, count]) => `${name} ${(count / samples.length).toFixed(2)}`)
      const mean = (values: readonly number[]) =>
        (values.reduce((a, b) => a + b, 0) / values.length).toFixed(2)
      rows.push([
        `${read}, ${threads} × 50, ${busy} busy`,
        minor,
        String(median(calls)),
        reach,
        mean(calls),
        String(median(reads)),
        percent(reads.filter((count) => count === 1).length / samples.length, 1),
        others.join(', '),
        String(samples.length),
      ])
    }
  }
  say(
    table(
      [
        'reading, threads',
        'Python',
        'calls a sample, median',
        'to reach',
        'mean',
        'process_vm_readv, median',
        'samples with just one',
        'others, mean',
        'samples',
      ],
      rows,
    ),
  )
  say('Not counted: the wait for the next tick, one `futex` a sample.')
}

export const syscalls: Case = {
  name: 'syscalls',
  question: 'How many system calls does the sampling thread make for a sample, by strace?',
  run,
}
