import { describe, expect, test } from 'vitest'
import {
  endSentence,
  type RecordSummary,
  reportLines,
} from '../../../src/commands/record/report.ts'
import { summarize } from '../../../src/profile/summary.ts'
import { type DraftSample, MS, profileOf } from '../../support/ascii-profile.ts'

const END = { descendants: '', launched: false } as const
const main = { name: '<module>', firstLine: 1 }
const parse = { name: 'Parser.parse', file: '/srv/parser.py', firstLine: 12 }

function report(
  samples: readonly DraftSample[],
  options: Parameters<typeof profileOf>[1] = {},
  rest: Partial<RecordSummary> = {},
): string[] {
  const summary = summarize(profileOf(samples, options))
  return reportLines({
    ...summary,
    pid: 42,
    launched: false,
    signal: null,
    unmatched: [],
    outputs: [],
    ...rest,
  })
}

describe('the report', () => {
  test('of a good recording', () => {
    const samples = [
      { stack: [main, parse], weight: 7500 * MS },
      { stack: [main], weight: 2500 * MS },
    ]
    const lines = report(
      samples,
      {
        meta: { command: 'python3 app.py', pythonVersion: '3.14.0', rate: 100, duration: 10e9 },
        accounting: { ticks: 998, profilerCpu: 230e6, missedTicks: 0, gapTime: 0 },
      },
      { outputs: [{ path: 'out.svg', format: 'flamegraph', bytes: 20_612 }] },
    )
    expect(lines).toEqual([
      'Recorded 10.0 s of process 42: python3 app.py (Python 3.14.0)',
      '  ended    the requested duration is over',
      '  samples  2 of 1 thread; 998 ticks at 99.8 Hz (asked for 100 Hz)',
      '  reading  live: from another core, the target never stopped',
      '  quality  2 exact, 0 repaired, 0 partial, 0 missed',
      '  gaps     none',
      '  dropped  none',
      "  cost     230 ms of pyprof's own CPU time, with its start, 2.3 % of one core",
      '',
      '    self    total  function (shares of the sampled time of all threads)',
      '  75.0 %   75.0 %  Parser.parse (/srv/parser.py:12)',
      '  25.0 %  100.0 %  <module> (/srv/app.py:1)',
      '',
      'Wrote flamegraph to out.svg (20.6 kB)',
    ])
  })

  test('says which reading was used, and why when it is another than asked for', () => {
    const line = (meta: { read: 'live' | 'exact' | 'stop'; readChange: '' | 'over-budget' }) =>
      report([{ stack: [main] }], { meta }).find((each) => each.includes('reading'))
    expect(line({ read: 'exact', readChange: '' })).toBe(
      '  reading  exact: sharing the core of the running thread, the target never stopped',
    )
    expect(line({ read: 'stop', readChange: '' })).toContain('the target stopped for every sample')
    expect(line({ read: 'live', readChange: 'over-budget' })).toContain(
      'than --max-overhead allows',
    )
  })

  test('tells what the threads did, where that was recorded', () => {
    const meta = { states: ['cpu', 'gil', 'gil-wait', 'gc'] as const }
    const lines = report(
      [
        { stack: [main], states: ['cpu', 'gil'], cpu: 8 * MS },
        { stack: [parse], thread: 1, states: ['gil-wait'], cpu: 0 },
        { stack: [parse], thread: 2, states: [] },
        { stack: [parse], thread: 3, states: [] },
      ],
      { meta },
    )
    expect(lines).toContain(
      '  threads  25.0 % on a CPU, 25.0 % with the GIL, 25.0 % waiting for it, 50.0 % idle; ' +
        '8.00 ms of CPU time',
    )
    expect(report([{ stack: [main] }]).join('\n')).not.toContain('  threads  ')
    expect(lines.join('\n')).not.toContain('  mode  ')
  })

  test('tells the mode, what it leaves out, and what the shares are of', () => {
    const lines = report(
      [{ stack: [main] }],
      { meta: { mode: 'cpu' } },
      { removed: { samples: 1234, timeNs: 12.34e9 } },
    )
    expect(lines).toContain(
      '  mode     cpu: 1 sample; 1,234 samples of other time (12.3 s) left out',
    )
    expect(lines).toContain('    self    total  function (shares of the CPU time of all threads)')
  })

  test('of a bad one tells everything that is missing or doubtful, in words', () => {
    const lines = report(
      [
        { stack: [main] },
        { stack: [main], quality: 'partial', reason: 'moved' },
        { stack: [], quality: 'missed', reason: 'unreadable' },
        { stack: [], thread: 1 },
      ],
      {
        meta: { duration: 0.5e9 },
        accounting: {
          ticks: 40,
          missedTicks: 10,
          gapTime: 100 * MS,
          droppedSamples: 1234,
          execs: 1,
        },
      },
    ).join('\n')
    expect(lines).toContain('2 exact, 0 repaired, 1 partial, 1 missed; reasons: ')
    expect(lines).toContain('1 moved')
    expect(lines).toContain('1 unreadable')
    expect(lines).toContain('10 ticks missed in 100 ms')
    expect(lines).toContain('  dropped  1,234\n')
    expect(lines).toContain('followed the target through 1 exec')
    expect(lines).toContain('in threads without Python frames, 25.0 % of the sampled time')
    expect(lines).toContain('careful  50.0 % of the samples are partial or missed')
    expect(lines).toContain('careful  20.0 % of the time fell into gaps')
    expect(lines).toContain('careful  1,234 samples did not fit the buffer')
  })

  test('tells whether gaps come from reading too much, or from not being let', () => {
    const warning = (profilerCpu: number, tickTime: number) =>
      report([{ stack: [main] }, { stack: [main], thread: 1 }], {
        meta: { duration: 10e9, rate: 1000 },
        accounting: { ticks: 1000, missedTicks: 9000, gapTime: 9e9, profilerCpu, tickTime },
      }).find((line) => line.includes('careful'))
    expect(warning(9e9, 9.5e9)).toBe(
      '  careful  90.0 % of the time fell into gaps: reading the target once takes 9.50 ms, ' +
        'so that 105 Hz is the most, for all alike.',
    )
    const notLet =
      '  careful  90.0 % of the time fell into gaps: pyprof was not given a processor, ' +
      'or no Python was there.'
    expect(warning(1e9, 9.5e9)).toBe(notLet)
    expect(warning(1e9, 0.1e9)).toBe(notLet)
  })

  test('tells of samples that do not tell what the mode needs', () => {
    const removed = {
      samples: 20,
      timeNs: 2e9,
      untold: { samples: 12, timeNs: 1.2e9, processes: [0] },
    }
    const of = '12 samples (1.20 s) of process 100 (Python 3.14.0) do not tell'
    const shown = (mode: 'wall' | 'exception') =>
      report([{ stack: [main] }], { meta: { mode } }, { removed }).join('\n')
    expect(shown('exception')).toContain(
      `  careful  ${of} what --mode exception needs, and are left out.`,
    )
    expect(shown('wall')).toContain(
      `  careful  ${of} whether a thread was idle, and are shown as if none was.`,
    )
  })

  test('tells the time of waiting tasks apart from that of threads', () => {
    const tasks = { scope: 'all', loopSeen: true } as const
    const threads = [{}, { waitingTasks: true, isMain: false }]
    const samples = [
      { stack: [main] },
      { stack: [main], thread: 1 },
      { stack: [main], thread: 1, weight: 90 * MS },
    ]
    const lines = report(samples, { meta: { tasks }, threads })
    expect(lines).toContainEqual(expect.stringContaining('  samples  1 of 1 thread; '))
    expect(lines).toContain(
      '  tasks    2 samples of suspended tasks, which waited 100 ms together; ' +
        'not in the time of threads',
    )
    expect(lines.join()).not.toContain('careful')
  })

  test('warns when tasks were asked for and no event loop was seen', () => {
    const tasks = { scope: 'running', loopSeen: false } as const
    const lines = report([{ stack: [main] }], { meta: { tasks } })
    expect(lines).toContain(
      '  careful  no asyncio event loop was seen: the stacks are those of threads.',
    )
    expect(lines.join()).not.toContain('  tasks ')
  })

  test('lets no name in the target write to the terminal', () => {
    const evil = { name: 'f\x1b[2J\r', file: '/srv/a\nb.py', firstLine: 1 }
    const text = report(
      [{ stack: [evil] }],
      { meta: { command: 'python3 \x1b]0;title\x07' } },
      { outputs: [{ path: 'a\x1b.svg', format: 'flamegraph', bytes: 1 }] },
    ).join('')
    expect([...text].filter((character) => character < ' ' || character === '\x7f')).toEqual([])
    expect(text).toContain('f\\x1b[2J\\x0d')
  })

  test('cuts a long command where one can see it', () => {
    const [first = ''] = report([{ stack: [main] }], { meta: { command: 'x'.repeat(500) } })
    expect(first).toContain(`${'x'.repeat(100)}… (Python`)
  })
})

test('the end is told with the signal that caused it', () => {
  expect(endSentence({ ...END, endReason: 'interrupted', signal: 'SIGHUP' })).toBe(
    'interrupted by SIGHUP',
  )
  expect(endSentence({ ...END, endReason: 'exited', signal: 'SIGTERM' })).toBe(
    'the target has ended',
  )
})
