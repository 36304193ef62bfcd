import { describe, expect, it } from 'vitest'
import { FORMATS, formatFor, formatNamed } from '../../../src/formats/index.ts'

describe('formatFor', () => {
  it.each([
    ['out.speedscope.json', 'speedscope'],
    ['out.json', 'speedscope'],
    ['out.collapsed', 'collapsed'],
    ['out.folded', 'collapsed'],
    ['a.dir/out.txt', 'collapsed'],
    ['OUT.SVG', 'flamegraph'],
    ['run.pyprof', 'pyprof'],
    ['out.svg.unfinished.pyprof', 'pyprof'],
    ['out.svg.gz', undefined],
    ['svg', undefined],
    ['-', undefined],
    ['', undefined],
  ])('%s: %s', (path, name) => {
    expect(formatFor(path)?.name).toBe(name)
  })
})

describe('formatNamed', () => {
  it('finds each format by its name and nothing else', () => {
    for (const format of FORMATS) expect(formatNamed(format.name)).toBe(format)
    expect(formatNamed('svg')).toBeUndefined()
    expect(formatNamed('')).toBeUndefined()
  })
})

it('gives no suffix to two formats', () => {
  const suffixes = FORMATS.flatMap((format) => format.suffixes)
  expect(new Set(suffixes).size).toBe(suffixes.length)
})
