import { expect, test } from 'vitest'
import { cutProfile } from '../../../src/profile/cut.ts'
import { waitingTasks, weightTotals } from '../../../src/profile/views.ts'
import { MS, profileOf } from '../../support/ascii-profile.ts'

const stack = [{ name: 'f' }]
/** Samples at 10, 25, 35 and 45 ms, a gap from 10 to 15. */
const PROFILE = profileOf([{ stack }, { stack, gap: 5 * MS }, { stack }, { stack }])

test('a cut keeps the samples taken in it, and begins at its beginning', () => {
  const cut = cutProfile(PROFILE, { from: 25 * MS, to: 45 * MS })
  expect(Array.from(cut.samples.time)).toEqual([0, 10 * MS])
  expect(Array.from(cut.samples.weight)).toEqual([10 * MS, 10 * MS])
  expect(cut.meta.duration).toBe(20 * MS)
  expect(cut.meta.startedAt).toBe(PROFILE.meta.startedAt + 25)
  expect(cut.accounting).toMatchObject({ ticks: 2, missedTicks: 0, gapTime: 0 })
  expect(cut.processes[0]).toMatchObject({ start: 0, end: 20 * MS })
})

test('gaps are cut where the time is', () => {
  const cut = cutProfile(PROFILE, { from: 12 * MS, to: Number.POSITIVE_INFINITY })
  expect(cut.gaps).toEqual([{ start: 0, duration: 3 * MS, missedTicks: 1 }])
  expect(cut.accounting).toMatchObject({ ticks: 3, missedTicks: 1, gapTime: 3 * MS })
})

test('a cut of all is all', () => {
  const cut = cutProfile(PROFILE, { from: 0, to: Number.POSITIVE_INFINITY })
  expect(Array.from(cut.samples.time)).toEqual(Array.from(PROFILE.samples.time))
  expect(cut.gaps).toEqual(PROFILE.gaps)
  expect(cut.meta).toEqual(PROFILE.meta)
  expect(cut.accounting).toEqual(PROFILE.accounting)
})

test('a cut behind the end has no samples and no time', () => {
  const cut = cutProfile(PROFILE, { from: 90 * MS, to: 99 * MS })
  expect(cut.samples.length).toBe(0)
  expect(cut.meta.duration).toBe(0)
})

test('ticks of a cut are as long as those of the whole in the mean', () => {
  const timed = { ...PROFILE, accounting: { ...PROFILE.accounting, tickTime: 400 } }
  expect(cutProfile(timed, { from: 0, to: 30 * MS }).accounting).toMatchObject({
    ticks: 2,
    tickTime: 200,
  })
})

test('waiting tasks are cut like threads, and stay apart', () => {
  const both = profileOf([{ stack }, { stack, thread: 1 }, { stack }, { stack, thread: 1 }], {
    threads: [{}, { waitingTasks: true }],
  })
  const cut = cutProfile(both, { from: 15 * MS, to: 30 * MS })
  expect(cut.accounting.ticks).toBe(1)
  expect(waitingTasks(cut)).toEqual({ weight: 10 * MS, samples: 1 })
  expect(weightTotals(cut).total).toBe(10 * MS)
})

test('who never counted ticks counts none in a cut', () => {
  const foreign = { ...PROFILE, accounting: { ...PROFILE.accounting, ticks: 0 } }
  expect(cutProfile(foreign, { from: 0, to: 30 * MS }).accounting.ticks).toBe(0)
})
