import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { heatmap } from '../../src/formats/heatmap.ts'
import type { FormatOptions } from '../../src/formats/index.ts'
import type { Profile } from '../../src/profile/profile.ts'
import { asciiProfile, MS, profileOf } from '../support/ascii-profile.ts'
import { Chromium, type Page, type View } from '../support/chromium.ts'
import { pyprof, record, startPyprof, summaryOf } from '../support/cli.ts'
import { OWN_MOUNTS } from '../support/containment.ts'
import { python } from '../support/pythons.ts'
import { startPython, startTarget, TARGETS } from '../support/target.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { written } from '../unit/formats/fixtures.ts'
import { type HeatmapData, readHeatmap } from '../unit/formats/heatmap-file.ts'

/** Waits at `read` until a byte comes. */
const APP = `import os, signal
signal.alarm(300)

def hold():
    print("ready {}", flush=True)
    os.read(0, 1)

hold()
`
/** The line on which it waits. */
const HELD = 6

const ATTACH = ['-d', '300ms', '-r', '200', '-o', 'out.heatmap.html']

const dataIn = (folder: string): HeatmapData =>
  readHeatmap(readFileSync(join(folder, 'out.heatmap.html'), 'utf8'))
const fileIn = (folder: string, path: string) => {
  const found = dataIn(folder).files.find((file) => file.path === path)
  expect(found, path).toBeDefined()
  return found!
}

describe('a recorded heatmap', () => {
  it('has the sources of a living process, with all of its time', async () => {
    const folder = temporaryFolder()
    const { target } = await startPython('3.14', 'record/busy_threads.py')
    const summary = summaryOf(
      await record(['-p', `${target.pid}`, ...ATTACH, '--json'], { cwd: folder }),
    )
    const data = dataIn(folder)
    const all = [...data.files.map(({ heat }) => heat), ...data.other.map(([, heat]) => heat)]
    expect(all.reduce((sum, [self]) => sum + self, 0)).toBe(summary.timeNs.total)
    const path = join(TARGETS, 'record/busy_threads.py')
    const { text, source, notes, lines } = fileIn(folder, path)
    expect(source).toBe(path)
    expect(notes).toEqual([])
    expect(text).toEqual([[1, readFileSync(path, 'utf8').trimEnd()]])
    const textOf = text![0]![1].split('\n')
    const hot = lines.toSorted((a, b) => b[2] - a[2])[0]!
    expect(textOf[hot[0] - 1]).toContain('os.read(0, 1)')
    const [part] = hot[8]
    expect(part![0]).toBe('os.read(0, 1)')
    expect(data.functions[hot[6][0]![0]]![0]).toBe('<module>')
  })

  it('has those of a command that has ended', async () => {
    const folder = temporaryFolder()
    const code = 'import time\n\ndef work():\n    time.sleep(0.4)\n\nwork()\n'
    writeFileSync(join(folder, 'app.py'), code)
    await record(['-o', 'out.heatmap.html', '--', python('3.15'), 'app.py'], { cwd: folder })
    const { text, notes } = fileIn(folder, join(folder, 'app.py'))
    expect(text).toEqual([[1, code.trimEnd()]])
    expect(notes).toEqual([])
  })

  it('has those that only the process itself can see by their names', async () => {
    const folder = temporaryFolder()
    const inside = join(folder, 'inside')
    mkdirSync(inside)
    writeFileSync(join(folder, 'app.py'), APP)
    const script = 'mount -t tmpfs none "$1" && cp app.py "$1" && shift && exec "$@"'
    const { target } = await startTarget(OWN_MOUNTS[0]!, {
      args: [
        ...OWN_MOUNTS.slice(1),
        ...['sh', '-ec', `cd "$0" && ${script}`, folder, inside],
        ...[python('3.14'), join(inside, 'app.py')],
      ],
    })
    await record(['-p', `${target.pid}`, ...ATTACH], { cwd: folder })
    const { text, notes } = fileIn(folder, join(inside, 'app.py'))
    expect(text).toEqual([[1, APP.trimEnd()]])
    expect(notes).toEqual([])
  })

  it('flags a file that has changed since, and one whose functions stand elsewhere', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'app.py')
    writeFileSync(path, APP)
    const { target } = await startTarget(python('3.14'), { args: [path] })
    appendFileSync(path, '# more\n')
    // Changed right after the start is not told from changed right before it.
    const later = new Date(Date.now() + 1000)
    utimesSync(path, later, later)
    await record(['-p', `${target.pid}`, ...ATTACH], { cwd: folder })
    expect(fileIn(folder, path).notes).toEqual([
      expect.stringMatching(/^It was changed at .*, after the process had started/),
    ])
    writeFileSync(join(folder, 'new'), `# before\n${APP}`)
    renameSync(join(folder, 'new'), path)
    utimesSync(path, later, later)
    await record(['-p', `${target.pid}`, ...ATTACH], { cwd: folder })
    expect(fileIn(folder, path).notes).toEqual([
      expect.stringContaining('after the process had started'),
      'It is not what ran: hold does not begin on line 4 (of 1 functions seen).',
    ])
    expect(fileIn(folder, path).text![0]![1].split('\n')[HELD]).toContain('os.read')
  })

  it('looks for sources where it is told to', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'checkout', 'shop'), { recursive: true })
    mkdirSync(join(folder, 'gone', 'shop'), { recursive: true })
    const path = join(folder, 'gone', 'shop', 'app.py')
    writeFileSync(path, APP)
    writeFileSync(join(folder, 'checkout', 'app.py'), 'another\n')
    const { target } = await startTarget(python('3.14'), { args: [path] })
    renameSync(path, join(folder, 'checkout', 'shop', 'app.py'))
    const args = ['-p', `${target.pid}`, ...ATTACH]
    await record(args, { cwd: folder })
    expect(fileIn(folder, path).notes).toEqual([`No source: ${path} is not there.`])
    await record([...args, '--source-root', 'checkout'], { cwd: folder })
    expect(fileIn(folder, path)).toMatchObject({ source: 'checkout/shop/app.py', notes: [] })
    expect(fileIn(folder, path).text).toEqual([[1, APP.trimEnd()]])
  })

  it('of a recording that is converted has sources only from where it is told to look', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'app.py')
    writeFileSync(path, APP)
    const { target } = await startTarget(python('3.14'), { args: [path] })
    const args = ['-p', `${target.pid}`, '-d', '300ms', '-r', '200', '-o', 'run.pyprof']
    await record(args, { cwd: folder })
    const convert = async (...more: string[]) => {
      const args = ['convert', 'run.pyprof', '-o', 'out.heatmap.html', ...more]
      const outcome = await pyprof(args, { cwd: folder })
      expect(outcome.status, outcome.err).toBe(0)
      return fileIn(folder, path)
    }
    expect(await convert()).toMatchObject({
      source: '',
      notes: [expect.stringMatching('No source')],
    })
    const { lines, ...found } = await convert('--source-root', '.')
    expect(found).toMatchObject({ source: 'app.py', notes: [], text: [[1, APP.trimEnd()]] })
    expect(lines.map(([line]) => line)).toContain(HELD)
  })

  it('takes a folder for sources only where it is one, and where there is a heatmap', async () => {
    const folder = temporaryFolder()
    const none = await pyprof(
      ['record', '-p', '1', '--source-root', 'no', '-o', 'a.heatmap.html'],
      {
        cwd: folder,
      },
    )
    expect(none).toMatchObject({ status: 2, out: '' })
    expect(none.err).toContain('Expected a folder that is there.')
    const other = await pyprof(['record', '-p', '1', '--source-root', '.', '-o', 'a.svg'], {
      cwd: folder,
    })
    expect(other).toMatchObject({ status: 2, out: '' })
    expect(other.err).toContain('--source-root says nothing about flamegraph.')
  })
})

describe('a heatmap opened from disk', () => {
  let browser: Chromium

  beforeAll(async () => {
    browser = await Chromium.launch()
  })

  afterAll(() => browser?.close())

  async function open(
    profile: Profile,
    options: Partial<FormatOptions> = {},
    view: Partial<View> = {},
  ): Promise<{ readonly page: Page; readonly url: string }> {
    const file = join(temporaryFolder(), 'a heatmap.html')
    writeFileSync(file, written(heatmap, profile, options))
    const url = pathToFileURL(file).href
    const page = await browser.open(url, view)
    await page.waitFor(`document.querySelector('main').children.length > 0`)
    return { page, url }
  }
  const seen = (page: Page) => page.evaluate<string>('document.querySelector("main").innerText')
  const click = (page: Page, selector: string) =>
    page.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`)
  const cells = (page: Page, selector: string, property = 'innerText') =>
    page.evaluate<string[]>(
      `[...document.querySelectorAll(${JSON.stringify(selector)})].map((cell) => cell.${property})`,
    )
  /** Of a row of the source, which has an inner text only once it was drawn. */
  const row = (page: Page, selector: string) => cells(page, selector, 'textContent')
  const detailDrawn = (page: Page) =>
    page.waitFor(`document.querySelector('.detail')?.innerText.includes('Called from')`)

  const SOURCE = Array.from({ length: 400 }, (_, at) => `x = ${at + 1}`)
  SOURCE[0] = 'def main():'
  SOURCE[1] = '\tload(</script><b>)'
  SOURCE[299] = '    return read()'
  const findSource = () => [{ path: '/srv/app.py', text: SOURCE.join('\n'), doubt: '' }]
  const profile = asciiProfile(
    `
    main:2  main:2  main:2    main:2  -
    load:5  load:5  load:300  other:9
    `,
    {
      weight: [30, 30, 20, 15, 5].map((ms) => ms * MS),
      files: { other: '/venv/lib/python3.14/site-packages/shop/other.py' },
    },
  )

  it('shows files and lines by their time, and asks for nothing', async () => {
    const { page, url } = await open(profile, { findSource, title: 'Orders <b>' })
    const text = await seen(page)
    expect(text).toMatch(/80\.0 %\s+95\.0 %\s+80\.0 ms\s+95\.0 ms\s+4\s+3\s+\/srv\/app\.py/)
    expect(text).toMatch(/15\.0 %\s+15\.0 %\s+15\.0 ms\s+15\.0 ms\s+1\s+1\s+shop\/other\.py/)
    expect(text).toMatch(/5\.0 %\s+5\.0 %\s+5\.00 ms\s+5\.00 ms\s+1\s+<no Python frames>/)
    expect(text).toMatch(/60\.0 %\s+60\.0 %\s+60\.0 ms\s+60\.0 ms\s+2\s+\/srv\/app\.py:5 x = 5/)
    expect(await page.evaluate('document.title')).toBe('Orders <b>')
    expect(page.problems).toEqual([])
    expect(page.requests).toEqual([url])
  })

  it('filters by path and by function', async () => {
    const { page } = await open(profile, { findSource })
    const filter = async (word: string) => {
      await page.evaluate(`{
        const input = document.querySelector('input')
        input.value = ${JSON.stringify(word)}
        input.dispatchEvent(new Event('input'))
      }`)
      return cells(page, 'table:last-of-type td.name a')
    }
    expect(await filter('OTHER')).toEqual(['shop/other.py'])
    expect(await filter('loa')).toEqual(['/srv/app.py'])
    expect(await filter('nothing')).toEqual([])
    expect(await filter('')).toHaveLength(2)
  })

  it('shows a file with its lines coloured, and who calls a line and whom it calls', async () => {
    const { page } = await open(profile, { findSource })
    await click(page, 'table:last-of-type td.name a')
    await page.waitFor(`document.querySelector('#L2')`)
    expect(await page.evaluate(`document.querySelectorAll('.row code').length`)).toBe(401)
    expect(await row(page, '#L5 > *')).toEqual(['5', '60.0 %', '60.0 %', 'x = 5'])
    expect(await row(page, '#L6 > *')).toEqual(['6', '', '', 'x = 6'])
    expect(await row(page, '#L2 code')).toEqual(['\tload(</script><b>)'])
    const colour = (line: number) =>
      page.evaluate<string>(
        `getComputedStyle(document.querySelector('#L${line}')).getPropertyValue('--heat')`,
      )
    expect(await colour(5)).toBe('1.000')
    expect(await colour(300)).toBe('0.577')
    expect(await colour(6)).toBe('')
    await click(page, '#L5 a')
    await detailDrawn(page)
    expect(await cells(page, '.detail section')).toEqual([
      expect.stringMatching(/Called from[\s\S]*100\.0 %\s+60\.0 ms\s+2\s+main \/srv\/app\.py:2/),
      expect.stringMatching(/100\.0 %\s+60\.0 ms\s+2\s+\(the line itself\)/),
    ])
    await click(page, '.detail td.name a')
    await page.waitFor(`document.querySelector('#L2.target')`)
    await detailDrawn(page)
    const [callers, callees] = await cells(page, '.detail section')
    expect(callers).toMatch(/100\.0 %\s+95\.0 ms\s+4\s+nothing: a stack begins here/)
    expect(callees).toMatch(/84\.2 %\s+80\.0 ms\s+3\s+load/)
    expect(callees).toMatch(/15\.8 %\s+15\.0 ms\s+1\s+other shop\/other\.py:1/)
    expect(page.problems).toEqual([])
  })

  it('goes from hot line to hot line, brings it into view, and back', async () => {
    const { page } = await open(profile, { findSource })
    await page.evaluate(`location.hash = '#0'`)
    await page.waitFor(`document.querySelector('#L2')`)
    for (const [key, line] of [
      ['n', 5],
      ['n', 300],
      ['n', 300],
      ['p', 5],
    ] as const) {
      await page.press(key)
      await page.waitFor(`document.querySelector('.target')?.id === 'L${line}'`)
    }
    await page.press('n')
    await page.waitFor(`(() => {
      const { top, bottom } = document.querySelector('#L300').getBoundingClientRect()
      return top > 0 && bottom < innerHeight
    })()`)
    await page.evaluate('history.back()')
    await page.waitFor(`document.querySelector('.target')?.id === 'L5'`)
    await page.evaluate(`location.hash = ''`)
    await page.waitFor(`document.querySelector('input[type=search]')`)
    expect(page.problems).toEqual([])
  })

  it('colours by total time too', async () => {
    const { page } = await open(profile, { findSource })
    await page.evaluate(`location.hash = '#0'`)
    await page.waitFor(`document.querySelector('#L2')`)
    await click(page, '.choice button:last-child')
    await page.waitFor(`document.querySelector('#L2').style.getPropertyValue('--heat') === '1.000'`)
  })

  it('runs nothing that a name or a source contains, and shows it', async () => {
    const attack = '</script><img src=x onerror="window.ran = 1"><script>window.ran = 1</script>'
    const hostile = profileOf([{ stack: [{ name: attack, file: `/${attack}` }] }], {
      meta: { command: attack },
    })
    const { page, url } = await open(hostile, {
      findSource: () => [{ path: attack, text: `${attack}\u202e`, doubt: attack }],
    })
    expect(await seen(page)).toContain(attack)
    await page.evaluate(`location.hash = '#0:1'`)
    await detailDrawn(page)
    expect(await row(page, '#L1 code')).toEqual([`${attack}\\u202e`])
    expect(await page.evaluate('window.ran === undefined')).toBe(true)
    expect(page.problems).toEqual([])
    expect(page.requests).toEqual([url])
  })

  it('copes with very long files and many of them', async () => {
    const text = Array.from({ length: 19_000 }, (_, at) => `value_${at} = ${at}`).join('\n')
    const short = text.slice(0, 60_000)
    const stacks = Array.from({ length: 3000 }, (_, at) => ({
      stack: [
        { name: 'main', line: 1 + ((at * 31) % 19_000) },
        { name: `f${at}`, file: `/srv/part_${at % 200}.py`, line: at + 1 },
      ],
    }))
    const { page } = await open(profileOf(stacks), {
      findSource: (path) => [
        { path: 'x', text: path === '/srv/app.py' ? text : short, doubt: 'Not sure.' },
      ],
    })
    const index = await page.evaluate<string>(
      `[...document.querySelectorAll('td.name a')].find((a) => a.innerText === '/srv/app.py').hash`,
    )
    await page.evaluate(`location.hash = '${index}:18911'`)
    await page.waitFor(`(() => {
      const { top, bottom } = document.querySelector('#L18911')?.getBoundingClientRect() ?? { top: -1 }
      return top > 0 && bottom < innerHeight
    })()`)
    expect(page.problems).toEqual([])
  })

  it('is served by pyprof view as it is', async () => {
    const file = join(temporaryFolder(), 'out.heatmap.html')
    writeFileSync(file, written(heatmap, profile, { findSource }))
    const serving = startPyprof(['view', '--no-open', file])
    await serving.tells('Ctrl-C ends it.')
    const page = await browser.open(/ is at (\S+)\n/.exec(serving.err)![1]!)
    await page.waitFor(`document.querySelector('main').innerText.includes('/srv/app.py:5')`)
    expect(page.problems).toEqual([])
  })
})
