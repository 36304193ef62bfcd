import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { collapsed } from '../../../src/formats/collapsed.ts'
import { FORMATS } from '../../../src/formats/index.ts'
import { cutProfile } from '../../../src/profile/cut.ts'
import { hotPlaces } from '../../../src/profile/hot-places.ts'
import { NO_TIME, type Profile, STATES } from '../../../src/profile/profile.ts'
import { sampleAt, sampleCount } from '../../../src/profile/sample-columns.ts'
import { summarize } from '../../../src/profile/summary.ts'
import { ThinnedSamples } from '../../../src/profile/thinned-samples.ts'
import { viewed } from '../../../src/profile/viewed.ts'
import { MS, profileOf } from '../../support/ascii-profile.ts'
import { samples } from '../formats/arbitraries.ts'
import { bytes, written } from '../formats/fixtures.ts'

function thinned(profile: Profile, most?: number): Profile {
  const table = new ThinnedSamples(most)
  for (let row = 0; row < profile.samples.length; row++) table.push(sampleAt(profile.samples, row))
  return { ...profile, samples: table.view() }
}

/** The times of the rows that have one, each once. */
function instantsOf({ samples: { time } }: Profile): number[] {
  return [...new Set(Array.from(time).filter((at) => at !== NO_TIME))]
}

/** Two threads at each instant: what the first does follows from chance, the second stands still. */
function twoThreads(instants: number): Profile {
  let state = 1
  const next = () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  return profileOf(
    Array.from({ length: instants }, () => [
      { stack: [{ name: 'main' }, { name: next() < 0.3 ? 'f' : 'g' }] },
      { thread: 1, stack: [{ name: 'wait' }] },
    ]).flat(),
  )
}

const ALL = { threads: [], include: [], exclude: [], stdlib: true, granularity: 'lines' as const }

describe('samples of which some keep their time', () => {
  test('are as they were below the limit', () => {
    const profile = twoThreads(100)
    const { instants, ...few } = thinned(profile, 200).samples
    expect(instants).toBe(100)
    expect(few.count).toBeUndefined()
    expect(Array.from(few.time)).toEqual(profile.samples.time)
    expect(Array.from(few.stack)).toEqual(profile.samples.stack)
  })

  test('keep whole instants at equal distances, and all else as sums', () => {
    const few = thinned(twoThreads(1000), 300)
    // 2000 samples: every eighth instant, of which 125 are.
    expect(instantsOf(few)).toEqual(Array.from({ length: 125 }, (_, at) => (8 * at + 1) * 10 * MS))
    const { time, count, instants, length } = few.samples
    const inTime = Array.from(time).filter((at) => at !== NO_TIME).length
    expect([inTime, instants]).toEqual([250, 1000])
    // f, g and wait of what was left out.
    expect(length - inTime).toBe(3)
    expect(
      Array.from(count!)
        .slice(inTime)
        .reduce((a, b) => a + b),
    ).toBe(1750)
    expect(sampleCount(few.samples)).toBe(2000)
  })

  test('stay few, however many there are', () => {
    for (const instants of [150, 151, 1200, 1201, 5000]) {
      const { samples } = thinned(twoThreads(instants), 300)
      expect(samples.length).toBeLessThanOrEqual(300 + 2 + 3)
      expect(samples.length).toBeGreaterThan(140)
    }
  })

  test('give the same shares, in intervals that are wider by the root of what is left out', () => {
    const whole = twoThreads(4096)
    const [all, few] = [whole, thinned(whole, 1024)].map((profile) =>
      hotPlaces(profile, { limit: 10, by: 'self' }),
    )
    expect(few!.all).toBe(all!.all)
    const shares = (places: typeof all) =>
      places!.rows.map(({ qualname, self, total }) => [
        ...[qualname, self.ns, self.share, total.ns, total.share],
      ])
    expect(shares(few)).toEqual(shares(all))
    const widths = (places: typeof all) =>
      places!.rows
        .filter(({ qualname }) => qualname === 'f' || qualname === 'g')
        .map(({ self: { interval, share } }) => {
          expect(interval!.low).toBeLessThan(share)
          expect(interval!.high).toBeGreaterThan(share)
          return interval!.high - interval!.low
        })
    const [wide, narrow] = [widths(few), widths(all)]
    expect(narrow).toHaveLength(2)
    for (const at of [0, 1]) {
      // Every eighth is left. Ten blocks tell a variance within a factor of 4 or so: 2 for its root.
      expect(wide[at]! / narrow[at]!).toBeGreaterThan(Math.sqrt(8) / 2)
      expect(wide[at]! / narrow[at]!).toBeLessThan(Math.sqrt(8) * 2)
    }
  })

  test('are cut by who reads them, and say at how many instants they were taken', () => {
    const whole = twoThreads(1000)
    const range = { from: 2000 * MS, to: 6000 * MS }
    const part = new ThinnedSamples(300)
    for (let row = 0; row < whole.samples.length; row++) {
      const sample = sampleAt(whole.samples, row)
      if (sample.time >= range.from && sample.time < range.to) part.push(sample)
    }
    const few = cutProfile({ ...whole, samples: part.view() }, range)
    const cut = cutProfile(whole, range)
    expect(few.accounting).toEqual(cut.accounting)
    expect(summarize(few)).toEqual(summarize(cut))
    expect(instantsOf(few)[0]).toBe(0)
    expect(Math.max(...instantsOf(few))).toBeLessThan(4000 * MS)
  })

  test('give the same sums, whatever is shown of them', () => {
    fc.assert(
      fc.property(samples, fc.nat(8), (drafts, most) => {
        const profile = profileOf(drafts, { meta: { states: [...STATES] } })
        const options = { mode: 'gil', idle: true, choice: { ...ALL, stdlib: false } } as const
        const whole = viewed(profile, options)
        const few = viewed(thinned(profile, most), options)
        const text = (shown: Profile) => written(collapsed, shown, { threads: true })
        expect(text(few.profile)).toBe(text(whole.profile))
        expect(summarize(few.profile, thinned(profile, most), few.removed)).toEqual(
          summarize(whole.profile, profile, whole.removed),
        )
      }),
    )
  })

  test.each(FORMATS.filter((format) => format.isEstimate))(
    'give the same $name while they are few',
    (format) => {
      fc.assert(
        fc.property(samples, (drafts) => {
          const profile = profileOf(drafts)
          const text = (shown: Profile) => bytes(format, shown, { threads: false })
          expect(text(thinned(profile)).equals(text(profile))).toBe(true)
        }),
      )
    },
  )
})
