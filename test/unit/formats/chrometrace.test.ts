import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chrometrace, eventTexts } from '../../../src/formats/chrometrace.ts'
import { visible } from '../../../src/formats/text.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import { weightTotals } from '../../../src/profile/views.ts'
import { asciiProfile, type DraftSample, MS, profileOf } from '../../support/ascii-profile.ts'
import { sample, samples, total } from './arbitraries.ts'
import { written } from './fixtures.ts'

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

interface AnyEvent {
  ph: 'M' | 'X' | 'B' | 'E'
  readonly pid: number
  readonly tid: number
  readonly ts: number
  dur?: number
}

/** An event on a thread, ns; depth 0 is the outermost. */
interface Slice {
  readonly event: TraceEvent
  readonly start: number
  readonly end: number
  readonly depth: number
}

const events = (profile: Profile, options = {}) =>
  (JSON.parse(written(chrometrace, profile, options)) as { traceEvents: TraceEvent[] }).traceEvents

/** The events of a track as viewers nest them. Throws where they would overlap. */
function nested(list: readonly TraceEvent[], tid: number): Slice[] {
  const open: Slice[] = []
  let before = 0
  return list
    .filter((event) => event.ph === 'X' && event.tid === tid)
    .map((event) => {
      const start = Math.round(event.ts * 1000)
      const end = start + Math.round(event.dur * 1000)
      expect(start).toBeGreaterThanOrEqual(before)
      before = start
      while (open.length > 0 && open.at(-1)!.end <= start) open.pop()
      if (open.length > 0) expect(end).toBeLessThanOrEqual(open.at(-1)!.end)
      const slice = { event, start, end, depth: open.length }
      open.push(slice)
      return slice
    })
}

/** `depth name start-end` in ms. */
const drawn = (profile: Profile, options = {}, tid = 100) =>
  nested(events(profile, options), tid).map(
    ({ event, start, end, depth }) => `${depth} ${event.name} ${start / MS}-${end / MS}`,
  )

describe('chrometrace', () => {
  it('makes one event of a frame that stays from sample to sample', () => {
    const profile = asciiProfile(
      `
      main  main  main  main
      load  load  draw  load
      read        line
      `,
    )
    expect(drawn(profile)).toEqual([
      '0 main 0-40',
      '1 load 0-20',
      '2 read 0-10',
      '1 draw 20-30',
      '2 line 20-30',
      '1 load 30-40',
    ])
  })

  it('ends an event at another line, but not where lines are merged', () => {
    const profile = asciiProfile(
      `
      main:1  main:2
      f       f
      `,
    )
    expect(drawn(profile)).toEqual(['0 main 0-10', '1 f 0-10', '0 main 10-20', '1 f 10-20'])
    expect(drawn(byFunction(profile))).toEqual(['0 main 0-20', '1 f 0-20'])
  })

  it('ends all events at a gap, and shows it', () => {
    const profile = asciiProfile('f  f', { gap: [0, 25 * MS] })
    expect(drawn(profile)).toEqual(['0 f 0-10', '0 f 35-45'])
    expect(drawn(profile, {}, 2 ** 22)).toEqual(['0 gap 10-35'])
  })

  it('shows missed samples and those without Python frames', () => {
    const profile = asciiProfile('f  -  -  -  -  f', {
      quality: ['exact', 'missed', 'missed', 'exact', 'exact', 'exact'],
    })
    expect(drawn(profile)).toEqual([
      '0 f 0-10',
      '0 <missed> 10-30',
      '0 <no Python frames> 30-50',
      '0 f 50-60',
    ])
  })

  it('writes no text that Perfetto would refuse or cut', () => {
    const text = 'a\u0000b \udcff ü'
    const profile = profileOf([{ stack: [{ name: text, file: text }] }], {
      threads: [{ name: text }],
      processes: ['', text].map((command) => ({
        pid: 9,
        parent: -1,
        command,
        pythonVersion: '',
        start: 0,
        end: 1,
        unreadable: '',
      })),
      meta: { command: text },
    })
    const shown = 'a\\x00b \\udcff ü'
    const { traceEvents, otherData } = JSON.parse(written(chrometrace, profile)) as {
      traceEvents: TraceEvent[]
      otherData: { command: string }
    }
    expect(otherData.command).toBe(shown)
    expect(traceEvents.find(({ ph }) => ph === 'X')).toMatchObject({
      name: shown,
      args: { file: shown },
    })
    const named = traceEvents.filter(({ ph, args }) => ph === 'M' && args.name !== undefined)
    // Perfetto counts an empty name as an error.
    expect(named.map(({ name, args }) => [name, args.name])).toEqual([['thread_name', shown]])
  })

  it('leaves out what is deeper than Perfetto shows, but not the innermost frame', () => {
    const deep = (count: number) => ({
      stack: [
        ...Array.from({ length: count - 1 }, (_, at) => ({ name: 'f', line: at + 1 })),
        { name: 'leaf' },
      ],
    })
    const names = drawn(profileOf([deep(512), deep(513), deep(900), deep(512)]))
    // 510 callers stay, and the leaf is one event on each of them.
    expect(names.filter((name) => / f 0-40$/.test(name))).toHaveLength(510)
    expect(names.slice(510)).toEqual([
      '510 f 0-10',
      '511 leaf 0-10',
      '510 <frames left out> 10-30',
      '511 leaf 10-30',
      '510 f 30-40',
      '511 leaf 30-40',
    ])
  })

  it('keeps recursion apart by depth', () => {
    const profile = asciiProfile(
      `
      f  f  f
      f  f
         f
      `,
    )
    expect(drawn(profile)).toEqual(['0 f 0-30', '1 f 0-20', '2 f 10-20'])
  })

  it('names processes and threads, and tells equal ids apart', () => {
    const profile = asciiProfile('a  b  c', {
      thread: [0, 1, 2],
      threads: [{}, { nativeId: 100, interpreter: 1 }, { name: '', nativeId: 0, process: 1 }],
      processes: ['a.py', 'b.py'].map((command) => ({
        pid: 9,
        parent: -1,
        command,
        pythonVersion: '',
        start: 0,
        end: 1,
        unreadable: '',
      })),
    })
    const list = events(profile)
    const names = (kind: string) =>
      list.filter(({ name }) => name === kind).map(({ pid, tid, args }) => [pid, tid, args.name])
    const other = 2 ** 22 + 2
    expect(names('process_name')).toEqual([
      [9, 100, 'a.py'],
      [other, other + 1, 'b.py'],
    ])
    expect(names('thread_name')).toEqual([
      [9, 100, 'MainThread'],
      [9, other, 'Thread-1 (interpreter 1)'],
      [other, other + 1, '<unnamed>'],
    ])
    expect(
      list.filter(({ ph }) => ph === 'X').map(({ name, pid, tid }) => [name, pid, tid]),
    ).toEqual([
      ['a', 9, 100],
      ['b', 9, other],
      ['c', other, other + 1],
    ])
  })

  it('says where a frame is and whose', () => {
    const profile = asciiProfile('f:7  <truncated>', { files: { '<truncated>': '' } })
    expect(events(profile).filter(({ ph }) => ph === 'X')).toMatchObject([
      { name: 'f', cat: 'app', args: { file: '/srv/app.py', line: 7 }, ts: 0, dur: 10_000 },
      { name: '<truncated>', cat: 'marker', args: {}, ts: 10_000 },
    ])
  })

  it('comes in pieces, and is a trace even without samples', () => {
    expect(events(profileOf([]))).toEqual([])
    const drafts = Array.from({ length: 9000 }, (_, at) => ({ stack: [{ name: `f${at % 3}` }] }))
    const pieces = [...chrometrace.write(profileOf(drafts), { threads: false })]
    expect(pieces.length).toBeGreaterThan(4)
  })

  it('says the same with begins and ends, where there are too many events to hold', () => {
    const drafts = fc.array(
      sample.map((row) => ({ ...row, weight: row.weight! + 1 })),
      {
        maxLength: 30,
      },
    )
    fc.assert(
      fc.property(drafts, fc.integer({ min: 1, max: 20 }), (rows, most) => {
        const profile = profileOf(rows)
        const parsed = (texts: Iterable<string>) =>
          Array.from(texts, (text) => JSON.parse(text) as AnyEvent)
        const all = parsed(eventTexts(profile))
        expect(all.every(({ ph }) => ph === 'X' || ph === 'M')).toBe(true)
        // The same events in the same order, with the ends where they belong.
        const begun = new Map<string, AnyEvent[]>()
        const few = parsed(eventTexts(profile, most)).flatMap((event) => {
          const key = `${event.pid} ${event.tid}`
          const open = begun.get(key) ?? []
          begun.set(key, open)
          if (event.ph === 'E') {
            const begin = open.pop()!
            begin.ph = 'X'
            begin.dur = Number((event.ts - begin.ts).toFixed(3))
            return []
          }
          if (event.ph === 'B') open.push(event)
          return [event]
        })
        expect([...begun.values()].flat()).toEqual([])
        expect(few).toEqual(all)
      }),
    )
  })

  it('holds every frame at every instant, and every nanosecond of any profile', () => {
    // A sample without weight is nowhere on a time axis.
    const drafts = samples.map((list) => list.map((row) => ({ ...row, weight: row.weight! + 1 })))
    fc.assert(
      fc.property(drafts, fc.boolean(), (rows, functions) => {
        const profile = profileOf(rows)
        const list = events(functions ? byFunction(profile) : profile)
        let outermost = 0
        for (const [index, { nativeId }] of profile.threads.entries()) {
          const slices = nested(list, nativeId)
          outermost += total(
            slices.filter(({ depth }) => depth === 0).map(({ start, end }) => end - start),
          )
          let now = 0
          const own = rows.filter(({ thread }) => thread === index)
          const covered = own.reduce((sum, draft) => {
            now += draft.gap!
            const middle = now + draft.weight / 2
            const there = slices.filter(({ start, end }) => start <= middle && middle < end)
            expect(there.map(({ event }) => placeOf(event))).toEqual(expectedPath(draft, functions))
            now += draft.weight
            return sum + there.length * draft.weight
          }, 0)
          // Nothing is open where no sample is.
          expect(total(slices.map(({ start, end }) => end - start))).toBe(covered)
        }
        expect(outermost).toBe(weightTotals(profile).total)
      }),
    )
  })
})

function placeOf({ name, args }: TraceEvent) {
  return [name, args.file ?? '', args.line ?? 0]
}

function expectedPath(draft: DraftSample, functions: boolean) {
  if (draft.quality === 'missed') return [['<missed>', '', 0]]
  if (draft.stack.length === 0) return [['<no Python frames>', '', 0]]
  return draft.stack.map(({ name, file, line, firstLine }) => [
    visible(name) || '<unnamed>',
    visible(file ?? ''),
    functions ? firstLine : line,
  ])
}
