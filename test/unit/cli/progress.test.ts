import { describe, expect, test } from 'vitest'
import { Progress, progressLine } from '../../../src/commands/record/progress.ts'
import { SAMPLING } from '../../support/fake-addon.ts'

const STATUS = { ...SAMPLING, elapsed: 12.34e9, ticks: 1234 }

describe('progressLine', () => {
  test('tells elapsed time, samples and the real rate', () => {
    expect(progressLine(STATUS, 4936, 0)).toBe('12.3 s   4,936 samples   100 Hz   Ctrl-C ends')
  })

  test('tells of how long, when that is limited', () => {
    expect(progressLine(STATUS, 1, 30e9)).toContain('12.3 s of 30.0 s')
  })

  test('has no rate before there is a time', () => {
    expect(progressLine(SAMPLING, 0, 0)).toContain('   –   ')
  })
})

describe('Progress', () => {
  function recorder(isForeground = () => true) {
    const drawn: string[] = []
    return { drawn, progress: new Progress((text) => drawn.push(text), isForeground) }
  }

  test('draws over itself, four times a second at most, and erases itself', () => {
    const { drawn, progress } = recorder()
    for (let now = 0; now <= 1000; now += 100) progress.update(STATUS, 1, 0, now)
    expect(drawn).toHaveLength(4)
    expect(drawn.every((text) => text.startsWith('\r\x1b[K'))).toBe(true)
    expect(drawn.join('')).not.toContain('\n')
    progress.erase()
    expect(drawn.at(-1)).toBe('\r\x1b[K')
    progress.erase()
    expect(drawn).toHaveLength(5)
  })

  test('is silent in the background', () => {
    const { drawn, progress } = recorder(() => false)
    progress.update(STATUS, 1, 0, 0)
    progress.erase()
    expect(drawn).toEqual([])
  })
})
