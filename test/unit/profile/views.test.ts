import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { callTree, NODE_KINDS } from '../../../src/profile/call-tree-view.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import { places } from '../../../src/profile/place-view.ts'
import { NO_COLUMN, type Profile } from '../../../src/profile/profile.ts'
import { qualityCounts } from '../../../src/profile/quality-view.ts'
import {
  hottest,
  placeTotals,
  rowsByThread,
  sumByStack,
  weightTotals,
} from '../../../src/profile/views.ts'
import { asciiProfile, MS, profileOf } from '../../support/ascii-profile.ts'

describe('a drawing', () => {
  it('becomes samples, stacks, frames and functions', () => {
    const profile = asciiProfile(
      `
      main    main  -
      load:3  load:4
      `,
      { weight: [10, 20, 30], thread: [0, 1, 0] },
    )
    expect(profile.strings).toEqual(['main', '/srv/app.py', 'load'])
    expect(profile.functions.length).toBe(2)
    expect(profile.frames.line).toEqual([1, 3, 4])
    expect(profile.stacks).toEqual({ length: 3, parent: [-1, 0, 0], frame: [0, 1, 2] })
    expect(profile.samples).toMatchObject({
      time: [10, 20, 40],
      weight: [10, 20, 30],
      stack: [1, 2, -1],
      thread: [0, 1, 0],
    })
  })

  it('must be drawn in columns', () => {
    expect(() => asciiProfile('main  main\n b')).toThrow("'b' does not begin where a column does")
  })
})

describe('places', () => {
  it('merges frames that differ in their column only, or all of a function', () => {
    const profile = profileOf([
      { stack: [{ name: 'f', line: 5, firstLine: 4, column: 1 }] },
      { stack: [{ name: 'f', line: 5, firstLine: 4, column: 8 }] },
      { stack: [{ name: 'f', line: 6, firstLine: 4, column: 8 }] },
      { stack: [{ name: 'f', line: 9, firstLine: 8, column: 0 }] },
    ])
    const lines = places(profile)
    expect([...lines.ofFrame]).toEqual([0, 0, 1, 2])
    expect(lines.line).toEqual([5, 6, 9])
    expect(lines.column).toEqual([NO_COLUMN, 8, 0])
    const functions = places(byFunction(profile))
    expect([...functions.ofFrame]).toEqual([0, 1])
    expect(functions.line).toEqual([4, 8])
    expect(functions.column).toEqual([NO_COLUMN, NO_COLUMN])
  })
})

describe('sums', () => {
  const profile = asciiProfile(
    `
    main  main  main  -  -
    load        load
    `,
    {
      weight: [10, 11, 12, 13, 14],
      thread: [1, 0, 0, 1, 0],
      quality: ['exact', 'repaired', 'partial', 'exact', ['missed', 'unreadable']],
    },
  )

  it('groups rows by thread in their order', () => {
    const { start, order } = rowsByThread(profile)
    expect([...start]).toEqual([0, 3, 5])
    expect([...order]).toEqual([1, 2, 4, 0, 3])
  })

  it('adds up by stack, with missed and empty samples apart', () => {
    const sums = sumByStack(profile)
    expect([...sums.weight]).toEqual([11, 22])
    expect([...sums.samples]).toEqual([1, 2])
    expect(sums.used).toEqual([1, 0])
    expect(sums.empty).toEqual({ weight: 13, samples: 1 })
    expect(sums.missed).toEqual({ weight: 14, samples: 1 })
    expect(weightTotals(profile)).toEqual({ total: 60, python: 33, empty: 13, missed: 14 })
  })

  it('takes a missed sample for missed whatever its stack', () => {
    const odd = asciiProfile('main', { quality: ['missed'], weight: [7] })
    expect(weightTotals(odd)).toEqual({ total: 7, python: 0, empty: 0, missed: 7 })
  })

  it('counts qualities with their reasons', () => {
    expect(qualityCounts(profile)).toEqual({
      exact: { samples: 2, weight: 23, reasons: {} },
      repaired: { samples: 1, weight: 11, reasons: {} },
      partial: { samples: 1, weight: 12, reasons: {} },
      missed: { samples: 1, weight: 14, reasons: { unreadable: 1 } },
      unknown: { samples: 0, weight: 0, reasons: {} },
    })
  })
})

describe('hottest', () => {
  it('orders by self time, and counts recursion once in the total', () => {
    const profile = asciiProfile(
      `
      main  main  main  idle
      walk  walk  load
      walk  walk
      walk
      `,
      { weight: [30, 20, 10, 5].map((ms) => ms * MS), firstLines: { walk: 9 } },
    )
    expect(hottest(profile, 3)).toEqual([
      { qualname: 'walk', file: '/srv/app.py', firstLine: 9, self: 50 * MS, total: 50 * MS },
      { qualname: 'load', file: '/srv/app.py', firstLine: 1, self: 10 * MS, total: 10 * MS },
      { qualname: 'idle', file: '/srv/app.py', firstLine: 1, self: 5 * MS, total: 5 * MS },
    ])
    expect(hottest(profile, 10)).toHaveLength(4)
    expect(hottest(profile, 10)[3]).toMatchObject({ qualname: 'main', self: 0, total: 60 * MS })
  })

  it('merges the lines of a function, and keeps namesakes apart', () => {
    const profile = profileOf([
      { stack: [{ name: 'f', line: 2, firstLine: 1 }] },
      { stack: [{ name: 'f', line: 3, firstLine: 1 }] },
      { stack: [{ name: 'f', line: 9, firstLine: 8 }] },
      { stack: [{ name: 'f', line: 2, firstLine: 1, file: 'b.py' }] },
    ])
    expect(hottest(profile, 9).map(({ file, firstLine, self }) => [file, firstLine, self])).toEqual(
      [
        ['/srv/app.py', 1, 20 * MS],
        ['/srv/app.py', 8, 10 * MS],
        ['b.py', 1, 10 * MS],
      ],
    )
  })

  it('has nothing to say about missed samples and threads without frames', () => {
    expect(hottest(asciiProfile('-  -', { quality: ['exact', 'missed'] }), 5)).toEqual([])
  })

  it('agrees with counting each sample by hand', () => {
    const frame = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), line: fc.nat(2) })
    const sample = fc.record({ stack: fc.array(frame, { maxLength: 8 }), weight: fc.nat(1000) })
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 40 }), (samples) => {
        const self = new Map<string, number>()
        const total = new Map<string, number>()
        const add = (to: Map<string, number>, name: string, weight: number) =>
          to.set(name, (to.get(name) ?? 0) + weight)
        for (const { stack, weight } of samples) {
          if (stack.length > 0) add(self, stack.at(-1)!.name, weight)
          for (const name of new Set(stack.map((row) => row.name))) add(total, name, weight)
        }
        const found = placeTotals(byFunction(profileOf(samples)))
        for (const [row, name] of found.places.qualname.entries()) {
          expect(found.self[row]).toBe(self.get(name) ?? 0)
          expect(found.total[row]).toBe(total.get(name) ?? 0)
        }
        expect(found.places.length).toBe(total.size)
      }),
    )
  })

  it('copes with recursion far deeper than any call stack here', () => {
    const stack = Array.from({ length: 20_000 }, (_, at) => ({ name: at % 2 ? 'odd' : 'even' }))
    expect(hottest(profileOf([{ stack }]), 2)).toMatchObject([
      { qualname: 'odd', self: 10 * MS, total: 10 * MS },
      { qualname: 'even', self: 0, total: 10 * MS },
    ])
  })
})

describe('callTree', () => {
  const profile = asciiProfile(
    `
    main  main    main    main  -
    load  load:7  main    load
    `,
    { thread: [0, 0, 0, 1, 1], weight: [10, 20, 30, 40, 50] },
  )

  function outline(profile: Profile, options: Parameters<typeof callTree>[1]): string[] {
    const tree = callTree(profile, options)
    return Array.from({ length: tree.length }, (_, node) => {
      const kind = NODE_KINDS[tree.kind[node]!]!
      const value = tree.value[node]!
      const text = kind === 'place' ? tree.places.qualname[value] : `${kind} ${value}`
      return `${tree.parent[node]} ${text} ${tree.self[node]}/${tree.total[node]} ×${tree.samples[node]}`
    })
  }

  it('merges equal paths and keeps lines apart', () => {
    expect(outline(profile, { threads: false })).toEqual([
      '-1 all 0 0/150 ×0',
      '0 main 0/100 ×0',
      '1 load 50/50 ×2',
      '1 load 20/20 ×1',
      '1 main 30/30 ×1',
      '0 empty 0 50/50 ×1',
    ])
  })

  it('merges the lines of a function', () => {
    expect(outline(byFunction(profile), { threads: false })).toEqual([
      '-1 all 0 0/150 ×0',
      '0 main 0/100 ×0',
      '1 load 70/70 ×3',
      '1 main 30/30 ×1',
      '0 empty 0 50/50 ×1',
    ])
  })

  it('puts threads between the root and the frames', () => {
    expect(outline(byFunction(profile), { threads: true })).toEqual([
      '-1 all 0 0/150 ×0',
      '0 thread 0 0/60 ×0',
      '1 main 0/60 ×0',
      '2 load 30/30 ×2',
      '2 main 30/30 ×1',
      '0 thread 1 0/90 ×0',
      '5 main 0/40 ×0',
      '6 load 40/40 ×1',
      '5 empty 0 50/50 ×1',
    ])
  })
})
