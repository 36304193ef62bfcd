import { describe, expect, test } from 'vitest'
import { byFunction } from '../../../src/profile/granularity.ts'
import { mergeProfiles } from '../../../src/profile/merge.ts'
import { NO_PROCESS, type Process } from '../../../src/profile/profile.ts'
import { placeTotals, waitingTasks, weightTotals } from '../../../src/profile/views.ts'
import { MS, profileOf } from '../../support/ascii-profile.ts'
import { resolvedSamples } from '../../support/recordings.ts'

const START = 1_700_000_000_000
const a = { name: 'a' }
const b = { name: 'b', line: 4 }
const process: Process = {
  pid: 7,
  parent: NO_PROCESS,
  command: 'app',
  pythonVersion: '3.14.0',
  start: 0,
  end: 20 * MS,
  unreadable: '',
}

test('one profile stays itself', () => {
  const profile = profileOf([{ stack: [a] }])
  expect(mergeProfiles([profile])).toBe(profile)
})

describe('two parts of one recording', () => {
  const options = { processes: [process], meta: { command: 'app' } }
  const first = profileOf([{ stack: [a] }, { stack: [a, b], gap: 2 * MS }], {
    ...options,
    meta: { ...options.meta, startedAt: START, endReason: 'rotated' },
  })
  const second = profileOf([{ stack: [a, b] }, { stack: [], quality: 'missed', gap: MS }], {
    ...options,
    meta: { ...options.meta, startedAt: START + 22, endReason: 'exited' },
  })

  test.each([
    ['in their order', [first, second]],
    ['the other way round', [second, first]],
  ])('become one, given %s', (_, parts) => {
    const whole = mergeProfiles(parts)
    expect(whole.threads).toHaveLength(1)
    expect(whole.processes).toEqual([{ ...process, start: 0, end: 42 * MS }])
    expect(whole.functions.length).toBe(2)
    expect(whole.stacks.length).toBe(2)
    expect(Array.from(whole.samples.time)).toEqual([10, 22, 32, 43].map((ms) => ms * MS))
    expect(whole.gaps).toEqual([
      { start: 10 * MS, duration: 2 * MS, missedTicks: 1 },
      { start: 32 * MS, duration: MS, missedTicks: 1 },
    ])
    expect(whole.meta).toMatchObject({
      command: 'app',
      startedAt: START,
      duration: 43 * MS,
      endReason: 'exited',
    })
    expect(whole.accounting).toMatchObject({ ticks: 4, missedTicks: 2, gapTime: 3 * MS })
  })

  test('add up', () => {
    const whole = mergeProfiles([first, second])
    const sum = (of: 'python' | 'missed') => weightTotals(first)[of] + weightTotals(second)[of]
    expect(weightTotals(whole)).toMatchObject({ python: sum('python'), missed: sum('missed') })
    expect(Array.from(placeTotals(byFunction(whole)).total)).toEqual([30 * MS, 20 * MS])
  })
})

test('what is not of the same process, thread or function stays apart', () => {
  const other = profileOf([{ stack: [{ ...a, firstLine: 9 }] }], {
    processes: [{ ...process, pid: 8 }],
  })
  const whole = mergeProfiles([profileOf([{ stack: [a] }], { processes: [process] }), other])
  expect(whole.processes.map(({ pid }) => pid)).toEqual([7, 8])
  expect(whole.threads.map((thread) => thread.process)).toEqual([0, 1])
  expect(whole.functions.length).toBe(2)
})

describe('process trees', () => {
  const child = { ...process, pid: 9, parent: 0, command: 'worker 1' }
  const part = (index: number, processes: readonly Process[], meta = {}) =>
    profileOf([{ stack: [a] }, { stack: [b], thread: 1 }], {
      processes,
      threads: [{ process: 0 }, { process: 1, nativeId: 9 }],
      meta: {
        startedAt: START + 10 * index,
        endReason: 'rotated',
        descendants: 'events',
        ...meta,
      },
    })

  test('fold, also below a process that is another row there', () => {
    const first = part(0, [process, child])
    const other = { ...child, pid: 8, command: 'logger' }
    const second = profileOf([{ stack: [a], thread: 0 }], {
      processes: [process, other, child],
      threads: [{ process: 2, nativeId: 9, name: 'Thread-1', isMain: false }],
      meta: { startedAt: START + 500, descendants: 'polling' },
    })
    const whole = mergeProfiles([second, first])
    expect(whole.processes.map(({ pid, parent }) => [pid, parent])).toEqual([
      [7, NO_PROCESS],
      [9, 0],
      [8, 0],
    ])
    expect(whole.threads.map((thread) => [thread.process, thread.nativeId])).toEqual([
      [0, 100],
      [1, 9],
    ])
    expect(whole.meta.descendants).toBe('polling')
  })

  test('of the files of one recording are one, whatever a process calls itself', () => {
    const renamed = { ...child, command: 'worker 2' }
    const whole = mergeProfiles([part(1, [process, renamed]), part(0, [process, child])])
    expect(whole.processes).toEqual([
      { ...process, end: 30 * MS },
      { ...renamed, end: 30 * MS },
    ])
    expect(whole.threads).toHaveLength(2)
  })

  test('of different recordings are not one where a pid is used by another command', () => {
    const renamed = { ...child, command: 'worker 2' }
    const whole = mergeProfiles([part(0, [process, child]), part(7, [process, renamed])])
    expect(whole.processes.map(({ command }) => command)).toEqual(['app', 'worker 1', 'worker 2'])
  })
})

test('waiting tasks stay apart from the thread that they are named after', () => {
  const waiting = { nativeId: 100, name: 'MainThread', isMain: false, waitingTasks: true }
  const all = profileOf([{ stack: [a] }, { stack: [b], thread: 1 }], {
    threads: [{}, waiting],
    meta: { tasks: { scope: 'all', loopSeen: true } },
  })
  const none = profileOf([{ stack: [a] }], {
    meta: { startedAt: START + 50, tasks: { scope: 'running', loopSeen: false } },
  })
  const whole = mergeProfiles([all, none])
  expect(whole.threads.map(({ waitingTasks }) => waitingTasks)).toEqual([undefined, true])
  expect(whole.meta.tasks).toEqual({ scope: 'all', loopSeen: true })
  expect(weightTotals(whole).total).toBe(20 * MS)
  expect(waitingTasks(whole)).toEqual({ weight: 10 * MS, samples: 1 })
  expect(mergeProfiles([profileOf([]), profileOf([])]).meta.tasks).toBeUndefined()
})

test('ids that are used again within one profile do not fold', () => {
  const child = { ...process, pid: 9, parent: 0, command: 'worker' }
  const processes = [process, { ...child, end: 5 * MS }, { ...child, start: 6 * MS }]
  const profile = profileOf([{ stack: [a] }, { stack: [b], thread: 1 }], {
    processes,
    threads: [
      { process: 1, nativeId: 9 },
      { process: 2, nativeId: 9 },
    ],
  })
  const whole = mergeProfiles([profile, profile])
  expect(whole.processes).toEqual(processes)
  expect(whole.threads.map((thread) => thread.process)).toEqual([1, 2])
})

test('profiles that overlap in time have their samples in order of time', () => {
  const early = profileOf([{ stack: [a] }, { stack: [a] }])
  const late = profileOf([{ stack: [b] }], { meta: { startedAt: START + 5 } })
  const whole = mergeProfiles([early, late])
  expect(Array.from(whole.samples.time)).toEqual([10, 15, 20].map((ms) => ms * MS))
  expect(resolvedSamples(whole).map(({ stack }) => stack.length)).toEqual([1, 1, 1])
})

test('profiles that do not know when they began are laid one behind the other', () => {
  const unknown = (name: string) => profileOf([{ stack: [{ name }] }], { meta: { startedAt: 0 } })
  const whole = mergeProfiles([unknown('x'), unknown('y')])
  expect(Array.from(whole.samples.time)).toEqual([10 * MS, 20 * MS])
  expect(whole.meta).toMatchObject({ startedAt: 0, duration: 20 * MS })
})

test('only states that all of them tell of are kept', () => {
  const told = profileOf([{ stack: [a], states: ['cpu', 'gil'] }], {
    meta: { states: ['cpu', 'gil'] },
  })
  const less = profileOf([{ stack: [a], states: ['cpu'] }], { meta: { states: ['cpu'] } })
  const whole = mergeProfiles([told, less])
  expect(whole.meta.states).toEqual(['cpu'])
  expect(Array.from(whole.samples.state)).toEqual([1, 1])
})

test('what they do not agree on is not claimed', () => {
  const live = profileOf([{ stack: [a] }], { meta: { read: 'live', rate: 100, exporter: 'x@1' } })
  const exact = profileOf([{ stack: [a] }], { meta: { read: 'exact', rate: 50, exporter: 'x@2' } })
  expect(mergeProfiles([live, exact]).meta).toMatchObject({
    read: 'unknown',
    rate: 0,
    exporter: 'x@1 + x@2',
  })
})
