import { describe, expect, test } from 'vitest'
import { type CompareOptions, compare } from '../../../src/diff/compare.ts'
import type { ChangedRow, DiffResult } from '../../../src/diff/result.ts'
import { isFinding } from '../../../src/diff/result.ts'
import type { RunInput } from '../../../src/diff/run.ts'
import { type MadeRun, madeRuns, optionsOf, SAMPLE, setsOf } from '../../support/made-runs.ts'

const APP: MadeRun = {
  counts: {
    'main;load:12': 300,
    'main;parse:30;decode:5': 200,
    'main;parse:31': 100,
    'main;wait': 400,
  },
}
const SLOWER: MadeRun = { ...APP, counts: { ...APP.counts, 'main;load:12': 360 } }

function compared(base: RunInput[], head: RunInput[], options: CompareOptions = optionsOf()) {
  return compare(setsOf(base, head), options).result
}

function row(result: DiffResult, name: string, time: 'self' | 'total' = 'self'): ChangedRow {
  return result.functions.rows.find((each) => each.place.qualname === name && each.time === time)!
}

function findings(rows: readonly ChangedRow[]): string[] {
  return rows.filter(isFinding).map(({ place, time, kind }) => `${place.qualname} ${time} ${kind}`)
}

describe('two sets of runs', () => {
  const result = compared(madeRuns('base', APP, 6), madeRuns('head', SLOWER, 6))

  test('show what grew, by function, line and path, and nothing else', () => {
    expect(findings(result.functions.rows).sort()).toEqual(['load self grew', 'main total grew'])
    expect(findings(result.lines.rows)).toEqual(['load self grew'])
    expect(result.lines.rows.find(isFinding)!.place).toMatchObject({
      file: '/srv/app.py',
      line: 12,
    })
    const path = result.paths.rows.find((each) => isFinding(each) && each.time === 'self')!
    expect(path.path!.map(({ qualname }) => qualname)).toEqual(['main', 'load'])
    const load = row(result, 'load')
    expect(load.change).toBeCloseTo(0.2, 1)
    expect(load.low).toBeLessThan(0.2)
    expect(load.high).toBeGreaterThan(0.2)
    expect(load.base / SAMPLE).toBeGreaterThan(290)
    expect(load.effect).toBeCloseTo(0.06, 2)
    expect(load.seen).toEqual({ base: 6, head: 6 })
  })

  test('show the total by the clock, and what they could have seen', () => {
    expect(result.total).toMatchObject({ of: 'elapsed', kind: 'grew' })
    expect(result.total!.change).toBeCloseTo(0.06, 2)
    expect(result.total!.detectable).toBeGreaterThan(0.001)
    expect(result.total!.detectable).toBeLessThan(0.05)
    expect(row(result, 'wait').detectable).toBeLessThan(row(result, 'decode').detectable! * 10)
    expect(result.basis).toMatchObject({ kind: 'time', perIteration: false })
    expect(result.isJudged).toBe(true)
    expect(result.careful).toEqual([])
  })

  test('of the same program show nothing', () => {
    const same = compared(madeRuns('base', APP, 6), madeRuns('head', APP, 6))
    expect(findings([...same.functions.rows, ...same.lines.rows, ...same.paths.rows])).toEqual([])
    expect(same.total!.kind).not.toBe('grew')
  })

  test('do not test what is too small', () => {
    const counts = { ...APP.counts, 'main;rare': 2 }
    const rare = { ...APP, counts: { ...counts, 'main;rare': 4 } }
    const small = compared(madeRuns('base', { ...APP, counts }, 5), madeRuns('head', rare, 5))
    expect(row(small, 'rare')).toBeUndefined()
    expect(small.functions.leftOut).toBe(1)
  })

  test('tell of smaller changes than matter that they do not', () => {
    const counts = { ...APP.counts, 'main;load:12': 303 }
    const head = madeRuns('head', { ...APP, counts }, 8, 0.0005)
    const tiny = compared(madeRuns('base', APP, 8, 0.0005), head)
    expect(row(tiny, 'load').kind).toBe('same')
  })
})

describe('functions on one side only', () => {
  const counts = { 'main;load:12': 300, 'main;parse:31': 300, 'main;fetch': 100, 'main;wait': 400 }
  const result = compared(madeRuns('base', APP, 5), madeRuns('head', { counts }, 5))

  test('are new or vanished, and never grew without end', () => {
    expect(row(result, 'fetch')).toMatchObject({ kind: 'new', change: null, low: null, high: null })
    expect(row(result, 'decode')).toMatchObject({ kind: 'vanished', change: null })
    expect(row(result, 'fetch').effect).toBeCloseTo(0.1, 2)
  })

  test('are neither when they were seen too seldom', () => {
    const seldom = madeRuns('head', APP, 5)
    const once = madeRuns('head', { counts: { ...APP.counts, 'main;odd': 200 } }, 1)[0]!
    const odd = compared(madeRuns('base', APP, 5), [...seldom.slice(1), once])
    expect(row(odd, 'odd').kind).toBe('unclear')
  })
})

describe('what moved', () => {
  const at = (folder: string, lines: number, counts = APP.counts): MadeRun => ({
    counts,
    files: Object.fromEntries(
      ['main', 'load', 'parse', 'decode', 'wait'].map((name) => [
        name,
        `${folder}/shop/${name}.py`,
      ]),
    ),
    firstLines: { load: 12 - lines, parse: 30 - lines, decode: 1 },
  })

  test('is the same function in another checkout, and further down', () => {
    const shifted = Object.fromEntries(
      Object.entries(APP.counts).map(([stack, count]) => [
        stack.replace(/(load|parse):(\d+)/g, (_, name, line) => `${name}:${Number(line) + 50}`),
        count,
      ]),
    )
    const base = at('/tmp/base', 2)
    const head = { ...at('/tmp/head', 2, shifted), firstLines: { load: 60, parse: 78, decode: 1 } }
    const result = compared(madeRuns('base', base, 5), madeRuns('head', head, 5))
    expect(findings(result.functions.rows)).toEqual([])
    expect(findings(result.lines.rows)).toEqual([])
    expect(result.lines.rows.find(({ place }) => place.qualname === 'load')!.place).toMatchObject({
      file: '/tmp/head/shop/load.py',
      line: 62,
    })
    expect(row(result, 'load').seen).toEqual({ base: 5, head: 5 })
  })

  test('is the same function in another file, where there is just one of that name', () => {
    const base = at('/srv', 2)
    const head = { ...base, files: { ...base.files, load: '/srv/io/reading.py' } }
    const result = compared(madeRuns('base', base, 5), madeRuns('head', head, 5))
    expect(findings(result.functions.rows)).toEqual([])
    expect(row(result, 'load').place).toMatchObject({
      file: '/srv/io/reading.py',
      oldFile: '/srv/shop/load.py',
    })
  })

  test('is the same under another name when told so', () => {
    const counts = Object.fromEntries(
      Object.entries(APP.counts).map(([stack, count]) => [stack.replace('load', 'fetch'), count]),
    )
    const sides = [madeRuns('base', APP, 5), madeRuns('head', { counts }, 5)] as const
    expect(findings(compared(...sides).functions.rows).sort()).toEqual([
      'fetch self new',
      'load self vanished',
    ])
    const renames = [{ from: 'load', to: 'fetch' }]
    const told = compared(...sides, optionsOf([], { renames }))
    expect(findings(told.functions.rows)).toEqual([])
  })
})

describe('runs that did not do the same work', () => {
  const meta = { endReason: 'duration' } as const
  const base = madeRuns('base', { ...APP, meta }, 5)
  const counts = { ...SLOWER.counts, 'main;wait': 340 }
  const head = madeRuns('head', { counts, meta }, 5)

  test('are compared by share, which is said', () => {
    const result = compared(base, head)
    expect(result.basis.kind).toBe('share')
    expect(result.basis.reason).toMatch(
      /^base-1.pyprof lasted as long as was asked for.*only shares/,
    )
    expect(result.total).toBeNull()
    expect(row(result, 'load').base).toBeCloseTo(0.3, 1)
    expect(findings(result.functions.rows)).toContain('load self grew')
  })

  test('have no total to judge', () => {
    expect(() => compared(base, head, optionsOf(['total>5%']))).toThrow(
      expect.objectContaining({ code: 'not-comparable', exitCode: 4 }),
    )
    expect(compared(base, head, optionsOf(['self:load>5%'])).outcome).toBe('regression')
  })

  test('are compared by time when the user knows better, or iterations were counted', () => {
    expect(compared(base, head, optionsOf([], { isSameWork: true })).basis.kind).toBe('time')
    const counted = (runs: RunInput[], iterations: number) =>
      runs.map((run) => ({
        ...run,
        profile: { ...run.profile, meta: { ...run.profile.meta, iterations } },
      }))
    // Head did twice the iterations in the same time.
    const result = compared(counted(base, 10), counted(base, 20), optionsOf(['total>5%']))
    expect(result.basis).toMatchObject({ kind: 'time', perIteration: true })
    expect(result.total!.change).toBeCloseTo(-0.5, 6)
    expect(row(result, 'load').change).toBeCloseTo(-0.5, 1)
    expect(result.outcome).toBe('pass')
  })
})

test('runs whose marks tell of other work are compared by share, whatever their end', () => {
  const marked = (name: string, counts: Readonly<Record<string, number>>) => {
    const marks = Object.entries(counts).map(([mark, count]) => ({
      ...{ name: mark, count },
      ...{ first: 0, last: 0 },
    }))
    const meta = { endReason: 'exited', control: { pausedTime: 0, pauses: 0, marks } } as const
    return madeRuns(name, { ...APP, meta }, 3)
  }
  const base = marked('base', { load: 10, save: 20 })
  const same = compared(base, marked('head', { save: 20, load: 10 }))
  expect(same.basis).toMatchObject({ kind: 'time', perIteration: false })
  const other = marked('head', { load: 10, save: 21 })
  expect(compared(base, other).basis).toMatchObject({
    kind: 'share',
    reason: expect.stringContaining('did not do the same work, by their marks'),
  })
  expect(() => compared(base, other, optionsOf(['total>5%']))).toThrow(
    expect.objectContaining({ code: 'not-comparable', exitCode: 4 }),
  )
  expect(compared(base, madeRuns('head', APP, 3)).basis.kind).toBe('share')
  const told = optionsOf([], { isSameWork: true })
  expect(compared(base, marked('head', { load: 1 }), told).basis.kind).toBe('time')
})

describe('one run a side', () => {
  const base = madeRuns('base', APP, 1)
  const head = madeRuns('head', SLOWER, 1)
  const result = compared(base, head, optionsOf(['total>1%', 'any>1%', 'self:load>1%']))

  test('is never judged', () => {
    expect(result.isJudged).toBe(false)
    expect(result.outcome).toBe('inconclusive')
    expect(result.gates.map(({ outcome }) => outcome)).toEqual([
      'inconclusive',
      'inconclusive',
      'inconclusive',
    ])
    expect(result.careful[0]).toContain('nothing here is a verdict')
    const rows = [...result.functions.rows, ...result.lines.rows, ...result.paths.rows]
    expect(rows.every(({ kind, probability }) => kind === 'unclear' && probability === null)).toBe(
      true,
    )
  })

  test('shows the differences with intervals from blocks of time', () => {
    const load = row(result, 'load')
    expect(load.change).toBeCloseTo(0.2, 1)
    expect(load.low).toBeLessThan(load.change!)
    expect(load.high).toBeGreaterThan(load.change!)
    expect(load.high! - load.low!).toBeGreaterThan(0.05)
    expect(load.high! - load.low!).toBeLessThan(1)
    expect(result.lines.rows.find(({ place }) => place.line === 12)!.low).not.toBeNull()
  })

  test('has no intervals where samples have no times', () => {
    const timeless = [base, head].map((side) => side.map((run) => ({ ...run, isTimed: false })))
    expect(row(compared(timeless[0]!, timeless[1]!), 'load').low).toBeNull()
    // Nor with one run against several.
    expect(row(compared(base, madeRuns('head', SLOWER, 3)), 'load').low).toBeNull()
    expect(compared(base, madeRuns('head', SLOWER, 3)).isJudged).toBe(false)
  })
})

test('gaps are taken to be like the rest of the run, which is said', () => {
  const head = madeRuns('head', APP, 4).map((run) => {
    // Half of the time was not sampled.
    const { profile } = run
    const { duration } = profile.meta
    const meta = { ...profile.meta, duration: 2 * duration }
    const accounting = { ...profile.accounting, gapTime: duration }
    return { ...run, profile: { ...profile, meta, accounting } }
  })
  const result = compared(madeRuns('base', APP, 4), head)
  expect(result.total!.change).toBeCloseTo(1, 1)
  expect(row(result, 'load').change).toBeCloseTo(1, 1)
  expect(result.paths.rows.find(({ place }) => place.qualname === 'load')!.change).toBeCloseTo(1, 1)
  expect(result.careful).toEqual([
    'head-1.pyprof and 3 more have gaps of more than 2 % of the time, for which the rest stands.',
  ])
})

describe('what cannot be compared', () => {
  test.each([
    ['mode', { mode: 'cpu' }],
    ['rate', { rate: 1000 }],
    ['reading', { read: 'exact' }],
    ['python', { pythonVersion: '3.13.5' }],
    ['machine', { machine: 'other' }],
    ['view', { tasks: { scope: 'running', loopSeen: true } }],
  ] as const)('is another %s, unless that is allowed', (what, meta) => {
    const usual = { machine: 'this' }
    const base = madeRuns('base', { ...APP, meta: usual }, 2)
    const head = madeRuns('head', { ...APP, meta: { ...usual, ...meta } }, 2)
    expect(() => compared(base, head)).toThrow(
      expect.objectContaining({
        code: 'not-comparable',
        exitCode: 4,
        hint: expect.stringContaining(`--allow-different ${what}`),
      }),
    )
    const result = compared(base, head, optionsOf([], { allowed: [what] }))
    expect(result.differences.map((each) => each.what)).toEqual([what])
    // Within one side it is no better.
    expect(() => compared([base[0]!, head[0]!], [base[1]!, head[1]!])).toThrow()
  })

  test('of another reading is told how to record all alike', () => {
    const head = madeRuns('head', { ...APP, meta: { read: 'exact' } }, 2)
    expect(() => compared(madeRuns('base', APP, 2), head)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('alike, with --read live') }),
    )
  })

  test('is not another patch release, nor what is not known', () => {
    const base = madeRuns('base', { ...APP, meta: { pythonVersion: '3.14.1', machine: '' } }, 2)
    const head = madeRuns('head', { ...APP, meta: { pythonVersion: '3.14.9', machine: 'x' } }, 2)
    const result = compared(base, head)
    expect(result.unknown).toEqual(['machine'])
    expect(result.careful).toEqual(['Some files do not tell their kind of machine: it may differ.'])
  })
})

test('runs that did not take turns are told of', () => {
  const late = madeRuns('head', { ...APP, meta: { startedAt: 1_800_000_000_000 } }, 3)
  expect(compared(madeRuns('base', APP, 3), late).careful[0]).toContain('Let the sides take turns')
})

describe('gates', () => {
  const base = madeRuns('base', APP, 8)
  const head = madeRuns('head', SLOWER, 8)
  const outcomes = (gates: string[]) => {
    const result = compared(base, head, optionsOf(gates))
    return [result.outcome, ...result.gates.map(({ outcome }) => outcome)]
  }

  test('fail on what is proven, pass what is disproved, and leave open what is neither', () => {
    expect(outcomes(['total>3%'])).toEqual(['regression', 'regression'])
    expect(outcomes(['total>12%'])).toEqual(['pass', 'pass'])
    expect(outcomes(['self:load>10%', 'self:wait>10%'])).toEqual([
      'regression',
      'regression',
      'pass',
    ])
    expect(outcomes(['self:load>20%'])).toEqual(['inconclusive', 'inconclusive'])
    expect(outcomes(['any>10%'])).toEqual(['regression', 'regression'])
    expect(outcomes(['any>40%'])).toEqual(['pass', 'pass'])
    expect(outcomes(['total:main>3%'])).toEqual(['regression', 'regression'])
    expect(outcomes(['total:load>10%'])).toEqual(['regression', 'regression'])
    expect(outcomes(['self:main>3%'])).toEqual(['inconclusive', 'inconclusive'])
  })

  test('name functions by module and qualified name, with wildcards', () => {
    expect(outcomes(['self:srv.app.load>10%'])[0]).toBe('regression')
    expect(outcomes(['self:app.l*d>10%'])[0]).toBe('regression')
    expect(outcomes(['self:file:app.py>50%'])[0]).toBe('pass')
  })

  test('on a function that nobody has seen are open, with names near to it', () => {
    const [result] = compared(base, head, optionsOf(['self:app.laod>10%'])).gates
    expect(result!.outcome).toBe('inconclusive')
    expect(result!.reason).toBe('No run shows time in such a function. Near to it: load.')
  })

  test('that are open say what so many runs can prove', () => {
    const [total, load] = compared(base, head, optionsOf(['total>6%', 'self:load>20%'])).gates
    for (const gate of [total!, load!]) {
      expect(gate.outcome).toBe('inconclusive')
      const growth = Number(
        /4 times in 5 when the true growth is \+([\d.]+) %/.exec(gate.reason)![1],
      )
      expect(growth).toBeGreaterThan(gate === total ? 6 : 20)
      expect(growth).toBeLessThan(gate === total ? 9 : 26)
    }
  })

  test('say what was proven', () => {
    const [gate] = compared(base, head, optionsOf(['any>10%'])).gates
    expect(gate!.proven.map(({ place }) => place.qualname)).toEqual(['load'])
    expect(gate!.reason).toMatch(/^1 of \d functions grew by more than the limit.$/)
  })

  test.each([
    'total',
    'total>',
    'total>5',
    'self>5%',
    'any<5%',
    'total>-5%',
    'self:>5%',
    'wall:x>5%',
  ])('do not understand %s', (text) => {
    expect(() => optionsOf([text])).toThrow(/Expected what may grow/)
  })
})
