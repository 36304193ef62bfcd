import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Batch } from '../../../src/sampling/addon.ts'
import { bufferCapacity, Session } from '../../../src/sampling/session.ts'
import { batchOf, FakeAddon, SAMPLING, workBatch } from '../../support/fake-addon.ts'

const ENDED = { ...SAMPLING, state: 'ended', endReason: 'duration' } as const

function start(addon: FakeAddon) {
  const batches: Batch[] = []
  const session = new Session({
    addon,
    pid: 42,
    rate: 250,
    duration: 3e9,
    wait: false,
    read: 'auto',
    maxOverhead: 0.005,
    nativeMarkers: false,
    threads: 1,
    follow: false,
    onBatch: (batch) => batches.push(batch),
  })
  return { session, batches }
}

const samplesOf = (batches: readonly Batch[]) =>
  batches.reduce((sum, batch) => sum + batch.time.length, 0)

describe('Session', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('asks for the mean gap of the rate, a large buffer and a seed', () => {
    const addon = new FakeAddon([])
    const { session } = start(addon)
    expect(addon.options).toMatchObject({ pid: 42, interval: 4e6, duration: 3e9, wait: false })
    expect(addon.options?.capacity).toBe(bufferCapacity(250, 1))
    expect(Number.isInteger(addon.options?.seed)).toBe(true)
    session.stop()
  })

  test('drains ten times a second', () => {
    const addon = new FakeAddon([workBatch(1)])
    const { session, batches } = start(addon)
    expect(addon.drains).toBe(0)
    vi.advanceTimersByTime(1000)
    expect(addon.drains).toBe(10)
    expect(samplesOf(batches)).toBe(1)
    session.stop()
  })

  test('ends by the status, after everything that is left was drained', async () => {
    const left = [workBatch(3, ENDED), workBatch(2, ENDED), workBatch(1, ENDED)]
    const addon = new FakeAddon([workBatch(4), ...left])
    const { session, batches } = start(addon)
    vi.advanceTimersByTime(200)
    await expect(session.ended).resolves.toMatchObject({ endReason: 'duration' })
    expect(samplesOf(batches)).toBe(10)
    const drains = addon.drains
    vi.advanceTimersByTime(1000)
    expect(addon.drains).toBe(drains)
    expect(addon.stops).toBe(0)
  })

  test('stop ends the sampler first and then drains the rest', async () => {
    const addon = new FakeAddon([workBatch(5), workBatch(6)])
    const { session, batches } = start(addon)
    session.stop()
    await expect(session.ended).resolves.toMatchObject({ state: 'ended', endReason: 'stopped' })
    expect(samplesOf(batches)).toBe(11)
    expect(addon.stops).toBe(1)
  })

  test('stop after the end does nothing', async () => {
    const addon = new FakeAddon([batchOf({}, ENDED)])
    const { session } = start(addon)
    vi.advanceTimersByTime(100)
    await session.ended
    session.stop()
    expect(addon.stops).toBe(0)
  })

  test('a failing drain rejects and stops the timer', async () => {
    const addon = new FakeAddon([])
    const { session } = start({
      ...addon,
      createSampler: () => ({
        drain: () => {
          addon.drains++
          throw new Error('no memory')
        },
        stop: () => {},
      }),
    } as unknown as FakeAddon)
    vi.advanceTimersByTime(100)
    await expect(session.ended).rejects.toThrow('no memory')
    vi.advanceTimersByTime(1000)
    expect(addon.drains).toBe(1)
  })

  test('an attach error is thrown at once', () => {
    const addon = new FakeAddon([], { code: 'not-python', detail: '' })
    expect(() => start(addon)).toThrow(expect.objectContaining({ code: 'not-python' }))
  })
})

describe('bufferCapacity', () => {
  test('holds five seconds of all threads', () => {
    expect(bufferCapacity(1000, 100)).toBe(500_000)
  })

  test('expects more threads than are there at the start', () => {
    expect(bufferCapacity(1000, 1)).toBe(160_000)
  })

  test('expects still more where processes may come', () => {
    expect(bufferCapacity(1000, 1, true)).toBe(1_280_000)
    expect(bufferCapacity(1000, 300, true)).toBe(1_500_000)
  })

  test('is as large as may be when any number of tasks may wait', () => {
    expect(bufferCapacity(1, 1, false, 'all')).toBe(2_097_152)
    expect(bufferCapacity(1000, 1, false, 'running')).toBe(160_000)
  })

  test('has a floor and a bound', () => {
    expect(bufferCapacity(0.01, 1)).toBe(65_536)
    expect(bufferCapacity(100_000, 1000)).toBe(2_097_152)
  })
})
