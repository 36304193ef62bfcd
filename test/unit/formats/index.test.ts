import { describe, expect, it } from 'vitest'
import { FORMATS, formatFor, formatNamed, suits } from '../../../src/formats/index.ts'

describe('formatFor', () => {
  it.each([
    ['out.speedscope.json', 'speedscope'],
    ['out.json', 'speedscope'],
    ['out.collapsed', 'collapsed'],
    ['out.folded', 'collapsed'],
    ['a.dir/out.txt', 'collapsed'],
    ['OUT.SVG', 'flamegraph'],
    ['out.pb.gz', 'pprof'],
    ['out.pprof', 'pprof'],
    ['out.firefox.json', 'firefox'],
    ['out.trace.json', 'chrometrace'],
    ['out.trace.json.json', 'speedscope'],
    ['out.callgrind', 'callgrind'],
    ['/tmp/callgrind.out.42', 'callgrind'],
    ['callgrind.out.json', 'speedscope'],
    ['callgrind.out/x', undefined],
    ['out.pstats', 'pstats'],
    ['out.report.json', 'json'],
    ['notes.md', 'markdown'],
    ['page.html', 'html'],
    ['out.heatmap.html', 'heatmap'],
    ['hot.table', 'table'],
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

describe('suits', () => {
  it.each([
    ['json', 'out.report.json', true],
    ['json', 'OUT.JSON', true],
    ['json', 'out.svg', false],
    ['table', 'out.txt', true],
    ['heatmap', 'out.html', true],
    ['html', 'out.heatmap.html', true],
    ['collapsed', 'out.txt', true],
    ['speedscope', 'out.txt', false],
  ])('%s in %s: %s', (name, path, expected) => {
    expect(suits(formatNamed(name)!, path)).toBe(expected)
  })
})

it('gives no suffix to two formats', () => {
  const suffixes = FORMATS.flatMap((format) => format.suffixes)
  expect(new Set(suffixes).size).toBe(suffixes.length)
})
