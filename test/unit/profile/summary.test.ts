import { describe, expect, test } from 'vitest'
import { viewInMode } from '../../../src/profile/modes.ts'
import { reasonCounts, summarize } from '../../../src/profile/summary.ts'
import { MS, profileOf } from '../../support/ascii-profile.ts'

const a = { name: 'a', firstLine: 3 }
const b = { name: 'b', firstLine: 8 }

describe('summarize', () => {
  test('gives self and total as shares of all sampled time, also of missed and empty', () => {
    const summary = summarize(
      profileOf([
        { stack: [a], weight: 30 * MS },
        { stack: [a, b], weight: 10 * MS },
        { stack: [], weight: 40 * MS },
        { stack: [], quality: 'missed', reason: 'thread-gone', weight: 20 * MS },
      ]),
    )
    expect(summary.timeNs).toEqual({
      total: 100 * MS,
      python: 40 * MS,
      empty: 40 * MS,
      missed: 20 * MS,
    })
    expect(summary.hottest).toEqual([
      hot('a', 3, { self: 0.3, total: 0.4, selfNs: 30 * MS, totalNs: 40 * MS }),
      hot('b', 8, { self: 0.1, total: 0.1, selfNs: 10 * MS, totalNs: 10 * MS }),
    ])
  })

  test('tells what the threads did, of what was recorded and whatever the mode', () => {
    const recorded = profileOf(
      [
        { stack: [a], states: ['cpu', 'gil'], weight: 30 * MS, cpu: 25 * MS },
        { stack: [a], states: ['gil-wait'], weight: 10 * MS, cpu: 0 },
        { stack: [b], thread: 1, weight: 40 * MS },
      ],
      { meta: { states: ['cpu', 'gil', 'gil-wait'] } },
    )
    const { profile, removed } = viewInMode(recorded, { mode: 'gil', idle: false })
    const summary = summarize(profile, recorded, removed)
    expect(summary.mode).toBe('gil')
    expect(summary.samples).toBe(1)
    expect(summary.removed).toEqual({ samples: 2, timeNs: 50 * MS })
    expect(summary.states).toEqual(['cpu', 'gil', 'gil-wait'])
    expect(summary.activity).toEqual({
      shares: { cpu: 0.375, gil: 0.375, 'gil-wait': 0.125, idle: 0.5 },
      cpuNs: 25 * MS,
    })
    expect(summary.threads.map(({ activity }) => activity)).toEqual([
      { shares: { cpu: 0.75, gil: 0.75, 'gil-wait': 0.25, idle: 0 }, cpuNs: 25 * MS },
      { shares: { cpu: 0, gil: 0, 'gil-wait': 0, idle: 1 } },
    ])
    expect(summarize(profileOf([{ stack: [a] }])).activity).toEqual({ shares: {} })
  })

  test('counts the samples of each process', () => {
    const process = {
      pid: 1,
      parent: -1,
      command: 'sh',
      pythonVersion: '',
      start: 0,
      end: 5,
      unreadable: '',
    }
    const samples = [{ stack: [a] }, { stack: [a], thread: 1 }, { stack: [b], thread: 1 }]
    const { processes } = summarize(
      profileOf(samples, {
        processes: [process, { ...process, pid: 2, parent: 0 }, { ...process, pid: 3, parent: 1 }],
        threads: [{ process: 1 }, { process: 2 }],
      }),
    )
    expect(processes.map(({ pid, samples: count }) => [pid, count])).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
    ])
    expect(processes[0]).toMatchObject({ startNs: 0, endNs: 5 })
    expect(processes[0]).not.toHaveProperty('end')
  })

  test('names at most five functions', () => {
    const stacks = [1, 2, 3, 4, 5, 6, 7].map((n) => ({
      stack: [{ name: `f${n}` }],
      weight: n * MS,
    }))
    const names = summarize(profileOf(stacks)).hottest.map((row) => row.function)
    expect(names).toEqual(['f7', 'f6', 'f5', 'f4', 'f3'])
  })

  test('counts qualities, reasons and the share that is uncertain', () => {
    const good = Array.from({ length: 97 }, () => ({ stack: [a] }))
    const summary = summarize(
      profileOf([
        ...good,
        { stack: [a], quality: 'repaired', reason: 'moved' },
        { stack: [a], quality: 'partial', reason: 'moved' },
        { stack: [], quality: 'missed', reason: 'unreadable' },
      ]),
    )
    expect(summary.samples).toBe(100)
    expect(summary.quality.exact.samples).toBe(97)
    expect(summary.uncertain).toBe(0.02)
    expect(summary.isUncertain).toBe(false)
    expect(reasonCounts(summary)).toEqual([
      ['moved', 2],
      ['unreadable', 1],
    ])
  })

  test('calls more than 2 % of partial and missed samples uncertain', () => {
    const good = Array.from({ length: 97 }, () => ({ stack: [a] }))
    const bad = Array.from({ length: 3 }, () => ({
      stack: [a],
      quality: 'partial' as const,
      reason: 'truncated' as const,
    }))
    expect(summarize(profileOf([...good, ...bad])).isUncertain).toBe(true)
  })

  test('counts what a filter removed unseen as uncertain, and tells the filter', () => {
    const step = { option: '--include', patterns: ['a'], effect: 'removed', weight: 9 } as const
    const view = {
      granularity: 'lines',
      steps: [{ ...step, samples: 7, missed: 3 }],
    } as const
    const good = Array.from({ length: 9 }, () => ({ stack: [a] }))
    const summary = summarize(
      profileOf([...good, { stack: [a], quality: 'partial' }], { meta: { view } }),
    )
    expect(summary.uncertain).toBe(4 / 13)
    expect(summary.view).toEqual(view)
    expect(summarize(profileOf(good)).view).toEqual({ granularity: 'lines', steps: [] })
  })

  test('takes the real rate from ticks and duration, and copies the accounting', () => {
    const profile = profileOf([{ stack: [a] }], {
      meta: { rate: 1000, duration: 2e9, startedAt: 1000 },
      accounting: {
        ticks: 1500,
        missedTicks: 500,
        gapTime: 0.5e9,
        droppedSamples: 6,
        profilerCpu: 7e6,
        execs: 2,
      },
    })
    const summary = summarize(profile)
    expect(summary.rate).toEqual({ requested: 1000, actual: 750 })
    expect(summary.startedAt).toBe('1970-01-01T00:00:01.000Z')
    expect(summary).toMatchObject({
      ticks: 1500,
      gaps: { count: 0, missedTicks: 500, timeNs: 0.5e9 },
      droppedSamples: 6,
      profilerCpuNs: 7e6,
      execs: 2,
    })
  })

  test('counts the samples of each thread', () => {
    const profile = profileOf([
      { stack: [a] },
      { stack: [a], thread: 1 },
      { stack: [b], thread: 1 },
    ])
    expect(summarize(profile).threads.map((thread) => thread.samples)).toEqual([1, 2])
  })

  test('of nothing has no shares, no rate and no division by zero', () => {
    const summary = summarize(profileOf([], { meta: { duration: 0 } }))
    expect(summary.rate.actual).toBe(0)
    expect(summary.uncertain).toBe(0)
    expect(summary.hottest).toEqual([])
    expect(JSON.stringify(summary)).not.toContain('null')
  })
})

function hot(name: string, line: number, rest: object) {
  return { function: name, file: '/srv/app.py', line, ...rest }
}
