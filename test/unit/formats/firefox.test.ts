import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firefox } from '../../../src/formats/firefox.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import { weightTotals } from '../../../src/profile/views.ts'
import { asciiProfile, MS, profileOf } from '../../support/ascii-profile.ts'
import { samples, total } from './arbitraries.ts'
import { type FirefoxFile, framesOf, markersOf, parseFirefox, timelineOf } from './firefox-file.ts'
import { written } from './fixtures.ts'

const parsed = (profile: Profile, options = {}): FirefoxFile =>
  parseFirefox(written(firefox, profile, options))

describe('firefox', () => {
  it('writes each sample at its start, with the time it stands for, and closes the last', () => {
    const profile = asciiProfile(
      `
      main  main
      load
      `,
      { weight: [10 * MS, 12.5 * MS], starts: [3 * MS] },
    )
    expect(timelineOf(parsed(profile))).toEqual(['3+10 main>load', '13+12.5 main', '25.5+0 -'])
  })

  it('names missed samples and those without frames, and leaves gaps without a stack', () => {
    const profile = asciiProfile('a  -  -  a', {
      gap: [0, 0, 0, 30 * MS],
      quality: ['exact', ['missed', 'moved'], 'exact', 'exact'],
    })
    const file = parsed(profile)
    expect(timelineOf(file)).toEqual([
      '0+10 a',
      '10+10 <missed>',
      '20+10 <no Python frames>',
      '30+0 -',
      '60+10 a',
      '70+0 -',
    ])
    expect(markersOf(file)).toEqual(['missed 10-20', 'Gap 30-60'])
  })

  it('gives CPU time to the sample behind, which is where the viewer looks for it', () => {
    const stack = [{ name: 'f' }]
    const profile = profileOf([{ stack, cpu: 4 * MS }, { stack }, { stack, cpu: 6 * MS }])
    expect(parsed(profile).threads[0]!.samples.threadCPUDelta).toEqual([null, 4 * MS, null, 6 * MS])
    expect(parsed(profileOf([{ stack }])).threads[0]!.samples.threadCPUDelta).toBeUndefined()
  })

  it('makes markers of consecutive samples in a state that the recording knows', () => {
    const stack = [{ name: 'f' }]
    const profile = profileOf(
      [
        { stack, states: ['cpu', 'gil'] },
        { stack, states: ['cpu', 'gc', 'gil-wait'] },
        { stack, states: [] },
        { stack, states: ['cpu'], gap: 5 * MS },
        { stack, states: ['cpu'], gap: 5 * MS },
      ],
      { meta: { states: ['cpu', 'gil', 'gc'] } },
    )
    const file = parsed(profile)
    expect(markersOf(file).filter((marker) => !marker.startsWith('Gap'))).toEqual([
      'On CPU 0-20',
      'Holds GIL 0-10',
      'Collects garbage 10-20',
      'On CPU 35-45',
      'On CPU 50-60',
    ])
    expect(file.threads[0]!.markers.data[0]).toEqual({ type: 'pyprof-state', samples: 2 })
  })

  it('says why samples are not exact', () => {
    const profile = asciiProfile('a  a  a', {
      quality: [
        ['repaired', 'moved'],
        ['repaired', 'moved'],
        ['repaired', 'unproved'],
      ],
    })
    const file = parsed(profile)
    expect(markersOf(file)).toEqual(['repaired 0-20', 'repaired 20-30'])
    expect(file.threads[0]!.markers.data).toMatchObject([
      { reason: 'moved' },
      { reason: 'unproved' },
    ])
  })

  it('tells whose code a frame is', () => {
    const profile = asciiProfile(
      `
      <truncated>
      app
      pkg
      std
      `,
      {
        files: {
          '<truncated>': '',
          pkg: '/v/lib/python3.14/site-packages/p/a.py',
          std: '/usr/lib/python3.14/json/decoder.py',
        },
        firstLines: { std: 7 },
        columns: { std: 4 },
      },
    )
    const file = parsed(profile)
    const frames = framesOf(file, file.threads[0]!, file.threads[0]!.samples.stack[0]!)
    expect(frames.map(({ category }) => category)).toEqual([
      'Interpreter',
      'Program',
      'Package',
      'Standard library',
    ])
    expect(frames[3]).toMatchObject({ line: 1, firstLine: 7, column: 5 })
    expect(frames[0]).toMatchObject({ file: '', line: 0, firstLine: 0 })
  })

  it('tells threads and processes apart even where their ids are alike or unknown', () => {
    const profile = asciiProfile('a  a  a  a', {
      thread: [0, 1, 2, 3],
      threads: [
        { name: 'worker', isMain: false, nativeId: 7 },
        { process: 1, nativeId: 7, isMain: true, name: 'MainThread' },
        { nativeId: 0, interpreter: 2 },
        { name: '', nativeId: 0 },
      ],
      processes: [100, 100].map((pid, index) => ({
        pid,
        parent: index - 1,
        command: `python ${index}.py`,
        pythonVersion: '3.14.0',
        start: index * MS,
        end: 9 * MS,
        unreadable: '',
      })),
    })
    const { threads } = parsed(profile)
    expect(threads.map(({ name, processName }) => [name, processName])).toEqual([
      ['MainThread', 'python 1.py'],
      ['worker', 'python 0.py'],
      ['Thread-2 (interpreter 2)', 'python 0.py'],
      ['<unnamed>', 'python 0.py'],
    ])
    expect(threads.map(({ pid }) => pid === '100')).toEqual([false, true, true, true])
    expect(threads[1]!.tid).toBe(7)
  })

  it('selects the thread that moves', () => {
    const profile = asciiProfile('wait  wait  f  g', { thread: [0, 0, 1, 1] })
    expect(parsed(profile).meta.initialSelectedThreads).toEqual([1])
  })

  it('keeps any name, comes in pieces, and is valid without samples', () => {
    parsed(profileOf([]))
    const drafts = Array.from({ length: 9000 }, (_, at) => ({
      stack: [{ name: ['"</script>', '\n\0', '\ud800', '函数 🐍', ''][at % 5]! }],
    }))
    const pieces = [...firefox.write(profileOf(drafts), { threads: false })]
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(100_000)
    expect(parseFirefox(pieces.join('')).threads[0]!.samples.length).toBe(9001)
  })

  it('holds every sample, frame and nanosecond of any profile', () => {
    fc.assert(
      fc.property(samples, fc.boolean(), (drafts, functions) => {
        const profile = profileOf(drafts)
        const file = parsed(functions ? byFunction(profile) : profile)
        const weights = file.threads.flatMap(({ samples }) => samples.weight)
        expect(Math.round(total(weights) * 1e6)).toBe(weightTotals(profile).total)
        for (const [index, { name }] of profile.threads.entries()) {
          const own = drafts.filter((draft) => draft.thread === index)
          const thread = file.threads.find((found) => found.name === name)
          const rows = (thread?.samples.stack ?? []).flatMap((stack, at) =>
            stack === null
              ? []
              : [
                  [
                    Math.round(thread!.samples.weight[at]! * 1e6),
                    framesOf(file, thread!, stack).map((frame) => [
                      frame.name,
                      frame.file,
                      frame.firstLine,
                      frame.line,
                    ]),
                  ],
                ],
          )
          const expected = own.map((draft) => [
            draft.weight,
            draft.quality === 'missed'
              ? [['<missed>', '', 0, 0]]
              : draft.stack.length === 0
                ? [['<no Python frames>', '', 0, 0]]
                : draft.stack.map((frame) => [
                    frame.name || '<unnamed>',
                    frame.file,
                    frame.firstLine,
                    functions ? frame.firstLine : frame.line,
                  ]),
          ])
          expect(rows).toEqual(expected)
          const cpu = total((thread?.samples.threadCPUDelta ?? []).map((ns) => ns ?? 0))
          expect(cpu).toBe(total(own.map((draft) => Math.max(0, draft.cpu!))))
        }
      }),
    )
  })
})
