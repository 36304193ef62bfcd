import { emptyTableToken, Profile as Message, type ProfileInput, StringTable } from 'pprof-format'
import {
  NO_CPU,
  NO_STACK,
  type Profile,
  QUALITY,
  REASONS,
  type StackIndex,
  type ThreadIndex,
} from '../profile/profile.ts'
import { countAt } from '../profile/sample-columns.ts'
import { rowsByThread } from '../profile/views.ts'
import type { Format, FormatOptions } from './format.ts'
import { gzipped } from './gzip.ts'
import { type LocationTable, locationTable } from './locations.ts'
import { aboutComments } from './pprof/about.ts'
import { WAITING } from './pprof/values.ts'
import { displayName, EMPTY_FRAME, MISSED_FRAME, threadName, visible } from './text.ts'
import { WholeNumbers } from './whole-numbers.ts'

const MISSED: number = QUALITY.indexOf('missed')
/** Rows of a table in one piece of output. */
const ROWS_PER_PIECE = 4096

/**
 * A gzip'd pprof profile (github.com/google/pprof, proto/profile.proto): samples added up by thread,
 * stack, quality and reason.
 *
 * Values: `samples/count`, the weight in nanoseconds (the default), named by the mode, as stores add up
 * what has one name (`wall`, `cpu`, `gil`, `exception`), and `cpu/nanoseconds` where CPU time was
 * measured for any sample and is not the weight. The time of suspended tasks is no time of threads:
 * where there is some, it is a value of its own, `waiting/nanoseconds`, and such rows are 0 in all the
 * others. Nanoseconds are whole: running totals are rounded, not the numbers themselves, so that their
 * sum is the rounded sum of all weights. Missed samples and those without
 * Python frames have one frame that says so. Gaps belong to no sample; comments tell of them.
 *
 * Labels tell threads apart, whatever `options.threads`: `thread_name`, and as numbers `thread_id`,
 * `pid`, `interpreter` (when it is not the main one); `quality` when it is not exact, with `reason`.
 * Profile stores make a series of each text label, so that ids are numbers.
 *
 * All ids count from 1 without holes, as some stores demand. Where messages of one type follow each
 * other, Protocol Buffers reads them as one: thus the pieces.
 */
function* write(profile: Profile, options: FormatOptions): Iterable<Uint8Array> {
  yield* gzipped(messages(profile, options))
}

function* messages(profile: Profile, options: FormatOptions): Iterable<Uint8Array> {
  const strings = new StringTable()
  const string = (text: string) => strings.dedup(visible(text))
  const table = locationTable(profile)
  const markers = new Markers(table)

  yield encoded(head(profile, options, string))
  yield* pieces(samples(profile, table, markers, string), (sample) => ({ sample }))
  yield* pieces(functions(table, markers, string), (fn) => ({ function: fn }))
  yield* pieces(locations(table, markers), (location) => ({ location }))
  yield new Message({ stringTable: strings }).encode()
}

/** A message without strings: those are written once, at the end. */
function encoded(input: ProfileInput): Uint8Array {
  return new Message({ ...input, stringTable: new StringTable(emptyTableToken) }).encode()
}

function* pieces<Row>(
  rows: Iterable<Row>,
  input: (rows: Row[]) => ProfileInput,
): Iterable<Uint8Array> {
  let piece: Row[] = []
  for (const row of rows) {
    piece.push(row)
    if (piece.length < ROWS_PER_PIECE) continue
    yield encoded(input(piece))
    piece = []
  }
  if (piece.length > 0) yield encoded(input(piece))
}

function head(
  profile: Profile,
  options: FormatOptions,
  string: (text: string) => number,
): ProfileInput {
  const { meta } = profile
  const weight = { type: string(meta.mode), unit: string('nanoseconds') }
  return {
    sampleType: [
      { type: string('samples'), unit: string('count') },
      weight,
      ...(hasCpu(profile) ? [{ type: string('cpu'), unit: string('nanoseconds') }] : []),
      ...(hasWaiting(profile) ? [{ type: string(WAITING), unit: string('nanoseconds') }] : []),
    ],
    defaultSampleType: weight.type,
    periodType: weight,
    period: meta.rate > 0 ? Math.round(1e9 / meta.rate) : 0,
    timeNanos: BigInt(Math.round(meta.startedAt)) * 1_000_000n,
    durationNanos: Math.round(meta.duration),
    // A mapping with names tells readers that there is nothing to look up.
    mapping: [
      {
        id: 1,
        filename: string(`python${/^\d+\.\d+/.exec(meta.pythonVersion)?.[0] ?? ''}`),
        hasFunctions: true,
        hasFilenames: true,
        hasLineNumbers: true,
        hasInlineFrames: true,
      },
    ],
    comment: aboutComments(profile, options.title).map(string),
  }
}

/** Whether CPU time is a value beside the weight. */
function hasCpu({ samples, meta }: Profile): boolean {
  if (meta.mode === 'cpu') return false
  for (let row = 0; row < samples.length; row++) if (samples.cpu[row] !== NO_CPU) return true
  return false
}

function hasWaiting({ threads }: Profile): boolean {
  return threads.some(({ waitingTasks }) => waitingTasks)
}

/** Functions and locations behind the others, for samples without frames; made when first used. */
class Markers {
  readonly names: string[] = []
  readonly #table: LocationTable

  constructor(table: LocationTable) {
    this.#table = table
  }

  /** Its location id. */
  location(name: string): number {
    const known = this.names.indexOf(name)
    const at = known === -1 ? this.names.push(name) - 1 : known
    return this.#table.length + at + 1
  }
}

/** Samples of one thread that are alike. */
interface Sum {
  readonly stack: StackIndex
  readonly quality: number
  readonly reason: number
  samples: number
  weight: number
  cpu: number
}

function* samples(
  profile: Profile,
  table: LocationTable,
  markers: Markers,
  string: (text: string) => number,
): Iterable<NonNullable<ProfileInput['sample']>[number]> {
  const rows = rowsByThread(profile)
  const withCpu = hasCpu(profile)
  const withWaiting = hasWaiting(profile)
  const weight = new WholeNumbers()
  const cpu = new WholeNumbers()
  const waiting = new WholeNumbers()
  for (let thread = 0; thread < profile.threads.length; thread++) {
    const own = rows.order.subarray(rows.start[thread], rows.start[thread + 1])
    const labels = threadLabels(profile, thread, string)
    const isThread = !profile.threads[thread]!.waitingTasks
    for (const sum of sumsOf(profile, own)) {
      const quality = QUALITY[sum.quality]!
      const reason = REASONS[sum.reason]!
      yield {
        locationId: locationIds(profile, table, markers, sum),
        value: [
          isThread ? sum.samples : 0,
          isThread ? weight.next(sum.weight) : 0,
          ...(withCpu ? [isThread ? cpu.next(sum.cpu) : 0] : []),
          ...(withWaiting ? [isThread ? 0 : waiting.next(sum.weight)] : []),
        ],
        label: [
          ...labels,
          ...(quality === 'exact' ? [] : [{ key: string('quality'), str: string(quality) }]),
          ...(reason === 'none' ? [] : [{ key: string('reason'), str: string(reason) }]),
        ],
      }
    }
  }
}

function sumsOf({ samples }: Profile, rows: Uint32Array): Iterable<Sum> {
  const kinds = QUALITY.length * REASONS.length
  const sums = new Map<number, Sum>()
  for (const row of rows) {
    const quality = samples.quality[row]!
    const reason = samples.reason[row]!
    const stack = quality === MISSED ? NO_STACK : samples.stack[row]!
    const key = (stack - NO_STACK) * kinds + quality * REASONS.length + reason
    let sum = sums.get(key)
    if (!sum) {
      sum = { stack, quality, reason, samples: 0, weight: 0, cpu: 0 }
      sums.set(key, sum)
    }
    sum.samples += countAt(samples, row)
    sum.weight += samples.weight[row]!
    if (samples.cpu[row] !== NO_CPU) sum.cpu += samples.cpu[row]!
  }
  return sums.values()
}

/** Leaf first. */
function locationIds(profile: Profile, table: LocationTable, markers: Markers, sum: Sum): number[] {
  if (sum.stack === NO_STACK) {
    return [markers.location(sum.quality === MISSED ? MISSED_FRAME : EMPTY_FRAME)]
  }
  const { parent, frame } = profile.stacks
  const ids: number[] = []
  for (let stack = sum.stack; stack !== NO_STACK; stack = parent[stack]!) {
    ids.push(table.ofFrame[frame[stack]!]! + 1)
  }
  return ids
}

function threadLabels(
  { threads, processes }: Profile,
  index: ThreadIndex,
  string: (text: string) => number,
) {
  const { name, nativeId, interpreter, process, waitingTasks } = threads[index]!
  const number = (key: string, num: number) => ({ key: string(key), num })
  return [
    ...(name === '' && !waitingTasks
      ? []
      : [{ key: string('thread_name'), str: string(threadName(threads[index]!)) }]),
    ...(nativeId === 0 ? [] : [number('thread_id', nativeId)]),
    ...(processes[process] ? [number('pid', processes[process].pid)] : []),
    ...(interpreter === 0 ? [] : [number('interpreter', interpreter)]),
  ]
}

/** Without system names: where both are alike, go tool pprof cuts `<…>` out as a C++ template. */
function* functions(
  { functions }: LocationTable,
  markers: Markers,
  string: (text: string) => number,
): Iterable<NonNullable<ProfileInput['function']>[number]> {
  for (let row = 0; row < functions.length; row++) {
    yield {
      id: row + 1,
      name: string(displayName(functions.qualname[row]!)),
      filename: string(functions.file[row]!),
      startLine: functions.line[row]!,
    }
  }
  for (const [at, text] of markers.names.entries()) {
    yield { id: functions.length + at + 1, name: string(text) }
  }
}

function* locations(
  table: LocationTable,
  markers: Markers,
): Iterable<NonNullable<ProfileInput['location']>[number]> {
  for (let row = 0; row < table.length; row++) {
    const functionId = table.function[row]! + 1
    const line = { functionId, line: table.line[row]!, column: table.column[row]! + 1 }
    yield { id: row + 1, mappingId: 1, line: [line] }
  }
  for (const at of markers.names.keys()) {
    const functionId = table.functions.length + at + 1
    yield { id: table.length + at + 1, mappingId: 1, line: [{ functionId }] }
  }
}

export const pprof: Format = {
  name: 'pprof',
  suffixes: ['.pb.gz', '.pprof'],
  isSum: true,
  options: ['title'],
  describe: 'pprof profile, for go tool pprof and profile stores',
  write,
}
