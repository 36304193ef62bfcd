import fc from 'fast-check'
import { micromark } from 'micromark'
import { gfm, gfmHtml } from 'micromark-extension-gfm'
import { describe, expect, it } from 'vitest'
import { json } from '../../../src/formats/report/json.ts'
import { markdown } from '../../../src/formats/report/markdown.ts'
import { table } from '../../../src/formats/report/table.ts'
import { columnsOf } from '../../../src/formats/text.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import { asciiProfile, type DraftSample, MS, profileOf } from '../../support/ascii-profile.ts'
import { samples, total } from './arbitraries.ts'
import { goldenProfile, written } from './fixtures.ts'

/** Work and rest in turns of 1 to 4 samples, so that there is something to judge chance by. */
function lively(work: string, file = '/srv/app.py'): Profile {
  const samples: DraftSample[] = []
  for (let turn = 0; samples.length < 600; turn++) {
    const name = turn % 2 === 0 ? work : 'rest'
    for (let at = 0; at <= (turn * 7) % 4; at++) {
      samples.push({ stack: [{ name: '<module>' }, { name, file, line: 5 + (at % 2) }] })
    }
  }
  return profileOf(samples)
}

const htmlOf = (text: string) =>
  micromark(text, { extensions: [gfm()], htmlExtensions: [gfmHtml()] })

describe('a table', () => {
  it('has functions and lines with shares, intervals and times', () => {
    const text = written(table, lively('Parser.parse'))
    const [functions, lines] = text.split('Lines by self time')
    expect(functions).toMatch(
      /\n {2}\d\d\.\d % {2}\d\d\.\d – \d\d\.\d % {3}\d\d\.\d % .* s {2}Parser\.parse {2}\/srv\/app\.py:1\n/,
    )
    expect(functions).toMatch(/\n {3}0\.0 % +– {2}100\.0 % +– +0 s {2}<module>/)
    expect(lines).toContain('Parser.parse  /srv/app.py:5\n')
    expect(lines).toContain('Parser.parse  /srv/app.py:6\n')
  })

  it('orders by total time, and tells what the limit leaves out', () => {
    const text = written(table, goldenProfile(), { top: 2, sort: 'total' })
    expect(text).toContain('Functions by total time')
    expect(text.split('\n').filter((line) => / <module> /.test(line))).toHaveLength(2)
    expect(text).toContain('  … and 7 more functions, self time together 59.7 %\n')
    expect(written(table, goldenProfile(), { top: 11 })).toContain('… and 1 more line, self')
  })

  it.each([60, 80, 100])(
    'fits a terminal of %d columns, as far as numbers leave room',
    (columns) => {
      const profile = lively(
        'a_function_with_a_long_name_of_数え切れない',
        '/srv/a/very/long/path/indeed.py',
      )
      const lines = written(table, profile, { columns }).split('\n')
      const numbers = 54
      for (const line of lines) {
        expect(columnsOf(line)).toBeLessThanOrEqual(Math.max(columns, numbers + 24))
      }
      const wide = written(table, profile).split('\n')
      expect(wide.some((line) => columnsOf(line) > columns)).toBe(true)
      expect(lines.join('\n')).toContain('…')
    },
  )

  it('shows only what the profile is merged to', () => {
    const merged = byFunction(goldenProfile())
    const view = { granularity: 'modules', steps: [] } as const
    const text = written(table, { ...merged, meta: { ...merged.meta, view } })
    expect(text).toContain('Modules by self time')
    expect(text).not.toContain('Lines')
    expect(text).not.toContain('Functions')
  })

  it('lets no name write to the terminal', () => {
    const text = written(table, lively('f\x1b[2J\r', '/srv/a\nb.py'), { title: '\x07' })
    expect([...text].filter((character) => character < ' ' && character !== '\n')).toEqual([])
    expect(text).toContain('f\\x1b[2J\\x0d')
  })

  it('says nothing of nothing', () => {
    expect(written(table, profileOf([]))).toContain('Functions by self time\n\n  nothing\n')
  })
})

describe('markdown', () => {
  const ugly = 'f|g`h*i*<b>&amp;@you#1[x](y)~~z~~$1$'

  it('is a heading, a list and two tables for a Markdown reader, whatever the names', () => {
    const html = htmlOf(written(markdown, lively(ugly, '/srv/a|b/`c`.py'), { title: ugly }))
    const shown = 'f\\x7cg\\x60h*i*&lt;b&gt;&amp;amp;@you#1[x](y)~~z~~$1$'
    expect(html).toContain(`<h1><code>${shown}</code></h1>`)
    expect(html.match(/<table>/g)).toHaveLength(2)
    expect(html.match(/<li>/g)).toHaveLength(2)
    expect(html).toContain(`<td align="left"><code>${shown}</code></td>`)
    expect(html).toContain('<code>/srv/a\\x7cb/\\x60c\\x60.py:5</code>')
    expect(html).not.toMatch(/<(?:b|em|del|a)[ >]/)
    for (const row of html.match(/<tr>.*?<\/tr>/gs)!) {
      expect(row.match(/<t[hd]/g)).toHaveLength(8)
    }
  })

  it.each(['', ' ', 'a\nb', '---', '1. x', '\\', '`'])('keeps %j in its place', (title) => {
    const html = htmlOf(written(markdown, asciiProfile('main'), { title }))
    expect(html).toMatch(/^<h1>.*<\/h1>\n<ul>\n<li>/)
  })

  it('says nothing of nothing', () => {
    expect(written(markdown, profileOf([]))).toContain('## Functions by self time\n\nNothing.\n')
  })
})

describe('json', () => {
  it('has everything in numbers, with the summary', () => {
    const report = JSON.parse(written(json, lively('work'), { top: 1, title: 'A title' }))
    expect(report).toMatchObject({
      version: 1,
      title: 'A title',
      sort: 'self',
      summary: { samples: 600, timeNs: { total: 6000 * MS }, pythonVersion: '3.14.0' },
      tables: [
        { of: 'functions', allNs: 6000 * MS, left: { places: 2 } },
        { of: 'lines', allNs: 6000 * MS, left: { places: 4 } },
      ],
    })
    const [row] = report.tables[0].rows
    expect(row).toMatchObject({ file: '/srv/app.py', line: 1 })
    expect(row.self.share).toBe(row.self.ns / (6000 * MS))
    expect(row.self.interval.low).toBeLessThan(row.self.share)
    expect(row.self.interval.high).toBeGreaterThan(row.self.share)
    const { rows, left } = report.tables[0]
    expect(rows[0].self.ns + left.selfNs).toBe(6000 * MS)
  })

  it('holds every function and nanosecond of any profile, once', () => {
    fc.assert(
      fc.property(samples, fc.constantFrom('self' as const, 'total' as const), (drafts, sort) => {
        const options = { top: 1000, sort }
        const profile = profileOf(drafts)
        const report = JSON.parse(written(json, profile, options))
        const shown = drafts.filter(({ quality }) => quality !== 'missed')
        const expected = new Map<string, number>()
        for (const { stack, weight } of shown) {
          const keys = stack.map(({ name, file, firstLine }) =>
            JSON.stringify([name, file, firstLine]),
          )
          for (const key of new Set(keys)) expected.set(key, (expected.get(key) ?? 0) + weight!)
        }
        const [{ rows, allNs, left }] = report.tables
        expect(left).toEqual({ places: 0, selfNs: 0 })
        expect(allNs).toBe(total(drafts.map(({ weight }) => weight!)))
        const found = rows.map(({ name, file, line, total }: (typeof rows)[number]) => [
          ...[JSON.stringify([name, file, line]), total.ns],
        ])
        const withTime = [...expected].filter(([, ns]) => ns > 0)
        expect(found.toSorted()).toEqual(withTime.toSorted())
        const python = shown.filter(({ stack }) => stack.length > 0)
        expect(total(rows.map(({ self }: (typeof rows)[number]) => self.ns))).toBe(
          total(python.map(({ weight }) => weight!)),
        )
      }),
    )
  })

  it('gives no interval where there is too little to judge by', () => {
    const report = JSON.parse(written(json, asciiProfile('main')))
    expect(report.tables[0].rows[0].self).toEqual({ ns: 10 * MS, share: 1, interval: null })
  })
})
