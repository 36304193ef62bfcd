import { describe, expect, it } from 'vitest'
import { captureStill } from '../../support/capture.ts'
import { MINORS } from '../../support/pythons.ts'
import { startPython } from '../../support/target.ts'

describe.each(MINORS)('depth on %s', (minor) => {
  it.each([
    ['recurse', 'recurse', 900],
    ['recurse', 'recurse', 1537],
    ['recurse', 'recurse', 5_000],
    ['recurse', 'recurse', 50_000],
    ['through_c', 'through_c', 900],
    ['generators', 'generator', 1537],
    ['coroutines', 'coroutine', 1537],
  ])('%s: %s, %i deep, is whole', async (program, name, depth) => {
    const { target } = await startPython(minor, 'depth.py', [program, String(depth)])
    const capture = await captureStill(target.pid, 5, { rate: depth > 10_000 ? 50 : 500 })
    const samples = capture.samples()
    expect(samples.length).toBeGreaterThanOrEqual(5)
    for (const { frames, quality } of samples) {
      expect(quality).toBe('exact')
      expect(frames.filter(({ qualname }) => qualname === name)).toHaveLength(depth)
      const others = frames.filter(({ qualname }) => qualname !== name)
      expect(others.map(({ qualname }) => qualname)).toEqual(
        program === name ? ['<module>', 'hold'] : ['<module>', program, 'hold'],
      )
    }
  })

  it.each([1_800, 5_000])('a frame of %i locals, larger than a chunk has left', async (size) => {
    const { target } = await startPython(minor, 'depth.py', ['large_frame', String(size)])
    const samples = (await captureStill(target.pid, 5)).samples()
    expect(samples.length).toBeGreaterThanOrEqual(5)
    for (const { text, quality } of samples) {
      expect(quality).toBe('exact')
      expect(text).toBe('<module>;large_frame;caller;large;recurse;recurse;recurse;hold')
    }
  })
})
