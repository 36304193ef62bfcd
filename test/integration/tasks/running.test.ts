import { describe, expect, it } from 'vitest'
import {
  type Capture,
  captureStill,
  captureTicks,
  type NamedSample,
} from '../../support/capture.ts'
import { type Minor, python } from '../../support/pythons.ts'
import { programArgs, startTarget } from '../../support/target.ts'

/** The minors whose asyncio tells where its tasks are. */
const MINORS: readonly Minor[] = ['3.14', '3.15']

function startTasks<Facts>(minor: Minor, ...args: string[]) {
  return startTarget<Facts>(python(minor), { args: programArgs('tasks.py', args) })
}

/** Distinct texts of the samples of threads, which must all be exact. */
function exactTexts(capture: Capture): string[] {
  const samples = capture.samples()
  expect(samples.length).toBeGreaterThanOrEqual(5)
  expect([...new Set(samples.map(({ quality }) => quality))]).toEqual(['exact'])
  return [...new Set(samples.map(({ text }) => text))].sort()
}

/** A thread in its loop, without a task. */
const IN_LOOP = /^<module>;(?!.*<task)/

describe.each(MINORS)('running tasks on %s', (minor) => {
  it.each([
    [
      'below a task group, a gather and the main task',
      'nested',
      '<task Task-*>;nested;<task group>;group;TaskGroup.__aexit__;TaskGroup._aexit;' +
        '<task worker>;worker;middle;leaf;hold',
    ],
    ['through an async generator', 'generator', '<task Task-*>;generator;numbers;hold'],
    [
      'of several awaiters none is chosen',
      'shared',
      '<several awaiters>;<task awaited>;shared.<locals>.awaited;hold',
    ],
  ])('%s', async (_, mode, expected) => {
    const { target } = await startTasks(minor, mode)
    const capture = await captureStill(target.pid, 5, { tasks: 'running', read: 'stop' })
    expect(exactTexts(capture)).toEqual([expected])
    expect(capture.status.loopSeen).toBe(true)
    expect(capture.profile().threads).toHaveLength(1)
  })

  it('started eagerly: inside of the tasks that start them', async () => {
    const { target } = await startTasks(minor, 'eager')
    const capture = await captureStill(target.pid, 5, { tasks: 'running', read: 'stop' })
    const [text, ...others] = exactTexts(capture)
    expect(others).toEqual([])
    // parent has not been listed yet: it runs for the first time, too.
    expect(text).toMatch(
      /^<task Task-\*>;eager;create_task;.*;eager\.<locals>\.parent;create_task;.*;<task child>;eager\.<locals>\.child;hold$/,
    )
  })

  it('of loops in several threads', async () => {
    const { target } = await startTasks(minor, 'threads')
    const capture = await captureStill(target.pid, 5, { tasks: 'running', read: 'stop' })
    const { threads } = capture.profile()
    const byThread = Object.fromEntries(
      capture.samples().map(({ thread, text }) => [threads[thread]!.name, text]),
    )
    const stay = (name: string) =>
      `<task Task-*>;threads.<locals>.stay;<task inner ${name}>;` +
      'threads.<locals>.stay.<locals>.inner;Meeting.stay'
    expect(byThread).toEqual({
      MainThread: '<module>;threads;hold',
      'loop a': stay('a'),
      'loop b': stay('b'),
    })
    expect(exactTexts(capture)).toHaveLength(3)
  })

  it('of a subinterpreter', async () => {
    const { target, facts } = await startTasks<{ interpreter: number }>(minor, 'subinterpreter')
    const capture = await captureStill(target.pid, 5, { tasks: 'all', read: 'stop' })
    const { threads } = capture.profile()
    const seen = capture.samples().map(({ thread, text }) => {
      const { interpreter, waitingTasks = false } = threads[thread]!
      return [interpreter, waitingTasks, text]
    })
    expect(seen).toContainEqual([
      facts.interpreter,
      false,
      '<task Task-*>;outer;<task inner>;inner',
    ])
    expect(seen).toContainEqual([facts.interpreter, true, '<task Task-*>;outer'])
    expect(seen).toContainEqual([0, false, '<module>;subinterpreter;hold'])
    expect(capture.samples().every(({ quality }) => quality === 'exact')).toBe(true)
  })

  it('each frame has its line', async () => {
    const { target } = await startTasks(minor, 'nested')
    const capture = await captureStill(target.pid, 5, { tasks: 'running', read: 'stop' })
    const lines = Object.fromEntries(
      capture.samples()[0]!.frames.map((each) => [each.qualname, each.line - each.firstLine]),
    )
    // Each at its await, counted from its def.
    expect(lines).toMatchObject({ nested: 3, group: 1, worker: 1, middle: 1, leaf: 1 })
  })

  it.each(['exact', 'stop', 'live'] as const)(
    'read %s: no proved sample shows one task in the place of another',
    async (read) => {
      const { target } = await startTasks(minor, 'busy')
      const capture = await captureTicks(target.pid, 1500, { tasks: 'running', read, rate: 2000 })
      const samples = capture.samples()
      const root = '<task Task-*>;busy;TaskGroup.__aexit__;TaskGroup._aexit;'
      const isPossible = ({ text }: NamedSample) => {
        if (IN_LOOP.test(text)) return true
        const match =
          /^<task (a|b)>;busy\.<locals>\.task_(a|b)(?:;busy\.<locals>\.step(?:;spin_(a|b)|;sleep(?:;__sleep0)?)?)?$/.exec(
            text.slice(root.length),
          )
        if (!text.startsWith(root) || !match) return false
        const [, name, coroutine, leaf] = match
        return name === coroutine && (leaf === undefined || leaf === name)
      }
      const exact = samples.filter(({ quality }) => quality === 'exact')
      const wrong = exact.filter((sample) => !isPossible(sample))
      expect(wrong.map(({ text }) => text)).toEqual([])
      const tasks = (some: NamedSample[]) => some.filter(({ text }) => text.startsWith('<task'))
      expect(tasks(samples).length).toBeGreaterThan(samples.length / 5)
      if (read === 'live') {
        // From outside, a moment later than the stack: never called proved.
        expect(tasks(exact)).toEqual([])
        expect(samples.filter(isPossible).length).toBeGreaterThan(samples.length * 0.75)
      } else {
        expect(exact.length).toBeGreaterThan(samples.length / 5)
      }
    },
  )
})

it('a program without asyncio keeps the stacks of its threads', async () => {
  const { target } = await startTarget(python('3.14'), { args: programArgs('idle.py') })
  const capture = await captureStill(target.pid, 5, { tasks: 'all', read: 'stop' })
  expect(exactTexts(capture)).toEqual(['<module>;outer;inner;hold'])
  expect(capture.status.loopSeen).toBe(false)
})
