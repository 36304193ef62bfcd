import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startCapture } from '../../support/capture.ts'
import { MINORS, python } from '../../support/pythons.ts'
import { programArgs, startPython, startTarget, Target } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { READINGS } from '../../support/truth-run.ts'

const SUPPORT = join(import.meta.dirname, '..', '..', 'support')
const BIN = join(import.meta.dirname, '..', '..', '..', 'bin', 'pyprof.js')
const PATIENCE_MS = 20_000
const RATE = 2_000
const TICKS = 200

const CASES = MINORS.flatMap((minor) => READINGS.map((reading) => ({ minor, reading })))

interface Done {
  readonly counts: Readonly<Record<string, number>>
}

async function waitUntil(what: string, holds: () => boolean): Promise<void> {
  const giveUp = Date.now() + PATIENCE_MS
  while (!holds()) {
    if (Date.now() > giveUp) throw new Error(`Waited in vain: ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** State letter and tracer of a process's main thread. */
function stateOf(pid: number): { state: string; tracer: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => new RegExp(`^${name}:\\t(\\S+)`, 'm').exec(status)![1]!
  return { state: field('State'), tracer: Number(field('TracerPid')) }
}

/** User time of a process, in ticks of the kernel's clock. */
function cpuOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[11])
}

async function expectRunsOn(pid: number): Promise<void> {
  await waitUntil('the target is let go', () => stateOf(pid).tracer === 0)
  const before = cpuOf(pid)
  await waitUntil('the target runs on', () => cpuOf(pid) > before + 1)
}

/** The program ends as if nobody had looked at it. */
async function expectUntouched(target: Target): Promise<void> {
  target.send('')
  expect((await target.says<Done>('done')).counts).toEqual({})
  expect(await target.exited).toEqual({ code: 7, signal: null })
}

/** Runs `pyprof` and waits until its sampler has woken up a number of times. */
async function startProfiler(args: readonly string[]): Promise<Target> {
  const profiler = new Target(process.execPath, { args: [BIN, ...args] })
  onTestFinished(() => profiler.kill())
  await waitUntil('pyprof samples', () => wakeUpsOfSampler(profiler.pid) > 200)
  return profiler
}

/** How often the sampling thread of a process has waited; 0 when there is none. */
function wakeUpsOfSampler(pid: number): number {
  const tasks = `/proc/${pid}/task`
  for (const task of readdirSync(tasks)) {
    const status = readFileSync(join(tasks, task, 'status'), 'utf8')
    if (!status.startsWith('Name:\tpyprof-sampler\n')) continue
    return Number(/^voluntary_ctxt_switches:\t(\d+)$/m.exec(status)![1])
  }
  return 0
}

function startSampler(pid: number, reading: string, ticks = 50) {
  return startTarget(process.execPath, {
    args: [join(SUPPORT, 'truth-sampler.mjs'), ...[pid, RATE, reading, ticks].map(String)],
  })
}

describe.each(CASES)('$reading on $minor', ({ minor, reading }) => {
  it('sends no signal and lets the target run and end as it would', async () => {
    const { target } = await startPython(minor, 'truth/signals.py')
    const capture = startCapture(target.pid, { rate: RATE, read: reading })
    await capture.ticks(TICKS)
    expect(capture.status.read).toBe(reading)
    capture.stop()
    await expectRunsOn(target.pid)
    await expectUntouched(target)
  })

  it('leaves a stopped target stopped, and reads it', async () => {
    const { target } = await startPython(minor, 'truth/signals.py')
    target.signal('SIGSTOP')
    await waitUntil('the target is stopped', () => stateOf(target.pid).state === 'T')
    const used = cpuOf(target.pid)
    const capture = startCapture(target.pid, { rate: RATE, read: reading })
    await capture.ticks(TICKS)
    capture.stop()
    await waitUntil('the target is let go', () => stateOf(target.pid).tracer === 0)
    // A thread that is let go passes through the kernel on its way back to where it stood.
    await waitUntil('the target stands', () => stateOf(target.pid).state === 'T')
    // The kernel adds up in ticks of 10 ms; running on would have taken ten or more.
    expect(cpuOf(target.pid)).toBeLessThanOrEqual(used + 1)
    const samples = capture.samples()
    expect(samples.length).toBeGreaterThanOrEqual(TICKS)
    // On 3.13 it cannot be told live that a thread which holds the GIL does not move.
    const allowed = reading === 'live' && minor === '3.13' ? ['exact', 'repaired'] : ['exact']
    expect(samples.filter(({ quality }) => !allowed.includes(quality))).toEqual([])
    target.signal('SIGCONT')
    target.send('')
    // Linux: SIGCONT is 18. It was sent by this test.
    expect((await target.says<Done>('done')).counts).toEqual({ 18: 1 })
    expect(await target.exited).toEqual({ code: 7, signal: null })
  })

  it('does not disturb a debugger', async () => {
    const { target } = await startPython(minor, 'truth/chains.py')
    const { target: debugger_ } = await startTarget(python(minor), {
      args: programArgs('truth/debugger.py', [String(target.pid)]),
    })
    const capture = startCapture(target.pid, { rate: RATE, read: reading })
    if (reading === 'stop') {
      expect((await capture.ended()).endReason).toBe('lost-access')
    } else {
      await capture.ticks(TICKS)
    }
    capture.stop()
    expect(stateOf(target.pid)).toEqual({ state: 'R', tracer: debugger_.pid })
    debugger_.send('')
    await expectRunsOn(target.pid)
  })

  it('leaves the target running when the profiler is killed', async () => {
    const { target } = await startPython(minor, 'truth/signals.py')
    const { target: sampler } = await startSampler(target.pid, reading)
    sampler.signal('SIGKILL')
    await sampler.exited
    await expectRunsOn(target.pid)
    await expectUntouched(target)
  })

  it('leaves the target running on Ctrl-C', async () => {
    const { target } = await startPython(minor, 'truth/signals.py')
    const output = join(temporaryFolder(), 'out.collapsed')
    const args = ['record', '--pid', String(target.pid), '--read', reading, '-r', String(RATE)]
    const profiler = await startProfiler([...args, '-o', output])
    profiler.signal('SIGINT')
    expect(await profiler.exited).toEqual({ code: 0, signal: null })
    expect(readFileSync(output, 'utf8')).toContain('<module>')
    await expectRunsOn(target.pid)
    await expectUntouched(target)
  })
})

describe('system calls', () => {
  /** Everything by which one process can stop, signal or change another. */
  const FORBIDDEN = [
    'ptrace',
    'process_vm_writev',
    'kill',
    'tkill',
    'tgkill',
    'rt_sigqueueinfo',
    'rt_tgsigqueueinfo',
    'pidfd_send_signal',
    'sched_setaffinity',
    'sched_setattr',
    'setpriority',
    'prlimit64',
  ]

  /** Calls of a sampler that name the target's process or one of its threads, and files it may write. */
  async function callsOn(reading: string): Promise<string[]> {
    const { target } = await startPython('3.14', 'truth/signals.py')
    const log = join(temporaryFolder(), 'strace')
    const sampler = [join(SUPPORT, 'truth-sampler.mjs'), target.pid, RATE, reading, TICKS].map(
      String,
    )
    const { target: strace } = await startTarget('strace', {
      args: ['-f', '-o', log, '-e', `trace=openat,${FORBIDDEN}`, process.execPath, ...sampler],
    })
    strace.send('')
    await strace.exited
    const threads = readdirSync(`/proc/${target.pid}/task`).join('|')
    const isOnTarget = new RegExp(`\\b(${threads})\\b`)
    const calls = readFileSync(log, 'utf8')
      .split('\n')
      .map((line) => line.replace(/^\d+ +/, ''))
      .filter((line) => isOnTarget.test(line))
    // Else strace has not seen the sampler.
    expect(calls.filter((call) => call.startsWith('openat')).length).toBeGreaterThan(0)
    return calls.filter((call) => !/^openat\(.*O_RDONLY/.test(call))
  }

  it.each(['live', 'exact'])('of %s only read the target', async (reading) => {
    expect(await callsOn(reading)).toEqual([])
  })

  it('of stop show that such a call would be seen', async () => {
    const calls = await callsOn('stop')
    expect(calls.filter((call) => call.startsWith('ptrace(PTRACE_SEIZE')).length).toBeGreaterThan(0)
    expect(calls.filter((call) => !/^ptrace\(|ptrace resumed/.test(call))).toEqual([])
  })
})
