import { originOf } from '../profile/origin.ts'
import { type PlaceTable, places } from '../profile/place-view.ts'
import {
  NO_STACK,
  type Profile,
  QUALITY,
  type StackIndex,
  type ThreadIndex,
} from '../profile/profile.ts'
import type { Format, FormatOptions } from './format.ts'
import { joined } from './pieces.ts'
import { summaryLines } from './summary.ts'
import { displayName, EMPTY_FRAME, MISSED_FRAME, threadName, visible } from './text.ts'
import { NO_REAL_ID, SamplesByThread, spans, viewerIds } from './threads.ts'

const MISSED: number = QUALITY.indexOf('missed')
/** Stand in a path for what has no frames, where places have indexes from 0. */
const MISSED_PLACE = -1
const EMPTY_PLACE = -2
const LEFT_OUT_PLACE = -4
const LEFT_OUT_FRAME = '<frames left out>'
/** Perfetto nests no more slices (its SliceTracker); what is deeper would lie on the outermost. */
const MAX_DEPTH = 512

/**
 * A trace in Chrome's JSON format, for Perfetto and about:tracing: complete events (`X`) with process
 * and thread names, times in µs since the start of the recording.
 *
 * A frame that stays where it is from one sample to the next is one event, from the start of the time
 * that its first sample covers to the end of its last: what happened between two samples is not known,
 * and two calls in a row may look like one. What no sample covers ends all events. Missed samples and
 * those without Python frames have an event of their own, so that a thread's outermost events add up
 * to its sampled time. Gaps have a track of their own.
 *
 * Of a stack of more than 512 frames the innermost one stands on `<frames left out>`.
 *
 * A thread's events are in the order of their starts, callers before callees. Of more than a million,
 * those that go on when the ones before them are written have a begin (`B`) and an end (`E`) instead,
 * so that none of them need be held. By default a caller's
 * event ends when it goes on to another line; with `options.functions` it does not. `options.threads`
 * changes nothing, as the threads are apart already.
 */
function* write(profile: Profile, options: FormatOptions): Iterable<string> {
  const [recording, quality] = summaryLines(profile)
  const { exporter, command } = profile.meta
  const about = { exporter, command: options.title ?? command, recording, quality }
  yield `{"displayTimeUnit":"ns","otherData":${json(about)},\n"traceEvents":[\n`
  yield* joined(eventTexts(profile), ',\n')
  yield '\n]}\n'
}

/**
 * The events, one JSON object each.
 * @param most of a thread's events that are held at once
 */
export function* eventTexts(profile: Profile, most: number = MOST_EVENTS): Iterable<string> {
  const byThread = new SamplesByThread(profile)
  const { order } = byThread
  const table = places(profile)
  const ids = viewerIds(profile.processes, profile.threads)
  const heads = Array.from({ length: table.length }, (_, place) => placeHead(table, place))
  const pidOf = (thread: ThreadIndex) => ids.pids[profile.threads[thread]!.process] ?? NO_REAL_ID

  const named = new Set<number>()
  for (const [index, thread] of order.entries()) {
    const { interpreter, process } = profile.threads[thread]!
    const at = { pid: pidOf(thread), tid: ids.tids[thread] }
    if (!named.has(at.pid)) {
      named.add(at.pid)
      const command = profile.processes[process]?.command ?? ''
      // Perfetto takes an empty name for an error.
      if (command !== '') yield metadata('process_name', at, { name: command })
    }
    const shown = threadName(profile.threads[thread]!)
    const suffix = interpreter === 0 ? '' : ` (interpreter ${interpreter})`
    yield metadata('thread_name', at, { name: shown + suffix })
    yield metadata('thread_sort_index', at, { sort_index: index })
  }
  yield* gapTexts(profile, ids.pids[0] ?? NO_REAL_ID)
  const head = (place: number) => heads[place] ?? MARKER_HEADS[place]!
  for (const thread of order) {
    const tail = `"pid":${pidOf(thread)},"tid":${ids.tids[thread]}}`
    yield* threadTexts(profile, byThread, thread, table, { head, tail, most })
  }
}

/** How a complete event begins. */
const COMPLETE = '{"ph":"X"'

/** What is the same for all events of a place, without the closing brace. */
function placeHead(table: PlaceTable, place: number): string {
  const file = table.file[place]!
  const line = table.line[place]!
  const args = { ...(file === '' ? {} : { file }), ...(line === 0 ? {} : { line }) }
  return head(displayName(table.qualname[place]!), originOf(file).origin, args)
}

function head(name: string, cat: string, args: object): string {
  return json({ ph: 'X', name, cat, args }).slice(0, -1)
}

/** JSON of visible text: Perfetto refuses a whole file for a lone surrogate, and cuts text at a zero. */
function json(value: object): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'string' ? visible(each) : each,
  )
}

const MARKER_HEADS: Readonly<Record<number, string>> = {
  [MISSED_PLACE]: head(MISSED_FRAME, 'missed', {}),
  [EMPTY_PLACE]: head(EMPTY_FRAME, 'empty', {}),
  [LEFT_OUT_PLACE]: head(LEFT_OUT_FRAME, 'left-out', {}),
}

function metadata(
  name: string,
  { pid, tid }: { readonly pid: number; readonly tid: number | undefined },
  args: object,
): string {
  return json({ ph: 'M', name, pid, tid, args })
}

function* gapTexts({ gaps }: Profile, pid: number): Iterable<string> {
  const at = { pid, tid: NO_REAL_ID }
  if (gaps.length > 0) yield metadata('thread_name', at, { name: 'pyprof did not run' })
  for (const { start, duration, missedTicks } of gaps) {
    const times = { ts: toMicroseconds(start), dur: toMicroseconds(duration) }
    const what = { ph: 'X', name: 'gap', cat: 'gap', args: { missedTicks } }
    yield JSON.stringify({ ...what, ...times, ...at })
  }
}

/** Events of a thread that are held: the outermost one may go on to the end. */
const MOST_EVENTS = 1 << 20
/** End of an event that goes on. */
const GOES_ON = -1
/** Stands among the events for the end of one that was written before it. */
const END_PLACE = -3
/** Index of an event that was written, and goes on. */
const WRITTEN = -1

/** Writes a thread's events in the order of their starts, callers first. */
function* threadTexts(
  profile: Profile,
  byThread: SamplesByThread,
  thread: ThreadIndex,
  table: PlaceTable,
  texts: { head(place: number): string; readonly tail: string; readonly most: number },
): Iterable<string> {
  const places: number[] = []
  const starts: number[] = []
  const ends: number[] = []
  /** The events that go on, outermost first: their indexes and places. */
  const open: number[] = []
  const openPlaces: number[] = []
  let known: StackIndex | undefined
  let now = 0
  for (const { samples, row, start, end } of spans(byThread, thread)) {
    if (start > now) {
      closeFrom(0)
      known = undefined
    }
    now = start
    const isMissed = samples.quality[row] === MISSED
    const leaf = isMissed ? NO_STACK : samples.stack[row]!
    if (leaf === NO_STACK || leaf !== known) {
      const none = isMissed ? MISSED_PLACE : EMPTY_PLACE
      enter(leaf === NO_STACK ? [none] : pathOf(profile, table, leaf))
    }
    known = leaf
    now = end
    if (places.length >= texts.most) yield* flush()
  }
  closeFrom(0)
  yield* flush()

  function enter(path: readonly number[]): void {
    let shared = 0
    while (shared < path.length && openPlaces[shared] === path[shared]) shared++
    closeFrom(shared)
    for (const place of path.slice(shared)) {
      open.push(push(place, now, GOES_ON))
      openPlaces.push(place)
    }
  }

  function closeFrom(depth: number): void {
    openPlaces.length = Math.min(openPlaces.length, depth)
    for (const event of open.splice(depth)) {
      if (event === WRITTEN) push(END_PLACE, now, now)
      else ends[event] = now
    }
  }

  function push(place: number, start: number, end: number): number {
    starts.push(start)
    ends.push(end)
    return places.push(place) - 1
  }

  function* flush(): Iterable<string> {
    // Perfetto puts a complete event before one that begins at the same time without an end, which
    // may be its caller: what begins with such a one gets a begin and an end, too.
    const begins = new Set(starts.filter((_, event) => ends[event] === GOES_ON))
    /** Ends of those, outermost first. */
    const begun: number[] = []
    const endText = (end: number) => `{"ph":"E","ts":${toMicroseconds(end)},${texts.tail}`
    for (const [event, place] of places.entries()) {
      const [start, end] = [starts[event]!, ends[event]!]
      while (begun.length > 0 && begun.at(-1)! <= start) yield endText(begun.pop()!)
      const ts = `"ts":${toMicroseconds(start)}`
      if (place === END_PLACE) yield endText(start)
      else if (begins.has(start)) {
        yield `{"ph":"B"${texts.head(place).slice(COMPLETE.length)},${ts},${texts.tail}`
        if (end !== GOES_ON) begun.push(end)
      } else {
        const dur = toMicroseconds(end - start)
        yield `${texts.head(place)},${ts},"dur":${dur},${texts.tail}`
      }
    }
    while (begun.length > 0) yield endText(begun.pop()!)
    for (const column of [places, starts, ends]) column.length = 0
    open.fill(WRITTEN)
  }
}

/** Places of a stack, outermost first; of one that is too deep the outermost, and the innermost one. */
function pathOf({ stacks }: Profile, table: PlaceTable, leaf: StackIndex): number[] {
  const path: number[] = []
  for (let at = leaf; at !== NO_STACK; at = stacks.parent[at]!) {
    path.push(table.ofFrame[stacks.frame[at]!]!)
  }
  if (path.length > MAX_DEPTH) path.splice(1, path.length - MAX_DEPTH + 1, LEFT_OUT_PLACE)
  return path.reverse()
}

/** Whole ns as µs, without what dividing would leave behind the third digit. */
function toMicroseconds(ns: number): number {
  return Number((ns / 1000).toFixed(3))
}

export const chrometrace: Format = {
  name: 'chrometrace',
  suffixes: ['.trace.json'],
  options: ['title'],
  describe: 'trace of all threads, for ui.perfetto.dev and about:tracing',
  write,
}
