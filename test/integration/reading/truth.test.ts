import { describe, expect, it } from 'vitest'
import { share, startCapture } from '../../support/capture.ts'
import { MINORS } from '../../support/pythons.ts'
import { shareTolerance } from '../../support/statistics.ts'
import { startPython } from '../../support/target.ts'

const SHARE = 0.75
const TOLERANCE = 0.02
/** Enough for chance to stay within the tolerance; see shareTolerance. */
const TICKS = 10_000
const RATE = 4_000

describe('the share of two functions', () => {
  it('needs no more samples than are taken', () => {
    expect(shareTolerance(SHARE, TICKS)).toBeLessThan(TOLERANCE)
  })

  it.each(MINORS)('is 3:1 within 2 % on %s', async (minor) => {
    const { target } = await startPython(minor, 'split.py')
    const capture = startCapture(target.pid, { rate: RATE })
    await capture.ticks(TICKS)
    capture.stop()
    target.send('')
    const truth = await target.says<{ three: number; one: number }>('done')
    // The program itself kept to the split; else the machine, not the profiler, is to blame.
    expect(truth.three / (truth.three + truth.one)).toBeCloseTo(SHARE, 2)

    const samples = capture.samples()
    expect(samples.length).toBeGreaterThanOrEqual(TICKS)
    const ofThree = share(samples, ({ text }) => text === '<module>;main;three')
    const ofOne = share(samples, ({ text }) => text === '<module>;main;one')
    expect(Math.abs(ofThree - SHARE)).toBeLessThan(TOLERANCE)
    expect(Math.abs(ofOne - (1 - SHARE))).toBeLessThan(TOLERANCE)
  })
})
