import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPprof } from '../../../src/formats/pprof/read.ts'
import { pprof } from '../../../src/formats/pprof.ts'
import { visible } from '../../../src/formats/text.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import { MODES, type Mode, NO_CPU, type Process } from '../../../src/profile/profile.ts'
import { weightTotals } from '../../../src/profile/views.ts'
import { asciiProfile, MS, profileOf } from '../../support/ascii-profile.ts'
import { samples, total } from './arbitraries.ts'
import { bytes, goldenProfile } from './fixtures.ts'
import { decodePprof } from './pprof-message.ts'

const decoded = (
  ...args: Parameters<typeof bytes> extends [unknown, ...infer Rest] ? Rest : never
) => decodePprof(bytes(pprof, ...args))

describe('pprof', () => {
  it('adds up samples that are alike, with their count and their time', () => {
    const profile = asciiProfile(
      `
      main  main    main
      load  load:2  load
      `,
      { weight: [10 * MS, 5 * MS, 12 * MS] },
    )
    const { types, defaultType, samples } = decoded(profile)
    expect(types).toEqual(['samples/count', 'wall/nanoseconds'])
    expect(defaultType).toBe('wall')
    expect(samples.map(({ values, frames }) => [values, frames.map(({ line }) => line)])).toEqual([
      [
        [2, 22 * MS],
        [1, 1],
      ],
      [
        [1, 5 * MS],
        [1, 2],
      ],
    ])
  })

  it('merges the lines of a function where that is asked for', () => {
    const profile = asciiProfile('a:3  a:4', { firstLines: { a: 2 } })
    const { samples } = decoded(byFunction(profile))
    expect(samples).toHaveLength(1)
    for (const { frames } of samples) {
      expect(frames).toMatchObject([{ name: 'a', line: 2, startLine: 2, column: 0 }])
    }
    expect(decoded(byFunction(profile)).locations).toBe(1)
    expect(decoded(profile).locations).toBe(2)
  })

  it('keeps functions apart that differ in their first line only', () => {
    const lambda = (firstLine: number) => ({ name: '<lambda>', file: 'a.py', line: 7, firstLine })
    const { samples } = decoded(profileOf([{ stack: [lambda(6)] }, { stack: [lambda(7)] }]))
    expect(samples.map(({ frames }) => frames[0]!.startLine)).toEqual([6, 7])
  })

  it('tells threads, processes and interpreters apart by labels, ids as numbers', () => {
    const process = (pid: number, parent: number): Process => ({
      pid,
      parent,
      command: `python ${pid}.py`,
      pythonVersion: '3.14.0',
      start: 0,
      end: 1,
      unreadable: '',
    })
    const profile = asciiProfile('a  a  a  a', {
      thread: [0, 1, 2, 3],
      threads: [{}, { process: 1, name: 'worker' }, { interpreter: 3 }, { name: '', nativeId: 0 }],
      processes: [process(100, -1), process(200, 0)],
    })
    const { samples, comments } = decoded(profile)
    expect(samples.map(({ labels }) => labels)).toEqual([
      { thread_name: 'MainThread', thread_id: 100, pid: 100 },
      { thread_name: 'worker', thread_id: 101, pid: 200 },
      { thread_name: 'Thread-2', thread_id: 102, pid: 100, interpreter: 3 },
      { pid: 100 },
    ])
    expect(comments).toContain('process 200: python 200.py')
  })

  it('says how good a sample is where it is not exact', () => {
    const { samples, comments } = decoded(goldenProfile())
    expect(samples.map(({ labels: { quality, reason } }) => [quality, reason])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      ['repaired', 'moved'],
      [undefined, undefined],
      ['partial', 'truncated'],
      ['missed', 'moved'],
      [undefined, undefined],
      [undefined, undefined],
    ])
    expect(comments.join('\n')).toContain('1 gap, 41.0 ms, 1 tick missed')
  })

  it('names missed samples and those without Python frames', () => {
    const profile = asciiProfile('-  -  f', { quality: ['exact', ['missed', 'moved'], 'missed'] })
    const { samples } = decoded(profile)
    expect(samples.map(({ frames }) => frames.map(({ name }) => name))).toEqual([
      ['<no Python frames>'],
      ['<missed>'],
      ['<missed>'],
    ])
  })

  it('writes CPU time where any was measured', () => {
    const stack = [{ name: 'f' }]
    const some = decoded(profileOf([{ stack, cpu: 3 * MS }, { stack }, { stack, cpu: 4 * MS }]))
    expect(some.types).toEqual(['samples/count', 'wall/nanoseconds', 'cpu/nanoseconds'])
    expect(some.samples.map(({ values }) => values)).toEqual([[3, 30 * MS, 7 * MS]])
    expect(decoded(profileOf([{ stack, cpu: NO_CPU }])).types).toHaveLength(2)
    expect(decoded(profileOf([{ stack, cpu: 0 }])).types).toHaveLength(3)
  })

  it('calls the weight by the mode: a store adds up what has one name', () => {
    const stack = [{ name: 'f' }]
    const drafts = [{ stack, weight: 9 * MS, cpu: 4 * MS }, { stack }]
    const inMode = (mode: Mode) => profileOf(drafts, { meta: { mode } })
    for (const mode of ['gil', 'exception'] as const) {
      const { types, defaultType, period, samples } = decoded(inMode(mode))
      expect(types).toEqual(['samples/count', `${mode}/nanoseconds`, 'cpu/nanoseconds'])
      expect([defaultType, period]).toEqual([mode, `10000000 ${mode}/nanoseconds`])
      expect(samples.map(({ values }) => values)).toEqual([[2, 19 * MS, 4 * MS]])
    }
    const { types, defaultType, samples } = decoded(inMode('cpu'))
    expect([types, defaultType]).toEqual([['samples/count', 'cpu/nanoseconds'], 'cpu'])
    expect(samples.map(({ values }) => values)).toEqual([[2, 19 * MS]])
    for (const mode of MODES) {
      const back = readPprof(bytes(pprof, inMode(mode)))
      expect([back.meta.mode, weightTotals(back).total]).toEqual([mode, 19 * MS])
    }
  })

  it('rounds running totals, so that nothing is gained or lost', () => {
    const { samples } = decoded(asciiProfile('a  b  c  d', { weight: [0.4, 0.4, 0.4, 0.4] }))
    expect(samples.map(({ values }) => values[1])).toEqual([0, 1, 0, 1])
  })

  it('says when, how long and how often', () => {
    const { time, duration, period, mappings } = decoded(goldenProfile())
    expect(time).toBe(1_700_000_000_000_000_000n)
    expect(duration).toBe(101.5 * MS)
    expect(period).toBe('10000000 wall/nanoseconds')
    expect(mappings).toEqual(['python3.14'])
  })

  it('is a profile even without samples', () => {
    expect(decoded(profileOf([]))).toMatchObject({ samples: [], locations: 0 })
  })

  it('comes in pieces', () => {
    const drafts = Array.from({ length: 5000 }, (_, at) => ({
      stack: [{ name: `f${at}`, line: at + 1 }, { name: `function ${at * 7919}` }],
    }))
    const pieces = [...pprof.write(profileOf(drafts), { threads: false })]
    expect(pieces.length).toBeGreaterThan(3)
    const { samples } = readPprof(Buffer.concat(pieces as Uint8Array[]))
    expect(samples).toHaveLength(5000)
  })

  it('holds every sample, frame and nanosecond of any profile', () => {
    fc.assert(
      fc.property(samples, fc.boolean(), (drafts, functions) => {
        const profile = profileOf(drafts)
        const file = decoded(functions ? byFunction(profile) : profile)
        const values = (index: number) => total(file.samples.map((sample) => sample.values[index]!))
        expect(values(0)).toBe(drafts.length)
        expect(values(1)).toBe(Math.round(weightTotals(profile).total))
        const cpu = drafts.map((draft) => draft.cpu!).filter((ns) => ns !== NO_CPU)
        expect(file.types.length).toBe(cpu.length > 0 ? 3 : 2)
        if (cpu.length > 0) expect(values(2)).toBe(total(cpu))

        const rows = (list: { key: unknown; weight: number }[]) => {
          const sums = new Map<string, number>()
          for (const { key, weight } of list) {
            const text = JSON.stringify(key)
            sums.set(text, (sums.get(text) ?? 0) + weight)
          }
          return [...sums].sort()
        }
        const name = (text: string) => visible(text) || '<unnamed>'
        const expected = drafts.map((draft) => ({
          key: [
            profile.threads[draft.thread!]!.name,
            draft.quality,
            draft.reason,
            draft.quality === 'missed'
              ? [['<missed>', '', 0, 0]]
              : draft.stack.length === 0
                ? [['<no Python frames>', '', 0, 0]]
                : draft.stack.map((frame) => [
                    name(frame.name),
                    visible(frame.file!),
                    frame.firstLine,
                    functions ? frame.firstLine : frame.line,
                  ]),
          ],
          weight: draft.weight!,
        }))
        const read = file.samples.map(({ labels, frames, values }) => ({
          key: [
            labels.thread_name,
            labels.quality ?? 'exact',
            labels.reason ?? 'none',
            frames.map(({ name, file, startLine, line }) => [name, file, startLine, line]),
          ],
          weight: values[1]!,
        }))
        expect(rows(read)).toEqual(rows(expected))
      }),
    )
  })
})
