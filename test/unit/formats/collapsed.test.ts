import { describe, expect, it } from 'vitest'
import { collapsed } from '../../../src/formats/collapsed.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import { asciiProfile, MS, profileOf } from '../../support/ascii-profile.ts'
import { written } from './fixtures.ts'

describe('collapsed', () => {
  it('merges samples of the same path, whatever their thread, and sorts the lines', () => {
    const profile = asciiProfile(
      `
      main  main  main  main
      load  draw  load  load
      `,
      { thread: [0, 0, 0, 1], files: { main: 'a.py', load: 'a.py', draw: 'a.py' } },
    )
    expect(written(collapsed, profile)).toBe(
      'main (a.py:1);draw (a.py:1) 10000\nmain (a.py:1);load (a.py:1) 30000\n',
    )
  })

  it('keeps lines apart, or merges them into the function', () => {
    const profile = asciiProfile(
      `
      main:3  main:5  main:3
      main:8
      `,
      { files: { main: 'a.py' }, firstLines: { main: 2 } },
    )
    expect(written(collapsed, profile)).toBe(
      'main (a.py:3) 10000\nmain (a.py:3);main (a.py:8) 10000\nmain (a.py:5) 10000\n',
    )
    expect(written(collapsed, byFunction(profile))).toBe(
      'main (a.py:2) 20000\nmain (a.py:2);main (a.py:2) 10000\n',
    )
  })

  it('puts the thread below, with a name that never ends in digits', () => {
    const profile = asciiProfile('main  main', {
      thread: [0, 1],
      threads: [{}, { name: 'pool;9 12' }],
      files: { main: 'a.py' },
    })
    expect(written(collapsed, profile, { threads: true })).toBe(
      'MainThread (tid 100);main (a.py:1) 10000\npool\\x3b9 12 (tid 101);main (a.py:1) 10000\n',
    )
  })

  it('names frames and threads as other profilers do', () => {
    const profile = asciiProfile('<module>:3  boot\nload:7\n<gc>', {
      thread: [0, 1],
      names: { load: 'Store.load;x' },
      files: { load: '/v/lib/python3.14/site-packages/shop/io.py', '<gc>': '' },
    })
    expect(written(collapsed, profile, { style: 'py-spy', threads: true })).toBe(
      'thread (100): MainThread;<module> (/srv/app.py:3);load\\x3bx (shop/io.py:7);<gc> 10000\n' +
        'thread (101): Thread-1;boot (/srv/app.py:1) 10000\n',
    )
    expect(written(collapsed, profile, { style: 'py-spy' })).not.toContain('thread (')
    expect(written(collapsed, profile, { style: 'tachyon' })).toBe(
      'tid:100;app.py:<module>:3;io.py:Store.load\\x3bx:7;<gc> 10000\n' +
        'tid:101;app.py:boot:1 10000\n',
    )
    expect(written(collapsed, profile, { style: 'pyprof' })).toBe(written(collapsed, profile))
  })

  it('leaves out lines that are not known, in every style', () => {
    const profile = profileOf([{ stack: [{ name: 'f', file: '/srv/a.py', line: 0 }] }])
    expect(written(collapsed, profile)).toBe('f (/srv/a.py) 10000\n')
    expect(written(collapsed, profile, { style: 'py-spy' })).toBe('f (/srv/a.py) 10000\n')
    expect(written(collapsed, profile, { style: 'tachyon' })).toBe('tid:100;a.py:f 10000\n')
  })

  it('shows missed time and time without Python frames', () => {
    const profile = asciiProfile('main  -  -', {
      quality: ['exact', 'exact', ['missed', 'moved']],
      weight: [10 * MS, 20 * MS, 30 * MS],
      files: { main: 'a.py' },
    })
    expect(written(collapsed, profile)).toBe(
      '<missed> 30000\n<no Python frames> 20000\nmain (a.py:1) 10000\n',
    )
  })

  it.each([
    ['a;b', 'a\\x3bb'],
    ['a\nb\r\n\u2028', 'a\\x0ab\\x0d\\x0a\\u2028'],
    ['a\\x3bb', 'a\\\\x3bb'],
    ['slot 12', 'slot\\x2012'],
    ['slot  12', 'slot \\x2012'],
    ['slot\u00a01.5', 'slot\\xa01.5'],
    ['slot ٣', 'slot\\x20٣'],
    ['\ud83d', '\\ud83d'],
    ['', '<unnamed>'],
    ['函数 🐍', '函数 🐍'],
  ])('writes the name %j as %s', (name, shown) => {
    const profile = profileOf([{ stack: [{ name, file: '', line: 0, firstLine: 0 }] }])
    expect(written(collapsed, profile)).toBe(`${shown} 10000\n`)
  })

  it('escapes files like names', () => {
    const profile = profileOf([{ stack: [{ name: 'f', file: '/a;\nb.py', line: 0 }] }])
    expect(written(collapsed, profile)).toBe('f (/a\\x3b\\x0ab.py) 10000\n')
  })

  it('rounds running totals, so that nothing is gained or lost', () => {
    const profile = asciiProfile('a  b  c  d', { weight: [400, 400, 400, 400] })
    const counts = written(collapsed, profile)
      .trimEnd()
      .split('\n')
      .map((line) => Number(line.split(' ').at(-1)))
    expect(counts).toEqual([0, 1, 0, 1])
  })

  it('is empty for a profile without samples', () => {
    expect(written(collapsed, profileOf([]))).toBe('')
  })
})
