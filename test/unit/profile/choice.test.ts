import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Choice, chosen } from '../../../src/profile/choice.ts'
import { framePattern, threadPattern } from '../../../src/profile/pattern.ts'
import { GRANULARITIES, NO_STACK, type Profile, QUALITY } from '../../../src/profile/profile.ts'
import { weightTotals } from '../../../src/profile/views.ts'
import { asciiProfile, type DraftSample, MS, profileOf } from '../../support/ascii-profile.ts'

const ALL: Choice = {
  threads: [],
  include: [],
  exclude: [],
  stdlib: true,
  granularity: 'lines',
}
const frames = (...texts: string[]) => texts.map(framePattern)
const threads = (...texts: string[]) => texts.map(threadPattern)

/** The stacks of all samples, root first, with their weights in ms. */
function drawn(profile: Profile): string[] {
  const { strings, functions, stacks, samples } = profile
  return Array.from({ length: samples.length }, (_, row) => {
    const names: string[] = []
    for (let at = samples.stack[row]!; at !== NO_STACK; at = stacks.parent[at]!) {
      const fn = profile.frames.function[stacks.frame[at]!]!
      const line = profile.frames.line[stacks.frame[at]!]!
      names.unshift(`${strings[functions.qualname[fn]!]}:${line}`)
    }
    return `${names.join(' ')} ${samples.weight[row]! / MS}`.trim()
  })
}

const FILES = {
  wsgi: '/v/lib/python3.14/site-packages/gunicorn/wsgi.py',
  sync: '/v/lib/python3.14/site-packages/gunicorn/sync.py',
  loads: '/usr/lib/python3.14/json/decoder.py',
  scan: '/usr/lib/python3.14/json/scanner.py',
  boot: '/usr/lib/python3.14/threading.py',
  wait: '/usr/lib/python3.14/threading.py',
  find: '<frozen importlib._bootstrap>',
  '<truncated>': '',
}

const profile = asciiProfile(
  `
  wsgi   wsgi    boot  boot    <truncated>  -  -
  sync   sync    wait  work:7  serve:5
  serve  serve         find    find
  loads  render        scan
  scan
  `,
  {
    thread: [0, 0, 1, 1, 0, 2, 0],
    weight: [1, 2, 4, 8, 16, 32, 64].map((ms) => ms * MS),
    quality: ['exact', 'exact', 'exact', 'exact', ['partial', 'truncated'], 'exact', 'missed'],
    threads: [{}, { name: 'pool-1' }, { name: 'native' }],
    files: FILES,
    firstLines: { serve: 3, work: 6 },
  },
)
const TOTAL = 127 * MS

describe('without any choice', () => {
  it('is the profile itself', () => {
    expect(chosen(profile, ALL)).toEqual({ profile, unmatched: [] })
    expect(chosen(profile, ALL).profile).toBe(profile)
  })
})

describe('threads', () => {
  it('are kept by name, pattern or tid, and all others leave no trace', () => {
    const { profile: view } = chosen(profile, { ...ALL, threads: threads('pool-*', '102') })
    expect(drawn(view)).toEqual(['boot:1 wait:1 4', 'boot:1 work:7 find:1 scan:1 8', '32'])
    expect(view.threads.map(({ name }) => name)).toEqual(['pool-1', 'native'])
    expect(view.samples.thread).toEqual(Int32Array.of(0, 0, 1))
    expect(view.strings).not.toContain('serve')
    expect(view.meta.view?.steps).toEqual([
      {
        option: '--thread',
        patterns: ['pool-*', '102'],
        effect: 'removed',
        samples: 4,
        weight: 83 * MS,
        missed: 0,
      },
    ])
  })
})

describe('include', () => {
  it('keeps the samples that have a matching frame anywhere, with their whole stacks', () => {
    const { profile: view } = chosen(profile, { ...ALL, include: frames('serve') })
    expect(drawn(view)).toEqual([
      'wsgi:1 sync:1 serve:1 loads:1 scan:1 1',
      'wsgi:1 sync:1 serve:1 render:1 2',
      '<truncated>:0 serve:5 find:1 16',
    ])
    expect(view.strings).not.toContain('work')
    expect(view.meta.view?.steps).toMatchObject([
      { option: '--include', patterns: ['serve'], samples: 4, weight: 108 * MS, missed: 1 },
    ])
  })

  it('keeps what any of several patterns matches', () => {
    const { profile: view } = chosen(profile, { ...ALL, include: frames('render', 'wait') })
    expect(drawn(view)).toEqual(['wsgi:1 sync:1 serve:1 render:1 2', 'boot:1 wait:1 4'])
  })
})

describe('exclude', () => {
  it('leaves out the samples that have a matching frame anywhere', () => {
    const { profile: view } = chosen(profile, { ...ALL, exclude: frames('module:json', 'wait') })
    expect(drawn(view)).toEqual([
      'wsgi:1 sync:1 serve:1 render:1 2',
      '<truncated>:0 serve:5 find:1 16',
      '32',
      '64',
    ])
    expect(view.strings).not.toContain('scan')
    expect(view.strings).not.toContain('work')
    expect(view.meta.view?.steps).toMatchObject([{ samples: 3, weight: 13 * MS, missed: 0 }])
  })

  it('comes after include', () => {
    const choice = { ...ALL, include: frames('serve'), exclude: frames('render') }
    const { profile: view } = chosen(profile, choice)
    expect(weightTotals(view).total).toBe(17 * MS)
    expect(view.meta.view?.steps.map(({ option, weight }) => [option, weight])).toEqual([
      ['--include', 108 * MS],
      ['--exclude', 2 * MS],
    ])
  })
})

describe('no stdlib', () => {
  it('gives the time of the standard library to its callers, or names it where there are none', () => {
    const { profile: view } = chosen(profile, { ...ALL, stdlib: false })
    expect(drawn(view)).toEqual([
      'wsgi:1 sync:1 serve:1 1',
      'wsgi:1 sync:1 serve:1 render:1 2',
      '<standard library>:0 4',
      'work:7 8',
      '<truncated>:0 serve:5 16',
      '32',
      '64',
    ])
    expect(weightTotals(view)).toEqual(weightTotals(profile))
    expect(view.meta.view?.steps).toEqual([
      {
        option: '--no-stdlib',
        patterns: [],
        effect: 'folded',
        samples: 4,
        weight: 29 * MS,
        missed: 0,
      },
    ])
  })

  it('does not hide what it folds from the filters', () => {
    const { profile: view } = chosen(profile, { ...ALL, include: frames('json'), stdlib: false })
    expect(drawn(view)).toEqual(['wsgi:1 sync:1 serve:1 1', 'work:7 8'])
  })
})

describe('granularity', () => {
  it('merges the lines of a function into the line of its def', () => {
    const { profile: view } = chosen(profile, { ...ALL, granularity: 'functions' })
    expect(drawn(view).slice(3, 5)).toEqual([
      'boot:1 work:6 find:1 scan:1 8',
      '<truncated>:0 serve:3 find:1 16',
    ])
    expect(view.meta.view).toEqual({ granularity: 'functions', steps: [] })
  })

  it('merges modules, and calls inside of one', () => {
    const { profile: view } = chosen(profile, { ...ALL, granularity: 'modules' })
    expect(drawn(view)).toEqual([
      'gunicorn:0 app:0 json:0 1',
      'gunicorn:0 app:0 2',
      'threading:0 4',
      'threading:0 app:0 importlib:0 json:0 8',
      '<truncated>:0 app:0 importlib:0 16',
      '32',
      '64',
    ])
  })

  it('keeps recursion between modules, and programs files of one name apart', () => {
    const same = profileOf([
      { stack: ['a', 'b', 'a'].map((folder) => ({ name: 'f', file: `/srv/${folder}/views.py` })) },
    ])
    const { profile: view } = chosen(same, { ...ALL, granularity: 'modules' })
    expect(drawn(view)).toEqual(['views:0 views:0 views:0 10'])
    expect(view.functions.length).toBe(2)
  })

  it('goes on from what was merged before, and never back', () => {
    const functions = chosen(profile, { ...ALL, granularity: 'functions' }).profile
    expect(chosen(functions, ALL).profile).toBe(functions)
    const modules = chosen(functions, { ...ALL, granularity: 'modules' }).profile
    expect(drawn(modules)).toEqual(
      drawn(chosen(profile, { ...ALL, granularity: 'modules' }).profile),
    )
    expect(modules.meta.view?.granularity).toBe('modules')
  })
})

describe('a pattern that matches nothing', () => {
  it('is told, with the names near to it', () => {
    const choice = {
      ...ALL,
      include: frames('serv', 'function:rendr'),
      exclude: frames('module:jsn'),
    }
    expect(chosen(profile, choice).unmatched).toEqual([
      { option: '--include', pattern: 'serv', near: ['serve'] },
      { option: '--include', pattern: 'function:rendr', near: ['render'] },
      { option: '--exclude', pattern: 'module:jsn', near: ['json.decoder', 'json.scanner'] },
    ])
  })

  it('is told with the threads that there are', () => {
    const { profile: view, unmatched } = chosen(profile, { ...ALL, threads: threads('pool') })
    expect(view.samples.length).toBe(0)
    expect(unmatched).toEqual([
      { option: '--thread', pattern: 'pool', near: ['MainThread', 'pool-1', 'native'] },
    ])
  })

  it('is not one that matches only what another filter has removed', () => {
    const choice = { ...ALL, threads: threads('pool-1'), include: frames('serve') }
    expect(chosen(profile, choice).unmatched).toEqual([])
  })
})

describe('for any profile and choice', () => {
  const file = fc.constantFrom('/srv/a.py', '/usr/lib/python3.14/json/x.py', '<frozen io>', '')
  const frame = fc.record({ name: fc.constantFrom('f', 'g', 'h'), file, line: fc.nat(2) })
  const sample: fc.Arbitrary<DraftSample> = fc.record({
    thread: fc.nat(2),
    stack: fc.array(frame, { maxLength: 5 }),
    weight: fc.nat(1000),
    quality: fc.constantFrom(...QUALITY),
  })
  const pattern = fc
    .constantFrom('f', 'function:g', 'module:json', 'file:a.py', '/./')
    .map(framePattern)
  const choice: fc.Arbitrary<Choice> = fc.record({
    threads: fc.array(fc.constantFrom('MainThread', 'Thread-*').map(threadPattern), {
      maxLength: 1,
    }),
    include: fc.array(pattern, { maxLength: 2 }),
    exclude: fc.array(pattern, { maxLength: 1 }),
    stdlib: fc.boolean(),
    granularity: fc.constantFrom(...GRANULARITIES),
  })

  it('what is left and what was removed is what was there', () => {
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 20 }), choice, (drafts, asked) => {
        const whole = profileOf(drafts)
        const { profile: view } = chosen(whole, asked)
        const steps = view.meta.view?.steps.filter(({ effect }) => effect === 'removed') ?? []
        const removed = steps.reduce((sum, step) => sum + step.weight, 0)
        expect(weightTotals(view).total + removed).toBe(weightTotals(whole).total)
        const count = steps.reduce((sum, step) => sum + step.samples, 0)
        expect(view.samples.length + count).toBe(whole.samples.length)
        const frameless = (each: Profile) => weightTotals(each).empty + weightTotals(each).missed
        const { stdlib, granularity } = asked
        const filtered = chosen(whole, { ...asked, stdlib: true, granularity: 'lines' }).profile
        // Folding and merging take the frames of no sample away altogether.
        if (!stdlib || granularity !== 'lines') expect(frameless(view)).toBe(frameless(filtered))
      }),
    )
  })

  it('the tables hold only what is used, parents first', () => {
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 20 }), choice, (drafts, asked) => {
        fc.pre(asked.include.length > 0)
        const { stacks, frames, functions, samples } = chosen(profileOf(drafts), asked).profile
        const used = new Set<number>()
        for (const leaf of Array.from(samples.stack)) {
          for (let at = leaf; at !== NO_STACK; at = stacks.parent[at]!) {
            expect(stacks.parent[at]!).toBeLessThan(at)
            used.add(at)
          }
        }
        expect(used.size).toBe(stacks.length)
        expect(new Set(Array.from(stacks.frame)).size).toBe(frames.length)
        expect(new Set(Array.from(frames.function)).size).toBe(functions.length)
      }),
    )
  })
})

it('leaves the profile that it was made from as it is', () => {
  const before = structuredClone(profile)
  chosen(profile, { ...ALL, include: frames('serve'), stdlib: false, granularity: 'modules' })
  expect(profile).toEqual(before)
  expect(weightTotals(profile).total).toBe(TOTAL)
})
