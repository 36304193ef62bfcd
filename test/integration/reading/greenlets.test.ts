import { describe, expect, it } from 'vitest'
import {
  type Capture,
  captureStill,
  captureTicks,
  type NamedSample,
  tally,
} from '../../support/capture.ts'
import { texts } from '../../support/positions.ts'
import { MINORS, type Minor, venv } from '../../support/pythons.ts'
import { startTarget, TARGETS } from '../../support/target.ts'

async function startGreenlets(minor: Minor, mode: string): Promise<number> {
  const program = venv(minor, 'greenlet', ['greenlet==3.5.6'])
  const args = ['-B', `${TARGETS}/greenlets.py`, mode]
  const { target } = await startTarget(program, { args })
  return target.pid
}

/** Texts by thread name; the samples must be exact. */
function textsByThread(capture: Capture): Record<string, string[]> {
  const { threads } = capture.profile()
  const found: Record<string, string[]> = {}
  threads.forEach(({ name }, thread) => {
    const samples = capture.samples(thread)
    expect(tally(samples.map(({ quality }) => quality))).toEqual({ exact: samples.length })
    found[name] = texts(samples)
  })
  return found
}

describe.each(MINORS)('greenlets on %s', (minor) => {
  it.each([
    ['held', '<greenlet>;job;work;hold'],
    ['nested', '<greenlet>;job;work;hold'],
    ['returned', '<module>;returned;work;hold'],
  ])('%s: a stack that ends where a greenlet began says so', async (mode, expected) => {
    const pid = await startGreenlets(minor, mode)
    const capture = await captureStill(pid, 5, { read: 'stop' })
    expect(textsByThread(capture)).toEqual({ MainThread: [expected] })
  })

  it('of another thread', async () => {
    const pid = await startGreenlets(minor, 'thread')
    const capture = await captureStill(pid, 5, { read: 'stop' })
    expect(textsByThread(capture)).toEqual({
      MainThread: ['<module>;thread;Thread.join'],
      worker: ['<greenlet>;job;work;hold'],
    })
  })

  it.each(['stop', 'exact', 'live'] as const)('by turns, read %s', async (read) => {
    const pid = await startGreenlets(minor, 'by_turns')
    const capture = await captureTicks(pid, 1500, { read, rate: 2000 })
    const samples = capture.samples()
    const own = Array(21).fill('deeper').join(';')
    const isGreenlets = ({ frames }: NamedSample) =>
      frames.some(({ qualname }) => qualname === 'deeper')
    const whole = samples.filter(({ quality }) => quality === 'exact' || quality === 'repaired')
    // A stack that is exchanged while it is read live is cut; how often depends on the machine.
    expect(whole.length).toBeGreaterThan(samples.length * (read === 'live' ? 0.3 : 0.6))
    const exact = samples.filter(({ quality }) => quality === 'exact')
    for (const { text } of exact) {
      // In the middle of a switch the thread has no frame at all.
      if (text === '') continue
      expect(text).toMatch(/^(<module>;by_turns(;spin)?|(<greenlet>;)?deeper(;deeper)*(;spin)?)$/)
    }
    const ofGreenlets = whole.filter(isGreenlets)
    expect(ofGreenlets.length).toBeGreaterThan(whole.length / 4)
    const labelled = ofGreenlets.filter(({ text }) => text.startsWith('<greenlet>;'))
    // The first few samples of each of the ten may be needed to know it.
    const undecided = minor === '3.15' || read === 'stop' ? 0 : 10 * 5
    expect(ofGreenlets.length - labelled.length).toBeLessThanOrEqual(undecided)
    expect(labelled.some(({ text }) => text === `<greenlet>;${own};spin`)).toBe(true)
    // What is the main greenlet's own is never called another one's.
    expect(whole.filter(({ text }) => text.startsWith('<greenlet>;<module>'))).toEqual([])
  })
})
