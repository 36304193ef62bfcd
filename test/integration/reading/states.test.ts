import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { viewInMode } from '../../../src/profile/modes.ts'
import { NO_CPU, type State } from '../../../src/profile/profile.ts'
import { hottest } from '../../../src/profile/views.ts'
import {
  type Capture,
  type CaptureOptions,
  type NamedSample,
  namedSamples,
  startCapture,
} from '../../support/capture.ts'
import { OWN_PIDS, onlyChild } from '../../support/containment.ts'
import { MINORS, type Minor, python } from '../../support/pythons.ts'
import { mostByChance, shareOf } from '../../support/statistics.ts'
import { programArgs, startPython, startTarget } from '../../support/target.ts'

interface Facts {
  readonly threads: Readonly<Record<string, number>>
}

/** Long against a turn of any of the programs. */
const BLOCK = 100e6

async function capture(
  minor: Minor,
  arrangement: string,
  ticks: number,
  options: CaptureOptions = {},
) {
  const { target, facts } = await startPython<Facts>(minor, 'states.py', [arrangement])
  const running = startCapture(target.pid, { states: true, ...options })
  await running.ticks(ticks)
  running.stop()
  await target.kill()
  return { running, facts }
}

/** The samples of the thread that said this name. */
function samplesOf(running: Capture, facts: Facts, name: string): NamedSample[] {
  const profile = running.profile()
  const thread = profile.threads.findIndex((each) => each.nativeId === facts.threads[name])
  const samples = namedSamples(profile).filter((sample) => sample.thread === thread)
  expect(samples.length).toBeGreaterThan(500)
  return samples
}

/** All but a few samples are as the program is; a moment of a busy machine is not the program. */
function expectNearlyAll(
  samples: readonly NamedSample[],
  holds: (sample: NamedSample) => boolean,
  except = 0.005,
): void {
  const others = samples
    .filter((sample) => !holds(sample))
    .map(({ time, text, states }) => ({ time, text, states }))
  const allowed = mostByChance(except * samples.length)
  expect(others.slice(0, others.length > allowed ? 5 : 0)).toEqual([])
}

const is =
  (...states: State[]) =>
  (sample: NamedSample) =>
    states.join() === sample.states.join()

const used = (samples: readonly NamedSample[]) =>
  samples.reduce((sum, { cpu }) => sum + (cpu === NO_CPU ? 0 : cpu), 0)

/** CPU time of a thread by the kernel, up to its last scheduler tick, ns. */
function kernelCpu(pid: number, tid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0])
}

describe.each(MINORS)('Python %s', (minor) => {
  it('says what it knows', async () => {
    const { running } = await capture(minor, 'sleeper_and_spinner', 5)
    const states = ['cpu', 'gil', 'gil-wait', 'gc', ...(minor === '3.15' ? ['exception'] : [])]
    expect(running.status.states).toEqual(states)
    const silent = await capture(minor, 'sleeper_and_spinner', 5, { states: false })
    expect(silent.running.status.states).toEqual([])
    for (const { states, cpu } of silent.running.samples()) {
      expect({ states, cpu }).toEqual({ states: [], cpu: NO_CPU })
    }
  })

  it.each(['live', 'exact'] as const)('tells a sleeper from a spinner: %s', async (read) => {
    const { running, facts } = await capture(minor, 'sleeper_and_spinner', 800, { read })
    expectNearlyAll(samplesOf(running, facts, 'sleep'), is())
    expectNearlyAll(samplesOf(running, facts, 'spin'), is('cpu', 'gil'))
    expect(used(samplesOf(running, facts, 'spin'))).toBeGreaterThan(0)
  })

  it('tells a sleeper from a spinner: stop', async () => {
    const options = { read: 'stop', rate: 200 } as const
    const { running, facts } = await capture(minor, 'sleeper_and_spinner', 600, options)
    // A stop wakes the sleeper, which is still on its way back to sleep at some of the next ticks.
    expectNearlyAll(samplesOf(running, facts, 'sleep'), is(), 0.05)
    expectNearlyAll(samplesOf(running, facts, 'spin'), is('cpu', 'gil'))
  })

  it('measures the CPU time of each thread, no more and no less than the kernel', async () => {
    const { target, facts } = await startPython<Facts>(minor, 'states.py', ['sleeper_and_spinner'])
    const read = () => kernelCpu(target.pid, facts.threads.spin!)
    const before = read()
    const running = startCapture(target.pid, { states: true })
    await running.ticks(100)
    const begun = read()
    await running.ticks(800)
    const ending = read()
    await running.ticks(100)
    running.stop()
    const after = read()
    const measured = used(samplesOf(running, facts, 'spin'))
    expect(measured).toBeGreaterThanOrEqual(ending - begun)
    expect(measured).toBeLessThanOrEqual(after - before)
  })

  it('tells which of two spinners has the GIL, and that the other waits for it', async () => {
    const { running, facts } = await capture(minor, 'spinners', 3000)
    const holders = new Map<number, number>()
    for (const { time, states } of running.samples()) {
      if (states.includes('gil')) holders.set(time, (holders.get(time) ?? 0) + 1)
    }
    expect(Math.max(...holders.values())).toBe(1)
    for (const name of ['spin', 'also_spin']) {
      const samples = samplesOf(running, facts, name)
      const votes = samples.map(({ time, weight, states }) => ({
        time,
        weight,
        counts: states.includes('gil'),
      }))
      const { share, tolerance } = shareOf(votes, BLOCK)
      expect(Math.abs(share - 0.5)).toBeLessThan(tolerance + 0.1)
      // Between two holders a thread may sleep on the lock that says the change is made.
      expectNearlyAll(samples, ({ states }) => states.length > 0, 0.02)
      const waiting = samples.filter(({ states }) => states.includes('gil-wait'))
      expect(waiting.length).toBeGreaterThan(samples.length / 10)
    }
  })

  it('sees C code that gives the GIL away at work', async () => {
    const { running, facts } = await capture(minor, 'hashing', 800)
    const hashing = samplesOf(running, facts, 'hash_without_gil')
    expectNearlyAll(hashing, is('cpu'), 0.01)
    const { profile } = viewInMode(running.profile(), { mode: 'cpu', idle: false })
    expect(hottest(profile, 1)[0]?.qualname).toBe('hash_without_gil')
  })

  it('sees C code that keeps the GIL, and who waits for it meanwhile', async () => {
    const { running, facts } = await capture(minor, 'hogging', 800)
    expectNearlyAll(samplesOf(running, facts, 'sum_with_gil'), is('cpu', 'gil'), 0.02)
    expectNearlyAll(samplesOf(running, facts, 'want_gil'), is('gil-wait'), 0.02)
  })

  it('gives CPU time to what used it, not to the sleep that follows', async () => {
    const { running, facts } = await capture(minor, 'bursting', 2000)
    const samples = samplesOf(running, facts, 'bursts')
    const asleep = samples.filter(({ frames }) => frames.at(-1)?.qualname === 'bursts')
    expect(used(asleep)).toBeGreaterThan(used(samples) / 10)
    const { profile } = viewInMode(running.profile(), { mode: 'cpu', idle: false })
    const functions = hottest(profile, 99)
    const self = (name: string) => functions.find(({ qualname }) => qualname === name)?.self ?? 0
    expect(self('burn')).toBeGreaterThan(5 * self('bursts'))
    expect(self('burn') + self('bursts')).toBeLessThanOrEqual(used(samples) + 1)
  })

  it('marks the frame in which the collector runs, and nothing else', async () => {
    const { running } = await capture(minor, 'collecting', 1000, { read: 'exact' })
    const samples = running.samples().filter(({ quality }) => quality === 'exact')
    const collecting = samples.filter(({ states }) => states.includes('gc'))
    expect(collecting.length).toBeGreaterThan(samples.length / 4)
    for (const { text } of collecting) expect(text).toBe('<module>;collecting;collect;<GC>')
    for (const { text, states } of samples) {
      expect(text.includes('<GC>')).toBe(states.includes('gc'))
    }
    const without = await capture(minor, 'not_collecting', 300)
    for (const { text, states } of without.running.samples()) {
      expect(states).not.toContain('gc')
      expect(text).not.toContain('<GC>')
    }
  })

  it('does not take a finaliser for the frame that is collected', async () => {
    const { running } = await capture(minor, 'finalizing', 1000, { read: 'exact' })
    const samples = running.samples().filter(({ quality }) => quality === 'exact')
    const finalizing = samples.filter(({ text }) => text.includes('__del__'))
    expect(finalizing.length).toBeGreaterThan(samples.length / 4)
    const marker = minor === '3.15' ? ';<GC>' : ''
    for (const { text, states } of finalizing) {
      expect(text).toMatch(
        new RegExp(`^<module>;finalizing;collect${marker};Finalized.__del__(;work)?$`),
      )
      expect(states).toContain('gc')
    }
    const texts = samples.map(({ text }) => text)
    expect(texts).toContain('<module>;finalizing;collect;<GC>')
  })

  it('marks where C code calls Python code, when asked to', async () => {
    const keys = async (nativeMarkers: boolean) => {
      const { running } = await capture(minor, 'calling_back', 500, {
        read: 'exact',
        nativeMarkers,
      })
      const samples = running.samples().filter(({ quality }) => quality === 'exact')
      return new Set(samples.map(({ text }) => text).filter((text) => text.endsWith('key')))
    }
    expect([...(await keys(true))]).toEqual(['<module>;calling_back;sort;<native>;key'])
    expect([...(await keys(false))]).toEqual(['<module>;calling_back;sort;key'])
  })

  it('knows the threads of a process in a pid namespace of its own', async () => {
    const [unshare = '', ...own] = OWN_PIDS
    const { target, facts } = await startTarget<Facts>(unshare, {
      args: [...own, python(minor), ...programArgs('states.py', ['sleeper_and_spinner'])],
      pidOf: onlyChild,
    })
    const running = startCapture(target.pid, { states: true, read: 'exact' })
    await running.ticks(800)
    running.stop()
    const spinning = samplesOf(running, facts, 'spin')
    expectNearlyAll(spinning, is('cpu', 'gil'))
    expect(used(spinning)).toBeGreaterThan(0)
    expectNearlyAll(samplesOf(running, facts, 'sleep'), is())
    const proved = spinning.filter(({ quality }) => quality === 'exact')
    expect(proved.length).toBeGreaterThan(spinning.length / 5)
  })
})

/** Whether an exception is handled while `work` runs, by the functions above it. */
const HANDLES: Readonly<Record<string, boolean>> = {
  in_except: true,
  in_finally_propagating: true,
  after_except: false,
  in_finally_clean: false,
  'generator_handles;handling_generator': true,
  'generator_is_quiet;quiet_generator': false,
  'caller_of_generator_handles;quiet_generator': true,
  'coroutine_handles;handling_coroutine;inner_coroutine': true,
}

it.each(['exact', 'stop'] as const)('Python 3.15 tells what is handled: %s', async (read) => {
  const { running } = await capture('3.15', 'exceptions', 2000, { read })
  const verdicts = new Map<string, Set<boolean>>()
  for (const { text, quality, states } of running.samples()) {
    const path = /^<module>;exceptions;(.*);work$/.exec(text)?.[1]
    if (path === undefined || quality !== 'exact') continue
    verdicts.set(path, (verdicts.get(path) ?? new Set()).add(states.includes('exception')))
  }
  expect(Object.fromEntries([...verdicts].map(([path, said]) => [path, [...said]]))).toEqual(
    Object.fromEntries(Object.entries(HANDLES).map(([path, handles]) => [path, [handles]])),
  )
})

it('Python 3.15 tells what is handled, live, nearly always', async () => {
  const { running } = await capture('3.15', 'exceptions', 2000)
  const samples = running
    .samples()
    .filter(({ text }) => /;(in_except|in_finally_clean);work$/.test(text))
  expect(samples.length).toBeGreaterThan(100)
  expectNearlyAll(
    samples,
    ({ text, states }) => states.includes('exception') === text.includes('in_except'),
    0.05,
  )
})
