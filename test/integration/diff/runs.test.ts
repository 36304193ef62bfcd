import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DiffResult } from '../../../src/diff/result.ts'
import { PYPROF, pyprof } from '../../support/cli.ts'
import { python } from '../../support/pythons.ts'

const WORK = join(import.meta.dirname, '..', '..', '..', 'bench', 'targets', 'shares.py')
const RUNS = 4

let folder: string

/** Real runs that take turns; head does three times the work in one function. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pyprof-diff-'))
  for (const side of ['base', 'head']) mkdirSync(join(folder, side))
  for (let run = 0; run < RUNS; run++) {
    recorded('base', run, [])
    recorded('head', run, ['ten', '200'])
  }
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function recorded(side: string, run: number, change: readonly string[]): void {
  const file = join(folder, side, `${run}.pyprof`)
  const options = ['-r', '500', '--read', 'live', '-o', file]
  const program = [python('3.14'), WORK, '600', ...change]
  execFileSync(process.execPath, [PYPROF, 'record', ...options, '--', ...program], {
    stdio: 'pipe',
  })
}

const sides = () => [join(folder, 'base'), '--vs', join(folder, 'head')]

describe('recorded runs', () => {
  test('tell which function does more work, in its share of the whole', async () => {
    // By CPU time: whatever else this machine does meanwhile is no change of the program.
    const { status, out, err } = await pyprof(['diff', ...sides(), '--mode', 'cpu', '--json'])
    expect(status, err).toBe(0)
    const result = JSON.parse(out) as DiffResult
    expect(result.basis.kind).toBe('time')
    expect(result.unknown).toEqual([])
    expect(result.runs.base.every(({ machine }) => /^\d+ × ./.test(machine))).toBe(true)
    const grown = result.functions.rows.filter(
      ({ time, kind, base }) => time === 'self' && kind === 'grew' && base > 0,
    )
    expect(grown[0]!.place.qualname).toBe('ten')
    // Three times the work, with room for what a busy machine does to few runs.
    expect(grown[0]!.change!).toBeGreaterThan(1)
    expect(grown[0]!.change!).toBeLessThan(4)
  })

  test('fail a gate that is exceeded by far, and none that is not', async () => {
    const cpu = ['--mode', 'cpu']
    const failed = await pyprof(['diff', ...sides(), ...cpu, '--fail-on', 'self:shares.ten>20%'])
    expect(failed.status, failed.out).toBe(1)
    const passed = await pyprof(['diff', ...sides(), ...cpu, '--fail-on', 'self:shares.ten>900%'])
    expect(passed.status, passed.out).toBe(0)
  })

  test('give JUnit XML that another parser reads, with a case for each gate', async () => {
    const junit = join(folder, 'junit.xml')
    const gates = ['--fail-on', 'self:ten>20%', '--fail-on', 'self:<&\'nobody">>5%']
    const { err } = await pyprof(['diff', ...sides(), '--mode', 'cpu', ...gates, '-o', junit])
    expect(err).toBe('')
    const read = [
      'import json, sys, xml.etree.ElementTree as tree',
      'suite = tree.parse(sys.argv[1]).getroot()[0]',
      'cases = [[case.get("name")] + [element.tag for element in case] for case in suite]',
      'print(json.dumps([suite.get("tests"), suite.get("failures"), suite.get("skipped"), cases]))',
    ].join('\n')
    const printed = execFileSync(python('3.14'), ['-c', read, junit], { encoding: 'utf8' })
    expect(JSON.parse(printed)).toEqual([
      ...['2', '1', '1'],
      [
        ['self:ten>20%', 'failure'],
        ['self:<&\'nobody">>5%', 'skipped'],
      ],
    ])
  })

  test('of one program differ in reading when they do, and that is refused', async () => {
    const other = join(folder, 'stopped.pyprof')
    const recording = await pyprof([
      ...['record', '-r', '100', '--read', 'stop', '-o', other, '--', python('3.14'), WORK, '200'],
    ])
    expect(recording.status, recording.err).toBe(0)
    const { status, err } = await pyprof(['diff', join(folder, 'base'), '--vs', other])
    expect(status).toBe(4)
    expect(err).toContain('--allow-different rate --allow-different reading')
  })
})
