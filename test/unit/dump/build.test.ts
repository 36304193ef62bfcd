import { describe, expect, test } from 'vitest'
import { activityOf, buildDump } from '../../../src/dump/build.ts'
import type { Activity } from '../../../src/dump/dump.ts'
import { SourceFiles } from '../../../src/dump/sources.ts'
import { STATES, type State } from '../../../src/profile/profile.ts'
import { NO_REDACTION } from '../../../src/redaction/redactor.ts'
import type { NativeDumpTaken } from '../../../src/sampling/dump-addon.ts'
import type { Value } from '../../../src/sampling/value.ts'

const ALL: readonly State[] = ['cpu', 'gil', 'gil-wait', 'gc']

test.each<[Activity, readonly State[], readonly State[]]>([
  ['running', ['cpu', 'gil'], ALL],
  ['holds-gil', ['gil'], ALL],
  ['gc', ['cpu', 'gil', 'gc'], ALL],
  ['waits-for-gil', ['gil-wait'], ALL],
  ['in-c', ['cpu'], ALL],
  ['idle', [], ALL],
  ['running', ['cpu'], ['cpu']],
  ['idle', [], ['cpu']],
  ['running', ['gil'], ['gil']],
  ['unknown', [], ['gil']],
])('%s is %j of %j', (activity, states, known) => {
  expect(activityOf(states, known)).toBe(activity)
})

const secret: Value = { kind: 'str', type: 'str', text: 'hunter2', length: 7 }

const NATIVE: NativeDumpTaken = {
  ok: true,
  version: '3.14.10',
  read: 'exact',
  readChange: '',
  proved: true,
  attempts: 1,
  durationNs: 0,
  limitReached: false,
  loopSeen: true,
  tasksCut: false,
  hasTaskTable: true,
  states: ALL,
  strings: ['', 'main', '/app.py', '<GC>'],
  functions: Int32Array.from([1, 2, 10, 3, 0, 0]),
  frames: Int32Array.from([0, 12, 12, 4, 8, 1, 0, 0, -1, -1]),
  threads: [
    {
      nativeId: 7,
      outerId: 0,
      pythonId: 99,
      interpreter: 0,
      name: 'MainThread',
      isMain: true,
      mainGil: true,
      state: 1 << STATES.indexOf('gil'),
      quality: 0,
      reason: 0,
      frames: [
        { frame: 1 },
        {
          frame: 0,
          variables: [
            { name: 'password', kind: 'local', value: secret },
            { name: 'user', kind: 'local', value: secret },
          ],
          omitted: 0,
          readable: true,
        },
        { frame: 0, variables: [], readable: false },
      ],
    },
  ],
  tasks: [
    {
      address: '0x10',
      name: 'Task-1',
      state: 'suspended',
      thread: 0,
      partial: false,
      awaitedBy: [1],
      frames: [{ frame: 0 }],
    },
    {
      address: '0x20',
      name: '',
      state: 'broken',
      thread: -1,
      partial: true,
      awaitedBy: [],
      frames: [],
    },
  ],
}

describe('what the native part found', () => {
  const options = {
    sources: new SourceFiles({ root: '/none', startedAt: 0 }, NO_REDACTION),
    redact: (_: string, value: Value) => value,
    keeps: () => true,
    frame: undefined,
    tasks: true,
  }

  test('is named', () => {
    const { threads, tasks } = buildDump(NATIVE, options)
    expect(threads[0]).toMatchObject({
      nativeId: 7,
      outerId: null,
      activity: 'holds-gil',
      states: ['gil'],
      quality: 'exact',
      reason: 'none',
      frameCount: 3,
    })
    expect(threads[0]?.frames).toMatchObject([
      { index: 0, function: '<GC>', file: '', line: 0, source: null },
      { index: 1, function: 'main', file: '/app.py', line: 12, column: 4, firstLine: 10 },
      { index: 2, variables: null },
    ])
    expect(tasks?.tasks).toMatchObject([
      { address: '0x10', thread: 7, awaitedBy: ['0x20'], frames: [{ function: 'main' }] },
      { address: '0x20', thread: null, partial: true },
    ])
  })

  test('leaves without what shall not be seen', () => {
    const redact = (name: string, value: Value): Value =>
      name === 'password' ? { kind: 'redacted' } : value
    const dump = buildDump(NATIVE, { ...options, redact })
    expect(dump.threads[0]?.frames[1]?.variables).toEqual([
      { name: 'password', kind: 'local', value: { kind: 'redacted' } },
      { name: 'user', kind: 'local', value: secret },
    ])
  })

  test('is cut down to the frame that was asked for', () => {
    const { threads, threadCount } = buildDump(NATIVE, { ...options, frame: 1 })
    expect(threads[0]?.frames.map(({ index }) => index)).toEqual([1])
    expect(threads[0]?.frameCount).toBe(3)
    expect(threadCount).toBe(1)
    expect(buildDump(NATIVE, { ...options, keeps: () => false }).threads).toEqual([])
  })
})
