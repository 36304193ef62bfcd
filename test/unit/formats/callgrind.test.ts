import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { callgrind } from '../../../src/formats/callgrind.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import { weightTotals } from '../../../src/profile/views.ts'
import { asciiProfile, MS, profileOf } from '../../support/ascii-profile.ts'
import { sample, total } from './arbitraries.ts'
import { parseCallgrind } from './callgrind-file.ts'
import { written } from './fixtures.ts'

const parsed = (profile: Profile, options = {}) =>
  parseCallgrind(written(callgrind, profile, options))

describe('callgrind', () => {
  it('writes self costs by line, and what is within a call', () => {
    const profile = asciiProfile(
      `
      main:4  main:4  main:5
      load:7  load:8  load:7
      `,
      { files: { main: 'a.py', load: 'b.py' }, firstLines: { main: 3, load: 6 } },
    )
    const { parts, total } = parsed(profile)
    expect(parts).toHaveLength(1)
    expect([...parts[0]!.self]).toEqual([
      ['b.py load:7', 20 * MS],
      ['b.py load:8', 10 * MS],
    ])
    expect([...parts[0]!.calls]).toEqual([
      ['a.py main:4 > b.py load:6', { count: 2, cost: 20 * MS }],
      ['a.py main:5 > b.py load:6', { count: 1, cost: 10 * MS }],
    ])
    expect(total).toBe(30 * MS)
  })

  it('counts a recursive call once for a sample', () => {
    const profile = asciiProfile(
      `
      f:2
      f:2
      f:2
      f:9
      `,
      { files: { f: 'f.py' } },
    )
    const [part] = parsed(profile).parts
    expect([...part!.calls]).toEqual([['f.py f:2 > f.py f:1', { count: 1, cost: 10 * MS }]])
    expect([...part!.self]).toEqual([['f.py f:9', 10 * MS]])
  })

  it('merges the lines of a function where that is asked for', () => {
    const profile = asciiProfile('f:2  f:3', { files: { f: 'f.py' } })
    expect([...parsed(byFunction(profile)).parts[0]!.self]).toEqual([['f.py f:1', 20 * MS]])
  })

  it('gives functions of one name in one file names of their own', () => {
    const stack = (firstLine: number) => [{ name: '<lambda>', file: 'a.py', line: 7, firstLine }]
    const [part] = parsed(profileOf([{ stack: stack(6) }, { stack: stack(7) }])).parts
    expect([...part!.self.keys()]).toEqual(['a.py <lambda>:6:7', 'a.py <lambda>:7:7'])
  })

  it('tells threads and processes apart, as functions too where that is asked for', () => {
    const profile = asciiProfile('f  f  -', {
      thread: [0, 1, 1],
      threads: [{}, { name: 'worker', process: 1 }],
      files: { f: 'f.py' },
      processes: [100, 200].map((pid) => ({
        pid,
        parent: -1,
        command: 'python',
        pythonVersion: '',
        start: 0,
        end: 1,
        unreadable: '',
      })),
    })
    const { parts, header } = parsed(profile)
    expect(parts.map(({ pid, thread }) => [pid, thread])).toEqual([
      [100, 100],
      [200, 101],
    ])
    expect(header).toContain('desc: Thread: worker (pid 200, tid 101)')
    expect(parts.map(({ self }) => self.get('f.py f:1'))).toEqual([10 * MS, 10 * MS])
    expect([...parsed(profile, { threads: true }).parts[1]!.calls]).toEqual([
      ['??? worker (pid 200, tid 101):0 > f.py f:1', { count: 1, cost: 10 * MS }],
      ['??? worker (pid 200, tid 101):0 > ??? <no Python frames>:0', { count: 1, cost: 10 * MS }],
    ])
  })

  it('shows missed samples and those without Python frames', () => {
    const profile = asciiProfile('-  -', { quality: ['missed', 'exact'] })
    expect([...parsed(profile).parts[0]!.self]).toEqual([
      ['??? <missed>:0', 10 * MS],
      ['??? <no Python frames>:0', 10 * MS],
    ])
  })

  it('rounds running totals, so that nothing is gained or lost', () => {
    const files = { a: 'a.py', b: 'a.py', c: 'a.py', d: 'a.py' }
    const drawn = asciiProfile('a  b  c  d', { weight: [0.4, 0.4, 0.4, 0.4], files })
    const { parts, total } = parsed(drawn)
    expect([...parts[0]!.self.values()]).toEqual([0, 1, 0, 1])
    expect(total).toBe(2)
  })

  it('lets no name break a line', () => {
    const stack = [{ name: 'f\nfn=(9) g\r', file: 'a\n.py' }]
    const [part] = parsed(profileOf([{ stack }])).parts
    expect([...part!.self.keys()]).toEqual(['a\\x0a.py f\\x0afn=(9) g\\x0d:1'])
  })

  it('calls the cost by the mode', () => {
    const file = written(
      callgrind,
      profileOf([{ stack: [{ name: 'f' }] }], { meta: { mode: 'cpu' } }),
    )
    expect(file).toContain('\nevent: Cpu : CPU time (ns)\n')
    expect(file.match(/^events: .*/gm)).toEqual(['events: Cpu'])
    expect(file).not.toContain('Wall')
  })

  it('has an event even without samples', () => {
    expect(parsed(profileOf([]))).toMatchObject({ parts: [], total: 0 })
    expect(written(callgrind, profileOf([]))).toContain('\nevents: Wall\n')
  })

  it('holds every function, call and nanosecond of any profile', () => {
    // Names that stay as they are, and apart.
    const frame = fc.record({
      name: fc.constantFrom('f', 'g', '<module>', 'a b', '(1) h'),
      file: fc.constantFrom('/a.py', '/b.py'),
      line: fc.nat(3),
    })
    const drafts = fc.array(
      fc.tuple(sample, fc.array(frame, { maxLength: 6 })).map(([draft, stack]) => ({
        ...draft,
        stack: draft.quality === 'missed' ? [] : stack,
      })),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(drafts, fc.boolean(), (rows, functions) => {
        const profile = profileOf(rows)
        const file = parsed(functions ? byFunction(profile) : profile)
        expect(file.total).toBe(weightTotals(profile).total)
        expect(total(file.parts.flatMap(({ self }) => [...self.values()]))).toBe(file.total)
        for (const [index, { nativeId }] of profile.threads.entries()) {
          const self = new Map<string, number>()
          const calls = new Map<string, { count: number; cost: number }>()
          for (const draft of rows.filter(({ thread }) => thread === index)) {
            const marker = draft.quality === 'missed' ? '<missed>' : '<no Python frames>'
            const path = draft.stack.map(({ name, file, line }) => ({
              text: `${file} ${name}`,
              line: functions ? 1 : line,
            }))
            const leaf = path.at(-1) ?? { text: `??? ${marker}`, line: 0 }
            const key = `${leaf.text}:${leaf.line}`
            self.set(key, (self.get(key) ?? 0) + draft.weight!)
            const edges = path
              .slice(1)
              .map(({ text }, at) => `${path[at]!.text}:${path[at]!.line} > ${text}:1`)
            for (const edge of new Set(edges)) {
              const { count, cost } = calls.get(edge) ?? { count: 0, cost: 0 }
              calls.set(edge, { count: count + 1, cost: cost + draft.weight! })
            }
          }
          const part = file.parts.find(({ thread }) => thread === nativeId)
          expect(part?.self ?? new Map()).toEqual(self)
          expect(part?.calls ?? new Map()).toEqual(calls)
        }
      }),
    )
  })
})
