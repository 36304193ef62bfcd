import { functionPlaces } from '../profile/place-view.ts'
import { NO_CPU, NO_STACK, type Profile, QUALITY, type ThreadIndex } from '../profile/profile.ts'
import { CATEGORIES } from './firefox/categories.ts'
import { gapMarkers, MARKER_SCHEMA, type Marker, threadMarkers } from './firefox/markers.ts'
import { type Source, StringArray, ThreadTables } from './firefox/thread-tables.ts'
import type { Format, FormatOptions } from './format.ts'
import { joined, jsonColumns, mapped } from './pieces.ts'
import { summaryLines } from './summary.ts'
import { EMPTY_FRAME, MISSED_FRAME, threadName } from './text.ts'
import { NO_REAL_ID, SamplesByThread, type Span, spans, viewerIds } from './threads.ts'
import { firefoxBytes } from './viewer.ts'

/**
 * The processed format's version, and the browser's of the same time. The viewer reads every older
 * version; this one has its tables in the threads, so that they can be written one after another.
 */
const PROCESSED_VERSION = 57
const GECKO_VERSION = 32
const MISSED: number = QUALITY.indexOf('missed')
/** Threads that are shown from the start. */
const VISIBLE_THREADS = 20
/** Marker phase: an interval. */
const INTERVAL = 1

/**
 * A profile for the Firefox Profiler (its "processed" format): threads with their samples on one time
 * base, times in ms since the start of the recording.
 *
 * A sample stands at the start of the time that it covers, and its weight is that time, as the viewer
 * reads imported samples: so its totals are true time. Missed samples and those without Python frames
 * have a frame of their own. Where no sample covers the time, and at the end, a sample without stack
 * and without weight closes the one before. CPU time belongs to the time before a sample there: it
 * stands with the following one.
 *
 * Intervals in which a thread was in a known state, those of samples that are not exact, and gaps (on
 * the first thread) are markers. Categories tell whose code a frame is. `options.threads` changes
 * nothing, as the threads are apart already.
 */
function* write(profile: Profile, options: FormatOptions): Iterable<string> {
  const byThread = new SamplesByThread(profile)
  const { order } = byThread
  const source: Source = {
    profile,
    functions: functionPlaces(profile),
    strings: new StringArray(),
  }
  const ids = viewerIds(profile.processes, profile.threads)
  yield `{"meta":${JSON.stringify(metaData(profile, options, byThread))},\n`
  yield '"libs":[],"pages":[],\n"threads":['
  for (const [index, thread] of order.entries()) {
    yield index === 0 ? '\n' : ',\n'
    yield* threadText(source, byThread, thread, {
      pid: String(ids.pids[profile.threads[thread]!.process] ?? NO_REAL_ID),
      tid: ids.tids[thread],
      withGaps: index === 0,
    })
  }
  yield '\n],\n"shared":{"stringArray":[\n'
  yield* joined(
    mapped(source.strings.strings, (text) => JSON.stringify(text)),
    ',\n',
  )
  yield '\n]}}\n'
}

function metaData(profile: Profile, options: FormatOptions, { order, busiest }: SamplesByThread) {
  const { meta } = profile
  const [recording, quality] = summaryLines(profile)
  const entries = [
    { label: 'Recording', value: recording },
    { label: 'Quality', value: quality },
    { label: 'Python', value: meta.pythonVersion },
  ].map((entry) => ({ ...entry, format: 'string' }))
  return {
    version: GECKO_VERSION,
    preprocessedProfileVersion: PROCESSED_VERSION,
    interval: meta.rate > 0 ? 1000 / meta.rate : 1,
    startTime: meta.startedAt,
    profilingStartTime: 0,
    profilingEndTime: toMs(meta.duration),
    processType: 0,
    product: options.title ?? meta.command,
    arguments: meta.command,
    importedFrom: meta.exporter,
    stackwalk: 0,
    symbolicated: true,
    symbolicationNotSupported: true,
    sourceCodeIsNotOnSearchfox: true,
    usesOnlyOneStackType: true,
    keepProfileThreadOrder: true,
    initialVisibleThreads: order.slice(0, VISIBLE_THREADS).map((_, index) => index),
    ...(order.length > 0 ? { initialSelectedThreads: [busiest] } : {}),
    categories: CATEGORIES.map((category) => ({ ...category, subcategories: ['Other'] })),
    markerSchema: MARKER_SCHEMA,
    sampleUnits: { time: 'ms', eventDelay: 'ms', threadCPUDelta: 'ns' },
    extensions: { id: [], name: [], baseURL: [], length: 0 },
    extra: [{ label: 'pyprof', entries }],
  }
}

function* threadText(
  source: Source,
  byThread: SamplesByThread,
  index: ThreadIndex,
  ids: { readonly pid: string; readonly tid: number | undefined; readonly withGaps: boolean },
): Iterable<string> {
  const { profile, strings } = source
  const { isMain, interpreter, process: processIndex } = profile.threads[index]!
  const process = profile.processes[processIndex]
  const shown = threadName(profile.threads[index]!)
  const tables = new ThreadTables(source)
  const samples = sampleColumns(byThread, index, tables)
  const gaps = ids.withGaps ? gapMarkers(profile) : []
  const markers = threadMarkers(profile, spans(byThread, index), gaps)
  const head = {
    name: interpreter === 0 ? shown : `${shown} (interpreter ${interpreter})`,
    isMainThread: isMain,
    processType: 'default',
    processName: process?.command ?? '',
    processStartupTime: toMs(process?.start ?? 0),
    processShutdownTime: null,
    registerTime: toMs(byThread.startOf(index)),
    unregisterTime: null,
    pausedRanges: [],
    showMarkersInTimeline: true,
    pid: ids.pid,
    tid: ids.tid,
    resourceTable: { lib: [], name: [], host: [], type: [], length: 0 },
    nativeSymbols: { libIndex: [], address: [], name: [], functionSize: [], length: 0 },
  }
  yield `${JSON.stringify(head).slice(0, -1)},\n"samples":`
  yield* table(samples.columns, samples.length, '"weightType":"tracing-ms",')
  yield ',\n"stackTable":'
  yield* table(tables.stackTable, tables.stackTable.frame.length)
  yield ',\n"frameTable":'
  const frames = tables.frameTable.func.length
  yield* table(
    {
      ...tables.frameTable,
      address: repeated(-1, frames),
      inlineDepth: repeated(0, frames),
      subcategory: repeated(0, frames),
      nativeSymbol: repeated(null, frames),
      innerWindowID: repeated(0, frames),
    },
    frames,
  )
  yield ',\n"funcTable":'
  const functions = tables.funcTable.name.length
  yield* table(
    {
      ...tables.funcTable,
      isJS: repeated(false, functions),
      relevantForJS: repeated(false, functions),
      resource: repeated(-1, functions),
      columnNumber: repeated(null, functions),
    },
    functions,
  )
  yield ',\n"markers":'
  yield* table(markerColumns(markers, strings), markers.length)
  yield '}'
}

/**
 * Columns of the same length as JSON.
 * @param length may be asked for when all columns are written
 */
function* table(
  columns: Readonly<Record<string, Iterable<unknown>>>,
  length: number | (() => number),
  more = '',
): Iterable<string> {
  yield* jsonColumns(columns)
  yield `,${more}"length":${typeof length === 'number' ? length : length()}}`
}

/** A row of the samples: a span, or what closes the one before. */
interface SampleRow {
  readonly span: Span | undefined
  readonly start: number
  readonly length: number
  /** CPU time of the span before, whole ns; null where it was not measured. */
  readonly cpu: number | null
}

/** Gone through again for each column, so that none of it is held. */
function* sampleRows(byThread: SamplesByThread, thread: ThreadIndex): Iterable<SampleRow> {
  let cpu: number | null = null
  let end = -1
  for (const span of spans(byThread, thread)) {
    if (end !== -1 && span.start > end) {
      yield { span: undefined, start: end, length: 0, cpu }
      cpu = null
    }
    yield { span, start: span.start, length: span.end - span.start, cpu }
    end = span.end
    const used = span.samples.cpu[span.row]!
    cpu = used === NO_CPU ? null : Math.round(used)
  }
  yield { span: undefined, start: Math.max(0, end), length: 0, cpu }
}

/** The columns of the sample table; writing the stacks makes the tables that they refer to. */
function sampleColumns(byThread: SamplesByThread, thread: ThreadIndex, tables: ThreadTables) {
  const column = <Value>(value: (row: SampleRow) => Value): Iterable<Value> => ({
    [Symbol.iterator]: () => mapped(sampleRows(byThread, thread), value)[Symbol.iterator](),
  })
  let rows = 0
  const columns = {
    time: column(({ start }) => toMs(start)),
    stack: column(({ span }) => {
      rows++
      return span ? ownStack(span) : null
    }),
    weight: column(({ length }) => toMs(length)),
    ...(byThread.hasCpu(thread) ? { threadCPUDelta: column(({ cpu }) => cpu) } : {}),
  }
  return { columns, length: () => rows }

  function ownStack({ samples, row }: Span): number {
    if (samples.quality[row] === MISSED) return tables.named(MISSED_FRAME, 'Missed')
    const leaf = samples.stack[row]!
    return leaf === NO_STACK ? tables.named(EMPTY_FRAME, 'No Python frames') : tables.stack(leaf)
  }
}

function markerColumns(markers: readonly Marker[], strings: StringArray) {
  return {
    name: mapped(markers, ({ name }) => strings.index(name)),
    startTime: mapped(markers, ({ start }) => toMs(start)),
    endTime: mapped(markers, ({ end }) => toMs(end)),
    phase: repeated(INTERVAL, markers.length),
    category: mapped(markers, (marker) => marker.category),
    data: mapped(markers, ({ data }) => data),
  }
}

function* repeated<Value>(value: Value, count: number): Iterable<Value> {
  for (let at = 0; at < count; at++) yield value
}

/** Whole ns as ms, without what dividing would leave behind the sixth digit. */
function toMs(ns: number): number {
  return Number((ns / 1e6).toFixed(6))
}

export const firefox: Format = {
  name: 'firefox',
  suffixes: ['.firefox.json'],
  options: ['title'],
  viewerBytes: firefoxBytes,
  describe: 'time line of all threads, for profiler.firefox.com',
  write,
}
