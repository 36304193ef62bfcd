import { describe, expect, it } from 'vitest'
import { hotPlaces } from '../../../src/profile/hot-places.ts'
import {
  BLOCKS,
  type Evidence,
  type Interval,
  shareInterval,
  togetherness,
} from '../../../src/profile/intervals.ts'
import { asciiProfile, MS, profileOf } from '../../support/ascii-profile.ts'

/** Numbers from 0 to 1, the same in every run (mulberry32). */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Threads that all do the same; they think again, with a chance of 1 in `dwell` at each instant, whether
 * to be there.
 */
function simulated(
  instants: number,
  dwell: number,
  share: number,
  next: () => number,
  threads = 1,
): Evidence {
  const hitsAt = new Uint32Array(instants)
  const hitTime = new Float64Array(BLOCKS)
  const allTime = new Float64Array(BLOCKS)
  let [hits, stays] = [0, 0]
  let [is, was] = [next() < share, false]
  for (let at = 0; at < instants; at++) {
    if (next() < 1 / dwell) is = next() < share
    const weight = threads * (0.5 + next())
    const block = Math.floor((at / instants) * BLOCKS)
    allTime[block]! += weight
    if (is) {
      hits += threads
      hitsAt[at] = threads
      hitTime[block]! += weight
      if (!was) stays += threads
    }
    was = is
  }
  const samplesAt = new Uint32Array(instants).fill(threads)
  const together = togetherness(hitsAt, samplesAt)
  return { samples: instants * threads, hits, stays, together, hitTime, allTime }
}

/** What one would do with independent samples. */
function naive({ samples, hits }: Evidence): Interval {
  const share = hits / samples
  const half = 1.96 * Math.sqrt((share * (1 - share)) / samples)
  return { low: share - half, high: share + half }
}

const RUNS = 1000

function coverage(
  samples: number,
  dwell: number,
  share: number,
  interval: (evidence: Evidence) => Interval | undefined,
  threads = 1,
): { readonly held: number; readonly told: number } {
  const next = random(samples * dwell)
  let [held, told] = [0, 0]
  for (let run = 0; run < RUNS; run++) {
    const found = interval(simulated(samples, dwell, share, next, threads))
    if (!found) continue
    told++
    if (found.low <= share && share <= found.high) held++
  }
  return { held: held / told, told: told / RUNS }
}

describe('a 95 % interval', () => {
  it.each([
    [500, 1, 0.3],
    [500, 5, 0.3],
    [1000, 5, 0.1],
    [3000, 1, 0.01],
    [3000, 5, 0.6],
    [3000, 20, 0.3],
    [3000, 20, 0.1],
    [3000, 5, 0.01],
    [6000, 50, 0.4],
  ])('of %d samples in stays of %d holds a share of %d', (samples, dwell, share) => {
    const { held, told } = coverage(samples, dwell, share, shareInterval)
    // Three standard errors of 1000 runs below and above what was asked for; wider is no lie.
    expect(held).toBeGreaterThan(0.929)
    expect(held).toBeLessThan(0.995)
    expect(told).toBeGreaterThan(0.5)
  })

  it.each([
    [1000, 1, 0.2, 8],
    [3000, 5, 0.2, 2],
    [3000, 20, 0.3, 8],
    [6000, 50, 0.4, 8],
    [10_000, 50, 0.2, 64],
  ])(
    'of %d instants in stays of %d holds a share of %d of %d threads that do the same',
    (instants, dwell, share, threads) => {
      const { held, told } = coverage(instants, dwell, share, shareInterval, threads)
      expect(held).toBeGreaterThan(0.929)
      expect(held).toBeLessThan(0.995)
      expect(told).toBeGreaterThan(0.5)
    },
  )

  it('is narrower where threads have nothing to do with each other', () => {
    const next = random(21)
    const apart = Uint32Array.from({ length: 5000 }, () =>
      Array.from({ length: 8 }, () => Number(next() < 0.3)).reduce((a, b) => a + b, 0),
    )
    const all = new Uint32Array(5000).fill(8)
    expect(togetherness(apart, all)).toBeLessThan(1.2)
    const alike = Uint32Array.from({ length: 5000 }, () => (next() < 0.3 ? 8 : 0))
    expect(togetherness(alike, all)).toBeGreaterThan(7.9)
    // One thread always and seven never: no chance in it at all.
    expect(togetherness(new Uint32Array(5000).fill(1), all)).toBe(1)
    expect(togetherness([], [])).toBe(1)
    expect(togetherness([0, 0], [8, 8])).toBe(1)
  })

  it('is not what independent samples would give, where samples depend on each other', () => {
    expect(coverage(3000, 20, 0.3, naive).held).toBeLessThan(0.6)
    expect(coverage(3000, 1, 0.3, naive).held).toBeGreaterThan(0.93)
  })

  it('gets narrower with the root of the number of samples', () => {
    const width = (samples: number) => {
      const { low, high } = shareInterval(simulated(samples, 2, 0.3, random(7)))!
      return high - low
    }
    expect(width(100_000) / width(1000)).toBeGreaterThan(0.05)
    expect(width(100_000) / width(1000)).toBeLessThan(0.2)
  })

  it('is not given for what came or went too seldom', () => {
    const once = { samples: 1000, hits: 300, stays: 1, together: 1 }
    const hitTime = new Float64Array(BLOCKS)
    const allTime = new Float64Array(BLOCKS).fill(100)
    hitTime.fill(100, 0, 3)
    expect(shareInterval({ ...once, hitTime, allTime })).toBeUndefined()
    const always = { samples: 1000, hits: 1000, stays: 20, together: 1 }
    expect(shareInterval({ ...always, hitTime: allTime, allTime })).toBeUndefined()
    const never = {
      samples: 1000,
      hits: 0,
      stays: 0,
      together: 1,
      hitTime: new Float64Array(BLOCKS),
    }
    expect(shareInterval({ ...never, allTime })).toBeUndefined()
  })

  it('stays within 0 and 1', () => {
    for (const share of [0.002, 0.01, 0.99, 0.998]) {
      const found = shareInterval(simulated(3000, 1, share, random(3)))
      if (!found) continue
      expect(found.low).toBeGreaterThanOrEqual(0)
      expect(found.high).toBeLessThanOrEqual(1)
      expect(found.low).toBeLessThan(found.high)
    }
  })
})

describe('hotPlaces', () => {
  const profile = asciiProfile(
    `
    main    main    main    main  -
    load:3  load:4  load:3  load:3
                    main
    `,
    { weight: [30, 20, 10, 5, 35].map((ms) => ms * MS) },
  )

  it('has self and total time of every place, the most self time first', () => {
    const { rows, more } = hotPlaces(profile, { limit: 2, by: 'self' })
    expect(rows).toEqual([
      {
        qualname: 'load',
        file: '/srv/app.py',
        line: 3,
        self: { ns: 35 * MS, share: 0.35, interval: null },
        total: { ns: 45 * MS, share: 0.45, interval: null },
      },
      expect.objectContaining({ qualname: 'load', line: 4 }),
    ])
    expect(more).toEqual({ places: 1, self: 10 * MS })
  })

  it('orders by total time too', () => {
    const { rows, more } = hotPlaces(profile, { limit: 9, by: 'total' })
    expect(rows.map(({ qualname, line, total }) => [qualname, line, total.share])).toEqual([
      ['main', 1, 0.65],
      ['load', 3, 0.45],
      ['load', 4, 0.2],
    ])
    expect(more).toEqual({ places: 0, self: 0 })
  })

  it('gives intervals around the shares, by what each thread does', () => {
    const next = random(11)
    const samples = Array.from({ length: 4000 }, (_, at) => {
      const name = next() < 0.3 ? 'work' : 'rest'
      return { thread: at % 2, stack: [{ name: 'main' }, { name: at % 2 ? 'idle' : name }] }
    })
    const { rows } = hotPlaces(profileOf(samples), { limit: 9, by: 'self' })
    const work = rows.find(({ qualname }) => qualname === 'work')!
    const { low, high } = work.self.interval!
    expect(low).toBeLessThan(work.self.share)
    expect(high).toBeGreaterThan(work.self.share)
    expect(high - low).toBeLessThan(0.05)
    expect(work.total).toEqual(work.self)
    // Always there, and in a thread of its own for ever: nothing to judge chance by.
    expect(rows.find(({ qualname }) => qualname === 'main')!.total.interval).toBeNull()
    expect(rows.find(({ qualname }) => qualname === 'idle')!.self.interval).toBeNull()
  })

  it('takes threads that wait together for one witness', () => {
    const width = (together: boolean) => {
      const next = random(17)
      const samples = Array.from({ length: 2000 }, () => {
        const all = next() < 0.3
        return Array.from({ length: 4 }, (_, thread) => ({
          thread,
          stack: [{ name: (together ? all : next() < 0.3) ? 'wait' : 'work' }],
        }))
      })
      const { rows } = hotPlaces(profileOf(samples.flat()), { limit: 9, by: 'self' })
      const { low, high } = rows.find(({ qualname }) => qualname === 'wait')!.self.interval!
      return high - low
    }
    expect(width(true) / width(false)).toBeGreaterThan(1.5)
  })

  it('goes by how long things stay where nearly all samples lie in one burst', () => {
    const next = random(5)
    const burst = Array.from({ length: 1000 }, () => ({
      stack: [{ name: next() < 0.5 ? 'a' : 'b' }],
      weight: MS,
    }))
    const late = { stack: [{ name: 'c' }], weight: MS, gap: 1e12 }
    const { rows } = hotPlaces(profileOf([...burst, late]), { limit: 1, by: 'self' })
    const { low, high } = rows[0]!.self.interval!
    expect(high - low).toBeGreaterThan(0.04)
    expect(high - low).toBeLessThan(0.2)
  })

  it('has nothing to say about nothing', () => {
    const nothing = { all: 0, rows: [], more: { places: 0, self: 0 } }
    expect(hotPlaces(profileOf([]), { limit: 5, by: 'self' })).toEqual(nothing)
    const empty = hotPlaces(asciiProfile('-  -'), { limit: 5, by: 'self' })
    expect(empty).toEqual({ ...nothing, all: 20 * MS })
  })
})
