import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { speedscope } from '../../../src/formats/speedscope.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import { asciiProfile, MS, profileOf } from '../../support/ascii-profile.ts'
import { goldenProfile, written } from './fixtures.ts'
import { checkRules, type SpeedscopeFile } from './speedscope-rules.ts'

const packageFile = createRequire(import.meta.url).resolve('speedscope/package.json')
const schemaFile = join(dirname(packageFile), 'dist/release/file-format-schema.json')
const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(schemaFile, 'utf8')))

function parsed(profile: Profile, options = {}): SpeedscopeFile {
  const file = JSON.parse(written(speedscope, profile, options)) as SpeedscopeFile
  expect(validate(file), JSON.stringify(validate.errors)).toBe(true)
  checkRules(file)
  return file
}

/** Stacks of one profile as names, with their weights in ms. */
function timeline(file: SpeedscopeFile, index = 0): string[] {
  const { samples, weights } = file.profiles[index]!
  return samples.map((stack, at) => {
    const names = stack.map((frame) => file.shared.frames[frame]!.name).join('>')
    return `${names} ${weights[at]! / MS}`
  })
}

describe('speedscope', () => {
  it('keeps to the schema and to the rules beyond it', () => {
    parsed(goldenProfile())
    parsed(byFunction(goldenProfile()), { threads: true })
    parsed(profileOf([]))
  })

  it('has a schema that would notice a mistake', () => {
    const file = JSON.parse(written(speedscope, goldenProfile())) as SpeedscopeFile
    expect(validate({ ...file, shared: {} })).toBe(false)
  })

  it('writes samples root first, in true time', () => {
    const profile = asciiProfile(
      `
      main  main
      load
      `,
      { weight: [10 * MS, 12.5 * MS] },
    )
    expect(timeline(parsed(profile))).toEqual(['main>load 10', 'main 12.5'])
  })

  it('lists the frames of its samples, and no others that the tables hold', () => {
    const whole = asciiProfile('main  <gone>', { files: { '<gone>': '' } })
    const samples = { ...whole.samples, length: 1 }
    const file = parsed({ ...whole, samples })
    expect(file.shared.frames.map(({ name }) => name)).toEqual(['main'])
  })

  it('shows gaps, missed samples and threads without frames as empty stacks', () => {
    const profile = asciiProfile('a  a  -  -  a', {
      gap: [0, 30 * MS, 0, 0, 7 * MS],
      quality: ['exact', 'exact', ['missed', 'moved'], 'exact', 'exact'],
    })
    const file = parsed(profile)
    expect(timeline(file)).toEqual(['a 10', ' 30', 'a 10', ' 10', ' 10', ' 7', 'a 10'])
    expect(file.profiles[0]!.endValue).toBe(87 * MS)
  })

  it('gives a missed sample an empty stack even when a stack is recorded with it', () => {
    const profile = asciiProfile('a  b', { quality: ['exact', ['missed', 'unreadable']] })
    expect(timeline(parsed(profile))).toEqual(['a 10', ' 10'])
  })

  it('starts each thread where its first sample starts, on one time base', () => {
    const profile = asciiProfile('a  b  a  b', { thread: [0, 1, 0, 1], starts: [5 * MS, 70 * MS] })
    const ranges = parsed(profile).profiles.map(({ startValue, endValue }) => [
      startValue,
      endValue,
    ])
    expect(ranges).toEqual([
      [5 * MS, 25 * MS],
      [70 * MS, 90 * MS],
    ])
  })

  it('does not begin before the recording', () => {
    const profile = asciiProfile('a  a', { starts: [-3 * MS] })
    expect(parsed(profile).profiles[0]).toMatchObject({ startValue: 0, endValue: 20 * MS })
  })

  it('puts main threads first, then the others by their first sample', () => {
    const profile = asciiProfile('a  b  c', {
      thread: [0, 1, 2],
      starts: [20 * MS, 10 * MS, 30 * MS],
      threads: [
        { name: 'late', isMain: false },
        { name: 'early', isMain: false },
        { name: 'MainThread', isMain: true },
        { name: 'never sampled', isMain: false },
      ],
    })
    expect(parsed(profile).profiles.map(({ name }) => name)).toEqual([
      'MainThread (tid 102)',
      'early (tid 101)',
      'late (tid 100)',
    ])
  })

  describe('the active profile', () => {
    it('is the thread that moves, not one that waits longer', () => {
      const profile = asciiProfile('wait  wait  wait  f  g  f', {
        thread: [0, 0, 0, 1, 1, 1],
        weight: [90, 90, 90, 10, 10, 10].map((ms) => ms * MS),
      })
      expect(parsed(profile).activeProfileIndex).toBe(1)
    })

    it('is the main thread when none moves', () => {
      const profile = asciiProfile('a  a  b  b', { thread: [0, 0, 1, 1] })
      expect(parsed(profile).activeProfileIndex).toBe(0)
    })

    it('takes no missed sample for a move', () => {
      const profile = asciiProfile('f  -  f  -  f  a  b', {
        thread: [0, 0, 0, 0, 0, 1, 1],
        quality: ['exact', 'missed', 'exact', 'missed', 'exact', 'exact', 'exact'],
      })
      expect(parsed(profile).activeProfileIndex).toBe(1)
    })
  })

  it('has one frame for a line, with the column only where all agree', () => {
    const profile = asciiProfile('a:3  a:4  b', { columns: { 'a:3': 8, 'a:4': 8, b: 0 } })
    const onOneLine = profileOf([
      { stack: [{ name: 'a', file: 'a.py', line: 3, column: 4 }] },
      { stack: [{ name: 'a', file: 'a.py', line: 3, column: 9 }] },
    ])
    expect(parsed(profile).shared.frames).toEqual([
      { name: 'a', file: '/srv/app.py', line: 3, col: 9 },
      { name: 'a', file: '/srv/app.py', line: 4, col: 9 },
      { name: 'b', file: '/srv/app.py', line: 1, col: 1 },
    ])
    expect(parsed(onOneLine).shared.frames).toEqual([{ name: 'a', file: 'a.py', line: 3 }])
  })

  it('merges the lines of a function, and shows the line of its def', () => {
    const profile = asciiProfile('a:3  a:4', { columns: { 'a:3': 8 }, firstLines: { a: 2 } })
    expect(parsed(byFunction(profile)).shared.frames).toEqual([
      { name: 'a', file: '/srv/app.py', line: 2 },
    ])
  })

  it('leaves out what is unknown', () => {
    const profile = asciiProfile('<truncated>', { files: { '<truncated>': '' } })
    expect(parsed(profile).shared.frames).toEqual([{ name: '<truncated>' }])
  })

  it('says what the samples are worth', () => {
    const { pyprof, exporter, name } = parsed(goldenProfile(), { title: 'A title' })
    expect(exporter).toBe('pyprof@0.0.0-test')
    expect(name).toBe('A title')
    expect(pyprof).toMatchObject({
      meta: { command: 'python app.py --serve', rate: 100, read: 'live', endReason: 'duration' },
      weights: { missed: 10 * MS, empty: 20 * MS },
      quality: {
        repaired: { samples: 1, reasons: { moved: 1 } },
        partial: { samples: 1, reasons: { truncated: 1 } },
        missed: { samples: 1, reasons: { moved: 1 } },
      },
      accounting: { missedTicks: 1 },
      gaps: [{ start: 30 * MS, duration: 41 * MS, missedTicks: 1 }],
    })
  })

  it('keeps any name, and comes in pieces', () => {
    const names = ['"</script>', '\n\0', '\ud800', '函数 🐍', '']
    const stacks = Array.from({ length: 10_000 }, (_, at) => [{ name: names[at % 5]! }])
    const profile = profileOf(stacks.map((stack) => ({ stack })))
    const pieces = [...speedscope.write(profile, { threads: false })]
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(100_000)
    const file = parsed(profile)
    expect(file.shared.frames.map((frame) => frame.name)).toEqual(names)
    expect(file.profiles[0]!.samples).toHaveLength(10_000)
  })
})
