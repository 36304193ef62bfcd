import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DiffResult } from '../../../src/diff/result.ts'
import type { RunInput } from '../../../src/diff/run.ts'
import { collapsed } from '../../../src/formats/collapsed.ts'
import type { Format } from '../../../src/formats/format.ts'
import { pprof } from '../../../src/formats/pprof.ts'
import { pyprof } from '../../../src/formats/pyprof.ts'
import { speedscope } from '../../../src/formats/speedscope.ts'
import { FakeAddon } from '../../support/fake-addon.ts'
import { inPairs, type MadeRun, madeRuns, slowed } from '../../support/made-runs.ts'
import { runCommand } from '../../support/run-command.ts'

const BASE: MadeRun = { counts: { 'main;load:12': 300, 'main;parse:30': 300, 'main;wait': 400 } }
const HEAD: MadeRun = { counts: { ...BASE.counts, 'main;load:12': 390 } }

let folder: string
let base: string[]
let head: string[]

/** Writes runs of one side into a folder and returns their paths. */
function written(name: string, run: MadeRun, count = 4, format: Format = pyprof): string[] {
  return stored(name, madeRuns(name.startsWith('head') ? 'head' : 'base', run, count), format)
}

function stored(name: string, runs: readonly RunInput[], format: Format = pyprof): string[] {
  mkdirSync(join(folder, name), { recursive: true })
  return runs.map((each, at) => {
    const path = join(folder, name, `${at}${format.suffixes[0]}`)
    const pieces = [...format.write(each.profile, { threads: false })]
    writeFileSync(path, Buffer.concat(pieces.map((piece) => Buffer.from(piece as string))))
    return path
  })
}

const diff = async (...args: string[]) => {
  const outcome = await runCommand(['diff', ...args], new FakeAddon([]))
  return { ...outcome, out: outcome.out.toString() }
}
const failure = (...args: string[]) =>
  diff(...args).then(
    () => undefined,
    (error: unknown) => error,
  )

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pyprof-test-'))
  base = written('base', BASE)
  head = written('head', HEAD)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('runs that were made in pairs', () => {
  const drift = [1, 1.3, 0.8, 1.2, 0.9, 1.4]
  const made = (name: string, run: MadeRun) =>
    inPairs(slowed(madeRuns(name, run, drift.length), drift))

  test.each([pyprof, speedscope])('are compared so from files of $name', async (format) => {
    const sides = ['base', 'head'] as const
    const [before, after] = sides.map((name) =>
      stored(`${name}-pairs-${format.name}`, made(name, name === 'base' ? BASE : HEAD), format),
    ) as [string[], string[]]
    const options = ['--fail-on', 'self:load>10%', '--same-work']
    const { exitCode, out } = await diff(...before, '--vs', ...after, ...options)
    expect(out).toContain('Runs are compared in 6 pairs that were made by turns')
    expect(exitCode).toBe(1)
    // Filters, modes and another order of the files change nothing of that.
    const more = ['--include', 'function:load', '--functions', '--json', '--same-work']
    const filtered = await diff(...before.toReversed(), '--vs', ...after, ...more)
    const { pairing, runs, functions } = JSON.parse(filtered.out) as DiffResult
    expect(pairing).toMatchObject({ kind: 'pairs', leftOut: [] })
    expect(runs.base.map(({ pair }) => pair)).toEqual(runs.head.map(({ pair }) => pair))
    expect(functions.rows.find(({ place }) => place.qualname === 'load')!.kind).toBe('grew')
  })
})

describe('pyprof diff', () => {
  test('prints what changed and ends with 0 without gates', async () => {
    const { exitCode, out, err } = await diff(...base, '--vs', ...head)
    expect(exitCode).toBe(0)
    expect(err).toBe('')
    expect(out).toMatch(/^base {6}4 runs of python app.py --serve/)
    expect(out).toMatch(/\+(29|30)\.\d % .* load {2}\/srv\/app.py/)
    expect(out).toContain('No gate was given. The total: grew.')
  })

  test('takes folders', async () => {
    const { out } = await diff(join(folder, 'base'), '--vs', join(folder, 'head'), '--json')
    const result = JSON.parse(out) as DiffResult
    expect(result.runs.base.map(({ name }) => name)).toEqual(base)
    expect(result.runs.head).toHaveLength(4)
    for (const { samples } of result.runs.base) expect(samples).toBeGreaterThan(950)
    expect(result.version).toBe(1)
    expect(result.outcome).toBe('pass')
    expect(result.total!.kind).toBe('grew')
  })

  test.each([
    [['total>5%'], 1],
    [['total>50%', 'self:app.load>50%'], 0],
    [['total>50%', 'self:app.load>20%'], 1],
    [['any>20%'], 1],
    [['total>9%'], 0],
  ])('with the gates %j ends with %d', async (gates, exitCode) => {
    const options = gates.flatMap((gate) => ['--fail-on', gate])
    expect((await diff(...base, '--vs', ...head, ...options)).exitCode).toBe(exitCode)
  })

  test('ends with 4 where a gate is open and that fails, and with 1 where one is proven too', async () => {
    const open = ['--fail-on', 'self:nobody>5%', '--inconclusive', 'fail']
    expect((await diff(...base, '--vs', ...head, ...open)).exitCode).toBe(4)
    const both = [...open, '--fail-on', 'total>1%']
    expect((await diff(...base, '--vs', ...head, ...both)).exitCode).toBe(1)
    const passing = ['--fail-on', 'self:nobody>5%', '--inconclusive=pass']
    expect((await diff(...base, '--vs', ...head, ...passing)).exitCode).toBe(0)
    // Without a gate nothing is to be decided.
    expect((await diff(...base, '--vs', ...head, '--inconclusive=fail')).exitCode).toBe(0)
  })

  test('writes every kind of output', async () => {
    const at = (name: string) => join(folder, name)
    const names = ['d.svg', 'd.html', 'd.md', 'd.json', 'd.xml', 'd.txt']
    const { out } = await diff(
      ...base,
      '--vs',
      ...head,
      ...['--fail-on', 'total>5%', '--title', 'Orders'],
      ...names.flatMap((name) => ['-o', at(name)]),
    )
    const content = (name: string) => readFileSync(at(name), 'utf8')
    expect(content('d.svg')).toMatch(/^<svg .*aria-label="Orders"/)
    expect(content('d.html')).toContain('<h1>Orders</h1>')
    expect(content('d.md')).toContain('pyprof: Regression')
    expect((JSON.parse(content('d.json')) as DiffResult).outcome).toBe('regression')
    expect(content('d.xml')).toContain('<testsuites name="pyprof diff" tests="1" failures="1"')
    expect(content('d.txt')).toBe(out)
  })

  test('prints Markdown, or annotations below the table', async () => {
    const gate = ['--fail-on', 'total>5%']
    const markdown = await diff(...base, '--vs', ...head, ...gate, '--markdown')
    expect(markdown.out).toMatch(/^<!-- pyprof diff -->/)
    expect(markdown.exitCode).toBe(1)
    const github = await diff(...base, '--vs', ...head, ...gate, '--github')
    expect(github.out).toMatch(/^base .*\n::error title=/s)
  })

  test('reads any kind of file, and knows of each whether its program ended', async () => {
    for (const format of [speedscope, pprof]) {
      const name = format.name
      const there = written(`base-${name}`, BASE, 3, format)
      const here = written(`head-${name}`, HEAD, 3, format)
      const result = JSON.parse((await diff(...there, '--vs', ...here, '--json')).out) as DiffResult
      expect(result.basis.kind).toBe('time')
      expect(result.total!.change).toBeCloseTo(0.09, 1)
    }
    const there = written('base-collapsed', BASE, 3, collapsed)
    const here = written('head-collapsed', HEAD, 3, collapsed)
    const args = [...there, '--vs', ...here, '--json']
    const shares = JSON.parse((await diff(...args)).out) as DiffResult
    expect(shares.basis.kind).toBe('share')
    const told = JSON.parse((await diff(...args, '--same-work')).out) as DiffResult
    expect(told.basis.kind).toBe('time')
  })

  test('compares what is chosen', async () => {
    const args = [...base, '--vs', ...head, '--json', '--include', 'function:load']
    const result = JSON.parse((await diff(...args)).out) as DiffResult
    expect(result.total).toMatchObject({ of: 'sampled' })
    expect(result.total!.change).toBeCloseTo(0.3, 1)
    expect(result.functions.rows.map(({ place }) => place.qualname).sort()).toEqual([
      'load',
      'main',
    ])
    const near = await diff(...base, '--vs', ...head, '--exclude', 'lod')
    expect(near.err).toContain("--exclude 'lod' matches no")
  })

  test('compares one run with one, without a verdict', async () => {
    const { exitCode, out } = await diff(base[0]!, '--vs', head[0]!, '--fail-on', 'total>1%')
    expect(exitCode).toBe(0)
    expect(out).toMatch(/inconclusive {2}load/)
    expect(out.trimEnd()).toMatch(/Inconclusive: one run of a side proves nothing\.$/)
    const failing = ['--fail-on', 'total>1%', '--inconclusive=fail']
    expect((await diff(base[0]!, '--vs', head[0]!, ...failing)).exitCode).toBe(4)
  })
})

describe('wrong usage', () => {
  test('is a run on both sides', async () => {
    expect(await failure(...base, '--vs', base[0]!)).toMatchObject({ exitCode: 2 })
  })

  test.each([
    [['--fail-on', 'total']],
    [['--confidence', '20']],
    [['--allow-different', 'colour']],
    [['--rename', 'x']],
    [['--json', '--markdown']],
    [['--inconclusive', 'maybe']],
  ])('is %j', async (options) => {
    expect(await failure(...base, '--vs', ...head, ...options)).toMatchObject({
      code: expect.stringMatching(/^commander\./),
    })
  })

  test('is no head, no file, an empty folder, or an output of no known kind', async () => {
    expect(await failure(...base)).toMatchObject({ code: 'commander.missingMandatoryOptionValue' })
    expect(await failure(...base, '--vs', '/nowhere')).toMatchObject({ exitCode: 2 })
    mkdirSync(join(folder, 'empty'), { recursive: true })
    expect(await failure(...base, '--vs', join(folder, 'empty'))).toMatchObject({ exitCode: 2 })
    const output = ['-o', join(folder, 'd.png')]
    expect(await failure(...base, '--vs', ...head, ...output)).toMatchObject({ exitCode: 2 })
  })
})

describe('what cannot be compared ends with 4', () => {
  test('other rates, unless allowed', async () => {
    const fast = written('head-fast', { ...HEAD, meta: { rate: 1000 } })
    expect(await failure(...base, '--vs', ...fast)).toMatchObject({
      exitCode: 4,
      code: 'not-comparable',
    })
    const { exitCode, out } = await diff(...base, '--vs', ...fast, '--allow-different', 'rate')
    expect(exitCode).toBe(0)
    expect(out).toContain('differs   rate: 100 Hz, 1000 Hz (allowed)')
  })

  test('no profile, and one of which nothing is left', async () => {
    const text = join(folder, 'text.pyprof')
    writeFileSync(text, '\u0000nothing')
    expect(await failure(...base, '--vs', text)).toMatchObject({ exitCode: 4 })
    expect(
      await failure(...base, '--vs', ...head, '--include', 'load', '--exclude', 'main'),
    ).toMatchObject({ exitCode: 4 })
  })
})
