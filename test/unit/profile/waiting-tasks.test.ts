import { describe, expect, it } from 'vitest'
import { callgrind } from '../../../src/formats/callgrind.ts'
import { chrometrace } from '../../../src/formats/chrometrace.ts'
import { collapsed } from '../../../src/formats/collapsed.ts'
import { firefox } from '../../../src/formats/firefox.ts'
import { collapsedInput } from '../../../src/formats/inputs/collapsed.ts'
import { pprofInput } from '../../../src/formats/inputs/pprof.ts'
import { speedscopeInput } from '../../../src/formats/inputs/speedscope.ts'
import { readPprof } from '../../../src/formats/pprof/read.ts'
import { pprof } from '../../../src/formats/pprof.ts'
import { statistics } from '../../../src/formats/pstats/statistics.ts'
import { pstats } from '../../../src/formats/pstats.ts'
import { speedscope } from '../../../src/formats/speedscope.ts'
import { summaryLines } from '../../../src/formats/summary.ts'
import { callTree, NODE_KINDS } from '../../../src/profile/call-tree-view.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import { viewInMode } from '../../../src/profile/modes.ts'
import { pickSamples } from '../../../src/profile/sample-columns.ts'
import { RunningSums } from '../../../src/profile/sample-sums.ts'
import { activityTimes } from '../../../src/profile/state-view.ts'
import { summarize } from '../../../src/profile/summary.ts'
import { placeTotals, waitingTasks, weightTotals } from '../../../src/profile/views.ts'
import { asciiProfile, MS } from '../../support/ascii-profile.ts'
import { decodePprof } from '../formats/pprof-message.ts'

/** One tick of a thread and of two tasks, then one at which a task could not be read. */
const profile = asciiProfile(
  `
  main  task-a  task-b  main  -
  run   sleep   sleep   run
  `,
  {
    thread: [0, 1, 1, 0, 1],
    quality: ['exact', 'exact', 'partial', 'exact', ['missed', 'moved']],
    threads: [{}, { name: 'MainThread', nativeId: 100, isMain: false, waitingTasks: true }],
    meta: { tasks: { scope: 'all', loopSeen: true } },
  },
)

describe('waiting tasks', () => {
  it('are in no total of threads', () => {
    expect(waitingTasks(profile)).toEqual({ samples: 3, weight: 30 * MS })
    expect(weightTotals(profile)).toEqual({
      total: 20 * MS,
      python: 20 * MS,
      empty: 0,
      missed: 0,
    })
    const { places, total } = placeTotals(byFunction(profile))
    expect(places.qualname.map((name, at) => [name, total[at]])).toEqual([
      ['main', 20 * MS],
      ['run', 20 * MS],
      ['task-a', 0],
      ['sleep', 0],
      ['task-b', 0],
    ])
  })

  it('are a part of their own in the call tree, with threads or without', () => {
    for (const threads of [true, false]) {
      const tree = callTree(profile, { threads })
      const tops = [...tree.parent.keys()].filter((node) => tree.parent[node] === 0)
      const shown = tops.map((node) => [NODE_KINDS[tree.kind[node]!], tree.total[node]])
      expect(shown).toEqual([
        [threads ? 'thread' : 'place', 20 * MS],
        ['thread', 30 * MS],
      ])
      expect(tree.total[0]).toBe(50 * MS)
    }
  })

  it('are counted with the quality of all, and told apart in the summary', () => {
    const summary = summarize(profile)
    expect(summary.tasks).toEqual({
      scope: 'all',
      loopSeen: true,
      waiting: { samples: 3, timeNs: 30 * MS },
    })
    expect(summary.samples).toBe(5)
    expect(summary.quality.partial.samples).toBe(1)
    expect(summary.quality.missed).toEqual({
      samples: 1,
      weight: 10 * MS,
      reasons: { moved: 1 },
    })
    expect(summary.hottest.map((row) => [row.function, row.self])).toEqual([
      ['run', 1],
      ['main', 0],
    ])
    expect(summaryLines(profile)[0]).toContain(' · 1 thread · ')
    expect(summaryLines(profile)[1]).toContain('3 of them of waiting tasks, 30.0 ms')
  })

  it('are named in collapsed stacks', () => {
    const text = [...collapsed.write(byFunction(profile), { threads: false })].join('')
    expect(text.replaceAll(/ \([^)]*:1\)/g, '').split('\n')).toEqual([
      'main;run 20000',
      'waiting tasks of MainThread (tid 100);<missed> 10000',
      'waiting tasks of MainThread (tid 100);task-a;sleep 10000',
      'waiting tasks of MainThread (tid 100);task-b;sleep 10000',
      '',
    ])
  })

  it.each([
    ['py-spy', 'thread (100): waiting tasks of MainThread;task-a'],
    ['tachyon', 'tid:100;<waiting tasks>;app.py:task-a'],
  ] as const)('are no thread in the style of %s either', (style, start) => {
    const text = [...collapsed.write(profile, { threads: false, style })].join('')
    expect(text.split('\n').filter((line) => line.startsWith(start))).toHaveLength(1)
  })

  it('do nothing and have no CPU time', () => {
    const withStates = { ...profile, meta: { ...profile.meta, states: ['cpu', 'gil'] as const } }
    const { all, threads } = activityTimes(withStates)
    expect(all.total).toBe(20 * MS)
    expect(threads[1]).toMatchObject({ total: 0, timeNs: {} })
    const { profile: wall } = viewInMode(withStates, { mode: 'wall', idle: true })
    const text = [...collapsed.write(byFunction(wall), { threads: false })].join('')
    expect(text).toMatch(/^main[^;]*;run[^;]*;<idle> 20000$/m)
    expect(text).toMatch(/^waiting tasks of .*;task-a[^;]*;sleep[^;]* 10000$/m)
    const gil = viewInMode(withStates, { mode: 'gil', idle: true })
    expect(gil.removed).toEqual({ samples: 3, timeNs: 30 * MS })
  })

  it('are apart in formats that merge threads', () => {
    const written = (pieces: Iterable<string | Uint8Array>) =>
      Buffer.concat([...pieces].map((piece) => Buffer.from(piece))).toString('latin1')
    for (const format of [callgrind, pstats]) {
      const text = written(format.write(profile, { threads: false }))
      expect(text).toContain('waiting tasks of MainThread')
    }
    const rows = statistics(profile, false)
    const waiting = rows.find(({ name }) => name.startsWith('waiting tasks of MainThread'))
    expect(waiting?.total).toBe(30 * MS)
    const trace = written(chrometrace.write(profile, { threads: false }))
    expect(trace).toContain('"name":"waiting tasks of MainThread"')
    const page = written(firefox.write(profile, { threads: false }))
    expect(page).toContain('"name":"waiting tasks of MainThread"')
  })

  it('are a value of their own in pprof, which is read back as their time', () => {
    const file = Buffer.concat([...pprof.write(profile, { threads: false })] as Uint8Array[])
    const { types, defaultType, samples } = decodePprof(file)
    expect(types.map((type) => type.split('/')[0])).toEqual(['samples', 'wall', 'waiting'])
    expect(defaultType).toContain('wall')
    const rows = samples.map(({ values, labels }) => [String(labels.thread_name), ...values])
    expect(rows).toEqual([
      ['MainThread', 2, 20 * MS, 0],
      ['waiting tasks of MainThread', 0, 0, 10 * MS],
      ['waiting tasks of MainThread', 0, 0, 10 * MS],
      ['waiting tasks of MainThread', 0, 0, 10 * MS],
    ])
    const read = readPprof(file)
    expect(
      Array.from({ length: read.samples.length }, (_, row) => read.samples.weight[row]),
    ).toEqual([20 * MS, 10 * MS, 10 * MS, 10 * MS])
  })

  it('stay apart in sums that grow with a recording', () => {
    const sums = new RunningSums()
    const { samples, threads } = profile
    sums.add({ ...profile, threads: threads.slice(0, 1), samples: { ...samples, length: 1 } })
    const rest = Array.from({ length: samples.length - 1 }, (_, row) => row + 1)
    sums.add({ ...profile, samples: pickSamples(samples, rest) })
    const empty = { ...profile, samples: { ...samples, length: 0 } }
    expect(summarize(empty, empty, undefined, sums)).toEqual(summarize(profile))
  })

  it('do not lend their row to the time of stacks where they come first', () => {
    const first = asciiProfile('task main', { thread: [0, 1], threads: [{ waitingTasks: true }] })
    expect(summarize(first).hottest).toMatchObject([{ function: 'main', self: 1 }])
  })

  it.each([
    [collapsed, collapsedInput],
    [speedscope, speedscopeInput],
    [pprof, pprofInput],
  ])('are known again in files of $name', (format, input) => {
    const orphans = asciiProfile('main task', {
      thread: [0, 1],
      threads: [{}, { name: '', nativeId: 0, isMain: false, waitingTasks: true }],
    })
    for (const each of [profile, orphans]) {
      const pieces = [...format.write(each, { threads: true })].map((piece) => Buffer.from(piece))
      const range = { from: 0, to: Number.POSITIVE_INFINITY }
      const { profile: found } = input.read(pieces, { range, rate: undefined })
      expect(waitingTasks(found).weight).toBe(waitingTasks(each).weight)
      expect(weightTotals(found)).toEqual(weightTotals(each))
      expect(found.threads.toSorted((a, b) => Number(b.isMain) - Number(a.isMain))).toMatchObject(
        each.threads.map(({ name, nativeId, isMain, waitingTasks }) => ({
          name,
          nativeId,
          isMain,
          ...(waitingTasks && { waitingTasks }),
        })),
      )
      if (each === profile) expect(found.meta.tasks).toEqual({ scope: 'all', loopSeen: true })
    }
  })

  it('are never the profile that speedscope opens first', () => {
    const text = [...speedscope.write(profile, { threads: false })].join('')
    const file = JSON.parse(text)
    expect(file.activeProfileIndex).toBe(0)
    expect(file.profiles[1]).toMatchObject({
      name: 'waiting tasks of MainThread (tid 100)',
      weights: [10 * MS, 10 * MS, 10 * MS],
    })
  })
})
