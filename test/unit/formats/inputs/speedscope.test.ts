import { describe, expect, test } from 'vitest'
import { type Imported, InputError } from '../../../../src/formats/inputs/index.ts'
import { speedscopeInput } from '../../../../src/formats/inputs/speedscope.ts'
import { speedscope } from '../../../../src/formats/speedscope.ts'
import { byFunction } from '../../../../src/profile/granularity.ts'
import type { Profile } from '../../../../src/profile/profile.ts'
import { placeTotals, weightTotals } from '../../../../src/profile/views.ts'
import { asciiProfile, MS } from '../../../support/ascii-profile.ts'
import { resolvedSamples } from '../../../support/recordings.ts'
import { goldenProfile, written } from '../fixtures.ts'

const ALWAYS = { from: 0, to: Number.POSITIVE_INFINITY }

function read(text: string, rate?: number): Imported {
  return speedscopeInput.read([Buffer.from(text)], { range: ALWAYS, rate })
}

const FRAMES = [{ name: 'main', file: 'a.py', line: 3, col: 5 }, { name: 'work' }]
const SAMPLED = {
  type: 'sampled',
  name: 'Thread 12 "worker"',
  unit: 'seconds',
  startValue: 100,
  endValue: 100.03,
  samples: [[0], [0, 1], []],
  weights: [0.01, 0.015, 0.005],
}

function file(profile: object, more: object = {}): string {
  return JSON.stringify({ shared: { frames: FRAMES }, profiles: [profile], ...more })
}

function refusal(text: string): string {
  try {
    read(text)
  } catch (error) {
    if (error instanceof InputError) return error.why
    throw error
  }
  throw new Error('It was taken.')
}

test("Python's pstats files begin with a brace too, and are none", () => {
  const recognizes = (text: string) => speedscopeInput.recognizes(Buffer.from(text, 'latin1'))
  expect(['{"a":1}', ' {\n "a"', '{', '{}', '\xef\xbb\xbf{ "'].map(recognizes)).toEqual(
    Array(5).fill(true),
  )
  expect(['{\xa9\x03z\x06app.py', '{(\x03\0\0\0u'].map(recognizes)).toEqual([false, false])
})

describe('what pyprof wrote', () => {
  test('keeps threads, times and places, and what the file says of itself', () => {
    const golden = goldenProfile()
    const profile: Profile = { ...golden, meta: { ...golden.meta, states: ['cpu', 'gil'] } }
    const text = written(speedscope, profile)
    const found = read(text).profile
    // What threads were doing is not in the file, so that nobody may be called idle.
    expect(found.meta).toEqual({ ...profile.meta, states: [] })
    expect(found.gaps).toEqual(profile.gaps)
    expect(found.accounting).toEqual(profile.accounting)
    expect(found.threads.map(({ name, nativeId }) => [name, nativeId])).toEqual(
      profile.threads.map(({ name, nativeId }) => [name, nativeId]),
    )
    const totals = (of: typeof profile) => weightTotals(of)
    // Missed time is an empty stack in speedscope.
    expect(totals(found)).toMatchObject({
      python: totals(profile).python,
      empty: totals(profile).empty + totals(profile).missed,
    })
    expect(Array.from(placeTotals(byFunction(found)).self).sort()).toEqual(
      Array.from(placeTotals(byFunction(profile)).self).sort(),
    )
  })

  test('comes out as it went in, but for what was known of each sample', () => {
    const profile = asciiProfile('main:3 main:3 -\nload   walk:9', { gap: [0, 5 * MS, 0] })
    const again = (text: string) => {
      const { quality: _, ...rest } = JSON.parse(text).pyprof
      return { ...JSON.parse(text), pyprof: rest }
    }
    const text = written(speedscope, profile)
    expect(again(written(speedscope, read(text).profile))).toEqual(again(text))
  })

  test('is read like any other when its own part is damaged', () => {
    const text = JSON.stringify({ ...JSON.parse(file(SAMPLED)), pyprof: { meta: { rate: 'x' } } })
    expect(read(text).profile.meta).toMatchObject({ rate: 0, read: 'unknown' })
  })
})

describe('what others wrote', () => {
  test('py-spy: its threads, seconds, and a clock that begins anywhere', () => {
    const { profile } = read(file(SAMPLED, { exporter: 'py-spy@0.4.2', name: 'py-spy profile' }))
    expect(profile.meta).toMatchObject({
      exporter: 'py-spy@0.4.2',
      duration: 30 * MS,
      endReason: 'unknown',
    })
    expect(profile.threads).toMatchObject([{ nativeId: 12, name: 'worker' }])
    expect(resolvedSamples(profile)).toMatchObject([
      {
        time: 10 * MS,
        weight: 10 * MS,
        stack: [{ qualname: 'main', file: 'a.py', line: 3, column: 4 }],
      },
      { time: 25 * MS, stack: [{}, { qualname: 'work', file: '', line: 0, column: -1 }] },
      { time: 30 * MS, weight: 5 * MS, stack: [] },
    ])
  })

  test('evented profiles: what stood between two events is a sample', () => {
    const events = [
      { type: 'O', frame: 0, at: 0 },
      { type: 'O', frame: 1, at: 4 },
      { type: 'C', frame: 1, at: 9 },
      { type: 'C', frame: 0, at: 9 },
    ]
    const evented = { type: 'evented', name: '', unit: 'milliseconds', startValue: 0, endValue: 10 }
    const { profile } = read(file({ ...evented, events }))
    const found = resolvedSamples(profile).map(({ stack, weight }) => [stack.length, weight! / MS])
    expect(found).toEqual([
      [1, 4],
      [2, 5],
      [0, 1],
    ])
  })

  test('weights without a unit are samples at a rate, and that is said', () => {
    const counts = { ...SAMPLED, unit: 'none', startValue: 0, weights: [1, 2, 3] }
    expect(read(file(counts)).notes[0]).toContain('samples at 100 Hz')
    const { profile, notes } = read(file(counts), 1000)
    expect(Array.from(profile.samples.weight)).toEqual([1, 2, 3].map((ms) => ms * MS))
    expect(notes).toEqual([])
  })

  test('threads with the same name stay apart', () => {
    const profiles = [SAMPLED, SAMPLED].map((each) => ({ ...each, name: 'x' }))
    const text = JSON.stringify({ shared: { frames: FRAMES }, profiles })
    expect(read(text).profile.threads).toHaveLength(2)
  })
})

describe('what is no speedscope file is refused, with the place', () => {
  test.each([
    ['{', 'It is no whole JSON.'],
    ['{}', 'it has no "profiles" or no "shared" frames'],
    [JSON.stringify({ shared: { frames: [{}] }, profiles: [] }), 'frame 0 has no name'],
    [file({ ...SAMPLED, unit: 'parsecs' }), 'the unit "parsecs"'],
    [file({ ...SAMPLED, unit: 'bytes' }), 'It counts bytes'],
    [file({ ...SAMPLED, type: 'other' }), 'neither sampled nor evented'],
    [file({ ...SAMPLED, weights: [1] }), 'not as many weights as samples'],
    [file({ ...SAMPLED, samples: [[2], [], []] }), 'a frame that is not there'],
    [file({ ...SAMPLED, samples: [[0.5], [], []] }), 'a frame that is not there'],
    [file({ ...SAMPLED, weights: [1, -1, 1] }), 'sample 1 of profile 0 has no weight'],
    [file({ ...SAMPLED, weights: [1e12, 1, 1] }), 'lasts longer than 100 days'],
    [file({ ...SAMPLED, startValue: null }), 'has no startValue'],
    [
      file({ ...SAMPLED, type: 'evented', events: [{ type: 'C', frame: 0, at: 101 }] }),
      'leaves what was not entered last',
    ],
    [
      file({ ...SAMPLED, type: 'evented', events: [{ type: 'O', frame: 0, at: 1 }] }),
      'event 0 of profile 0 goes back',
    ],
  ])('%s', (text, why) => {
    expect(refusal(text)).toContain(why)
  })
})

test('is recognized by its first character', () => {
  expect(speedscopeInput.recognizes(Buffer.from(' \n{"profiles"'))).toBe(true)
  expect(speedscopeInput.recognizes(Buffer.from('\ufeff{'))).toBe(true)
  expect(speedscopeInput.recognizes(Buffer.from('[{}]'))).toBe(false)
  expect(speedscopeInput.recognizes(Buffer.from('main;{ 3'))).toBe(false)
})

test('joined gaps do not tell which empty stacks they are, and that is said', () => {
  const profile = goldenProfile()
  const [gap] = profile.gaps
  const joined = { ...profile, gaps: [{ ...gap!, count: 2 }] }
  const notesOf = (each: Profile) => read(written(speedscope, each, { threads: false })).notes
  expect(notesOf(profile)).toEqual([])
  expect(notesOf(joined)).toEqual([
    'its gaps are joined, so that their time counts as threads without Python frames.',
  ])
})
