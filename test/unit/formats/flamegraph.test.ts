import { describe, expect, it } from 'vitest'
import { COLOURS, colourOf } from '../../../src/formats/flamegraph/colours.ts'
import { flameGraph } from '../../../src/formats/flamegraph/graph.ts'
import { VIEWER } from '../../../src/formats/flamegraph/viewer.ts'
import { flamegraph } from '../../../src/formats/flamegraph.ts'
import type { FormatOptions } from '../../../src/formats/index.ts'
import { callTree } from '../../../src/profile/call-tree-view.ts'
import { chosen } from '../../../src/profile/choice.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import { framePattern } from '../../../src/profile/pattern.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import { asciiProfile, MS, profileOf } from '../../support/ascii-profile.ts'
import { goldenProfile, written } from './fixtures.ts'
import { embedded, outline } from './flamegraph-data.ts'
import { checkXml } from './xml.ts'

function drawn(profile: Profile, options = {}): string[] {
  return outline(embedded(written(flamegraph, profile, options)))
}

describe('flamegraph', () => {
  it('holds the merged stacks under one root, the heaviest first', () => {
    const profile = asciiProfile(
      `
      main  main    main    other
      load  draw    draw
            paint
      `,
      { weight: [10 * MS, 11 * MS, 12 * MS, 5 * MS] },
    )
    expect(drawn(profile)).toEqual([
      'all 0',
      '  main 0',
      '    draw 12',
      '      paint 11',
      '    load 10',
      '  other 5',
    ])
  })

  it('orders equals by their text', () => {
    expect(drawn(asciiProfile('b  a:2  a:1'))).toEqual(['all 0', '  a 10', '  a 10', '  b 10'])
  })

  it('puts threads below the root, and missed and empty time where it belongs', () => {
    const profile = asciiProfile('main  -  main  -', {
      thread: [0, 0, 1, 1],
      weight: [30 * MS, 9 * MS, 20 * MS, 8 * MS],
      quality: ['exact', ['missed', 'moved'], 'exact', 'exact'],
    })
    expect(drawn(profile)).toEqual(['all 0', '  main 50', '  <missed> 9', '  <no Python frames> 8'])
    expect(drawn(profile, { threads: true })).toEqual([
      'all 0',
      '  MainThread (tid 100) 0',
      '    main 30',
      '    <missed> 9',
      '  Thread-1 (tid 101) 0',
      '    main 20',
      '    <no Python frames> 8',
    ])
  })

  it('merges lines when asked to', () => {
    const profile = asciiProfile('main:2  main:3', { firstLines: { main: 1 } })
    expect(drawn(profile)).toEqual(['all 0', '  main 10', '  main 10'])
    expect(drawn(byFunction(profile))).toEqual(['all 0', '  main 20'])
  })

  it('has the innermost frames at the root when inverted', () => {
    const profile = asciiProfile('main  main  other\nload  draw  load', {
      weight: [30 * MS, 20 * MS, 10 * MS],
    })
    expect(drawn(profile, { inverted: true })).toEqual([
      'all 0',
      '  load 0',
      '    main 30',
      '    other 10',
      '  draw 0',
      '    main 20',
    ])
    expect(embedded(written(flamegraph, profile, { inverted: true })).lines[2]).toMatch(/^inverted/)
  })

  it('has its root below when asked to, in the picture and for the script', () => {
    const profile = asciiProfile('main\nload')
    const rows = (svg: string) =>
      [...svg.matchAll(/<text class="label" x="16" y="([\d.]+)">(\w+)/g)]
        .sort((a, b) => Number(a[1]) - Number(b[1]))
        .map(([, , name]) => name)
    const icicle = written(flamegraph, profile)
    expect(rows(icicle)).toEqual(['all', 'main', 'load'])
    expect(icicle).toContain('"shape":"icicle"')
    const flame = written(flamegraph, profile, { shape: 'flame' })
    expect(rows(flame)).toEqual(['load', 'main', 'all'])
    expect(flame).toContain('"shape":"flame"')
  })

  it('has a hue for each package, or for each module', () => {
    const [a, b] = ['a', 'bb'].map((name) => `/v/site-packages/shop/${name}.py`)
    const profile = asciiProfile('f  g', { files: { f: a!, g: b! }, names: { g: 'f' } })
    const colours = (options: Partial<FormatOptions>) =>
      embedded(written(flamegraph, profile, options))
        .frames.slice(1)
        .map(({ colour }) => colour)
    expect(new Set(colours({})).size).toBe(1)
    expect(new Set(colours({ colours: 'module' })).size).toBe(2)
  })

  it('draws no box below the width asked for', () => {
    const profile = asciiProfile('wide  thin', { weight: [1000 * MS, 3 * MS] })
    expect(written(flamegraph, profile)).not.toContain('not drawn')
    const svg = written(flamegraph, profile, { minWidth: 5 })
    expect(svg).toContain('1 frame is narrower than 5 px and not drawn')
    expect(svg).toContain('"minWidth":5')
  })

  it('gives every box its name, short and whole path, line and colour', () => {
    const path = '/usr/lib/python3.14/json/decoder.py'
    const profile = asciiProfile('decode:7', { files: { decode: path } })
    expect(embedded(written(flamegraph, profile)).frames).toEqual([
      { name: 'all', file: '', path: '', line: 0, colour: colourOf('', 'all') },
      { name: 'decode', file: 'json/decoder.py', path, line: 7, colour: colourOf(path, 'decode') },
    ])
  })

  it('says how good the samples are', () => {
    const { title, lines } = embedded(written(flamegraph, goldenProfile(), { title: 'A title' }))
    expect(title).toBe('A title')
    expect(lines).toEqual([
      'Python 3.14.0 · 102 ms at 59.1 Hz (100 Hz asked) · 3 threads · wall time · read live',
      '9 samples: 6 exact, 1 repaired (moved 1), 1 partial (truncated 1), 1 missed (moved 1) · ' +
        '1 gap, 41.0 ms, 1 tick missed · 20.0 ms without Python frames',
    ])
  })

  it('says what is missing and what came late', () => {
    const profile = asciiProfile('a', {
      meta: { read: 'exact' },
      accounting: { lateTicks: 1234, droppedSamples: 1, execs: 2 },
    })
    const { lines } = embedded(written(flamegraph, profile))
    expect(lines[0]).toContain('read exact')
    expect(lines[1]).toBe(
      '1 sample: 1 exact, 0 missed · no gaps · 1,234 ticks late · 1 sample dropped · 2 execs',
    )
  })

  it('says what filters have left out, below and within the picture', () => {
    const profile = asciiProfile('main  main  -\nload  draw', {
      quality: ['exact', 'exact', 'missed'],
    })
    const choice = { threads: [], include: [framePattern('load')], exclude: [], stdlib: false }
    const { profile: view } = chosen(profile, { ...choice, granularity: 'lines' })
    const svg = written(flamegraph, view)
    const line =
      '--include load: 2 samples removed, 1 of them missed ones, 20.0 ms · ' +
      '--no-stdlib: 0 samples folded into their callers, 0 s'
    expect(embedded(svg).lines[2]).toBe(line)
    expect(svg).toContain(`>${line}</text>`)
    const height = (text: string) => Number(/ height="(\d+)"/.exec(text)![1])
    expect(height(svg)).toBe(height(written(flamegraph, asciiProfile('main\nload'))) + 18)
  })

  it('counts in the picture what is too narrow to draw', () => {
    const profile = asciiProfile('wide  thin  slim', { weight: [1000 * MS, 2000, 1000] })
    const svg = written(flamegraph, profile)
    expect(svg).toContain('2 frames are narrower than 0.1 px and not drawn')
    expect(written(flamegraph, asciiProfile('a  b'))).not.toContain('not drawn')
  })

  it('draws a picture for a profile without samples or without time', () => {
    for (const profile of [profileOf([]), asciiProfile('a', { weight: [0] })]) {
      const svg = written(flamegraph, profile)
      checkXml(svg)
      expect(svg).not.toMatch(/NaN|Infinity/)
    }
  })

  it('is well-formed and inert whatever the names are', () => {
    const names = [
      '</script><script>alert(1)</script>',
      ']]><script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      '<!-- --> & &amp; \0\u0007\ud800\ufffe\uffff\u202e',
      '\u{1f40d}函数',
    ]
    const profile = profileOf(
      names.map((name) => ({ stack: [{ name, file: `/srv/${name}` }] })),
      { threads: [{ name: names[0]! }], meta: { command: names.join(' ') } },
    )
    for (const threads of [false, true]) {
      const svg = written(flamegraph, profile, { threads })
      checkXml(svg)
      expect(svg.split('<script').length - 1).toBe(2)
      expect(svg).not.toContain('<img')
      expect(embedded(svg).frames.map((frame) => frame.name)).toContain(names[0])
    }
  })

  it('asks for nothing from a network', () => {
    const svg = written(flamegraph, goldenProfile())
    expect(svg.match(/https?:[^"']*/g)?.sort()).toEqual([
      'http://www.w3.org/1999/xhtml',
      'http://www.w3.org/2000/svg',
      'http://www.w3.org/2000/svg',
    ])
    expect(svg).not.toMatch(/\b(href|src|url\(|@import)/)
  })

  it('carries a script that its CDATA section cannot end early', () => {
    expect(VIEWER).not.toContain(']]>')
    expect(VIEWER.toLowerCase()).not.toContain('</script')
  })
})

describe('a graph of more boxes than the limit', () => {
  const profile = asciiProfile(
    `
    main  main  main  main  main
    a     a     b     b     c
    a1    a2    b1    b1
    `,
    { weight: [50 * MS, 3 * MS, 20 * MS, 2 * MS, 1 * MS] },
  )
  const tree = callTree(profile, { threads: false })

  it('keeps the heaviest and adds up the others where they were', () => {
    expect(outline(flameGraph(tree, profile, 5))).toEqual([
      'all 0',
      '  main 0',
      '    a 0',
      '      a1 50',
      '      <1 frame left out> 3',
      '    b 0',
      '      <1 frame left out> 22',
      '    <1 frame left out> 1',
    ])
    expect(outline(flameGraph(tree, profile, 2))).toEqual([
      'all 0',
      '  main 0',
      '    <6 frames left out> 76',
    ])
  })

  it('loses no time, whatever the limit', () => {
    for (let limit = 1; limit <= tree.length; limit++) {
      const { self } = flameGraph(tree, profile, limit)
      expect(self.reduce((sum, time) => sum + time, 0)).toBe(76 * MS)
    }
  })
})

describe('the colours', () => {
  const x = '/a/site-packages/x/y.py'

  it('are the same wherever a package lies, and go by name within it', () => {
    expect(colourOf(x, 'f')).toBe(colourOf('/b/site-packages/x/z.py', 'f'))
    const shades = new Set(['f', 'g', 'h', 'i', 'j', 'k'].map((name) => colourOf(x, name)))
    expect(shades.size).toBe(3)
  })

  it('tell program, packages, standard library and markers apart', () => {
    const files = ['/srv/x.py', x, '/usr/lib/python3.14/x.py', '']
    expect(new Set(files.map((file) => colourOf(file, 'f'))).size).toBe(4)
  })

  it('let the labels be read in light and in dark (WCAG 2.2)', () => {
    for (const [light, dark] of COLOURS) {
      expect(contrast(light, '#1c1e21')).toBeGreaterThan(7)
      expect(contrast(dark, '#eceef1')).toBeGreaterThan(5)
    }
  })
})

/** Contrast ratio of two colours, WCAG 2.2. */
function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (light! + 0.05) / (dark! + 0.05)
}

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}
