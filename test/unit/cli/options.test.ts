import { describe, expect, test } from 'vitest'
import {
  type RawRecordOptions,
  type RecordOptions,
  recordOptions,
} from '../../../src/commands/record/options.ts'
import { PyprofError } from '../../../src/errors.ts'
import { formatNamed } from '../../../src/formats/index.ts'

const BASE: RawRecordOptions = { rate: 1, read: 'auto', maxOverhead: 0.005, stdlib: true }
const ATTACH: RawRecordOptions = { ...BASE, pid: 42, rate: 100 }
const format = (name: string) => formatNamed(name)!
const outputs = (options: RecordOptions) =>
  options.outputs.map((output) => [output.path, output.format.name])

function refusal(...args: Parameters<typeof recordOptions>): string {
  try {
    recordOptions(...args)
  } catch (error) {
    if (!(error instanceof PyprofError)) throw error
    expect(error.exitCode).toBe(2)
    return `${error.what} ${error.why} ${error.hint}`
  }
  throw new Error('These options are taken.')
}

describe('the target', () => {
  test('is a process or a command', () => {
    expect(recordOptions(ATTACH, undefined, []).target).toEqual({ kind: 'attach', pid: 42 })
    const command = ['python3', 'app.py', '--pid', '7']
    expect(recordOptions(BASE, command, []).target).toEqual({ kind: 'launch', command })
  })

  test('is exactly one', () => {
    expect(refusal(BASE, undefined, [])).toContain('There is nothing to record.')
    expect(refusal(BASE, [], [])).toContain('There is no command behind --.')
    expect(refusal(BASE, [''], [])).toContain('There is no command behind --.')
    expect(refusal(ATTACH, ['python3'], [])).toContain('Both --pid and a command')
  })

  test('without its option or -- is understood well enough to say what to type', () => {
    expect(refusal(BASE, undefined, ['42'])).toContain('Run: pyprof record --pid 42')
    expect(refusal(BASE, undefined, ['python3', 'a.py'])).toContain(
      'Run: pyprof record -- python3 a.py',
    )
  })
})

describe('the mode', () => {
  const modeOf = (raw: Partial<RawRecordOptions>) =>
    recordOptions({ ...ATTACH, ...raw }, undefined, []).mode

  test('is wall, or what is asked for', () => {
    expect(modeOf({})).toBe('wall')
    expect(modeOf({ mode: 'cpu' })).toBe('cpu')
    expect(modeOf({ gil: true })).toBe('gil')
    expect(modeOf({ gil: true, mode: 'gil' })).toBe('gil')
  })

  test('is one', () => {
    expect(refusal({ ...ATTACH, gil: true, mode: 'cpu' }, undefined, [])).toContain(
      '--gil and --mode cpu are both given.',
    )
  })

  test('leaves idle threads and C boundaries unmarked unless asked to', () => {
    const plain = recordOptions(ATTACH, undefined, [])
    expect([plain.idle, plain.nativeMarkers]).toEqual([false, false])
    const raw = { ...ATTACH, idle: true, nativeMarkers: true }
    const marked = recordOptions(raw, undefined, [])
    expect([marked.idle, marked.nativeMarkers]).toEqual([true, true])
  })
})

test('tasks are the running ones unless all are asked for', () => {
  const tasksOf = (raw: Partial<RawRecordOptions>) =>
    recordOptions({ ...ATTACH, ...raw }, undefined, []).tasks
  expect(tasksOf({})).toBeUndefined()
  expect(tasksOf({ async: true })).toBe('running')
  expect(tasksOf({ async: 'running' })).toBe('running')
  expect(tasksOf({ async: 'all' })).toBe('all')
})

describe('the outputs', () => {
  test('by default are one new speedscope file named after the target', () => {
    const [output] = recordOptions(ATTACH, undefined, []).outputs
    expect(output?.path).toMatch(/^pyprof-42-\d{8}-\d{6}\.speedscope\.json$/)
    expect(output?.isDefault).toBe(true)
    const launched = recordOptions({ ...BASE, format: format('flamegraph') }, ['/bin/a b;c'], [])
    expect(launched.outputs[0]?.path).toMatch(/^pyprof-a_b_c-\d{8}-\d{6}\.svg$/)
  })

  test('have the formats of their suffixes', () => {
    const output = ['a.svg', 'b.speedscope.json', 'C.TXT', 'd.folded']
    expect(outputs(recordOptions({ ...ATTACH, output }, undefined, []))).toEqual([
      ['a.svg', 'flamegraph'],
      ['b.speedscope.json', 'speedscope'],
      ['C.TXT', 'collapsed'],
      ['d.folded', 'collapsed'],
    ])
  })

  test('take --format where there is no suffix to guess from', () => {
    const raw = { ...ATTACH, output: ['a.svg', '-', 'data'], format: format('collapsed') }
    expect(outputs(recordOptions(raw, undefined, []))).toEqual([
      ['a.svg', 'flamegraph'],
      ['-', 'collapsed'],
      ['data', 'collapsed'],
    ])
  })

  test('need --format where nothing says it', () => {
    expect(refusal({ ...ATTACH, output: ['-'] }, undefined, [])).toContain('stdout (-o -)')
    expect(refusal({ ...ATTACH, output: ['out.dat'] }, undefined, [])).toContain(
      'The format of out.dat is not known.',
    )
  })

  test('must not contradict --format', () => {
    const raw = { ...ATTACH, output: ['out.svg'], format: format('collapsed') }
    expect(refusal(raw, undefined, [])).toContain('--format collapsed does not fit out.svg.')
    const agreed = { ...raw, format: format('flamegraph') }
    expect(outputs(recordOptions(agreed, undefined, []))).toEqual([['out.svg', 'flamegraph']])
  })

  test('may have another suffix of their format, where it is named', () => {
    const output = ['a.json', 'b.txt', 'c.svg']
    const as = (name: string) =>
      outputs(recordOptions({ ...ATTACH, output, format: format(name) }, undefined, []))
    expect(as('json').map(([, name]) => name)).toEqual(['json', 'collapsed', 'flamegraph'])
    expect(as('table').map(([, name]) => name)).toEqual(['speedscope', 'table', 'flamegraph'])
  })

  test('take the options that one of them has', () => {
    const raw = { ...ATTACH, output: ['a.svg', 'b.md'], top: 5, shape: 'flame', inverted: true }
    const { format } = recordOptions({ ...raw, threads: true } as RawRecordOptions, undefined, [])
    expect(format).toEqual({ threads: true, top: 5, shape: 'flame', inverted: true })
  })

  test('refuse an option that none of them has', () => {
    const text = refusal({ ...ATTACH, output: ['a.svg', 'b.txt'], top: 5 }, undefined, [])
    expect(text).toBe(
      '--top says nothing about flamegraph or collapsed. ' +
        'It is an option of table, markdown and json. ' +
        'Leave it out, or add such an output: -o out.table',
    )
    expect(refusal({ ...ATTACH, style: 'tachyon' }, undefined, [])).toContain(
      '--style says nothing about speedscope. It is an option of collapsed.',
    )
  })

  test('and --json do not share stdout', () => {
    const raw = { ...ATTACH, output: ['-'], format: format('collapsed'), json: true }
    expect(refusal(raw, undefined, [])).toContain('--json and -o - both write to stdout.')
  })
})

test('what is absent is off, and no duration is no limit', () => {
  expect(recordOptions(ATTACH, undefined, [])).toMatchObject({
    duration: 0,
    rate: 100,
    format: { threads: false },
    choice: { threads: [], include: [], exclude: [], stdlib: true, granularity: 'lines' },
    json: false,
  })
})

describe('--rotate', () => {
  const rotate = { time: 5e9, size: Number.POSITIVE_INFINITY }
  const output = ['run.pyprof']

  test('is for one .pyprof file', () => {
    expect(recordOptions({ ...ATTACH, rotate, output }, undefined, []).rotation).toEqual({
      ...rotate,
      keep: Number.POSITIVE_INFINITY,
    })
    const kept = recordOptions({ ...ATTACH, rotate, keep: 3, output }, undefined, [])
    expect(kept.rotation?.keep).toBe(3)
    const byFormat = { ...ATTACH, rotate, format: format('pyprof') }
    expect(recordOptions(byFormat, undefined, []).rotation).toBeDefined()
    for (const outputs of [['a.svg'], ['a.pyprof', 'b.svg'], undefined]) {
      const raw = { ...ATTACH, rotate, ...(outputs ? { output: outputs } : {}) }
      expect(refusal(raw, undefined, [])).toContain('--rotate needs one .pyprof file')
    }
    const stdout = { ...ATTACH, rotate, output: ['-'], format: format('pyprof') }
    expect(refusal(stdout, undefined, [])).toContain('--rotate needs one .pyprof file')
  })

  test('is what --keep needs', () => {
    expect(refusal({ ...ATTACH, keep: 3, output }, undefined, [])).toContain(
      '--keep is given without --rotate.',
    )
    expect(recordOptions({ ...ATTACH, output }, undefined, []).rotation).toBeUndefined()
  })
})

describe('a recording as the only output', () => {
  const only = { ...ATTACH, output: ['run.pyprof'] }

  test.each([
    [{ mode: 'cpu' as const }, '--mode cpu says nothing'],
    [{ gil: true }, '--gil says nothing'],
    [{ idle: true, stdlib: false }, '--idle and --no-stdlib say nothing'],
    [{ functions: true }, '--functions says nothing'],
    [{ modules: true }, '--modules says nothing'],
  ])('takes no view: %j', (view, what) => {
    const text = refusal({ ...only, ...view }, undefined, [])
    expect(text).toContain(what)
    expect(text).toContain('pyprof convert FILE --')
  })

  test('goes together with another output that has one', () => {
    const both = { ...only, output: ['run.pyprof', 'out.svg'], mode: 'cpu' as const }
    expect(recordOptions(both, undefined, []).mode).toBe('cpu')
    expect(recordOptions({ ...only, lines: true, mode: 'wall' }, undefined, []).mode).toBe('wall')
  })
})
