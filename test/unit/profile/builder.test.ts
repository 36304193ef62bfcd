import { describe, expect, test } from 'vitest'
import { ProfileBuilder } from '../../../src/profile/builder.ts'
import { type Meta, NO_CPU, NO_PROCESS, type Process } from '../../../src/profile/profile.ts'
import { batchOf, SAMPLING, workBatch } from '../../support/fake-addon.ts'

const META: Meta = {
  exporter: 'pyprof@0.0.0-test',
  command: 'python3 app.py',
  pythonVersion: '3.14.0',
  mode: 'wall',
  states: [],
  read: 'live',
  readChange: '',
  descendants: '',
  rate: 100,
  startedAt: 0,
  duration: 20e6,
  endReason: 'duration',
}

const PROCESSES: readonly Process[] = [
  {
    pid: 42,
    parent: NO_PROCESS,
    command: 'python3 app.py',
    pythonVersion: '3.14.0',
    start: 0,
    end: 20e6,
    unreadable: '',
  },
]

function columns<T extends object>(table: T): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table).map(([name, value]) => [
      name,
      typeof value === 'number' ? value : [...(value as ArrayLike<number> & Iterable<number>)],
    ]),
  )
}

describe('ProfileBuilder', () => {
  test('puts every field of a batch into its own column', () => {
    const builder = new ProfileBuilder()
    builder.add(workBatch(2))
    const profile = builder.build(META, PROCESSES, 5e6)
    expect(profile.strings).toEqual(['<module>', '/srv/app.py', 'work'])
    expect(columns(profile.functions)).toEqual({
      length: 2,
      qualname: [0, 2],
      file: [1, 1],
      firstLine: [1, 5],
    })
    expect(columns(profile.frames)).toEqual({
      length: 2,
      function: [0, 1],
      line: [12, 7],
      endLine: [12, 7],
      column: [0, 4],
      endColumn: [6, 9],
    })
    expect(columns(profile.stacks)).toEqual({ length: 2, parent: [-1, 0], frame: [0, 1] })
    expect(columns(profile.samples)).toEqual({
      length: 2,
      time: [10e6, 20e6],
      weight: [10e6, 10e6],
      thread: [0, 0],
      stack: [1, 1],
      quality: [0, 0],
      reason: [0, 0],
      state: [0, 0],
      cpu: [NO_CPU, NO_CPU],
    })
    expect(profile.threads.map((thread) => thread.name)).toEqual(['MainThread'])
    expect(profile.meta).toBe(META)
  })

  test('appends later batches behind earlier ones', () => {
    const builder = new ProfileBuilder()
    builder.add(workBatch(1))
    builder.add(
      batchOf({
        strings: ['other'],
        functions: Int32Array.of(3, 1, 20),
        frames: Int32Array.of(2, 21, 21, -1, -1),
        stacks: Int32Array.of(0, 2),
        time: Float64Array.of(30e6),
        weight: Float64Array.of(20e6),
        thread: Int32Array.of(0),
        stack: Int32Array.of(2),
        quality: Uint8Array.of(2),
        reason: Uint8Array.of(5),
        gaps: Float64Array.of(10e6, 10e6, 1, 50e6, 30e6, 3),
      }),
    )
    const profile = builder.build(META, PROCESSES, 0)
    expect(profile.strings[profile.functions.qualname[2] ?? -1]).toBe('other')
    expect(columns(profile.stacks)).toEqual({ length: 3, parent: [-1, 0, 0], frame: [0, 1, 2] })
    expect(columns(profile.samples)).toMatchObject({
      length: 2,
      stack: [1, 2],
      quality: [0, 2],
      reason: [0, 5],
    })
    expect(profile.gaps).toEqual([
      { start: 10e6, duration: 10e6, missedTicks: 1 },
      { start: 50e6, duration: 30e6, missedTicks: 3 },
    ])
  })

  test('renames threads, without changing profiles that were built before', () => {
    const builder = new ProfileBuilder()
    builder.add(workBatch(1))
    const before = builder.build(META, PROCESSES, 0)
    builder.add(batchOf({ renamedThreads: [{ thread: 0, name: 'serve' }] }))
    const after = builder.build(META, PROCESSES, 0)
    expect(before.threads[0]?.name).toBe('MainThread')
    expect(after.threads[0]).toEqual({ ...before.threads[0], name: 'serve' })
  })

  test('a profile built half-way keeps its samples when more arrive', () => {
    const builder = new ProfileBuilder()
    builder.add(workBatch(3))
    const half = builder.build(META, PROCESSES, 0)
    builder.add(batchOf({ ...sampleColumns(5000, 2) }))
    expect(half.samples.length).toBe(3)
    expect(half.samples.stack.length).toBe(3)
    expect(builder.sampleCount).toBe(5003)
    expect(builder.build(META, PROCESSES, 0).samples.stack[5002]).toBe(2)
  })

  test('forgets samples that are written elsewhere, and keeps tables and counts', () => {
    const builder = new ProfileBuilder()
    builder.add(workBatch(3))
    const before = builder.build(META, PROCESSES, 0)
    builder.forgetSamples()
    const after = builder.build(META, PROCESSES, 0)
    expect([after.samples.length, after.samples.time.length, builder.sampleCount]).toEqual([
      0, 0, 3,
    ])
    expect(before.samples.length).toBe(3)
    expect([after.stacks, after.strings]).toEqual([before.stacks, before.strings])
    builder.add(batchOf({ ...sampleColumns(2, 1) }))
    expect(builder.build(META, PROCESSES, 0).samples.length).toBe(2)
    expect(builder.sampleCount).toBe(5)
  })

  test('takes the accounting from the last status and the CPU time from the caller', () => {
    const builder = new ProfileBuilder()
    expect(builder.build(META, PROCESSES, 1).accounting).toEqual({
      ticks: 0,
      missedTicks: 0,
      gapTime: 0,
      droppedSamples: 0,
      profilerCpu: 1,
      lateTicks: 0,
      execs: 0,
      tickTime: 0,
    })
    builder.add(workBatch(1))
    const last = {
      ...SAMPLING,
      ticks: 9,
      missedTicks: 2,
      gapTime: 3e6,
      droppedSamples: 4,
      lateTicks: 5,
      execs: 1,
      tickTime: 8e6,
    }
    builder.add(batchOf({}, last))
    expect(builder.build(META, PROCESSES, 7e6).accounting).toEqual({
      ticks: 9,
      missedTicks: 2,
      gapTime: 3e6,
      droppedSamples: 4,
      profilerCpu: 7e6,
      lateTicks: 5,
      execs: 1,
      tickTime: 8e6,
    })
  })
})

function sampleColumns(rows: number, stack: number) {
  return {
    time: new Float64Array(rows),
    weight: new Float64Array(rows),
    thread: new Int32Array(rows),
    stack: new Int32Array(rows).fill(stack),
    quality: new Uint8Array(rows),
    reason: new Uint8Array(rows),
  }
}
