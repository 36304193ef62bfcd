import { describe, expect, it } from 'vitest'
import { NO_STACK } from '../../../src/profile/profile.ts'
import { compile } from '../../support/build.ts'
import {
  type Capture,
  captureStill,
  captureTicks,
  type NamedFrame,
  startCapture,
} from '../../support/capture.ts'
import { type Row, row } from '../../support/positions.ts'
import { MINORS } from '../../support/pythons.ts'
import { startPython } from '../../support/target.ts'

/** Stacks by native thread id, as the target sees them. */
interface Stacks {
  readonly stacks: Readonly<Record<string, readonly Row[]>>
}

/** The text of each thread's stack by native id and interpreter; a thread must not have changed it. */
function stackTexts(capture: Capture): Record<string, string> {
  const { threads } = capture.profile()
  const found: Record<string, string> = {}
  for (const { thread, text, quality } of capture.samples()) {
    const { nativeId, interpreter } = threads[thread]!
    const key = `${nativeId}/${interpreter}`
    expect(quality).toBe('exact')
    expect(found[key] ?? text).toBe(text)
    found[key] = text
  }
  return found
}

/** All of a frame but the columns, which differ between the calls on one line. */
function lineOf(frame: NamedFrame): Row {
  const [name, file, first, line, endLine] = row(frame)
  return [name, file, first, line, endLine, -1, -1]
}

/** Every sample of these threads shows what the target says of it. */
function expectStacks(capture: Capture, { stacks }: Stacks): void {
  const { threads } = capture.profile()
  const seen = new Set<string>()
  for (const { thread, frames, quality } of capture.samples()) {
    const expected = stacks[threads[thread]!.nativeId]
    if (!expected) continue
    seen.add(String(threads[thread]!.nativeId))
    expect(quality).toBe('exact')
    const callers = frames.slice(0, expected.length)
    expect(callers.slice(0, -1).map(row)).toEqual(expected.slice(0, -1))
    expect(callers.slice(-1).map(lineOf)).toEqual(
      expected.slice(-1).map(([...place]) => [...place.slice(0, 5), -1, -1]),
    )
  }
  expect([...seen].sort()).toEqual(Object.keys(stacks).sort())
}

describe.each(MINORS)('threads on %s', (minor) => {
  it('a thread that sleeps and a main thread that joins it', async () => {
    const { target, facts } = await startPython<Stacks>(minor, 'threads.py', ['chain'])
    const capture = await captureStill(target.pid, 10)
    expectStacks(capture, facts)
    const texts = stackTexts(capture)
    expect(texts[`${target.pid}/0`]).toBe('<module>;chain;Thread.join')
    const worker = Object.keys(texts).find((key) => key !== `${target.pid}/0`)!
    expect(Object.keys(texts)).toHaveLength(2)
    expect(texts[worker]).toBe('Thread._bootstrap;Thread._bootstrap_inner;Thread.run;bar;baz;foo')
  })

  it('a hundred threads', async () => {
    const { target, facts } = await startPython<Stacks>(minor, 'threads.py', ['many', '100'])
    const capture = await captureStill(target.pid, 10, { rate: 200 })
    expect(Object.keys(facts.stacks)).toHaveLength(100)
    expectStacks(capture, facts)
    const texts = stackTexts(capture)
    expect(Object.keys(texts)).toHaveLength(101)
    const depths = Object.values(texts).map((text) => text.split(';deeper').length - 1)
    expect(depths.sort((a, b) => a - b)).toEqual([
      0, // the main thread
      ...Array.from({ length: 100 }, (_, at) => 1 + Math.floor(at / 10)),
    ])
    const { threads } = capture.profile()
    expect(threads.filter(({ isMain }) => isMain).map(({ nativeId }) => nativeId)).toEqual([
      target.pid,
    ])
    expect(threads.every(({ process }) => process === 0)).toBe(true)
  })

  it('a thread without Python frames is an empty stack and harms nobody', async () => {
    const library = compile('frameless.c', ['-shared', '-fPIC'])
    const { target, facts } = await startPython<{ frameless: number }>(minor, 'threads.py', [
      'without_frames',
      library,
    ])
    const capture = await captureStill(target.pid, 10)
    const profile = capture.profile()
    const texts = stackTexts(capture)
    expect(Object.keys(texts)).toHaveLength(3)
    expect(texts[`${facts.frameless}/0`]).toBe('')
    expect(texts[`${target.pid}/0`]).toBe('<module>;without_frames;hold')
    expect(
      Object.values(texts).filter((text) => text.endsWith('deeper;Meeting.stay')),
    ).toHaveLength(1)
    const empty = profile.threads.findIndex(({ nativeId }) => nativeId === facts.frameless)
    const rows = Array.from({ length: profile.samples.length }, (_, at) => at)
    const stacks = rows
      .filter((at) => profile.samples.thread[at] === empty)
      .map((at) => profile.samples.stack[at])
    expect(stacks.length).toBeGreaterThanOrEqual(10)
    expect(new Set(stacks)).toEqual(new Set([NO_STACK]))
  })

  it('two subinterpreters with two threads each', async () => {
    type Interpreters = { interpreters: number[] }
    const { target, facts } = await startPython<Interpreters>(minor, 'threads.py', [
      'subinterpreters',
      '2',
    ])
    const capture = await captureStill(target.pid, 10)
    const { threads } = capture.profile()
    expect(threads.map(({ interpreter }) => interpreter)).toEqual([
      ...[0, 0, 0, 0],
      ...facts.interpreters.flatMap((number) => [number, number]),
    ])
    const main = threads.filter(({ isMain }) => isMain)
    expect(main).toMatchObject([{ nativeId: target.pid, interpreter: 0 }])
    const ofInterpreter = (number: number) =>
      Object.entries(stackTexts(capture))
        .filter(([key]) => key.endsWith(`/${number}`))
        .map(([, text]) => text)
        .sort()
    expect(facts.interpreters).toHaveLength(2)
    for (const number of facts.interpreters) {
      expect(ofInterpreter(number)).toEqual([
        `<module>;sub_main_${number};sub_stay_${number}`,
        expect.stringMatching(`^Thread\\._bootstrap;.*;sub_worker_${number};sub_stay_${number}$`),
      ])
    }
    const texts = ofInterpreter(0)
    expect(texts).toHaveLength(4)
    expect(texts.filter((text) => text === '<module>;subinterpreters;hold')).toHaveLength(1)
    expect(texts.filter((text) => text.includes(';main_runner'))).toHaveLength(2)
    expect(texts.filter((text) => text.endsWith(';deeper;Meeting.stay'))).toHaveLength(1)
  })

  it.each(['live', 'exact', 'stop'] as const)(
    'subinterpreters that run at the same time, read %s: each shows its own functions',
    async (read) => {
      type Interpreters = { interpreters: number[] }
      const { target, facts } = await startPython<Interpreters>(minor, 'threads.py', [
        'busy_subinterpreters',
        '2',
      ])
      const capture = await captureTicks(target.pid, 300, { rate: 1000, read })
      const { threads } = capture.profile()
      // The main interpreter first; whoever began a subinterpreter's code is a thread of both.
      expect(threads.map(({ interpreter }) => interpreter)).toEqual([
        ...[0, 0, 0],
        ...facts.interpreters,
      ])
      const samples = capture.samples()
      const proved = samples.filter(({ quality }) => quality === 'exact')
      for (const { thread, text } of proved) {
        const { interpreter, isMain } = threads[thread]!
        const own = `^<module>(;sub_middle_${interpreter}(;sub_leaf_${interpreter})?)?$`
        const expected = isMain
          ? /^<module>;busy_subinterpreters(;main_middle(;main_leaf)?)?$/
          : interpreter === 0
            ? /;main_runner/
            : new RegExp(own)
        expect(text).toMatch(expected)
      }
      const ofSubinterpreters = samples.filter(({ thread }) => threads[thread]!.interpreter > 0)
      expect(ofSubinterpreters).toHaveLength(2 * capture.status.ticks)
      const missed = ofSubinterpreters.filter(({ quality }) => quality === 'missed')
      expect(missed.length).toBeLessThan(ofSubinterpreters.length * 0.1)
      const provedOfThem = ofSubinterpreters.filter(({ quality }) => quality === 'exact')
      if (read === 'stop') {
        expect(provedOfThem.length).toBeGreaterThan(ofSubinterpreters.length * 0.75)
      } else if (read === 'exact') {
        // The proof is about the main interpreter's GIL: what runs under another is not in it.
        const leaves = provedOfThem.filter(({ text }) => text.includes('sub_'))
        expect(leaves.length).toBeLessThan(ofSubinterpreters.length * 0.4)
      }
    },
  )

  it('threads that come and go have a row each and only their own frames', async () => {
    const { target } = await startPython(minor, 'threads.py', ['briefly'])
    const capture = startCapture(target.pid, { rate: 2000 })
    target.send('')
    await capture.until('30 threads', () => capture.profile().threads.length > 30)
    capture.stop()
    const { threads } = capture.profile()
    const all = capture.samples()
    for (const { thread, frames } of all) {
      if (frames.length === 0) continue
      const root = frames[0]!.qualname
      expect(root).toBe(threads[thread]!.isMain ? '<module>' : 'Thread._bootstrap')
    }
    const missed = all.filter(({ quality }) => quality === 'missed')
    expect(missed.length).toBeLessThan(all.length * 0.1)
    expect(all.filter(({ frames }) => frames.at(-1)?.qualname === 'brief').length).toBeGreaterThan(
      30,
    )
  })
})
