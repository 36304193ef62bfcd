import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { flamegraph } from '../../src/formats/flamegraph.ts'
import { html } from '../../src/formats/html.ts'
import type { Format, FormatOptions } from '../../src/formats/index.ts'
import { speedscope } from '../../src/formats/speedscope.ts'
import type { Profile } from '../../src/profile/profile.ts'
import { asciiProfile, MS, profileOf } from '../support/ascii-profile.ts'
import { Chromium, findChromium, type Page, type View } from '../support/chromium.ts'
import { startPyprof } from '../support/cli.ts'
import { SpeedscopeApp } from '../support/speedscope-app.ts'

let browser: Chromium
let directory: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pyprof-browser-'))
  browser = await Chromium.launch()
})

afterAll(async () => {
  await browser?.close()
  rmSync(directory, { recursive: true, force: true })
})

function text(format: Format, profile: Profile, options: Partial<FormatOptions> = {}): string {
  return [...format.write(profile, { threads: false, ...options })].join('')
}

const RAN = { pythonVersion: '3.14.0', start: 0, end: 1e9, unreadable: '' }

/** 100 s: load 50 %, of it decode 30 and parse 19.995; draw 40 %; other 10 %. */
const drawn = asciiProfile(
  `
  main    main   main  main       other
  load    load   load  draw
  decode  parse  tiny  paint:40
  `,
  {
    weight: [30_000, 19_995, 5, 40_000, 10_000].map((ms) => ms * MS),
    files: {
      decode: '/usr/lib/python3.14/json/decoder.py',
      paint: '/venv/lib/python3.14/site-packages/ui/paint.py',
    },
  },
)

it('says what to install when there is no browser', () => {
  expect(() => findChromium('/nonexistent')).toThrow('apt-get install chromium')
})

describe('a speedscope file in the speedscope app', () => {
  let app: SpeedscopeApp

  beforeAll(async () => {
    app = await SpeedscopeApp.start()
  })

  afterAll(() => app.close())

  const open = (profile: Profile): Promise<Page> =>
    app.open(browser, 'profile.speedscope.json', text(speedscope, profile))

  it('shows the functions with their times, the busiest thread in front', async () => {
    const profile = asciiProfile(
      `
      main  main  main     run     run
      wait  wait  wait     decode  parse:7
      `,
      {
        thread: [0, 0, 0, 1, 1],
        threads: [{}, { name: 'worker' }],
        weight: [30, 30, 30, 60, 20].map((ms) => ms * MS),
      },
    )
    const page = await open(profile)
    const shown = await page.evaluate<string>('document.body.innerText')
    expect(shown).toContain('worker (tid 101)')
    expect(shown).toMatch(/60\.00ms \(75%\)\s+60\.00ms \(75%\)\s+decode/)
    expect(shown).toMatch(/20\.00ms \(25%\)\s+20\.00ms \(25%\)\s+parse/)
    expect(shown).not.toContain('wait')
    expect(page.problems).toEqual([])
    expect(page.requests.length).toBeGreaterThan(2)
    expect(page.requests.filter((url) => !url.startsWith(`${app.origin}/`))).toEqual([])
  })

  it('credits a gap to no function', async () => {
    const page = await open(asciiProfile('f  f', { gap: [0, 80 * MS] }))
    const shown = await page.evaluate<string>('document.body.innerText')
    expect(shown).toMatch(/20\.00ms \(100%\)\s+20\.00ms \(100%\)\s+f/)
  })
})

describe('an HTML page opened from disk', () => {
  const profile = asciiProfile(
    `
    main  main  run     serve  -
    wait  wait  decode  parse
    `,
    {
      thread: [0, 0, 1, 2, 2],
      processes: [
        { pid: 100, parent: -1, command: 'gunicorn', ...RAN },
        { pid: 200, parent: 0, command: 'worker </script><b>', ...RAN },
      ],
      threads: [{}, { name: 'pool-</script>' }, { name: 'MainThread', process: 1, isMain: true }],
      weight: [30, 30, 60, 70, 5].map((ms) => ms * MS),
      quality: ['exact', 'exact', 'exact', 'exact', 'missed'],
    },
  )
  const VIEW = `document.querySelector('iframe').contentDocument.body`

  async function open(shown: Profile, options: Partial<FormatOptions> = {}) {
    const file = join(directory, 'page of a profile.html')
    writeFileSync(file, text(html, shown, options))
    const page = await browser.open(pathToFileURL(file).href)
    await page.waitFor(`${VIEW}.innerText.includes('Left Heavy')`)
    // 3 is the view with a table: text, which the others are not.
    const sandwich = async (name: string) => {
      await page.evaluate(`${VIEW}.ownerDocument.defaultView.dispatchEvent(
        new KeyboardEvent('keypress', { key: '3' }))`)
      await page.waitFor(`${VIEW}.innerText.includes(${JSON.stringify(name)})`)
    }
    const seen = () => page.evaluate<string>(`${VIEW}.innerText`)
    return { page, url: pathToFileURL(file).href, sandwich, seen }
  }

  it('shows the profile in speedscope, with its quality, and asks for nothing else', async () => {
    const { page, url, sandwich, seen } = await open(profile, { title: 'Orders <b>' })
    await sandwich('wait')
    expect(await seen()).toMatch(/60\.00ms \(100%\)\s+60\.00ms \(100%\)\s+wait/)
    const header = await page.evaluate<string>(`document.querySelector('header').innerText`)
    expect(header).toContain('Orders <b>')
    expect(header).toContain('5 samples: 4 exact, 1 missed')
    expect(header).toContain('More than 2 % of the samples are partial or missed.')
    expect(await page.evaluate('document.title')).toBe('Orders <b>')
    expect(page.problems).toEqual([])
    expect(page.requests.filter((each) => !each.startsWith('data:'))).toEqual([url])
  })

  it('has a choice of processes and threads', async () => {
    const { page, sandwich, seen } = await open(profile)
    await sandwich('wait')
    const options = await page.evaluate<string[][]>(
      `[...document.querySelectorAll('optgroup')].map((group) =>
        [group.label, ...[...group.children].map((option) => option.text)])`,
    )
    expect(options).toEqual([
      ['100: gunicorn', 'MainThread (pid 100, tid 100)', 'pool-</script> (pid 100, tid 101)'],
      ['200: worker </script><b>', 'MainThread (pid 200, tid 102)'],
    ])
    for (const [name, leaf] of [
      ['MainThread (pid 200, tid 102)', 'parse'],
      ['pool-</script> (pid 100, tid 101)', 'decode'],
      ['MainThread (pid 100, tid 100)', 'wait'],
    ] as const) {
      await page.evaluate(`{
        const picker = document.querySelector('select')
        picker.value = [...picker.options].find((option) => option.text === ${JSON.stringify(name)}).value
        picker.dispatchEvent(new Event('change'))
      }`)
      await page.waitFor(`${VIEW}.innerText.includes(${JSON.stringify(leaf)})`)
      expect(await seen()).toContain(name)
    }
    expect(page.problems).toEqual([])
  })

  it('is light on a profile of many samples, and shows all of it', async () => {
    const names = Array.from({ length: 40 }, (_, at) => `function_${at}`)
    const many = profileOf(
      Array.from({ length: 100_000 }, (_, at) => ({
        stack: [{ name: 'main' }, { name: names[(at * 7919) % 40]! }],
        weight: MS,
      })),
    )
    expect(Buffer.byteLength(text(html, many))).toBeLessThan(
      Buffer.byteLength(text(speedscope, many)),
    )
    const { sandwich, seen } = await open(many)
    await sandwich('\tmain')
    expect(await seen()).toMatch(/1:40 \(100%\)\s+0\.00ns \(<0\.01%\)\s+main/)
  })

  it('is what pyprof view serves, of a speedscope file too', async () => {
    const file = join(directory, 'view.speedscope.json')
    writeFileSync(file, text(speedscope, profile))
    const serving = startPyprof(['view', '--no-open', file])
    await serving.tells('Ctrl-C ends it.')
    const url = / is at (\S+)\n/.exec(serving.err)![1]!
    serving.signal('SIGUSR1')
    const page = await browser.open(url)
    await page.waitFor(`${VIEW}.innerText.includes('MainThread (pid 100, tid 100)')`)
    expect(await page.evaluate(`document.querySelectorAll('option').length`)).toBe(3)
    expect(serving.err, 'a debugger is no answer to a signal').not.toContain('Debugger')
    expect(page.problems).toEqual([])
    expect(page.requests.filter((each) => !each.startsWith('data:'))).toEqual([url])
    serving.signal('SIGINT')
    expect(await serving.ended).toMatchObject({ status: 0, out: '' })
  })

  it('says so when the profile cannot be unpacked', async () => {
    const file = join(directory, 'damaged.html')
    writeFileSync(file, text(html, profile).replace('octet-stream">H4sI', 'octet-stream">AAAA'))
    const page = await browser.open(pathToFileURL(file).href)
    await page.waitFor(`document.querySelector('.problem').textContent !== ''`)
    expect(await page.evaluate(`document.querySelector('header').innerText`)).toContain(
      'The profile could not be shown',
    )
  })
})

describe('a flame graph opened from disk', () => {
  async function open(
    profile: Profile,
    options: Partial<FormatOptions> = {},
    view: Partial<View> = {},
  ): Promise<Page> {
    const file = join(directory, 'graph.svg')
    writeFileSync(file, text(flamegraph, profile, options))
    const page = await browser.open(pathToFileURL(file).href, view)
    await page.evaluate(`window.box = (name) => [...document.querySelectorAll('.box')].find((box) =>
      box.textContent.split('  ')[0] === name)`)
    return page
  }

  /** Labels of the boxes, without their places. */
  const names = (page: Page) =>
    page.evaluate<string[]>(
      `[...document.querySelectorAll('.box text')].map((text) => text.textContent.split('  ')[0])`,
    )
  const boxCount = (page: Page) => page.evaluate<number>(`document.querySelectorAll('.box').length`)
  const shows = (page: Page, what: string) =>
    page.evaluate<boolean>(`document.querySelector('.head').innerText.includes(${q(what)})`)
  const q = (value: string) => JSON.stringify(value)
  interface Rect {
    readonly x: number
    readonly y: number
    readonly width: number
    readonly height: number
  }
  const rect = (page: Page, name: string) =>
    page.evaluate<Rect>(`box(${q(name)}).getBoundingClientRect().toJSON()`)
  const focused = (page: Page) =>
    page.evaluate<string>('document.activeElement.textContent.split("  ")[0]')
  /** Share of the graph's width, in percent. */
  async function share(page: Page, name: string): Promise<number> {
    const own = await rect(page, name)
    return (100 * own.width) / (await rect(page, 'all')).width
  }
  async function middle(page: Page, name: string): Promise<[number, number]> {
    const { x, y, width, height } = await rect(page, name)
    return [x + width / 2, y + height / 2]
  }
  function expectInnocent(page: Page): void {
    expect(page.problems).toEqual([])
    expect(page.requests).toEqual([pathToFileURL(join(directory, 'graph.svg')).href])
  }

  it('shows names, widths by time, and what is behind the numbers', async () => {
    const page = await open(drawn)
    expect(await names(page)).toEqual([
      'all',
      'main',
      'load',
      'decode',
      'parse',
      'draw',
      'paint',
      'other',
    ])
    expect(await share(page, 'main')).toBeCloseTo(90, 0)
    expect(await share(page, 'load')).toBeCloseTo(50, 0)
    expect(await share(page, 'decode')).toBeCloseTo(30, 0)
    expect(await page.evaluate('box("paint").textContent')).toBe('paint  ui/paint.py:40')
    expect(await shows(page, 'python app.py --serve')).toBe(true)
    expect(await shows(page, '5 samples: 5 exact, 0 missed · no gaps')).toBe(true)
    expect(await shows(page, '1 frame is too narrow to draw')).toBe(true)
    expect(await page.evaluate('document.title')).toBe('python app.py --serve')
    expectInnocent(page)
  })

  it('stands on its root when asked to, zoomed too, with arrow keys to match', async () => {
    const page = await open(drawn, { shape: 'flame', minWidth: 30 })
    const top = async (name: string) => (await rect(page, name)).y
    expect(await top('load')).toBeLessThan(await top('main'))
    expect(await top('main')).toBeLessThan(await top('all'))
    await page.press('Tab')
    await page.press('Tab')
    expect(await focused(page)).toBe('all')
    await page.press('ArrowUp')
    expect(await focused(page)).toBe('main')
    await page.press('ArrowDown')
    expect(await focused(page)).toBe('all')
    await page.click(...(await middle(page, 'load')))
    expect(await share(page, 'load')).toBeCloseTo(100, 0)
    expect(await top('decode')).toBeLessThan(await top('load'))
    expect(await top('load')).toBeLessThan(await top('all'))
    expectInnocent(page)
  })

  it('puts the innermost frames at the root when inverted', async () => {
    const page = await open(drawn, { inverted: true })
    expect(await share(page, 'paint')).toBeCloseTo(40, 0)
    expect(await share(page, 'decode')).toBeCloseTo(30, 0)
    expect((await rect(page, 'decode')).y).toBeLessThan((await rect(page, 'load')).y)
    expectInnocent(page)
  })

  it('tells all about the box under the mouse', async () => {
    const page = await open(drawn)
    await page.mouseMove(...(await middle(page, 'load')))
    const tip = () => page.evaluate<string>(`document.querySelector('.tip').innerText`)
    expect((await tip()).split(/\s*\n\s*|\t/)).toEqual([
      'load',
      '/srv/app.py:1',
      'total',
      '50.0 s',
      '50.00 %',
      'self',
      '0 s',
      '0.00 %',
    ])
    await page.mouseMove(...(await middle(page, 'decode')))
    expect(await tip()).toContain('/usr/lib/python3.14/json/decoder.py:1')
    await page.mouseMove(5, 5)
    expect(
      await page.evaluate(`document.querySelector('.tip').getBoundingClientRect().width`),
    ).toBe(0)
    expectInnocent(page)
  })

  it('zooms and resets by mouse, and draws what was too narrow', async () => {
    const page = await open(drawn)
    await page.click(...(await middle(page, 'load')))
    expect(await names(page)).toEqual(['all', 'main', 'load', 'decode', 'parse'])
    expect(await share(page, 'load')).toBeCloseTo(100, 0)
    expect(await share(page, 'decode')).toBeCloseTo(60, 0)
    expect(await boxCount(page)).toBe(6)
    expect(await shows(page, 'Zoomed to load: 50.0 s, 50.00 % of all.')).toBe(true)
    expect(await shows(page, 'too narrow')).toBe(false)

    await page.click(...(await middle(page, 'main')))
    expect(await share(page, 'load')).toBeCloseTo((100 * 50) / 90, 0)
    const reset = await page.evaluate<Rect>(
      `document.querySelector('button').getBoundingClientRect().toJSON()`,
    )
    await page.click(reset.x + reset.width / 2, reset.y + reset.height / 2)
    expect(await share(page, 'load')).toBeCloseTo(50, 0)
    expect(await names(page)).toContain('other')
    expectInnocent(page)
  })

  it('zooms and moves by keyboard', async () => {
    const page = await open(drawn)
    await page.press('Tab')
    await page.press('Tab')
    const walk: [string, string][] = [
      ['ArrowDown', 'main'],
      ['ArrowDown', 'load'],
      ['ArrowRight', 'draw'],
      ['ArrowRight', 'draw'],
      ['ArrowDown', 'paint'],
      ['ArrowLeft', 'parse'],
      ['ArrowUp', 'load'],
    ]
    expect(await focused(page)).toBe('all')
    for (const [key, name] of walk) {
      await page.press(key)
      expect(await focused(page), key).toBe(name)
    }
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe(
      'load, /srv/app.py:1, total 50.0 s, 50.00 %, self 0 s',
    )
    await page.press('Enter')
    expect(await share(page, 'load')).toBeCloseTo(100, 0)
    expect(await focused(page)).toBe('load')
    await page.press('ArrowDown')
    await page.press(' ')
    expect(await share(page, 'decode')).toBeCloseTo(100, 0)
    await page.press('Backspace')
    expect(await share(page, 'load')).toBeCloseTo(100, 0)
    expect(await share(page, 'decode')).toBeCloseTo(60, 0)
    await page.press('Backspace')
    expect(await share(page, 'load')).toBeCloseTo(50, 0)
    for (const key of ['Escape', 'Home']) {
      await page.press('ArrowDown')
      await page.press('ArrowDown')
      await page.press('Enter')
      expect(await share(page, 'load')).toBeCloseTo(100, 0)
      await page.press(key)
      expect(await share(page, 'load'), key).toBeCloseTo(50, 0)
      expect(await focused(page)).toBe('all')
    }
    expectInnocent(page)
  })

  const matches = (page: Page) =>
    page.evaluate<string[]>(
      `[...document.querySelectorAll('.searching .match')].map((box) => box.textContent.split('  ')[0])`,
    )
  const found = (page: Page) => page.evaluate<string>(`document.querySelector('.found').innerText`)

  it('searches by keyboard: /, a pattern, Enter to a match, Escape to end', async () => {
    const page = await open(drawn)
    await page.press('/')
    await page.type('^(DEC|pai)')
    expect(await matches(page)).toEqual(['decode', 'paint'])
    expect(await found(page)).toBe('Matched 70.00 %, 70.0 s, 2 frames')
    await page.press('Enter')
    expect(await focused(page)).toBe('decode')
    await page.press('Enter')
    expect(await share(page, 'decode')).toBeCloseTo(100, 0)
    expect(await matches(page)).toEqual(['decode'])
    expect(await found(page)).toContain('2 frames; 100.00 % of the view')
    await page.press('Escape')
    expect(await matches(page)).toEqual([])
    expect(await found(page)).toBe('')
    expect(await share(page, 'decode')).toBeCloseTo(100, 0)
    await page.press('Escape')
    expect(await share(page, 'decode')).toBeCloseTo(30, 0)
    expectInnocent(page)
  })

  it('searches by mouse and by Ctrl+F, counts nested matches once, and takes a bad pattern as text', async () => {
    const page = await open(drawn)
    const input = await page.evaluate<Rect>(
      `document.querySelector('input').getBoundingClientRect().toJSON()`,
    )
    await page.click(input.x + 20, input.y + input.height / 2)
    await page.type('app.py')
    expect(await matches(page)).toEqual(['main', 'load', 'parse', 'draw', 'other'])
    expect(await found(page)).toBe('Matched 100.00 %, 100 s, 6 frames')
    await page.press('Escape')
    await page.click(...(await middle(page, 'load')))
    await page.press('f', true)
    await page.type('parse|other')
    expect(await found(page)).toBe('Matched 30.00 %, 30.0 s, 2 frames; 39.99 % of the view')
    await page.press('f', true)
    await page.type('par(')
    expect(await found(page)).toBe('No match')
    expectInnocent(page)
  })

  it('follows the width of the window', async () => {
    const page = await open(drawn)
    const wide = await rect(page, 'load')
    await page.resize(640, 800)
    await page.waitFor(`box('load').getBoundingClientRect().width < ${wide.width * 0.6}`)
    expect(await share(page, 'load')).toBeCloseTo(50, 0)
    const { x, width } = await rect(page, 'all')
    expect(x + width).toBeLessThanOrEqual(640)
    expectInnocent(page)
  })

  it('is dark where the surroundings are dark', async () => {
    const fills: string[] = []
    for (const dark of [false, true]) {
      const page = await open(drawn, {}, { dark })
      fills.push(
        await page.evaluate<string>(`[document.documentElement, box('main').firstChild,
          box('main').lastChild].map((part) => getComputedStyle(part)[
          part === document.documentElement ? 'backgroundColor' : 'fill']).join()`),
      )
    }
    expect(fills[0]).toMatch(/^rgb\(255, 255, 255\),.*,rgb\(28, 30, 33\)$/)
    expect(fills[1]).toMatch(/^rgb\(23, 24, 27\),.*,rgb\(236, 238, 241\)$/)
  })

  it('runs nothing that a name contains, and shows the name', async () => {
    const attack = '</script><script>window.ran = 1</script>'
    const hidden = ']]></script><img src=x onerror="window.ran = 1">\u0000\ud800\uffff\u202e'
    const profile = profileOf(
      [{ stack: [{ name: attack, file: attack }, { name: hidden }], weight: 1000 * MS }],
      { threads: [{ name: attack }], meta: { command: `${attack}${hidden}` } },
    )
    const page = await open(profile, { threads: true })
    expect(await page.evaluate('window.ran === undefined')).toBe(true)
    const labels = await names(page)
    expect(labels).toContain(attack)
    expect(labels).toContain(
      ']]></script><img src=x onerror="window.ran = 1">\\x00\\ud800\\uffff\\u202e',
    )
    await page.mouseMove(...(await middle(page, attack)))
    await page.press('/')
    await page.type('<script>')
    expect(await found(page)).toContain('Matched 100.00 %')
    expect(await page.evaluate('window.ran === undefined')).toBe(true)
    expectInnocent(page)
  })

  it('is a picture where no script runs', async () => {
    await open(drawn)
    writeFileSync(join(directory, 'page.html'), '<img src="graph.svg">')
    const page = await browser.open(pathToFileURL(join(directory, 'page.html')).href)
    expect(await page.evaluate('document.querySelector("img").naturalWidth')).toBe(1200)
    expect(await page.evaluate('document.querySelector("img").naturalHeight')).toBeGreaterThan(150)
  })

  it('copes with many thousands of frames and deep recursion', async () => {
    const stacks = Array.from({ length: 12_000 }, (_, at) => ({
      stack: [
        { name: 'main' },
        { name: `loop_${at % 10}` },
        { name: `task_${at % 400}` },
        ...Array.from({ length: at % 7 }, (_, level) => ({ name: `step_${level}_${at % 4000}` })),
      ],
      weight: ((at % 13) + 1) * MS,
    }))
    const deep = { stack: Array.from({ length: 900 }, () => ({ name: 'recurse' })) }
    const page = await open(profileOf([...stacks, deep]))
    expect(await boxCount(page)).toBeGreaterThan(1000)
    expect(await shows(page, 'frames are too narrow to draw at this zoom')).toBe(true)
    await page.press('/')
    await page.type('recurse')
    expect(await found(page)).toMatch(/^Matched 0\.01 %, 10\.0 ms, 900 frames$/)
    await page.press('Escape')
    await page.click(...(await middle(page, 'loop_0')))
    expect(await share(page, 'loop_0')).toBeCloseTo(100, 0)
    expect((await names(page)).filter((name) => name.startsWith('ta')).length).toBeGreaterThan(20)
    expectInnocent(page)
  })
})
