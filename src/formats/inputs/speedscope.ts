import { NO_ACCOUNTING } from '../../profile/assembler.ts'
import {
  type Accounting,
  type Gap,
  type Meta,
  NO_COLUMN,
  NO_CPU,
  NO_STACK,
  QUALITY,
  REASONS,
} from '../../profile/profile.ts'
import { checkMeta, type StoredMeta } from '../../recording/meta.ts'
import { ASSUMED_RATE, type Imported, type Input, InputError, type InputOptions } from './input.ts'
import { ForeignProfile, parseThreadLabel } from './names.ts'

/** Units of https://www.speedscope.app/file-format-schema.json in ns; `none` is a count. */
const UNITS: ReadonlyMap<unknown, number> = new Map([
  ['nanoseconds', 1],
  ['microseconds', 1e3],
  ['milliseconds', 1e6],
  ['seconds', 1e9],
])
/** V8 makes no longer string, and JSON.parse takes no other thing. */
const MAX_BYTES = 2 ** 29 - 32
/** Times are exact up to 104 days. */
const MAX_TIME = Number.MAX_SAFE_INTEGER
const MAX_LINE = 2 ** 31 - 1

type Json = Readonly<Record<string, unknown>>

/** A stack and how long it stood, in the unit of its profile. */
interface Span {
  readonly stack: readonly number[]
  readonly length: number
}

function read(pieces: Iterable<Uint8Array>, { rate }: InputOptions): Imported {
  const file = parse(pieces)
  const shared = isObject(file.shared) ? file.shared : undefined
  if (!Array.isArray(file.profiles) || !shared || !Array.isArray(shared.frames)) {
    throw invalid('it has no "profiles" or no "shared" frames')
  }
  const own = isObject(file.pyprof) ? ownDetails(file.pyprof) : undefined
  const name = typeof file.name === 'string' ? file.name : ''
  const command = own?.meta.command ?? name
  const profile = new ForeignProfile()
  const frames = shared.frames.map((frame, index) => profile.place(placeOf(frame, index)))
  const isGap = gapFinder(own)
  const units = new Set<unknown>()
  const profiles = file.profiles.map((each: unknown, index) => {
    if (!isObject(each)) throw invalid(`profile ${index} is no object`)
    units.add(each.unit)
    return { each, scale: scaleOf(each.unit, index, rate), start: startOf(each, index) }
  })
  // Others may count from any instant; pyprof counts from the start of the recording.
  const origin = own
    ? 0
    : profiles.reduce((least, { start, scale }) => Math.min(least, start * scale), Infinity)
  let duration = 0
  profiles.forEach(({ each, scale, start }, index) => {
    const label = typeof each.name === 'string' ? each.name : ''
    const known = parseThreadLabel(label) ?? { pid: 0, nativeId: 0, interpreter: 0, name: label }
    const thread = profile.threadOf(known, command, index)
    let exact = start * scale - origin
    let now = Math.round(exact)
    for (const { stack, length } of spansOf(each, index, frames.length)) {
      const began = now
      exact += length * scale
      now = Math.round(exact)
      if (!(now <= MAX_TIME)) throw invalid(`profile ${index} lasts longer than 100 days`)
      if (stack.length === 0 && isGap(began, now - began)) continue
      let leaf = NO_STACK
      for (const frame of stack) leaf = profile.stack(leaf, frames[frame]!)
      profile.sample({
        time: now,
        weight: now - began,
        thread,
        stack: leaf,
        quality: QUALITY.indexOf('unknown'),
        reason: REASONS.indexOf('none'),
        state: 0,
        cpu: NO_CPU,
      })
    }
    duration = Math.max(duration, now)
  })
  for (const gap of own?.gaps ?? []) profile.gap(gap)
  profile.endProcesses(duration)
  const isCounted = units.has('none') && rate === undefined
  return {
    profile: profile.finish(
      own
        ? // The file does not say what threads were doing.
          { ...own.meta, states: [], duration: Math.max(own.duration, duration) }
        : profile.meta({
            exporter: typeof file.exporter === 'string' ? file.exporter : '',
            command,
            rate: rate ?? 0,
            duration,
          }),
      own?.accounting ?? NO_ACCOUNTING,
    ),
    notes: [
      ...(isCounted
        ? [`its weights have no unit and were taken for samples at ${ASSUMED_RATE} Hz: --rate.`]
        : []),
      ...(own?.gaps.some(({ count = 1 }) => count > 1)
        ? ['its gaps are joined, so that their time counts as threads without Python frames.']
        : []),
    ],
  }
}

function parse(pieces: Iterable<Uint8Array>): Json {
  const parts: Uint8Array[] = []
  let length = 0
  for (const piece of pieces) {
    length += piece.length
    if (length > MAX_BYTES) {
      throw new InputError(
        'It is larger than half a gigabyte, which is more than JSON can be read of at once.',
        'Record to a .pyprof file, which is small and read piece by piece.',
      )
    }
    parts.push(Uint8Array.from(piece))
  }
  let value: unknown
  try {
    value = JSON.parse(
      Buffer.concat(parts)
        .toString('utf8')
        .replace(/^\ufeff/, ''),
    )
  } catch {
    throw new InputError('It is no whole JSON.', 'Write it again; it may have been cut off.')
  }
  if (!isObject(value)) throw invalid('it is no object')
  return value
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(what: string): InputError {
  return new InputError(
    `It is JSON, but no speedscope file: ${what}.`,
    'See its schema: https://www.speedscope.app/file-format-schema.json',
  )
}

function placeOf(frame: unknown, index: number) {
  if (!isObject(frame) || typeof frame.name !== 'string') {
    throw invalid(`frame ${index} has no name`)
  }
  const number = (value: unknown, least: number) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= MAX_LINE
  return {
    qualname: frame.name,
    file: typeof frame.file === 'string' ? frame.file : '',
    line: number(frame.line, 1) ? Number(frame.line) : 0,
    column: number(frame.col, 1) ? Number(frame.col) - 1 : NO_COLUMN,
  }
}

function scaleOf(unit: unknown, index: number, rate: number | undefined): number {
  if (unit === 'none') return 1e9 / (rate ?? ASSUMED_RATE)
  const scale = UNITS.get(unit)
  if (scale !== undefined) return scale
  if (unit !== 'bytes') throw invalid(`profile ${index} has the unit ${JSON.stringify(unit)}`)
  throw new InputError(
    'It counts bytes, and a profile of pyprof counts time.',
    'Look at it with speedscope itself.',
  )
}

function startOf({ startValue }: Json, index: number): number {
  if (typeof startValue === 'number' && Number.isFinite(startValue)) return startValue
  throw invalid(`profile ${index} has no startValue`)
}

function spansOf(profile: Json, index: number, frames: number): Iterable<Span> {
  if (profile.type === 'sampled') return sampledSpans(profile, index, frames)
  if (profile.type === 'evented') return eventedSpans(profile, index, frames)
  throw invalid(`profile ${index} is neither sampled nor evented`)
}

function* sampledSpans({ samples, weights }: Json, index: number, frames: number): Iterable<Span> {
  if (!Array.isArray(samples) || !Array.isArray(weights) || samples.length !== weights.length) {
    throw invalid(`profile ${index} has not as many weights as samples`)
  }
  for (const [at, stack] of samples.entries()) {
    const length: unknown = weights[at]
    if (!Array.isArray(stack) || !stack.every((frame) => isIndex(frame, frames))) {
      throw invalid(`sample ${at} of profile ${index} has a frame that is not there`)
    }
    if (typeof length !== 'number' || !(length >= 0)) {
      throw invalid(`sample ${at} of profile ${index} has no weight`)
    }
    yield { stack, length }
  }
}

/** Functions that are entered and left: what stood between two events is a sample. */
function* eventedSpans(
  { events, startValue, endValue }: Json,
  index: number,
  frames: number,
): Iterable<Span> {
  if (!Array.isArray(events)) throw invalid(`profile ${index} has no events`)
  const stack: number[] = []
  let now = Number(startValue)
  for (const [at, event] of events.entries()) {
    const what = `event ${at} of profile ${index}`
    if (!isObject(event) || !isIndex(event.frame, frames)) {
      throw invalid(`${what} has a frame that is not there`)
    }
    if (typeof event.at !== 'number' || !(event.at >= now)) throw invalid(`${what} goes back`)
    if (event.at > now) yield { stack: [...stack], length: event.at - now }
    now = event.at
    if (event.type === 'O') stack.push(event.frame)
    else if (event.type !== 'C' || stack.pop() !== event.frame) {
      throw invalid(`${what} leaves what was not entered last`)
    }
  }
  if (typeof endValue === 'number' && endValue > now) yield { stack, length: endValue - now }
}

function isIndex(value: unknown, length: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < length
}

interface OwnDetails {
  readonly meta: StoredMeta
  readonly duration: number
  readonly accounting: Accounting
  readonly gaps: readonly Gap[]
}

/** What pyprof adds to its files; undefined when it is not as pyprof writes it. */
function ownDetails({ meta, accounting, gaps }: Json): OwnDetails | undefined {
  const stored = checkMeta(meta)
  if (!stored || !isObject(meta) || !isTime(meta.duration) || !isObject(accounting))
    return undefined
  const counts = Object.keys(NO_ACCOUNTING).map((name) => [name, accounting[name]])
  if (!counts.every(([, value]) => isTime(value)) || !Array.isArray(gaps)) return undefined
  const known = gaps.filter(isGapRow)
  if (known.length !== gaps.length) return undefined
  return {
    meta: stored,
    duration: meta.duration,
    accounting: Object.fromEntries(counts) as unknown as Accounting,
    gaps: known,
  }
}

function isTime(value: unknown): value is Meta['duration'] {
  return typeof value === 'number' && value >= 0 && value <= MAX_TIME
}

function isGapRow(value: unknown): value is Gap {
  return (
    isObject(value) &&
    isTime(value.start) &&
    isTime(value.duration) &&
    isTime(value.missedTicks) &&
    (value.count === undefined || isTime(value.count))
  )
}

/**
 * Tells the empty stacks that fill gaps, which are no samples, from threads without Python frames.
 * pyprof writes a gap's time right behind the sample before, the gap itself begins when the next
 * tick was due: up to an interval and a half later.
 */
function gapFinder(own: OwnDetails | undefined): (start: number, duration: number) => boolean {
  const starts = new Map<number, number[]>()
  for (const gap of own?.gaps ?? []) {
    const same = starts.get(Math.round(gap.duration)) ?? []
    same.push(gap.start)
    starts.set(Math.round(gap.duration), same)
  }
  const later = own ? 2e9 / own.meta.rate : 0
  return (start, duration) =>
    starts.get(duration)?.some((gap) => gap >= start - 1 && gap <= start + later) ?? false
}

function recognizes(head: Buffer): boolean {
  // Python's pstats files begin with a brace too, and go on with other bytes.
  return /^\ufeff?\s*\{\s*(?:["}]|$)/.test(head.toString('utf8', 0, 64))
}

export const speedscopeInput: Input = {
  name: 'speedscope',
  describe: 'speedscope files of pyprof, py-spy and others',
  recognizes,
  read,
}
