import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pstats } from '../../../src/formats/pstats.ts'
import { visible } from '../../../src/formats/text.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import { weightTotals } from '../../../src/profile/views.ts'
import { asciiProfile, MS, profileOf } from '../../support/ascii-profile.ts'
import { samples, total } from './arbitraries.ts'
import { bytes } from './fixtures.ts'
import { type PstatsCounts, parsePstats } from './pstats-file.ts'

const parsed = (profile: Profile, options = {}) =>
  Object.fromEntries(parsePstats(bytes(pstats, profile, options)))

const counts = (calls: number, self: number, total: number): PstatsCounts => ({
  calls,
  self: self * MS,
  total: total * MS,
})

describe('pstats', () => {
  it('adds up by function and by caller, whatever the line', () => {
    const profile = asciiProfile(
      `
      main:4  main:5  main:4  draw
      load:7  load:8          load
      `,
      {
        files: { main: 'a.py', load: 'b.py', draw: 'a.py' },
        firstLines: { main: 3, load: 6, draw: 9 },
      },
    )
    expect(parsed(profile)).toEqual({
      'a.py:3 main': { ...counts(3, 10, 30), callers: {} },
      'b.py:6 load': {
        ...counts(3, 30, 30),
        callers: { 'a.py:3 main': counts(2, 20, 20), 'a.py:9 draw': counts(1, 10, 10) },
      },
      'a.py:9 draw': { ...counts(1, 0, 10), callers: {} },
    })
  })

  it('counts recursion once for a sample', () => {
    const profile = asciiProfile(
      `
      f  f
      f
      f
      `,
      { files: { f: 'f.py' } },
    )
    expect(parsed(profile)).toEqual({
      'f.py:1 f': { ...counts(2, 20, 20), callers: { 'f.py:1 f': counts(1, 10, 10) } },
    })
  })

  it('shows missed samples and those without Python frames', () => {
    const profile = asciiProfile('-  -', { quality: ['missed', 'exact'] })
    expect(parsed(profile)).toEqual({
      '~:0 <missed>': { ...counts(1, 10, 10), callers: {} },
      '~:0 <no Python frames>': { ...counts(1, 10, 10), callers: {} },
    })
  })

  it('merges threads, or makes functions of them', () => {
    const profile = asciiProfile('f  f', { thread: [0, 1], files: { f: 'f.py' } })
    expect(Object.keys(parsed(profile))).toEqual(['f.py:1 f'])
    expect(parsed(profile, { threads: true })).toEqual({
      'f.py:1 f': {
        ...counts(2, 20, 20),
        callers: {
          '~:0 MainThread (tid 100)': counts(1, 10, 10),
          '~:0 Thread-1 (tid 101)': counts(1, 10, 10),
        },
      },
      '~:0 MainThread (tid 100)': { ...counts(1, 0, 10), callers: {} },
      '~:0 Thread-1 (tid 101)': { ...counts(1, 0, 10), callers: {} },
    })
  })

  it('loses nothing where two names look alike', () => {
    const stacks = ['\u0007', '\\x07', '\ud800', '\\ud800'].map((name) => ({ stack: [{ name }] }))
    const rows = Object.values(parsed(profileOf(stacks)))
    expect(rows).toHaveLength(2)
    expect(total(rows.map(({ self }) => self))).toBe(40 * MS)
  })

  it('comes in pieces, and is a dictionary even without samples', () => {
    expect(parsed(profileOf([]))).toEqual({})
    const drafts = Array.from({ length: 2000 }, (_, at) => ({ stack: [{ name: `f${at}` }] }))
    const pieces = [...pstats.write(profileOf(drafts), { threads: false })]
    expect(pieces.length).toBeGreaterThan(5)
    expect(Object.keys(parsed(profileOf(drafts)))).toHaveLength(2000)
  })

  it('holds every function and nanosecond of any profile', () => {
    fc.assert(
      fc.property(samples, fc.boolean(), (drafts, threads) => {
        const profile = profileOf(drafts)
        const rows = parsePstats(bytes(pstats, profile, { threads }))
        const selves = [...rows.values()].map(({ self }) => self)
        expect(total(selves)).toBe(weightTotals(profile).total)
        const expected = new Map<string, number>()
        for (const draft of drafts) {
          const name = profile.threads[draft.thread!]!.name
          const path = [
            ...(threads ? [`~:0 ${name} (tid ${100 + draft.thread!})`] : []),
            ...(draft.quality === 'missed'
              ? ['~:0 <missed>']
              : draft.stack.length === 0
                ? ['~:0 <no Python frames>']
                : draft.stack.map(
                    ({ name, file, firstLine }) =>
                      `${visible(file!) || '~'}:${firstLine} ${visible(name) || '<unnamed>'}`,
                  )),
          ]
          for (const key of new Set(path)) {
            expected.set(key, (expected.get(key) ?? 0) + draft.weight!)
          }
        }
        const totals = new Map([...rows].map(([key, row]) => [key, row.total]))
        expect([...totals].sort()).toEqual([...expected].sort())
      }),
    )
  })
})
