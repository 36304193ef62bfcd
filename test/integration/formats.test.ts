import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventTexts } from '../../src/formats/chrometrace.ts'
import { type FormatName, formatNamed } from '../../src/formats/index.ts'
import { readPprof } from '../../src/formats/pprof/read.ts'
import { byFunction } from '../../src/profile/granularity.ts'
import type { Profile } from '../../src/profile/profile.ts'
import { hottest, weightTotals } from '../../src/profile/views.ts'
import { profileOf } from '../support/ascii-profile.ts'
import { Chromium } from '../support/chromium.ts'
import { record, summaryOf } from '../support/cli.ts'
import { MINORS, venv } from '../support/pythons.ts'
import {
  askPerfetto,
  callgrindAnnotate,
  FirefoxProfiler,
  goPprof,
  runIn,
  runPython,
} from '../support/readers.ts'
import { SpeedscopeApp } from '../support/speedscope-app.ts'
import { startPython } from '../support/target.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { bytes, goldenProfile } from '../unit/formats/fixtures.ts'

const total = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value, 0)

function fileOf(name: FormatName, profile: Profile, options = {}): string {
  const format = formatNamed(name)!
  const file = join(temporaryFolder(), `profile${format.suffixes[0]}`)
  writeFileSync(file, bytes(format, profile, options))
  return file
}

/** Self time by function, ns, of all samples. */
function selfTimes(profile: Profile): Map<string, number> {
  const { missed, empty } = weightTotals(profile)
  const all = hottest(profile, Number.POSITIVE_INFINITY)
  return new Map([
    ...all.map(({ qualname, self }): [string, number] => [qualname, self]),
    ['<missed>', missed],
    ['<no Python frames>', empty],
  ])
}

/** Functions that have any self time, with the name as it is shown. */
function expectedSelf(profile: Profile, shown = (name: string) => name): Map<string, number> {
  const found = [...selfTimes(profile)].filter(([, self]) => self > 0)
  return new Map(found.map(([name, self]) => [shown(name.replace('\u0007', '\\x07')), self]))
}

const sorted = (map: ReadonlyMap<string, number>) => [...map].sort()

describe('go tool pprof', () => {
  /** Self ns by function, and the total that it tells. */
  function top(file: string): { readonly self: Map<string, number>; readonly total: number } {
    const args = ['-top', '-nodecount=0', '-nodefraction=0', '-unit=ns', '-symbolize=none', file]
    const out = goPprof(...args)
    const rows = [
      ...out.matchAll(/^ *(\d+)(?:ns)? +[\d.]+% +[\d.]+% +\d+(?:ns)? +[\d.]+% +(.+)$/gm),
    ]
    const [, all] = /Total samples = (\d+)ns/.exec(out) ?? []
    const self = rows.map(([, ns, name]): [string, number] => [name!, Number(ns)])
    return { self: new Map(self.filter(([, ns]) => ns > 0)), total: Number(all) }
  }

  it('reads every function with its time, and the labels', () => {
    const profile = goldenProfile()
    const file = fileOf('pprof', profile)
    expect(top(file).total).toBe(weightTotals(profile).total)
    expect(sorted(top(file).self)).toEqual(sorted(expectedSelf(profile)))
    const tags = goPprof('-tags', '-unit=ns', file)
    expect(tags).toMatch(/ thread_name: Total 80500000ns of 100500000ns/)
    expect(tags).toMatch(/ quality: Total 29000000ns/)
    expect(goPprof('-comments', file)).toContain('1 gap, 41.0 ms, 1 tick missed')
    expect(goPprof('-raw', file)).toContain('samples/count wall/nanoseconds[dflt]\n')
  })

  it('writes what pyprof reads', () => {
    const folder = temporaryFolder()
    const merged = join(folder, 'merged.pb.gz')
    const file = fileOf('pprof', goldenProfile())
    goPprof('-proto', '-symbolize=none', `-output=${merged}`, file, file)
    const profile = readPprof(readFileSync(merged))
    expect(weightTotals(profile).total).toBe(2 * weightTotals(goldenProfile()).total)
    expect(profile.threads).toHaveLength(3)
    expect(profile.meta.command).toBe('python app.py --serve')
  })
})

describe('the Firefox Profiler', () => {
  it('reads every thread, function and marker', () => {
    const profile = goldenProfile()
    const profiler = new FirefoxProfiler(fileOf('firefox', profile))
    const threads = profiler.threads()
    expect(threads.map(({ name }) => name).sort()).toEqual(['<unnamed>', 'MainThread', 'worker 7'])
    const self = new Map<string, number>()
    for (const thread of threads) {
      for (const { name, selfSamples } of profiler.functions(thread)) {
        const before = self.get(name) ?? 0
        if (selfSamples > 0) self.set(name.replace('\u0007', '\\x07'), before + selfSamples * 1e6)
      }
    }
    expect(sorted(self)).toEqual(sorted(expectedSelf(profile)))
    const main = threads.find(({ name }) => name === 'MainThread')!
    expect(profiler.markers(main)).toMatch(/\bGap +t=30ms +41ms/)
  })

  it('shows the states of a thread', () => {
    const stack = [{ name: 'f' }]
    const profile = profileOf(
      [
        { stack, states: ['cpu', 'gil'], cpu: 9_000_000 },
        { stack, states: ['cpu', 'gc'], cpu: 8_000_000 },
        { stack, states: ['gil-wait'], cpu: 0 },
      ],
      { meta: { states: ['cpu', 'gil', 'gil-wait', 'gc'] } },
    )
    const profiler = new FirefoxProfiler(fileOf('firefox', profile))
    const markers = profiler.markers(profiler.threads()[0]!)
    expect(markers).toMatch(/On CPU +t=0\S* +20ms/)
    expect(markers).toMatch(/Holds GIL +t=0\S* +10ms/)
    expect(markers).toMatch(/Collects garbage +t=10ms +10ms/)
    expect(markers).toMatch(/Waits for GIL +t=20ms +10ms/)
  })
})

/** Its parts are fetched once, 25 MB. */
const FETCH_MS = 600_000
/** All that Perfetto's trace processor has to say of what it could not use. */
const COMPLAINTS = `SELECT name, idx, severity, value FROM stats
  WHERE severity != 'info' AND value != 0`

describe('Perfetto', { timeout: FETCH_MS }, () => {
  const SLICES = `
    SELECT slice.ts, slice.dur, slice.depth, slice.name, slice.category, pid, tid,
      extract_arg(slice.arg_set_id, 'args.file') AS file,
      extract_arg(slice.arg_set_id, 'args.line') AS line
    FROM slice JOIN thread_track ON track_id = thread_track.id
      JOIN thread USING (utid) JOIN process USING (upid)
    ORDER BY pid, tid, slice.ts, slice.depth`
  // It makes a main thread for each process, whether there are slices of it or not.
  const THREADS = `
    SELECT pid, process.name AS process, tid, thread.name AS thread
    FROM thread JOIN process USING (upid) WHERE thread.name IS NOT NULL ORDER BY pid, tid`

  interface TraceEvent {
    readonly ph: 'M' | 'X'
    readonly name: string
    readonly cat: string
    readonly pid: number
    readonly tid: number
    readonly ts: number
    readonly dur: number
    readonly args: { readonly name?: string; readonly file?: string; readonly line?: number }
  }

  /** The events of a trace as the queries above show them. */
  function expected(file: string) {
    const { traceEvents } = JSON.parse(readFileSync(file, 'utf8')) as { traceEvents: TraceEvent[] }
    const ends = new Map<number, number[]>()
    const slices = traceEvents
      .filter(({ ph }) => ph === 'X')
      .map(({ name, cat, pid, tid, ts, dur, args }) => {
        const start = Math.round(ts * 1000)
        const open = (ends.get(tid) ?? []).filter((end) => end > start)
        const length = Math.round(dur * 1000)
        ends.set(tid, [...open, start + length])
        const place = { file: args.file ?? null, line: args.line ?? null }
        return {
          ts: start,
          dur: length,
          depth: open.length,
          name,
          category: cat,
          pid,
          tid,
          ...place,
        }
      })
    const called = (kind: string) => traceEvents.filter(({ name }) => name === kind)
    const processes = new Map(called('process_name').map(({ pid, args }) => [pid, args.name!]))
    const threads = called('thread_name').map(({ pid, tid, args }) => {
      return { pid, process: processes.get(pid) ?? null, tid, thread: args.name }
    })
    const key = (row: { pid: number; tid: number; ts?: number; depth?: number }) =>
      [row.pid, row.tid, row.ts ?? 0, row.depth ?? 0].map((id) => `${id}`.padStart(16)).join()
    const inOrder = <Row extends Parameters<typeof key>[0]>(rows: Row[]) =>
      rows.sort((a, b) => (key(a) < key(b) ? -1 : 1))
    return { slices: inOrder(slices), threads: inOrder(threads) }
  }

  /** A day of a process and its child, whose ids are the same; interpreters, waiting tasks. */
  function oddProfile(): Profile {
    const process = { parent: -1, pythonVersion: '3.14.0', start: 0, end: 0, unreadable: '' }
    const deep = Array.from({ length: 600 }, (_, at) => ({ name: `f${at % 3}`, line: at + 1 }))
    return profileOf(
      [
        { stack: [{ name: 'main' }, { name: 'load' }], weight: 1 },
        { stack: [{ name: 'main' }, { name: 'save' }], weight: 0 },
        { stack: [{ name: 'main' }], weight: 2.5 },
        { stack: [{ name: 'main' }], weight: 86_400e9 + 0.25 },
        { stack: [{ name: 'main' }, { name: '' }], weight: 10_000_001, gap: 7_777 },
        { thread: 1, stack: [], quality: 'missed', reason: 'moved', weight: 1e9 / 3 },
        { thread: 1, stack: deep, weight: 1e9 / 3 },
        { thread: 2, stack: [{ name: '"\\\u0000\u2028é\udcff\ud83d\ude00' }] },
        { thread: 3, stack: [{ name: 'wait' }] },
        { thread: 3, stack: [{ name: 'wait' }] },
      ],
      {
        starts: [0, 5, 86_400e9],
        processes: [
          { ...process, pid: 9, command: 'a.py' },
          { ...process, pid: 9, command: '' },
        ],
        threads: [
          {},
          { nativeId: 100, interpreter: 1 },
          { name: '', nativeId: 0, process: 1 },
          { name: 'MainThread', waitingTasks: true },
        ],
      },
    )
  }

  it.each([
    ['lines', goldenProfile()],
    ['functions', byFunction(goldenProfile())],
    ['odd things', oddProfile()],
  ])('reads every slice, thread and process of a trace of %s', (_, profile) => {
    const file = fileOf('chrometrace', profile)
    const [complaints, slices, threads] = askPerfetto(file, COMPLAINTS, SLICES, THREADS)
    expect(complaints).toEqual([])
    expect(slices).toEqual(expected(file).slices)
    expect(threads).toEqual(expected(file).threads)
  })

  it.each([1, 2, 7, 20])('reads the same where %s events of a thread are held at once', (most) => {
    const names = ['main', 'serve', 'load', 'parse', 'save']
    const drafts = Array.from({ length: 90 }, (_, at) => ({
      stack: names.slice(0, 1 + ((at * at) % 5)).map((name) => ({ name, line: 1 + (at % 3) })),
      weight: 1000 + ((at * 7919) % 5000),
    }))
    for (const profile of [goldenProfile(), profileOf(drafts)]) {
      const whole = fileOf('chrometrace', profile)
      const split = join(temporaryFolder(), 'split.trace.json')
      writeFileSync(split, `[${[...eventTexts(profile, most)].join(',')}]`)
      if (most < 10) expect(readFileSync(split, 'utf8')).toContain('"ph":"B"')
      const [complaints, slices] = askPerfetto(split, COMPLAINTS, SLICES)
      expect(complaints).toEqual([])
      expect(slices).toEqual(expected(whole).slices)
    }
  })
})

describe('speedscope', () => {
  let browser: Chromium
  let app: SpeedscopeApp

  beforeAll(async () => {
    browser = await Chromium.launch()
    app = await SpeedscopeApp.start()
  })

  afterAll(async () => {
    await app?.close()
    await browser?.close()
  })

  it('reads the trace: nested, in true time, with its thread', async () => {
    const profile = profileOf([
      { stack: [{ name: 'main' }, { name: 'decode' }], weight: 60_000_000 },
      { stack: [{ name: 'main' }, { name: 'parse' }], weight: 20_000_000 },
      { stack: [{ name: 'main' }], weight: 20_000_000 },
    ])
    const text = readFileSync(fileOf('chrometrace', profile), 'utf8')
    const page = await app.open(browser, 'profile.trace.json', text)
    const shown = await page.evaluate<string>('document.body.innerText')
    expect(shown).toMatch(/60\.00ms \(60%\)\s+60\.00ms \(60%\)\s+decode/)
    expect(shown).toMatch(/20\.00ms \(20%\)\s+20\.00ms \(20%\)\s+parse/)
    expect(shown).toMatch(/100\.00ms \(100%\)\s+20\.00ms \(20%\)\s+main/)
    expect(shown).toContain('MainThread')
    expect(page.problems).toEqual([])
  })

  it('reads the pprof profile', async () => {
    const file = readFileSync(fileOf('pprof', goldenProfile()))
    const page = await app.open(browser, 'profile.pb.gz', file)
    const shown = await page.evaluate<string>('document.body.innerText')
    expect(shown).toMatch(/20\.00ms \(20%\)\s+20\.00ms \(20%\)\s+wait/)
    expect(shown).toMatch(/40\.50ms \(40%\)\s+10\.50ms \(10%\)\s+<module>/)
    expect(page.problems).toEqual([])
  })
})

describe('callgrind_annotate', () => {
  /** ns by `file:function`. */
  function costs(file: string, ...args: string[]): Map<string, number> {
    const { out } = callgrindAnnotate('--threshold=100', '--auto=no', ...args, file)
    const rows = [...out.matchAll(/^ *([\d,]+) \( *[\d.]+%\) {2}(?!PROGRAM)(.*:.*)$/gm)]
    return new Map(rows.map(([, ns, name]) => [name!, Number(ns!.replaceAll(',', ''))]))
  }

  it('reads every function, the calls between them and the total', () => {
    const profile = goldenProfile()
    const file = fileOf('callgrind', profile)
    const names = new Map([...costs(file)].map(([name, ns]) => [name.replace(/^.*?:/, ''), ns]))
    expect(sorted(names)).toEqual(sorted(expectedSelf(profile)))
    const { out } = callgrindAnnotate('--threshold=100', '--auto=no', '--tree=caller', file)
    expect(out).toMatch(/^ *100,500,000 \(100\.0%\) {2}PROGRAM TOTALS$/m)
    expect(out).toMatch(/^ *21,000,000 \( *[\d.]+%\) {2}< \/srv\/app\.py:main \(2x\)/m)
    expect(costs(file, '--inclusive=yes').get('/srv/app.py:<module>')).toBe(40_500_000)
  })

  it('has nothing to complain about where there is one thread', () => {
    const file = fileOf('callgrind', profileOf([{ stack: [{ name: 'f' }, { name: 'g' }] }]))
    expect(callgrindAnnotate(file).err).toBe('')
  })
})

describe.each(MINORS)('pstats of Python %s', (minor) => {
  const READ = `
import json, pstats, sys
stats = pstats.Stats(sys.argv[1])
print(json.dumps([[*key, *row[:4], len(row[4])] for key, row in stats.stats.items()]))
print(json.dumps([stats.total_calls, stats.total_tt]))
stats.sort_stats("tottime").print_stats()
stats.print_callers("walk")
stats.strip_dirs().print_callees()
`

  it('reads every function with its time, and prints it', () => {
    const profile = goldenProfile()
    const out = runPython(minor, READ, fileOf('pstats', profile))
    const [rows, totals, ...printed] = out.split('\n')
    const self = (JSON.parse(rows!) as [string, number, string, number, number, number][])
      .filter(([, , , , , tt]) => tt > 0)
      .map(([, , name, , , tt]): [string, number] => [name, Math.round(tt * 1e9)])
    expect(sorted(new Map(self))).toEqual(sorted(expectedSelf(profile)))
    const [, time] = JSON.parse(totals!) as [number, number]
    expect(Math.round(time * 1e9)).toBe(weightTotals(profile).total)
    const text = printed.join('\n')
    expect(text).toMatch(/ 2 +0\.020 +0\.010 +0\.020 +0\.010 .*threading\.py:4\(wait\)/)
    expect(text).toContain('walk) ')
  })
})

describe('snakeviz', () => {
  const READ = `
import json, pstats, sys
from snakeviz.stats import json_stats, table_rows
stats = pstats.Stats(sys.argv[1])
print(json.dumps([table_rows(stats), json_stats(stats)]))
`
  /** Calls, self time, per call, total time, per call, the short and the whole name; numbers as text. */
  type Row = readonly [unknown, string, unknown, string, unknown, string, string]
  interface Node {
    readonly stats: readonly number[]
    readonly callers: object
  }

  it('reads every function with its time, its table and its graph of calls', () => {
    const profile = goldenProfile()
    const viewer = venv('3.14', 'snakeviz', ['snakeviz==2.2.2'])
    const out = runIn(viewer, READ, fileOf('pstats', profile))
    const [rows, calls] = JSON.parse(out) as [Row[], Record<string, Node>]
    const nameIn = (text: string) => /\((.*)\)$/.exec(text)![1]!
    const self = rows
      .map((row): [string, number] => [nameIn(row[6]), Math.round(Number(row[1]) * 1e9)])
      .filter(([, time]) => time > 0)
    expect(sorted(new Map(self))).toEqual(sorted(expectedSelf(profile)))
    const load = Object.keys(calls).find((name) => nameIn(name) === 'load')!
    expect(calls[load]!.stats[3]).toBeCloseTo(0.021, 9)
    expect(Object.keys(calls[load]!.callers).map(nameIn)).toEqual(['main'])
  })
})

describe('a recording', () => {
  it('is written in all formats at once, each as its reader wants it', async () => {
    const folder = temporaryFolder()
    const names = {
      pprof: 'out.pb.gz',
      firefox: 'out.firefox.json',
      chrometrace: 'out.trace.json',
      callgrind: 'callgrind.out.42',
      pstats: 'out.pstats',
      speedscope: 'out.json',
    } as const
    const { target } = await startPython('3.14', 'record/busy_threads.py')
    const outputs = Object.values(names).flatMap((name) => ['-o', name])
    const args = ['-p', `${target.pid}`, '-d', '1s', '-r', '200', ...outputs, '--json']
    const summary = summaryOf(await record(args, { cwd: folder }))
    expect(summary.outputs.map(({ path, format }) => [format, path])).toEqual(Object.entries(names))
    expect(summary.threads).toHaveLength(2)
    const path = (format: keyof typeof names) => join(folder, names[format])
    const all = summary.timeNs.total
    /** What the readers round. */
    const slack = summary.samples
    const expectAll = (ns: number) => expect(Math.abs(ns - all)).toBeLessThanOrEqual(slack)
    const functions = ['crunch', 'supervise']

    const raw = goPprof('-raw', '-symbolize=none', path('pprof'))
    const values = [...raw.matchAll(/^ +(\d+) +(\d+)(?: +\d+)?: [\d ]+$/gm)]
    expect(total(values.map(([, count]) => Number(count)))).toBe(summary.samples)
    expectAll(total(values.map(([, , ns]) => Number(ns))))
    expect(raw).toContain('thread_name:[worker]')
    for (const name of functions) expect(raw).toContain(` ${name} `)

    const profiler = new FirefoxProfiler(path('firefox'))
    const threads = profiler.threads()
    expect(threads.map(({ name }) => name).sort()).toEqual(['MainThread', 'worker'])
    expect(threads.map(({ tid }) => tid).sort()).toEqual(
      summary.threads.map(({ nativeId }) => nativeId).sort(),
    )
    const rows = threads.flatMap((thread) => profiler.functions(thread))
    expectAll(total(rows.map(({ selfSamples }) => selfSamples * 1e6)))
    for (const name of functions) expect(rows.map((row) => row.name)).toContain(name)

    const [complaints, tracks, traced] = askPerfetto(
      path('chrometrace'),
      COMPLAINTS,
      `SELECT tid, thread.name, sum(dur) AS outermost
        FROM slice JOIN thread_track ON track_id = thread_track.id JOIN thread USING (utid)
        WHERE depth = 0 AND category != 'gap' GROUP BY tid ORDER BY tid`,
      'SELECT DISTINCT name FROM slice',
    )
    expect(complaints).toEqual([])
    expect(tracks!.map(({ name }) => name).sort()).toEqual(['MainThread', 'worker'])
    expect(tracks!.map(({ tid }) => tid)).toEqual(
      summary.threads.map(({ nativeId }) => nativeId).sort((one, other) => one - other),
    )
    expectAll(total(tracks!.map(({ outermost }) => Number(outermost))))
    for (const name of functions) expect(traced).toContainEqual({ name })

    const { out } = callgrindAnnotate('--threshold=100', '--auto=no', path('callgrind'))
    const [, program] = /^ *([\d,]+) \(100\.0%\) {2}PROGRAM TOTALS$/m.exec(out) ?? []
    expectAll(Number(program?.replaceAll(',', '')))
    for (const name of functions) expect(out).toContain(`:${name}\n`)

    const printed = runPython(
      '3.14',
      'import pstats, sys; s = pstats.Stats(sys.argv[1]); s.print_stats(); print(s.total_tt)',
      path('pstats'),
    )
    expectAll(Number(printed.trim().split('\n').at(-1)) * 1e9)
    for (const name of functions) expect(printed).toContain(`(${name})`)
  })
})
