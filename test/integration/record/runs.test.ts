import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DiffResult } from '../../../src/diff/result.ts'
import { pyprof, startPyprof, summaryOf } from '../../support/cli.ts'
import { CONTROL_ENV, controlIn } from '../../support/control.ts'
import { python } from '../../support/pythons.ts'
import { TARGETS } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** Python source that works for so many seconds of CPU time. */
const work = (seconds: number) =>
  `import time\nwhile time.process_time() < ${seconds}: sum(range(1000))`

/** A command that waits for so many seconds, on a busy machine too. */
const waiting = (seconds: number) => `'${python('3.14')}' -c 'import time; time.sleep(${seconds})'`

describe('record --runs', () => {
  it('makes a set of recordings that tell their machine and their source', async () => {
    const folder = join(temporaryFolder(), 'set')
    const { status, out, err } = await pyprof([
      ...['record', '--runs', '2', '--json', '-r', '500', '-o', folder, '--'],
      ...[python('3.14'), '-c', work(0.5)],
    ])
    expect(status, err).toBe(0)
    expect(err).toMatch(/^run 1 of 2: .*run-001\.pyprof\nrun 2 of 2: .*run-002\.pyprof\n$/)
    expect(readdirSync(folder).sort()).toEqual(['run-001.pyprof', 'run-002.pyprof'])
    const runs = JSON.parse(out).runs as readonly { status: number; summary: object }[]
    expect(runs).toHaveLength(2)
    // What auto chooses may differ from run to run, and such runs cannot be compared.
    expect(runs.map(({ summary }) => summary)).toMatchObject([{ read: 'live' }, { read: 'live' }])
    const svg = join(folder, '..', 'out.svg')
    const converted = await pyprof(['convert', '--json', join(folder, 'run-002.pyprof'), '-o', svg])
    const { run } = summaryOf(converted) as unknown as { run: Record<string, unknown> }
    expect(run).toMatchObject({ isDirty: expect.any(Boolean), load: expect.any(Number) })
    expect(run.revision).toMatch(/^[0-9a-f]{40}$/)
    expect(run.kernel).not.toBe('')
  })

  it('ends with the first run that fails, and its status', async () => {
    const folder = join(temporaryFolder(), 'set')
    const { status, err } = await pyprof([
      ...['record', '--runs', '3', '-r', '500', '-o', folder, '--'],
      ...[python('3.14'), '-c', `${work(0.5)}\nraise SystemExit(9)`],
    ])
    expect(status).toBe(9)
    expect(err).toContain('failed/run-001.pyprof; ended with 9, so no more runs follow')
    expect(readdirSync(folder)).toEqual(['failed'])
  })

  it('keeps the runs before the one that fails, and that one; what the command prints is talk', async () => {
    const folder = join(temporaryFolder(), 'set')
    const program = [
      'import os, sys',
      work(0.5),
      'print("printed")',
      'open(sys.argv[1], "a").write("x")',
      'sys.exit(9 if os.path.getsize(sys.argv[1]) == 2 else 0)',
    ].join('\n')
    const { status, out, err } = await pyprof([
      ...['record', '--runs', '3', '--json', '-r', '500', '-o', folder, '--'],
      ...[python('3.14'), '-c', program, join(folder, '..', 'count')],
    ])
    expect(status).toBe(9)
    expect(readdirSync(folder).sort()).toEqual(['failed', 'run-001.pyprof'])
    const { runs } = JSON.parse(out) as { runs: readonly { status: number; summary: object }[] }
    const failed = join(folder, 'failed', 'run-002.pyprof')
    expect(existsSync(failed)).toBe(true)
    expect(runs[1]!.summary).toMatchObject({ outputs: [{ path: failed }] })
    expect(runs.map((run) => run.status)).toEqual([0, 9])
    expect(runs[1]!.summary).toMatchObject({ endReason: 'exited' })
    expect(err.match(/^printed$/gm)).toHaveLength(2)
    expect(err).toMatch(/^run 2 of 3: .*; ended with 9, so no more runs follow$/m)
  })

  it('ends when it is told to end, with what it has', async () => {
    const folder = join(temporaryFolder(), 'set')
    const program = startPyprof([
      ...['record', '--runs', '3', '-r', '500', '-o', folder, '--'],
      ...[python('3.14'), '-c', 'print("ready", flush=True)\nwhile True: sum(range(1000))'],
    ])
    await program.prints('ready')
    await program.samples()
    program.signal('SIGTERM')
    const { status, err } = await program.ended
    expect(status).toBe(128 + constants.signals.SIGTERM)
    expect(err).toContain('ended with 143, so no more runs follow')
    expect(readdirSync(join(folder, 'failed'))).toEqual(['run-001.pyprof'])
  })

  it.each([
    [['--pid', '1'], '--runs needs a command.'],
    [['--', 'true'], '--runs needs one folder as its output.'],
  ])('refuses %j', async (rest, what) => {
    const { status, err } = await pyprof(['record', '--runs', '2', ...rest])
    expect(status).toBe(2)
    expect(err).toContain(what)
  })

  it('refuses a folder that holds something', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'run-009.pyprof'), '')
    const { status, err } = await pyprof(['record', '--runs', '2', '-o', folder, '--', 'true'])
    expect(status).toBe(2)
    expect(err).toContain('is not empty')
  })
})

describe('bench', () => {
  it('runs both sides by turns, compares them, and fails on what is proven', async () => {
    const folder = join(temporaryFolder(), 'runs')
    const { status, out, err } = await pyprof([
      ...['bench', waiting(0.15), waiting(0.9), '--runs', '4', '-r', '500', '-o', folder],
      ...['--fail-on', 'total>20%', '--json'],
    ])
    // Which of a pair comes first is drawn by lot.
    const order = err.match(/^(?:base|head) \d/gm)!
    expect(order).toHaveLength(8)
    for (const pair of [1, 2, 3, 4]) {
      expect(order.slice(2 * pair - 2, 2 * pair).sort()).toEqual([`base ${pair}`, `head ${pair}`])
    }
    expect(readdirSync(join(folder, 'base'))).toHaveLength(4)
    expect(readdirSync(join(folder, 'head'))).toHaveLength(4)
    const { outcome, pairing, runs } = JSON.parse(out) as DiffResult
    expect(outcome).toBe('regression')
    expect(status).toBe(1)
    // Four pairs are too few to be compared in pairs; but each run tells its own.
    expect(pairing.kind).toBe('sides')
    const numbers = [...runs.base, ...runs.head].map(({ pair }) => pair!.number)
    expect(numbers).toEqual([1, 2, 3, 4, 1, 2, 3, 4])
    expect(new Set([...runs.base, ...runs.head].map(({ pair }) => pair!.bench)).size).toBe(1)
  })

  it('compares in pairs, with the failed and the missing ones told of', async () => {
    const folder = join(temporaryFolder(), 'runs')
    const made = await pyprof([
      ...['bench', waiting(0.15), waiting(0.9), '--runs', '6', '-r', '500', '-o', folder],
      ...['--fail-on', 'total>20%'],
    ])
    expect(made.status, made.err).toBe(1)
    const text = made.out.replaceAll(/\s+/g, ' ')
    expect(text).toContain('Runs are compared in 6 pairs that were made by turns')
    expect(text).toContain('intervals between pairs of runs')

    const sides = [join(folder, 'base'), '--vs', join(folder, 'head')]
    rmSync(join(folder, 'head', 'run-004.pyprof'))
    const junit = join(folder, 'junit.xml')
    const gate = ['--fail-on', 'total>20%']
    const later = await pyprof(['diff', ...sides, ...gate, '--markdown', '-o', junit])
    expect(later.status, later.err).toBe(1)
    expect(later.out).toContain('in 5 pairs')
    expect(later.out).toContain('run-004.pyprof has no partner')
    expect(readFileSync(junit, 'utf8')).toContain('in 5 pairs')
    const annotated = await pyprof(['diff', ...sides, '--github'])
    expect(annotated.out).toMatch(/^::notice title=pyprof%3A total::.*in 5 pairs/m)

    rmSync(join(folder, 'head', 'run-001.pyprof'))
    const few = await pyprof(['diff', ...sides, '--json'])
    expect(JSON.parse(few.out)).toMatchObject({ pairing: { kind: 'sides', leftOut: [] } })
    expect(JSON.parse(few.out).runs.base).toHaveLength(6)
  })

  it('lets its commands control what is sampled, and compares by iteration', async () => {
    const folder = temporaryFolder()
    const side = (count: number) =>
      `'${python('3.14')}' '${join(TARGETS, 'record', 'iterations.py')}' ${count}`
    const { status, out, err } = await pyprof(
      [
        ...['bench', side(10), side(30), '--runs', '2', '-r', '500', '-o', join(folder, 'runs')],
        ...[...controlIn(folder), '--json'],
      ],
      { env: CONTROL_ENV },
    )
    expect(status, err).toBe(0)
    // What benchmarks print is not in the way of the result.
    const { runs, basis } = JSON.parse(out) as DiffResult
    expect(err.match(/^as chatty as benchmarks are$/gm)).toHaveLength(4)
    expect(basis).toMatchObject({ kind: 'time', perIteration: true })
    const iterations = [...runs.base, ...runs.head].map((run) => run.iterations)
    expect(iterations).toEqual([10, 10, 30, 30])
    expect(existsSync(join(folder, 'ctl'))).toBe(false)
  })

  it('refuses --control-start without --control', async () => {
    const folder = join(temporaryFolder(), 'runs')
    const start = ['--control-start', 'disabled']
    const { status, err } = await pyprof(['bench', 'true', 'true', ...start, '-o', folder])
    expect(status).toBe(2)
    expect(err).toContain('--control-start is given without --control.')
    expect(existsSync(folder)).toBe(false)
  })

  it('ends with the status of a side that fails', async () => {
    const folder = join(temporaryFolder(), 'runs')
    mkdirSync(folder)
    const { status } = await pyprof(['bench', 'exit 3', 'exit 3', '-o', folder])
    expect(status).toBe(3)
    expect(existsSync(join(folder, 'head'))).toBe(true)
  })
})
