import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { speedscope } from '../../../src/formats/speedscope.ts'
import { cutProfile } from '../../../src/profile/cut.ts'
import { GapList, gapCount } from '../../../src/profile/gaps.ts'
import type { Gap } from '../../../src/profile/profile.ts'
import { summarize } from '../../../src/profile/summary.ts'
import { readRecording } from '../../../src/recording/reader.ts'
import { MS, profileOf } from '../../support/ascii-profile.ts'
import { recordingOf } from '../../support/recordings.ts'
import { written } from '../formats/fixtures.ts'

function listed(gaps: readonly Gap[], most?: number): readonly Gap[] {
  const list = new GapList(most)
  for (const gap of gaps) list.push(gap)
  return list.view()
}

const sums = (gaps: readonly Gap[]) => ({
  count: gapCount(gaps),
  duration: gaps.reduce((sum, { duration }) => sum + duration, 0),
  missedTicks: gaps.reduce((sum, { missedTicks }) => sum + missedTicks, 0),
})

describe('a list of gaps', () => {
  test('is as it was while it is short', () => {
    const gaps = [1, 2, 3].map((at) => ({ start: at * 10, duration: at, missedTicks: 1 }))
    expect(listed(gaps, 3)).toEqual(gaps)
  })

  test('joins neighbours when it is full', () => {
    const gaps = [0, 1, 2, 3, 4].map((at) => ({ start: at * 10, duration: 2, missedTicks: 1 }))
    expect(listed(gaps, 4)).toEqual([
      { start: 0, duration: 4, missedTicks: 2, count: 2 },
      { start: 20, duration: 4, missedTicks: 2, count: 2 },
      { start: 40, duration: 2, missedTicks: 1 },
    ])
  })

  test('stays short and keeps its sums, however many there are', () => {
    const gap = fc.record({ duration: fc.nat(1e9), missedTicks: fc.nat(100) })
    fc.assert(
      fc.property(
        fc.array(gap, { maxLength: 100 }),
        fc.integer({ min: 2, max: 9 }),
        (rows, most) => {
          const gaps = rows.map((row, at) => ({ ...row, start: at * 1e9 }))
          const few = listed(gaps, most)
          expect(few.length).toBeLessThanOrEqual(most)
          expect(sums(few)).toEqual(sums(gaps))
          const starts = few.map(({ start }) => start)
          expect(starts).toEqual(starts.toSorted((a, b) => a - b))
        },
      ),
    )
  })
})

describe('a recording with more gaps than are kept one by one', () => {
  const COUNT = 70_000
  const profile = {
    ...profileOf([{ stack: [{ name: 'f' }], weight: COUNT * MS }], {
      accounting: { missedTicks: COUNT, gapTime: COUNT * 1000, ticks: 1 },
    }),
    gaps: Array.from({ length: COUNT }, (_, at) => ({
      start: at * MS,
      duration: 1000,
      missedTicks: 1,
    })),
  }
  const recording = recordingOf(profile)

  test('tells how many there were, and for how long', () => {
    const { profile: found } = readRecording([recording])
    expect(found!.gaps.length).toBeLessThan(COUNT)
    expect(sums(found!.gaps)).toEqual(sums(profile.gaps))
    const gaps = { count: COUNT, missedTicks: COUNT, timeNs: COUNT * 1000 }
    expect(summarize(found!).gaps).toEqual(gaps)
    const text = written(speedscope, found!, { threads: false })
    expect(JSON.parse(text).pyprof.gaps).toEqual(found!.gaps)
  })

  test('keeps each in a part that has fewer', () => {
    const range = { from: 1000 * MS, to: 2000 * MS }
    const { profile: found } = readRecording([recording], { range })
    const part = cutProfile(found!, range)
    expect(part.gaps).toEqual(cutProfile(profile, range).gaps)
    expect(part.gaps).toHaveLength(1000)
    expect(part.accounting).toMatchObject({ missedTicks: 1000, gapTime: 1000 * 1000 })
  })
})
