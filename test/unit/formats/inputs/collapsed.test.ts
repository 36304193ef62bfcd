import { describe, expect, test } from 'vitest'
import { collapsed } from '../../../../src/formats/collapsed.ts'
import { collapsedInput } from '../../../../src/formats/inputs/collapsed.ts'
import { type Imported, inputFor } from '../../../../src/formats/inputs/index.ts'
import { NO_STACK, QUALITY } from '../../../../src/profile/profile.ts'
import { resolvedSamples } from '../../../support/recordings.ts'
import { goldenProfile, written } from '../fixtures.ts'

const ALWAYS = { from: 0, to: Number.POSITIVE_INFINITY }

function read(text: string, rate?: number, pieceBytes = text.length || 1): Imported {
  const bytes = Buffer.from(text)
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, index) =>
    bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes),
  )
  return collapsedInput.read(pieces, { range: ALWAYS, rate })
}

/** Each sample as its thread, frames and ms. */
function rows(text: string, rate?: number): unknown[] {
  return resolvedSamples(read(text, rate).profile).map(({ thread, stack, weight }) => [
    [thread.process?.pid, thread.nativeId, thread.name],
    (stack as { qualname: string; file: string; line: number }[]).map(
      ({ qualname, file, line }) => `${qualname}|${file}|${line}`,
    ),
    weight! / 1e6,
  ])
}

describe('what pyprof wrote', () => {
  test.each([
    { threads: false, functions: false },
    { threads: true, functions: false },
    { threads: false, functions: true },
  ])('comes out as it went in (%j)', (options) => {
    const text = written(collapsed, goldenProfile(), options)
    const { profile } = read(text)
    expect(written(collapsed, profile, { threads: options.threads })).toBe(text)
    expect(read(text, undefined, 7).profile.samples).toEqual(profile.samples)
  })

  test('may be days on one stack', () => {
    const { samples } = read('main (a.py:1) 864000000000\n').profile
    expect(samples.weight[0]).toBe(10 * 24 * 3600 * 1e9)
    expect(() => read('main (a.py:1) 9007199254740\nmain (a.py:1) 999999\n')).toThrow('104 days')
  })

  test('tells its missed time and the time without frames', () => {
    const text = '<missed> 2000\n<no Python frames> 3000\nmain (a.py:1) 4000\n'
    const { samples } = read(text).profile
    expect(Array.from(samples.stack)).toEqual([NO_STACK, NO_STACK, 0])
    expect(Array.from(samples.quality, (value) => QUALITY[value])).toEqual([
      'missed',
      'unknown',
      'unknown',
    ])
  })
})

test('py-spy: processes and threads are no frames, counts are samples', () => {
  const text =
    'process 7:"python app.py";thread (12): MainThread;<module> (app.py:3);work (app.py:9) 3\n' +
    'process 7:"python app.py";process 8:"python child.py";thread (0x7F00AB);run (lib/t.py:5) 1\n' +
    'main (app.py);native (libc.so.6) 20\n'
  expect(rows(text)).toEqual([
    [[7, 12, 'MainThread'], ['<module>|app.py|3', 'work|app.py|9'], 30],
    [[8, 0, ''], ['run|lib/t.py|5'], 10],
    [[0, 0, ''], ['main|app.py|0', 'native|libc.so.6|0'], 200],
  ])
  expect(read(text).notes).toEqual([
    'its numbers were taken for samples at 100 Hz, the default of who wrote it: --rate.',
  ])
  expect(rows(text, 1000)[0]).toContainEqual(3)
})

test('Austin: microseconds, with comments and marks', () => {
  const text =
    '# austin: 3.7.0\n# mode: wall\n' +
    'P42;T0:43;/srv/app.py:<module>:10;/srv/app.py:C.run:3 10012\n' +
    'P42;T1:2b;/srv/app.py:<lambda>:7;:GC: 5000\n' +
    'P42;T44;/srv/a b.py:f:1 9000,1,-128\n\n# duration: 3\n'
  expect(rows(text)).toEqual([
    [[42, 43, ''], ['<module>|/srv/app.py|10', 'C.run|/srv/app.py|3'], 10.012],
    [[42, 0, ''], ['<lambda>|/srv/app.py|7', ':GC:||0'], 5],
    [[42, 44, ''], ['f|/srv/a b.py|1'], 9],
  ])
  expect(read(text).notes[0]).toContain('microseconds')
})

test('Austin: CPU time is not called wall time, and memory is no time at all', () => {
  const text = (mode: string) =>
    `# austin: 4.0.0\n# mode: ${mode}\nP42;T0:43;/srv/app.py:f:1 9000\n`
  const modes = ['wall', 'full', 'cpu'].map((mode) => read(text(mode)).profile.meta.mode)
  expect(modes).toEqual(['wall', 'wall', 'cpu'])
  expect(() => read(text('memory'))).toThrow('It is a profile of memory, not of time.')
})

test('Austin: its binary files are told, and what makes text of them', () => {
  const file = Buffer.from('MOJ\x03\x01austin\x004.0.0\x00\x01mode\x00wall\x00', 'latin1')
  expect(inputFor(file)).toBe(collapsedInput)
  const hint = 'Run: mojo2austin FILE FILE.txt (pip install austin-python)'
  expect(() => read(file.toString('latin1'))).toThrow(expect.objectContaining({ hint }))
  expect(inputFor(Buffer.from('MOJ;f 7\n'))).toBe(collapsedInput)
  expect(read('MOJ;f 7\n').profile.samples.length).toBe(1)
})

test('CPython 3.15: a thread first, counts at 1 kHz', () => {
  const text =
    'tid:22367;<frozen runpy>:_run_code:87;w.py:main:9;w.py:C.spin:5 2005\n' +
    'tid:22367;<frozen runpy>:_run_code:87;<GC> 2\n'
  expect(rows(text)).toEqual([
    [[0, 22367, ''], ['_run_code|<frozen runpy>|87', 'main|w.py|9', 'C.spin|w.py|5'], 2005],
    [[0, 22367, ''], ['_run_code|<frozen runpy>|87', '<GC>||0'], 2],
  ])
})

test('a line that is none is counted and shown, not dropped in silence', () => {
  expect(read('a;b 10\nnonsense\nc 1e9\nd 20\n').notes[1]).toBe(
    "2 lines are no stacks, such as 'nonsense'.",
  )
})

test('a text of which most lines are none is refused', () => {
  const table =
    'python3 app.py 400\nFunctions by self time\n\n    self  function\n  50.0 %  main  a.py:1\n'
  expect(() => read(table)).toThrow('3 of its 4 lines are no stack and a number.')
})

test('what has no line of a stack is refused', () => {
  expect(() => read('# nothing\n\n')).toThrow('No line of it is a stack and a number.')
})

test('weights add up to what was written, however they are rounded', () => {
  const { profile } = read('a 1.4\nb 1.4\na;c 1.4\n', 3)
  const total = Array.from(profile.samples.weight).reduce((sum, weight) => sum + weight, 0)
  expect(total).toBe(Math.round((4.2 / 3) * 1e9))
  expect(profile.meta.duration).toBe(total)
})

test.each([
  ['main;work 12\n', true],
  ['# comment\n\nmain 3', true],
  ['main work\n', false],
  ['{"a": 1}\n', false],
  ['main 12\u0000\n', false],
  ['', false],
])('%j is recognized: %s', (text, is) => {
  expect(collapsedInput.recognizes(Buffer.from(text))).toBe(is)
})

test('a first line longer than the head is recognized by its frames', () => {
  const head = Buffer.alloc(1 << 16, 'frame (file.py:1);')
  expect(collapsedInput.recognizes(head)).toBe(true)
})
