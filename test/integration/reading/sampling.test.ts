import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NS_PER_MS, NS_PER_S, startCapture } from '../../support/capture.ts'
import { samplerSleeps, waitedForCore } from '../../support/process-state.ts'
import { MINORS } from '../../support/pythons.ts'
import { tickTolerance } from '../../support/statistics.ts'
import { startPython, startTarget } from '../../support/target.ts'

const SAMPLER_PROCESS = join(import.meta.dirname, '..', '..', 'support', 'sampler-process.mjs')
/** Of the ticks, besides those for which no core was given: timers and virtual machines are late too. */
const MISSED = 0.1

/** Far from the 10 s between two ticks at 0.1 Hz, on a busy machine too. */
const AT_ONCE_MS = 3_000
/** One and a half until a tick is due, and it may be late by as much before the next one is. */
const MOST_INTERVALS = 3

/** Ticks that may be missed of so many, when the sampling thread had to wait for a core. */
function mayBeMissed(due: number, rate: number, waited: number): number {
  // A wait of one interval can span two ticks that are due half an interval apart.
  return MISSED * due + (2 * waited * rate) / NS_PER_S
}

function sum(values: ArrayLike<number>): number {
  return Array.from(values).reduce((total, value) => total + value, 0)
}

function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

describe.each(MINORS)('sampling %s', (minor) => {
  // Again when it fails: of a core that the machine's host takes away nothing tells.
  it.each([200, 1_000, 10_000])(
    'at %i Hz: the rate, and every ns in a weight or a gap',
    { retry: 2 },
    async (rate) => {
      const { target } = await startPython(minor, 'idle.py')
      const capture = startCapture(target.pid, { rate })
      await capture.ticks(rate * 0.3)
      const waited = waitedForCore()
      capture.stop()
      const { samples, gaps } = capture.profile()
      const { ticks, missedTicks, gapTime, elapsed } = capture.status

      expect(samples.length).toBe(ticks) // one thread
      for (let row = 1; row < samples.length; row++) {
        expect(samples.time[row]!).toBeGreaterThan(samples.time[row - 1]!)
      }
      for (let row = 0; row < samples.length; row++) {
        expect(samples.weight[row]!).toBeGreaterThan(0)
        expect(samples.weight[row]!).toBeLessThanOrEqual(MOST_INTERVALS * (NS_PER_S / rate))
      }
      expect(gapTime).toBe(sum(gaps.map(({ duration }) => duration)))
      expect(missedTicks).toBe(sum(gaps.map((gap) => gap.missedTicks)))
      const last = samples.time[samples.length - 1]!
      expect(sum(samples.weight) + gapTime).toBe(last)
      expect(elapsed - last).toBeGreaterThanOrEqual(0)
      expect(elapsed - last).toBeLessThan((1.5 * NS_PER_S) / rate + 50 * NS_PER_MS)

      const due = (last * rate) / NS_PER_S
      expect(Math.abs(ticks + missedTicks - due)).toBeLessThan(tickTolerance(due))
      // How often a machine can wake a thread in time is a question for a benchmark.
      if (rate <= 200) expect(missedTicks).toBeLessThan(mayBeMissed(due, rate, waited))
    },
  )

  it('goes on while JavaScript is busy for a second, and loses nothing', { retry: 2 }, async () => {
    const { target } = await startPython(minor, 'idle.py')
    const capture = startCapture(target.pid)
    await capture.ticks(10)
    const before = capture.status.ticks
    block(1_000)
    const drained = capture.drain()
    const { ticks, missedTicks, droppedSamples } = capture.status
    expect(drained).toBe(ticks - before)
    expect(droppedSamples).toBe(0)
    expect(ticks - before + missedTicks).toBeGreaterThan(1_000 - tickTolerance(1_000))
    expect(missedTicks).toBeLessThan(mayBeMissed(1_000, 1_000, waitedForCore()))
  })

  it('drops and counts the samples that a full buffer has no room for', async () => {
    const { target } = await startPython(minor, 'idle.py')
    const capture = startCapture(target.pid, { capacity: 10 })
    const first = capture.profile().samples.length
    block(200)
    const drained = capture.drain()
    const { droppedSamples, ticks } = capture.status
    expect(drained).toBe(10)
    expect(droppedSamples).toBeGreaterThan(0)
    expect(first + drained + droppedSamples).toBe(ticks)
    await capture.until('room again', () => capture.profile().samples.length > first + 20)
  })

  it('a profiler that is stopped has one gap and makes up for nothing', async () => {
    interface Done {
      readonly time: number[]
      readonly weight: number[]
      readonly gaps: number[]
      readonly origin: number
    }
    const rate = 1_000
    const { target } = await startPython(minor, 'idle.py')
    const args = [SAMPLER_PROCESS, 'sample', String(target.pid), String(rate)]
    const { target: profiler } = await startTarget(process.execPath, { args })
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
    await pause(100)
    profiler.signal('SIGSTOP')
    await pause(200)
    const now = Number(process.hrtime.bigint())
    await pause(200)
    profiler.signal('SIGCONT')
    await pause(300)
    profiler.send('')
    const { time, weight, gaps, origin } = await profiler.says<Done>('done')
    const amidst = now - origin

    const rows = Array.from({ length: gaps.length / 3 }, (_, row) =>
      gaps.slice(3 * row, 3 * row + 3),
    )
    const around = rows.filter(([start, duration]) => {
      return start! < amidst && amidst < start! + duration!
    })
    expect(around).toHaveLength(1)
    const [start, duration, missed] = around[0]!
    expect(duration).toBeGreaterThan(390 * NS_PER_MS)
    expect(missed).toBeGreaterThan(350)
    const end = start! + duration!
    expect(time.filter((at) => at > start! && at < end)).toEqual([])
    expect(time).toContain(end)
    const soonAfter = time.filter((at) => at > end && at < end + 100 * NS_PER_MS).length
    expect(soonAfter).toBeGreaterThan(0)
    expect(soonAfter).toBeLessThan(100 + tickTolerance(100))
    expect(Math.max(...weight)).toBeLessThanOrEqual(MOST_INTERVALS * (NS_PER_S / rate))
    expect(sum(weight) + sum(rows.map((row) => row[1]!))).toBe(time.at(-1))
  })

  it('ends after a fraction of a second to the ns', async () => {
    const { target } = await startPython(minor, 'idle.py')
    const capture = startCapture(target.pid, { duration: 0.25 * NS_PER_S })
    const status = await capture.ended()
    expect(status).toMatchObject({ endReason: 'duration', elapsed: 0.25 * NS_PER_S })
    const { samples } = capture.profile()
    expect(samples.length).toBe(status.ticks)
    expect(samples.time[samples.length - 1]).toBeLessThanOrEqual(0.25 * NS_PER_S)
  })

  it('at 0.1 Hz: ends when the time is up, and at once when stopped', async () => {
    const { target } = await startPython(minor, 'idle.py')
    const started = performance.now()
    const status = await startCapture(target.pid, { rate: 0.1, duration: 0.3 * NS_PER_S }).ended()
    expect(performance.now() - started).toBeLessThan(AT_ONCE_MS)
    expect(status).toMatchObject({ endReason: 'duration', elapsed: 0.3 * NS_PER_S, ticks: 0 })

    const capture = startCapture(target.pid, { rate: 0.1 })
    await capture.until('the wait for the first tick', samplerSleeps)
    const stopping = performance.now()
    capture.stop()
    expect(performance.now() - stopping).toBeLessThan(AT_ONCE_MS)
    expect(capture.status).toMatchObject({ state: 'ended', endReason: 'stopped', ticks: 0 })
  })
})
