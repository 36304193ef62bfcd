import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { turns } from '../../../src/commands/bench.ts'
import { pyprof, summaryOf } from '../../support/cli.ts'
import { python } from '../../support/pythons.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** Python source that works for so many seconds of CPU time. */
const work = (seconds: number) =>
  `import time\nwhile time.process_time() < ${seconds}: sum(range(1000))`

describe('record --runs', () => {
  it('makes a set of recordings that tell their machine and their source', async () => {
    const folder = join(temporaryFolder(), 'set')
    const { status, out, err } = await pyprof([
      ...['record', '--runs', '2', '--json', '-r', '500', '-o', folder, '--'],
      ...[python('3.14'), '-c', work(0.2)],
    ])
    expect(status).toBe(0)
    expect(err).toMatch(/^run 1 of 2: .*run-001\.pyprof\nrun 2 of 2: .*run-002\.pyprof\n$/)
    expect(readdirSync(folder).sort()).toEqual(['run-001.pyprof', 'run-002.pyprof'])
    const runs = JSON.parse(out).runs as readonly { status: number; summary: object }[]
    expect(runs).toHaveLength(2)
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
      ...[python('3.14'), '-c', `${work(0.2)}\nraise SystemExit(9)`],
    ])
    expect(status).toBe(9)
    expect(err).toContain('ended with 9, so no more runs follow')
    expect(readdirSync(folder)).toEqual(['run-001.pyprof'])
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
  it('lets each side be first as often', () => {
    expect(turns(4).join(' ')).toBe('base head head base base head head base')
  })

  it('runs both sides by turns, compares them, and fails on what is proven', async () => {
    const folder = join(temporaryFolder(), 'runs')
    const side = (seconds: number) => `'${python('3.14')}' -c '${work(seconds)}'`
    const { status, out, err } = await pyprof([
      ...['bench', side(0.1), side(0.6), '--runs', '4', '-r', '500', '-o', folder],
      ...['--fail-on', 'total>20%', '--json'],
    ])
    expect(err).toContain('base 4 of 4: ')
    expect(readdirSync(join(folder, 'base'))).toHaveLength(4)
    expect(readdirSync(join(folder, 'head'))).toHaveLength(4)
    expect(JSON.parse(out).outcome).toBe('regression')
    expect(status).toBe(1)
  })

  it('ends with the status of a side that fails', async () => {
    const folder = join(temporaryFolder(), 'runs')
    mkdirSync(folder)
    const { status } = await pyprof(['bench', 'exit 3', 'true', '-o', folder])
    expect(status).toBe(3)
    expect(existsSync(join(folder, 'head'))).toBe(true)
  })
})
