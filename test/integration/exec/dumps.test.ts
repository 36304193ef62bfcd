import { existsSync, rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { EXEC_MINORS, exec, refused, startExec } from '../../support/exec.ts'

const FILE = /targets\/exec\.py$/

describe.each(EXEC_MINORS)('Python %s', (minor) => {
  it('symbols: functions, nested ones and running ones, with their lines', async () => {
    const program = await startExec(minor, ['refuse'])
    const { rows } = await exec(program.pid, ['symbols'])
    const own = rows.filter(({ file }) => FILE.test(String(file)))
    const found = Object.fromEntries(own.map((row) => [row.qualname, row]))
    for (const name of ['<module>', 'facts', 'refuse', 'refuse.<locals>.hook', 'Kept', 'serving']) {
      expect(Object.keys(found)).toContain(name)
    }
    const hook = found['refuse.<locals>.hook']
    expect(hook?.first).toBeGreaterThan(Number(found.refuse?.first))
    expect(hook?.last).toBeLessThan(Number(found.refuse?.last))
    expect(hook?.code).toMatch(/^0x[0-9a-f]+$/)
    expect(
      found['serving.<locals>.main.<locals>.tick'] ?? found['serving.<locals>.tick'],
    ).toBeTruthy()
    expect(rows.filter(({ qualname }) => String(qualname).startsWith('pyprof'))).toEqual([])
    expect(new Set(rows.map(({ code }) => code)).size).toBe(rows.length)
  })

  it('symbols: native addresses where there are trampolines', async () => {
    const program = await startExec(minor, ['working'])
    const map = `/tmp/perf-${program.pid}.map`
    try {
      expect((await exec(program.pid, ['symbols'])).rows[0]).not.toHaveProperty('native')
      await exec(program.pid, ['perf-trampoline', 'on'])
      expect(existsSync(map)).toBe(true)
      const { rows, facts } = await exec(program.pid, ['symbols'])
      const called = rows.find(({ qualname }) => qualname === 'called_again_and_again')
      expect(called?.native).toEqual([expect.stringMatching(/^0x[0-9a-f]+-0x[0-9a-f]+$/)])
      const idle = rows.find(({ qualname }) => qualname === 'serving')
      expect(idle?.native).toEqual([])
      expect(facts['names with trampolines']).toBeGreaterThan(0)
    } finally {
      rmSync(map, { force: true })
    }
  })

  it('modules', async () => {
    const program = await startExec(minor, ['obey'])
    const { rows } = await exec(program.pid, ['modules'])
    expect(rows.map(({ module }) => module).sort()).toEqual((await program.facts()).modules)
    const named = (name: string) => rows.find(({ module }) => module === name)
    expect(named('harness')).toMatchObject({
      kind: 'python',
      file: expect.stringMatching(/harness\.py$/),
    })
    expect(named('sys')).toMatchObject({ kind: 'built-in', file: '' })
    expect(named('__main__')).toMatchObject({ version: '1.2' })
  })

  it("threads: names, daemons and stacks in Python's own view", async () => {
    const program = await startExec(minor, ['blocked'])
    const { rows, facts, thread } = await exec(program.pid, ['threads'])
    expect(facts).toEqual({ 'threading imported': true })
    expect(rows).toHaveLength(2)
    const main = rows.find(({ name }) => name === 'MainThread')
    const busy = rows.find(({ name }) => name !== 'MainThread')
    expect(main).toMatchObject({ native: program.pid, daemon: false, asked: false })
    expect(main?.stack).toContainEqual(expect.stringMatching(/^blocked \(.*exec\.py:\d+\)$/))
    expect(busy).toMatchObject({ native: thread.tid, daemon: true, asked: true })
    expect((busy!.stack as string[]).at(-1)).toMatch(/^spin \(.*exec\.py:\d+\)$/)
  })

  it('gc-stats', async () => {
    const program = await startExec(minor, ['obey'])
    await program.facts() // collects
    const { rows, facts } = await exec(program.pid, ['gc-stats'])
    expect(rows).toHaveLength(3)
    expect(rows[2]).toMatchObject({ generation: 2, uncollectable: 0 })
    expect(rows[2]?.collections).toBeGreaterThan(1)
    expect(facts).toMatchObject({ enabled: true, 'frozen objects': 0, garbage: 0 })
  })

  it('object-types: every object of a type of the program', async () => {
    const program = await startExec(minor, ['warning'])
    const { rows, facts } = await exec(program.pid, ['object-types'])
    expect(rows.find(({ type }) => type === '__main__.Kept')).toMatchObject({ count: 1234 })
    expect(rows.find(({ type }) => type === 'dict')?.bytes).toBeGreaterThan(10_000)
    const counts = rows.map(({ count }) => Number(count))
    expect(facts.objects).toBe(counts.reduce((sum, count) => sum + count, 0))
    const sizes = rows.map(({ bytes }) => Number(bytes))
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a))
  })

  it('warnings that were given', async () => {
    const program = await startExec(minor, ['warning'])
    const { rows, facts } = await exec(program.pid, ['warnings'])
    expect(rows).toEqual([
      { category: 'UserWarning', module: '__main__', line: 7, message: 'a bad thing' },
    ])
    expect(facts.filters).toContain('DeprecationWarning')
  })
})

it('as text: a table, cut at --top, with the stacks of threads below them', async () => {
  const program = await startExec('3.15', ['obey'])
  const { out } = await refused(program.pid, ['object-types', '--top', '3'])
  const lines = out.trimEnd().split('\n')
  expect(lines[0]).toMatch(/^TYPE +COUNT +BYTES$/)
  expect(lines).toHaveLength(6)
  expect(lines[4]).toMatch(/^… [\d,]+ more rows; --top or --json shows them$/)
  expect(lines[5]).toMatch(/^objects: [\d,]+$/)
  const threads = await refused(program.pid, ['threads'])
  expect(threads.out).toMatch(/^NAME .*\nMainThread .*\n {4}<module> \(.*\n {4}obey \(/)
})
