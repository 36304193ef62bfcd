import { describe, expect, test } from 'vitest'
import {
  type RawRecordOptions,
  type RecordOptions,
  recordOptions,
} from '../../../src/commands/record/options.ts'
import { PyprofError } from '../../../src/errors.ts'
import { formatNamed } from '../../../src/formats/index.ts'

const BASE: RawRecordOptions = { rate: 1, read: 'auto', maxOverhead: 0.005 }
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

  test('and --json do not share stdout', () => {
    const raw = { ...ATTACH, output: ['-'], format: format('collapsed'), json: true }
    expect(refusal(raw, undefined, [])).toContain('--json and -o - both write to stdout.')
  })
})

test('what is absent is off, and no duration is no limit', () => {
  expect(recordOptions(ATTACH, undefined, [])).toMatchObject({
    duration: 0,
    rate: 100,
    threads: false,
    functions: false,
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
