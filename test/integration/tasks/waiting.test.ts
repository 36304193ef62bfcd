import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { type Capture, captureStill, type NamedSample } from '../../support/capture.ts'
import { type Minor, python } from '../../support/pythons.ts'
import { programArgs, startTarget } from '../../support/target.ts'

const MINORS: readonly Minor[] = ['3.14', '3.15']

function startTasks<Facts>(minor: Minor, ...args: string[]) {
  return startTarget<Facts>(python(minor), { args: programArgs('tasks.py', args) })
}

async function captureAll(pid: number): Promise<Capture> {
  return captureStill(pid, 5, { tasks: 'all', read: 'stop' })
}

/** The samples of waiting tasks; all must be exact. */
function waitingOf(capture: Capture): NamedSample[] {
  const { threads } = capture.profile()
  const waiting = capture.samples().filter(({ thread }) => threads[thread]!.waitingTasks)
  expect([...new Set(waiting.map(({ quality }) => quality))]).toEqual(['exact'])
  return waiting
}

function textsOf(samples: readonly NamedSample[]): string[] {
  return [...new Set(samples.map(({ text }) => text))].sort()
}

/** What `python -m asyncio pstree` prints, as the same paths: a node that is a task ends one. */
function pathsOfPstree(output: string): string[] {
  const path: { depth: number; text: string }[] = []
  const paths: string[] = []
  const rows = output.split('\n').filter((line) => /[├└]──/.test(line))
  const text = () => path.map((each) => each.text).join(';')
  rows.forEach((line, row) => {
    const depth = line.search(/[├└]/)
    while (path.length > 0 && path.at(-1)!.depth >= depth) path.pop()
    const task = /── \(T\) (.*)$/.exec(line)
    const name = task
      ? `<task ${/^Task-\d+$/.test(task[1]!) ? 'Task-*' : task[1]}>`
      : /──\s+(\S+) /.exec(line)![1]!
    path.push({ depth, text: name })
    // The innermost coroutine of a task: nothing below it, or other tasks.
    const next = rows[row + 1]
    const goesOn = next && next.search(/[├└]/) > depth && !next.includes('(T)')
    if (!goesOn) paths.push(text())
  })
  return paths.sort()
}

describe.each(MINORS)('waiting tasks on %s', (minor) => {
  it('each stands where Python says, under the task that awaits it', async () => {
    type Chains = { chains: Record<string, [string, number, number][]> }
    const { target, facts } = await startTasks<Chains>(minor, 'suspended')
    const waiting = waitingOf(await captureAll(target.pid))
    const patient = '<task joining>;suspended.<locals>.join;wait;_wait;<task patient-'
    expect(textsOf(waiting)).toEqual([
      '<task joining>;suspended.<locals>.join;wait;_wait',
      `${patient}0>;patient;forever`,
      `${patient}1>;patient;forever`,
      `${patient}2>;patient;forever`,
      '<task main>;suspended',
      '<task main>;suspended;<task Task-*>;forever',
    ])
    expect(Object.keys(facts.chains)).toHaveLength(5)
    for (const [name, chain] of Object.entries(facts.chains)) {
      const own = waiting.find(({ frames }) => {
        const marker = frames.findLastIndex(({ qualname }) => qualname.startsWith('<task'))
        return frames[marker]!.qualname === `<task ${name}>`
      })!
      const rows = own.frames.map(({ qualname, firstLine, line }) => [qualname, firstLine, line])
      expect(rows.slice(-chain.length)).toEqual(chain)
    }
  })

  it('they are those that `python -m asyncio pstree` shows', async () => {
    const { target } = await startTasks(minor, 'suspended')
    const waiting = waitingOf(await captureAll(target.pid))
    const pstree = execFileSync(python(minor), ['-m', 'asyncio', 'pstree', `${target.pid}`])
    expect(textsOf(waiting)).toEqual(pathsOfPstree(pstree.toString()))
  })

  it('async generators and awaitable objects that wait', async () => {
    const { target } = await startTasks(minor, 'wrapped')
    const waiting = waitingOf(await captureAll(target.pid))
    expect(textsOf(waiting)).toEqual([
      '<task by_anext>;wrapped.<locals>.by_anext;wrapped.<locals>.endless;forever',
      '<task by_loop>;wrapped.<locals>.by_loop;wrapped.<locals>.endless;forever',
      '<task by_object>;wrapped.<locals>.by_object;forever',
    ])
  })

  it('a thousand of them at every instant, beside the one that runs', async () => {
    const { target } = await startTasks(minor, 'many', '1000')
    const capture = await captureAll(target.pid)
    const waiting = waitingOf(capture)
    const { ticks } = capture.status
    expect(waiting).toHaveLength(1000 * ticks)
    expect(textsOf(waiting)).toEqual(
      Array.from({ length: 1000 }, (_, at) => `<task task ${at}>;patient;forever`).sort(),
    )
    const { threads } = capture.profile()
    expect(threads).toMatchObject([
      { name: 'MainThread', isMain: true },
      { name: 'MainThread', isMain: false, waitingTasks: true, nativeId: target.pid },
    ])
    const running = capture.samples(0)
    expect(running).toHaveLength(ticks)
    expect(textsOf(running)).toEqual(['<task Task-*>;many;hold'])
  })

  it('tasks of a thread that has ended', async () => {
    const { target } = await startTasks(minor, 'ended_thread')
    const capture = await captureAll(target.pid)
    expect(textsOf(waitingOf(capture))).toEqual([
      '<task orphan>;ended_thread.<locals>.orphan;forever',
    ])
    expect(capture.profile().threads).toMatchObject([
      { isMain: true },
      { nativeId: 0, interpreter: 0, waitingTasks: true },
    ])
  })
})
