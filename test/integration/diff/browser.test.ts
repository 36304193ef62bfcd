import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compare } from '../../../src/diff/compare.ts'
import { flameDiff } from '../../../src/diff/reports/flame.ts'
import { diffPage } from '../../../src/diff/reports/html.ts'
import { changeText, valueText } from '../../../src/diff/reports/words.ts'
import { Chromium } from '../../support/chromium.ts'
import { madeRuns, optionsOf, setsOf } from '../../support/made-runs.ts'

const BASE = { counts: { 'main;load:12': 300, 'main;gone': 100, 'main;wait': 400 } }
const HEAD = { counts: { 'main;load:12': 450, 'main;wait': 400 } }
const comparison = compare(
  setsOf(madeRuns('base', BASE, 5), madeRuns('head', HEAD, 5)),
  optionsOf(),
)
const { result } = comparison
const row = (name: string) =>
  result.paths.rows.find(({ place, time }) => place.qualname === name && time === 'self')!

let browser: Chromium
let directory: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pyprof-diff-'))
  browser = await Chromium.launch()
})

afterAll(async () => {
  await browser?.close()
  rmSync(directory, { recursive: true, force: true })
})

async function opened(name: string, content: Iterable<string>) {
  const file = join(directory, name)
  writeFileSync(file, [...content].join(''))
  return browser.open(pathToFileURL(file).href)
}

/** Names of the boxes that are drawn. */
const names = (root: string) =>
  `[...${root}.querySelectorAll('.box text')].map((text) => text.firstChild.data)`
const select = (root: string, value: string) => `{
  const widths = ${root}.querySelector('.widths')
  widths.value = '${value}'
  widths.dispatchEvent(new Event('change'))
}`

test('a differential flame graph shows both sides, or one alone', async () => {
  const page = await opened('diff.svg', flameDiff(comparison, 'Orders'))
  await page.waitFor(`${names('document')}.length === 5`)
  expect(await page.evaluate(names('document'))).toEqual(['all', 'main', 'wait', 'load', 'gone'])
  const colour = (name: string) =>
    page.evaluate<string>(`[...document.querySelectorAll('.box')].find((box) =>
      box.querySelector('text').firstChild.data === '${name}').querySelector('rect').getAttribute('class')`)
  expect(await colour('load')).toMatch(/^c[0-3]$/)
  expect(await colour('gone')).toBe('c7')
  expect(await colour('wait')).toBe('c8')

  await page.evaluate(select('document', 'head'))
  await page.waitFor(`${names('document')}.length === 4`)
  expect(await page.evaluate(names('document'))).not.toContain('gone')
  await page.evaluate(select('document', 'base'))
  await page.waitFor(`${names('document')}.includes('gone')`)

  // The numbers beside the mouse are those of the table.
  const spot = await page.evaluate<{ x: number; y: number }>(`(() => {
    const box = [...document.querySelectorAll('.box')].find((each) =>
      each.querySelector('text')?.firstChild.data === 'load').getBoundingClientRect()
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 }
  })()`)
  await page.mouseMove(spot.x, spot.y)
  await page.waitFor(`document.querySelector('.tip b')?.textContent === 'load'`)
  const tip = await page.evaluate<string>(`document.querySelector('.tip').innerText`)
  const load = row('load')
  for (const text of [
    valueText(load.base, result.basis),
    valueText(load.head, result.basis),
    changeText(load),
    'grew',
  ]) {
    expect(tip).toContain(text)
  }
  expect(page.problems).toEqual([])
})

test('the page has tables and the graph, and asks for nothing', async () => {
  const content = diffPage(result, 'Orders <b>', flameDiff(comparison, 'Orders'), {
    top: 20,
    folder: '/srv',
    failsInconclusive: false,
  })
  const page = await opened('diff.html', content)
  const frame = `document.querySelector('iframe').contentDocument`
  await page.waitFor(`${names(frame)}.length === 5`)
  const text = await page.evaluate<string>('document.body.innerText')
  expect(text).toContain('Orders <b>')
  expect(text).toContain(changeText(row('load')))
  expect(page.problems).toEqual([])
  expect(page.requests.filter((url) => !url.startsWith('file:'))).toEqual([])
})
