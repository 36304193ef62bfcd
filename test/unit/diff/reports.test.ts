import { micromark } from 'micromark'
import { gfm, gfmHtml } from 'micromark-extension-gfm'
import { describe, expect, test } from 'vitest'
import { compare } from '../../../src/diff/compare.ts'
import { signedText } from '../../../src/diff/percent.ts'
import { flameDiff } from '../../../src/diff/reports/flame.ts'
import { githubAnnotations } from '../../../src/diff/reports/github.ts'
import { diffPage } from '../../../src/diff/reports/html.ts'
import { junitXml } from '../../../src/diff/reports/junit.ts'
import { diffMarkdown, MARKDOWN_LIMIT } from '../../../src/diff/reports/markdown.ts'
import { diffTable } from '../../../src/diff/reports/table.ts'
import { changeText, rangeText, sectionsOf, valueText } from '../../../src/diff/reports/words.ts'
import { type DiffResult, isFinding } from '../../../src/diff/result.ts'
import { CHANGE_COLOURS, NO_CHANGE } from '../../../src/formats/flamegraph/changes.ts'
import { escapeXml } from '../../../src/formats/text.ts'
import { inPairs, type MadeRun, madeRuns, optionsOf, setsOf } from '../../support/made-runs.ts'
import { embedded, type FlameData } from '../formats/flamegraph-data.ts'
import { checkXml } from '../formats/xml.ts'

const OPTIONS = { top: 20, folder: '/srv', failsInconclusive: false }
const BASE: MadeRun = {
  counts: { 'main;load:12': 300, 'main;parse:30;decode:5': 200, 'main;gone': 50, 'main;wait': 400 },
}
const HEAD: MadeRun = {
  counts: {
    'main;load:12': 390,
    'main;parse:30;decode:5': 150,
    'main;fresh': 50,
    'main;wait': 400,
  },
}
const GATES = ['total>1%', 'self:load>10%', 'self:wait>30%', 'self:nobody>5%']
const made = (gates: readonly string[] = GATES, runs = 6) =>
  compare(setsOf(madeRuns('base', BASE, runs), madeRuns('head', HEAD, runs)), optionsOf(gates))
const comparison = made()
const { result } = comparison
const load = result.functions.rows.find(({ place }) => place.qualname === 'load')!

/** The result with another name and file of a function, as a hostile program may choose them. */
function renamed(of: DiffResult, name: string, qualname: string, file: string): DiffResult {
  return JSON.parse(JSON.stringify(of), (_, value: unknown) =>
    typeof value === 'object' && value !== null && 'qualname' in value && value.qualname === name
      ? { ...value, qualname, file }
      : value,
  ) as DiffResult
}

test.each([
  [0.054, '+5.4 %'],
  [-0.03, '−3.0 %'],
  [0.0001, '0.0 %'],
  [98.9, '+9890.0 %'],
  [1e15, '> +9900 %'],
])('a change of %d is told as %s', (change, text) => {
  expect(signedText(change)).toBe(text)
})

describe('every report tells whether runs were compared in pairs, and why', () => {
  const paired = (runs: number, gates: readonly string[] = GATES) =>
    compare(
      setsOf(
        inPairs(madeRuns('base', BASE, runs)),
        inPairs(madeRuns('head', HEAD, runs)).slice(runs > 6 ? 1 : 0),
      ),
      optionsOf(gates),
    )
  const reports: readonly [string, (of: ReturnType<typeof made>) => string][] = [
    ['table', (of) => [...diffTable(of.result, OPTIONS)].join('')],
    ['markdown', (of) => diffMarkdown(of.result, OPTIONS)],
    ['annotations', (of) => githubAnnotations(of.result, OPTIONS).join('')],
    ['JUnit', (of) => [...junitXml(of.result, OPTIONS)].join('')],
    ['flame graph', (of) => [...flameDiff(of, 'T')].join('')],
    ['page', (of) => [...diffPage(of.result, 'T', [], OPTIONS)].join('')],
  ]

  test.each(reports)('%s', (_, write) => {
    for (const of of [paired(6), paired(7), paired(6, [])]) {
      expect(of.result.pairing.kind).toBe('pairs')
      expect(write(of)).toContain('in 6 pairs that were made by turns')
    }
    expect(write(comparison)).toContain('Runs are taken for independent: they do not tell of pairs')
    expect(write(paired(3))).toContain('5 whole pairs are needed to compare in pairs, here are 3')
    // Where nothing is judged, nothing is told of how.
    expect(write(made([], 1))).not.toMatch(/in pairs|independent/)
  })

  test('and what was left out', () => {
    for (const [, write] of reports.filter(([name]) => /table|markdown|page/.test(name))) {
      expect(write(paired(7))).toContain('base-1.pyprof has no partner')
    }
  })

  test('and ranges are those between pairs', () => {
    const [[, table]] = reports as [(typeof reports)[number]]
    expect(table(paired(6))).toContain('intervals between pairs of runs')
    expect(table(comparison)).toContain('intervals between runs')
  })
})

describe('the table', () => {
  const text = [...diffTable(result, OPTIONS)].join('')

  test('tells what was compared, what changed and what came of the gates', () => {
    expect(text).toMatch(
      /^base {6}6 runs of python app.py --serve, Python 3.14.0, 5,6\d\d samples\n/,
    )
    expect(text).toContain('compared  by time. Each program ran to its end.')
    expect(text).toMatch(/total {5}9\.\d\d s → 9\.\d\d s, \+\d\.\d % \(.* to .*\): grew\n/)
    expect(text).toMatch(/Functions, by their own time: 4 of 5 changed\n/)
    const line = text.split('\n').find((each) => each.includes('load  /srv/app.py'))!
    for (const cell of [valueText(load.base, result.basis), changeText(load), rangeText(load)]) {
      expect(line).toContain(cell)
    }
    expect(text).toMatch(/ vanished .* gone {2}\/srv\/app.py/)
    expect(text).toMatch(/ new .* fresh {2}\/srv\/app.py/)
    expect(text).toContain('main › parse › decode')
    expect(text).toMatch(
      /regression {4}self:load>10% {2}load grew by \+\d+\.\d % to \+\d+\.\d %, which is above the limit/,
    )
    expect(text).toMatch(/pass {10}self:wait>30%/)
    expect(text).toMatch(/inconclusive {2}self:nobody>5% {2}No run shows time in such a function\./)
    expect(text).toMatch(/The smallest growth that so many runs show 4 times in 5: the total \+\d/)
    expect(text.trimEnd().split('\n').at(-1)).toBe(
      'Regression: 2 of 4 gates proven to be exceeded.',
    )
  })

  test('keeps to the width of a terminal', () => {
    const narrow = [...diffTable(result, { ...OPTIONS, columns: 100 })].join('')
    for (const line of narrow.split('\n')) expect(line.length).toBeLessThanOrEqual(105)
  })

  test('shows the largest effects first, and counts the others', () => {
    const short = [...diffTable(result, { ...OPTIONS, top: 1 })].join('')
    expect(short).toContain('… and 3 more')
    expect(short.indexOf('load  /srv')).toBeGreaterThan(0)
    expect(short).not.toContain('fresh  /srv')
  })

  test('with one run a side says inconclusive of every row', () => {
    const single = made([], 1).result
    const lines = [...diffTable(single, OPTIONS)].join('')
    expect(lines).toContain('nothing here is a verdict')
    expect(lines).toMatch(/inconclusive {2}load/)
    expect(lines).toContain('intervals within the two runs only')
    expect(lines.trimEnd().split('\n').at(-1)).toMatch(/^Inconclusive: one run/)
  })
})

describe('markdown', () => {
  test('has the same numbers, in tables', () => {
    const text = diffMarkdown(result, OPTIONS)
    expect(text).toMatch(/^<!-- pyprof diff -->\n## ❌ pyprof: Regression/)
    expect(text).toContain(`| **${changeText(load)}** | ${rangeText(load)} |`)
    const html = micromark(text, { extensions: [gfm()], htmlExtensions: [gfmHtml()] })
    expect(html.match(/<table>/g)!.length).toBeGreaterThanOrEqual(4)
    expect(html).toContain('<code>load</code>')
  })

  test('fits a comment, whatever there is to tell', () => {
    const names = Array.from({ length: 150 }, (_, at) => `f${at}_${'x'.repeat(500)}`)
    const run = (factor: number): MadeRun => ({
      counts: Object.fromEntries(names.map((name) => [`main;${name}`, 100 * factor])),
    })
    const many = compare(
      setsOf(madeRuns('base', run(1), 4, 0.001), madeRuns('head', run(2), 4, 0.001)),
      optionsOf(['any>20%']),
    ).result
    const text = diffMarkdown(many, { ...OPTIONS, top: 500 })
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MARKDOWN_LIMIT)
    expect(Buffer.byteLength(text)).toBeGreaterThan(MARKDOWN_LIMIT / 2)
    expect(text).toMatch(/… and \d+ more/)
    expect(text.trimEnd()).toMatch(/<\/details>$/)
  })

  test('counts the gates that do not fit', () => {
    const gates = Array.from({ length: 1000 }, (_, at) => `self:load>${at}.5%`)
    const text = diffMarkdown(made(gates).result, OPTIONS)
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MARKDOWN_LIMIT)
    const shown = text.match(/^\| `self:/gm)!.length
    expect(text).toContain(`… and ${1000 - shown} more`)
    expect(text.trimEnd()).toMatch(/<\/details>$/)
  })

  test('fits with whatever command lines and file names there are', () => {
    const long = 'ж'.repeat(50_000)
    const meta = { command: `${long} | @someone` }
    const files = { load: `/srv/${long}.py`, main: `/srv/${long}/m.py` }
    const sides = [BASE, HEAD].map((side, at) => {
      const runs = madeRuns(at === 0 ? 'base' : 'head', { ...side, files, meta }, 4)
      return runs.map((run) => ({ ...run, name: `${long}${run.name}` }))
    })
    const text = diffMarkdown(compare(setsOf(sides[0]!, sides[1]!), optionsOf()).result, OPTIONS)
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MARKDOWN_LIMIT)
    const html = micromark(text, { extensions: [gfm()], htmlExtensions: [gfmHtml()] })
    expect(html).not.toContain('<p>|')
  })

  test('lets no name become markup or a mention', () => {
    const evil = '`|@someone](http://x)<img src=x>\n# '
    const names = { counts: { 'main;evil': 300, 'main;wait': 700 } }
    const named = (factor: number) => {
      const runs = madeRuns(
        'base',
        { counts: { ...names.counts, 'main;evil': 300 * factor } },
        4,
        0.001,
      )
      return runs.map((run) => ({
        ...run,
        profile: {
          ...run.profile,
          strings: run.profile.strings.map((text) => (text === 'evil' ? evil : text)),
        },
      }))
    }
    const text = diffMarkdown(compare(setsOf(named(1), named(2)), optionsOf()).result, OPTIONS)
    const html = micromark(text, { extensions: [gfm()], htmlExtensions: [gfmHtml()] })
    expect(html).not.toMatch(/<a |<img|<h1/)
    expect(text).toContain('\\x60\\x7c@someone')
  })
})

describe('annotations', () => {
  const lines = githubAnnotations(result, OPTIONS)

  test('are errors on the functions that are proven to have grown, and warnings', () => {
    expect(lines[0]).toMatch(
      /^::error title=pyprof%3A regression \(total>1%25\)::The total grew by /,
    )
    expect(lines[1]).toMatch(
      /^::error file=app.py,line=1,title=pyprof%3A regression \(self%3Aload>10%25\)::load: \+\d+\.\d %25/,
    )
    expect(lines[2]).toMatch(/^::warning title=.*nobody/)
    expect(lines.at(-1)).toMatch(/^::notice title=pyprof%3A total::/)
    expect(lines.every((line) => /^[^\n]+\n$/.test(line))).toBe(true)
  })

  test('let no name begin another command or property', () => {
    const evil = 'load\n::error file=x::%0A,line=1\r\u2028:end'
    const file = 'a,b:c%0A\n::stop-commands::x.py'
    const text = githubAnnotations(renamed(result, 'load', evil, `/srv/${file}`), OPTIONS).join('')
    for (const line of text.split('\n')) expect(line).toMatch(/^$|^::(error|warning|notice) /)
    const own = text.split('\n').find((line) => line.includes('line=1,'))!
    const [, properties = '', message] = /^::error (.*?)::(.*)$/.exec(own)!
    // As the runner reads them.
    const data = (value: string) =>
      value.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%')
    const values = new Map(
      properties.split(',').map((each): [string, string] => {
        const [name = '', value = ''] = each.split('=')
        return [name, data(value.replaceAll('%3A', ':').replaceAll('%2C', ','))]
      }),
    )
    expect([...values.keys()]).toEqual(['file', 'line', 'title'])
    expect(values.get('file')).toBe('a,b:c%0A\\x0a::stop-commands::x.py')
    expect(data(message!)).toMatch(/^load\\x0a::error file=x::%0A,line=1\\x0d\\u2028:end: \+/)
  })

  test('are ten of a kind, which is what is shown', () => {
    const gates = Array.from({ length: 30 }, (_, at) => `total>0.${at + 1}%`)
    const many = githubAnnotations(made(gates).result, OPTIONS)
    expect(many.filter((line) => line.startsWith('::error'))).toHaveLength(10)
  })

  test('name no file that is not in the folder', () => {
    expect(githubAnnotations(result, { ...OPTIONS, folder: '/home/me' }).join('')).not.toContain(
      'file=',
    )
  })

  test('make what is open an error when that fails', () => {
    const failing = githubAnnotations(result, { ...OPTIONS, failsInconclusive: true })
    expect(failing.filter((line) => line.startsWith('::error'))).toHaveLength(3)
  })
})

describe('JUnit', () => {
  test('has a case for each gate', () => {
    const text = [...junitXml(result, OPTIONS)].join('')
    checkXml(text.replace(/^<\?xml.*\?>\n/, ''))
    expect(text).toContain('tests="4" failures="2" errors="0" skipped="1"')
    expect(text).toContain('<testcase classname="pyprof diff" name="self:load&#62;10%">')
    expect(text).toMatch(/<failure message="regression: load grew by .*load {2}/s)
  })

  test('has one case without gates', () => {
    const text = [...junitXml(made([]).result, OPTIONS)].join('')
    checkXml(text.replace(/^<\?xml.*\?>\n/, ''))
    expect(text).toContain('tests="1" failures="0"')
  })
})

describe('JUnit of hostile names', () => {
  test('is well-formed, of the elements that readers know', () => {
    const evil = ']]><x a="1">&\u0000\u001b\ud800\uffff\n'
    const gate = 'self:lo*d>10%'
    const hostile = renamed(made([gate]).result, 'load', evil, '/srv/<&">.py')
    const text = [...junitXml(hostile, OPTIONS)].join('')
    const body = text.replace(/^<\?xml.*\?>\n/, '')
    checkXml(body)
    expect(body.match(/<testcase /g)).toHaveLength(1)
    expect(body).toContain('&#60;x a=&#34;1&#34;&#62;&#38;')
    const names = new Set([...body.matchAll(/<([a-z-]+)/g)].map(([, name]) => name))
    expect([...names].sort()).toEqual(['failure', 'testcase', 'testsuite', 'testsuites'])
  })
})

describe('the flame graph', () => {
  interface SideData extends FlameData {
    readonly colour: readonly number[]
    readonly sides: {
      readonly base: readonly number[]
      readonly head: readonly number[]
      readonly isShare: boolean
      readonly facts: Readonly<Record<number, readonly (readonly string[])[]>>
    }
  }
  const svg = [...flameDiff(comparison, 'Orders <&>')].join('')
  const data = embedded(svg) as SideData
  const boxOf = (name: string) =>
    data.depth.findIndex((_, box) => data.frames[data.frame[box]!]!.name === name)

  test('is one SVG file with a box for what is on either side', () => {
    checkXml(svg)
    expect(data.title).toBe('Orders <&>')
    for (const name of ['load', 'gone', 'fresh']) expect(boxOf(name)).toBeGreaterThan(0)
    expect(data.sides.base[boxOf('gone')]).toBeGreaterThan(0)
    expect(data.sides.head[boxOf('gone')]).toBe(0)
    expect(data.sides.base[boxOf('fresh')]).toBe(0)
    for (const [box, self] of data.self.entries()) {
      expect(self).toBeCloseTo((data.sides.base[box]! + data.sides.head[box]!) / 2, 3)
    }
  })

  test('is red where it grew, blue where it shrank, grey where nothing is shown', () => {
    const colour = (name: string) => data.colour[boxOf(name)]!
    expect(colour('load')).toBe(2)
    expect(colour('decode')).toBeGreaterThanOrEqual(4)
    expect(colour('decode')).toBeLessThan(NO_CHANGE)
    expect(colour('wait')).toBe(NO_CHANGE)
    expect(colour('fresh')).toBe(3)
    expect(colour('gone')).toBe(7)
    for (let index = 0; index < CHANGE_COLOURS.length; index++) expect(svg).toContain(`.c${index}{`)
    expect(svg).toContain(`<path class="c${colour('load')}" d="M`)
  })

  test('has the numbers of the table', () => {
    const row = result.paths.rows.find(
      ({ place, time }) => place.qualname === 'load' && time === 'self',
    )!
    expect(isFinding(row)).toBe(true)
    expect(data.sides.facts[boxOf('load')]).toEqual(
      ['total', 'self'].map((name) => [
        name,
        valueText(row.base, result.basis),
        valueText(row.head, result.basis),
        changeText(row),
        rangeText(row),
        expect.stringMatching(/^q /),
        'grew',
      ]),
    )
    expect(data.sides.base[boxOf('load')]).toBeCloseTo(row.base, 0)
    expect(data.sides.head[boxOf('load')]).toBeCloseTo(row.head, 0)
  })

  test('has the numbers of every path that is in the tables, and no others', () => {
    const pathOf = (box: number) => {
      const path: string[] = []
      for (let at = box, depth = data.depth[box]! + 1; at > 0; at--) {
        if (data.depth[at]! >= depth) continue
        depth = data.depth[at]!
        path.unshift(data.frames[data.frame[at]!]!.name)
      }
      return path.join(' ')
    }
    const boxes = new Map(data.depth.map((_, box) => [pathOf(box), box]))
    for (const row of result.paths.rows) {
      const box = boxes.get(row.path!.map(({ qualname }) => qualname).join(' '))!
      const facts = data.sides.facts[box]!.find(([time]) => time === row.time)!
      expect(facts.slice(1, 5)).toEqual([
        valueText(row.base, result.basis),
        valueText(row.head, result.basis),
        changeText(row),
        rangeText(row),
      ])
    }
    expect(Object.keys(data.sides.facts)).toHaveLength(
      new Set(result.paths.rows.map(({ path }) => path!.map(({ qualname }) => qualname).join(' ')))
        .size,
    )
  })

  test('stands in a page with the tables', () => {
    const page = [...diffPage(result, 'Orders <&>', flameDiff(comparison, 'x'), OPTIONS)].join('')
    expect(page).toContain('<h1>Orders &#60;&#38;&#62;</h1>')
    for (const { rows } of sectionsOf(result, OPTIONS.top)) {
      for (const row of rows) {
        const cells = [
          valueText(row.base, result.basis),
          valueText(row.head, result.basis),
          changeText(row),
          rangeText(row),
        ]
        const text = cells.map((cell) => `<td>${escapeXml(cell)}</td>`).join('')
        expect(page).toContain(`<tr>${text}`)
      }
    }
    expect(page).toContain(`<td>${changeText(load)}</td>`)
    expect(page).toContain('srcdoc="&#60;svg')
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org)/)
  })
})
