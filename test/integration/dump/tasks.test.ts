import { describe, expect, it } from 'vitest'
import type { DumpedTask } from '../../../src/dump/dump.ts'
import { pyprof } from '../../support/cli.ts'
import { dumpOf, onlyProcess, textsOf } from '../../support/dump.ts'
import { startPython } from '../../support/target.ts'

describe.each(['3.14', '3.15'] as const)('tasks of Python %s', (minor) => {
  async function tasksOf(arrangement: string, args: readonly string[] = []) {
    const { target } = await startPython(minor, 'tasks.py', [arrangement])
    const process = onlyProcess(await dumpOf([target.pid, '--async', ...args]))
    const tasks = process.tasks?.tasks ?? []
    const named = (name: string) => tasks.find((task) => task.name === name)!
    const awaiters = (task: DumpedTask) =>
      task.awaitedBy.map((address) => tasks.find((each) => each.address === address)?.name)
    return { target, process, tasks, named, awaiters }
  }
  const names = (task: DumpedTask) => task.frames.map((frame) => frame.function)

  it('are a tree of who awaits whom, with the frames of each', async () => {
    const { target, process, tasks, named, awaiters } = await tasksOf('nested')
    expect(process.tasks).toMatchObject({ loopSeen: true, cut: false })
    expect(tasks.map(({ name }) => name).sort()).toEqual([
      'Task-1',
      'group',
      'patient',
      'waiting',
      'worker',
    ])
    expect(named('worker')).toMatchObject({ state: 'running', thread: target.pid, partial: false })
    expect(names(named('worker'))).toEqual(['hold', 'leaf', 'middle', 'worker'])
    expect(named('patient')).toMatchObject({ state: 'suspended', partial: false })
    expect(names(named('patient'))).toEqual(['forever', 'patient'])
    expect(awaiters(named('worker'))).toEqual(['group'])
    expect(awaiters(named('patient'))).toEqual(['group'])
    expect(awaiters(named('group'))).toEqual(['Task-1'])
    expect(awaiters(named('waiting'))).toEqual(['Task-1'])
    expect(awaiters(named('Task-1'))).toEqual([])

    const { out } = await pyprof(['dump', String(target.pid), '--async'])
    const lines = out.slice(out.indexOf('Tasks (5)')).split('\n')
    const depth = (name: string) =>
      lines.find((line) => line.trimStart().startsWith(`${name}: `))!.search(/\S/)
    expect(lines[1]).toBe('  Task-1: waits')
    expect(depth('group')).toBeGreaterThan(depth('Task-1'))
    expect(depth('worker')).toBeGreaterThan(depth('group'))
    expect(depth('waiting')).toBe(depth('group'))
    expect(out).toContain('worker: running on MainThread\n')
  })

  it('suspended ones have variables too', async () => {
    const { process, named } = await tasksOf('suspended', ['--locals'])
    expect(process).toMatchObject({ proved: true, locals: { proved: true } })
    const patient = named('patient-1')
    expect(patient.state).toBe('suspended')
    expect(patient.frames.every(({ variables }) => Array.isArray(variables))).toBe(true)
    const texts = textsOf(named('main').frames.find((frame) => frame.function === 'suspended')!)
    expect(texts.tasks).toMatch(/^\[<_asyncio\.Task at /)
    expect(texts.chains).toMatch(/^\{'patient-0': \[\['patient'/)
  })

  it('of a program without any there are none', async () => {
    const { target } = await startPython(minor, 'idle.py')
    const process = onlyProcess(await dumpOf([target.pid, '--async']))
    expect(process.tasks).toEqual({ loopSeen: false, cut: false, tasks: [] })
    const { out } = await pyprof(['dump', String(target.pid), '--async'])
    expect(out).toContain('Tasks: none; no thread runs an event loop\n')
  })
})
