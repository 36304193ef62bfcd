import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { compile } from '../support/build.ts'
import { type Capture, captureTicks, startCapture } from '../support/capture.ts'
import { MINORS, python } from '../support/pythons.ts'
import { programArgs, startPython, startTarget } from '../support/target.ts'

/** Names by native thread id, as the target knows them. */
type Names = Readonly<Record<string, string>>
interface Facts {
  /** Of the threads that `threading` knows. */
  readonly python: Names
  /** Of the others: what the operating system calls them. */
  readonly system?: Names
}

/** Of a name, so many code points are kept. */
const KEPT = 1024

function cut(name: string): string {
  const points = [...name]
  return points.length > KEPT ? `${points.slice(0, KEPT).join('')}…` : name
}

/** What the profile is to call the threads. */
function expected({ python, system = {} }: Facts): Names {
  const names = Object.entries(python).map(([id, name]) => [id, cut(name)])
  return Object.fromEntries([...names, ...Object.entries(system)])
}

/** What the profile calls the threads. */
function captured(capture: Capture): Names {
  return Object.fromEntries(
    capture.profile().threads.map(({ nativeId, name }) => [String(nativeId), name]),
  )
}

function same(a: Names, b: Names): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}

describe.each(MINORS)('thread names on %s', (minor) => {
  it('every kind of thread, at once, and again when all are renamed', async () => {
    const { target, facts } = await startPython<Facts>(minor, 'thread_names.py', ['set_of_kinds'])
    const capture = startCapture(target.pid)
    await capture.ticks(10)
    expect(captured(capture)).toEqual(expected(facts))
    expect(Object.values(facts.python)).toContain('MainThread')
    expect(Object.keys(facts.python)).toHaveLength(24)
    expect(capture.profile().threads.map(({ isMain, name }) => (isMain ? name : ''))).toContain(
      'MainThread',
    )

    target.send('rename')
    const renamed = expected(await target.says<Facts>('renamed'))
    await capture.until('the new names', () => same(captured(capture), renamed))
    expect(captured(capture)).toEqual(renamed)
  })

  it('two hundred threads', async () => {
    const { target, facts } = await startPython<Facts>(minor, 'thread_names.py', ['many', '200'])
    const capture = await captureTicks(target.pid, 3, { rate: 100 })
    expect(Object.keys(facts.python)).toHaveLength(201)
    expect(captured(capture)).toEqual(expected(facts))
  })

  it('threads that Python has no name for keep that of the system', async () => {
    const library = compile('frameless.c', ['-shared', '-fPIC'])
    const { target, facts } = await startPython<Required<Facts>>(minor, 'thread_names.py', [
      'unknown',
      library,
    ])
    const capture = startCapture(target.pid)
    await capture.ticks(10)
    expect(captured(capture)).toEqual(expected(facts))
    expect(Object.values(facts.system).sort()).toEqual(['frameless', 'raw thread'])
    expect(Object.values(facts.python).filter((name) => name.startsWith('Dummy-'))).toHaveLength(1)

    target.send('')
    await target.says('renamed')
    await capture.until('the new name', () =>
      Object.values(captured(capture)).includes('frameless again'),
    )
  })

  it('a program that has not imported threading', async () => {
    const { target } = await startPython(minor, 'thread_names.py', ['without_threading'])
    const capture = await captureTicks(target.pid, 10)
    const comm = readFileSync(`/proc/${target.pid}/comm`, 'utf8').trim()
    expect(captured(capture)).toEqual({ [target.pid]: comm })
  })

  it('subinterpreters have a threading of their own', async () => {
    const { target } = await startPython(minor, 'threads.py', ['subinterpreters', '2'])
    const capture = await captureTicks(target.pid, 10)
    const { threads } = capture.profile()
    const names = threads.map(({ interpreter, name }) => `${Math.min(interpreter, 1)} ${name}`)
    // A thread of the main interpreter that runs another one is the same thread there.
    expect(names.map((name) => name.replace(/sub_worker_\d+/, 'sub_worker')).sort()).toEqual([
      '0 MainThread',
      '0 Thread-1 (main_runner)',
      '0 Thread-2 (main_runner)',
      '0 Thread-3 (deeper)',
      '1 Thread-1 (main_runner)',
      '1 Thread-1 (sub_worker)',
      '1 Thread-1 (sub_worker)',
      '1 Thread-2 (main_runner)',
    ])
    const ofRunners = threads.filter(({ name }) => name.endsWith('(main_runner)'))
    expect(new Set(ofRunners.map(({ nativeId, name }) => `${nativeId} ${name}`)).size).toBe(2)
  })

  it('short-lived threads: no name of one that ended', async () => {
    const { target } = await startPython(minor, 'thread_names.py', ['brief', '0.02'])
    const capture = startCapture(target.pid)
    await capture.until('60 threads', () => capture.profile().threads.length > 60)
    target.send('')
    const facts = await target.says<Facts & { threads: number; idents: number }>('done')
    capture.stop()
    expect(facts.idents).toBeLessThan(facts.threads / 4) // identifiers were used again

    const names = Object.entries(captured(capture)).filter(([id]) => facts.python[id])
    expect(names.length).toBeGreaterThan(50)
    const right = names.filter(([id, name]) => facts.python[id] === name)
    const wrong = names.filter(
      ([id, name]) => name.startsWith('brief-') && facts.python[id] !== name,
    )
    expect(wrong).toEqual([])
    // Not all: a thread that is met before it has registered itself may end before names are read
    // again.
    expect(right.length).toBeGreaterThan(0)
  })

  it('a target in a pid namespace of its own', async () => {
    const { target, facts } = await startTarget<Required<Facts>>('unshare', {
      args: ['-r', '-p', '-f', python(minor), ...programArgs('thread_names.py', ['unknown', '0'])],
      pidOf: onlyChild,
    })
    expect(facts.python['1']).toBe('MainThread')
    const capture = await captureTicks(target.pid, 10)
    expect(captured(capture)).toEqual(expected(facts))
    expect(Object.values(facts.system)).toEqual(['raw thread'])
  })
})

/** The one child of a process. */
function onlyChild(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  expect(children).toHaveLength(1)
  return Number(children[0])
}
