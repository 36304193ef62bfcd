import { EXIT, PyprofError } from '../errors.ts'
import { ProfileAssembler } from './assembler.ts'
import {
  type Accounting,
  ALL_TIME,
  type Control,
  type DescendantSource,
  type EndReason,
  GRANULARITIES,
  type Mark,
  type Meta,
  NO_PROCESS,
  NO_STACK,
  type ProcessIndex,
  type Profile,
  type SampleTable,
  STATES,
  type Thread,
  type ThreadIndex,
  type TimeLine,
  type View,
} from './profile.ts'
import { inOrder, type Sample, SampleBlock, sampleAt } from './sample-columns.ts'
import { collected, eachTable } from './time-line.ts'

/**
 * Several profiles as one. The time axis begins with the earliest; profiles that do not say when they
 * began are laid one behind the other. A function is the same when name, file and first line are; a
 * thread when its process, ids and name are; a process when pid, command and parent are, and in the
 * files of one long recording, each of which begins where the one before ends, whatever becomes of
 * its command.
 * @throws PyprofError code `modes-differ` when their weights are not of the same kind of time
 */
export function mergeProfiles(profiles: readonly Profile[]): Profile {
  const [only] = profiles
  if (profiles.length === 1 && only) return only
  const origins = originsOf(profiles)
  requireOneMode(profiles)
  const target = new ProfileAssembler()
  const folds: Folds = { processes: new Map(), threads: new Map() }
  const states = commonStates(profiles)
  const parts = profiles
    .map((profile, index): Part => ({ profile, origin: origins[index]!, processOf: [] }))
    .sort((a, b) => a.origin - b.origin)
  const changes = parts.map((part) => {
    part.processOf = foldProcesses(part, partBefore(part, parts)?.processOf ?? [], target, folds)
    return add(part, stateMask(states), target, folds)
  })
  const merged = (samples: SampleTable, timeline?: TimeLine): Profile => ({
    ...target.finish(mergedMeta(profiles, origins, states), mergedAccounting(profiles)),
    samples,
    ...(timeline && { timeline }),
  })
  const timeline = mergedTimeLine(parts, changes)
  return merged(timeline?.hold(timeline.tables()) ?? mergedSamples(parts, changes), timeline)
}

/** What becomes of the samples of each part. */
type Changes = readonly ((samples: SampleTable) => SampleTable)[]

function mergedSamples(parts: readonly Part[], changes: Changes): SampleTable {
  const tables = parts.map(({ profile }) => profile.samples)
  // Sums have no order.
  if (tables.some(({ count, instants }) => count ?? instants)) {
    return collected(tables.map((table, at) => changes[at]!(table)))
  }
  const ordered = tables.map(inOrder)
  return collected(
    interleaved(
      parts.map(({ origin }, at) => ({ origin, tables: () => [changes[at]!(ordered[at]!)] })),
    ),
  )
}

/** Undefined where all samples are held. */
function mergedTimeLine(parts: readonly Part[], changes: Changes): TimeLine | undefined {
  const first = parts.find(({ profile }) => profile.timeline)?.profile.timeline
  if (!first) return undefined
  const rows = parts.map(({ profile: { samples, timeline }, origin }, at) => {
    // One that is not in order is held, so that it can be sorted.
    const held = timeline?.isInOrder
      ? undefined
      : inOrder(timeline ? collected(timeline.tables()) : samples)
    const tables = () => (held ? [held] : timeline!.tables())
    return { origin, tables: () => eachTable(tables(), changes[at]!) }
  })
  const tables = () => interleaved(rows)
  return { tables, hold: first.hold, isInOrder: true, range: ALL_TIME }
}

/** Rows of a table that is passed on. */
const PASSED_ON = 1 << 14

/** Samples that begin at different times and are in order each, in one order; earlier parts first. */
function* interleaved(
  parts: readonly { readonly origin: number; tables(): Iterable<SampleTable> }[],
): Generator<SampleTable> {
  const waiting = [...parts]
  let open: Cursor[] = []
  const block = new SampleBlock(PASSED_ON)
  try {
    for (;;) {
      let least: Cursor | undefined
      for (const each of open) if (!least || each.time < least.time) least = each
      const next = waiting[0]
      // What begins later is not opened before: the files of a rotation are read one by one.
      if (next && (!least || next.origin <= least.time)) {
        waiting.shift()
        open.push(new Cursor(next.tables()))
        open = open.filter((each) => each.time !== Number.POSITIVE_INFINITY)
        continue
      }
      if (!least) break
      block.push(least.take())
      if (least.time === Number.POSITIVE_INFINITY) open = open.filter((each) => each !== least)
      if (block.length < PASSED_ON) continue
      yield block.view()
      block.clear()
    }
    yield block.view()
  } finally {
    for (const each of open) each.close()
  }
}

/** Where one is in some tables. */
class Cursor {
  readonly #tables: Iterator<SampleTable>
  #table: SampleTable | undefined
  #row = -1
  /** Of the row in hand; infinite when there is none. */
  time = 0

  constructor(tables: Iterable<SampleTable>) {
    this.#tables = tables[Symbol.iterator]()
    this.#next()
  }

  take(): Sample {
    const sample = sampleAt(this.#table!, this.#row)
    this.#next()
    return sample
  }

  close(): void {
    this.#tables.return?.()
  }

  #next(): void {
    this.#row++
    while (!this.#table || this.#row >= this.#table.length) {
      const next = this.#tables.next()
      if (next.done) {
        this.time = Number.POSITIVE_INFINITY
        return
      }
      this.#table = next.value
      this.#row = 0
    }
    this.time = this.#table.time[this.#row]!
  }
}

interface Part {
  readonly profile: Profile
  /** Where its time begins on the common axis, ns. */
  readonly origin: number
  /** The processes of the whole by its own. */
  processOf: readonly ProcessIndex[]
}

/** Start times are milliseconds in a double, which tell microseconds apart, but not nanoseconds. */
const SAME_INSTANT = 1000

/** The file of the same recording that ends where this one begins. */
function partBefore({ profile, origin }: Part, parts: readonly Part[]): Part | undefined {
  return parts.find(
    (other) =>
      other.profile !== profile &&
      other.profile.meta.endReason === 'rotated' &&
      Math.abs(other.origin + other.profile.meta.duration - origin) <= SAME_INSTANT,
  )
}

interface Folds {
  readonly processes: Map<string, ProcessIndex>
  readonly threads: Map<string, ThreadIndex>
}

/** Where the time of each profile begins on the common axis, ns. */
function originsOf(profiles: readonly Profile[]): number[] {
  const starts = profiles.map(({ meta }) => meta.startedAt).filter((start) => start > 0)
  const first = starts.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const origins = profiles.map(({ meta }) =>
    meta.startedAt > 0 ? Math.round((meta.startedAt - first) * 1e6) : undefined,
  )
  let end = profiles.reduce((latest, { meta }, index) => {
    const origin = origins[index]
    return origin === undefined ? latest : Math.max(latest, origin + meta.duration)
  }, 0)
  return origins.map((origin, index) => {
    if (origin !== undefined) return origin
    const start = end
    end += profiles[index]!.meta.duration
    return start
  })
}

/** Adds all but the samples. @returns what becomes of them */
function add(
  { profile, origin, processOf }: Part,
  mask: number,
  target: ProfileAssembler,
  folds: Folds,
): (samples: SampleTable) => SampleTable {
  const { strings, functions, frames, stacks } = profile
  const functionOf = Array.from({ length: functions.length }, (_, fn) => {
    const name = strings[functions.qualname[fn]!]!
    return target.function(name, strings[functions.file[fn]!]!, functions.firstLine[fn]!)
  })
  const frameOf = Array.from({ length: frames.length }, (_, frame) =>
    target.frame(
      functionOf[frames.function[frame]!]!,
      frames.line[frame]!,
      frames.endLine[frame]!,
      frames.column[frame]!,
      frames.endColumn[frame]!,
    ),
  )
  const stackOf = new Int32Array(stacks.length)
  for (let stack = 0; stack < stacks.length; stack++) {
    const parent = stacks.parent[stack]!
    const above = parent === NO_STACK ? NO_STACK : stackOf[parent]!
    stackOf[stack] = target.stack(above, frameOf[stacks.frame[stack]!]!)
  }
  const threadOf = foldThreads(profile.threads, processOf, target, folds)
  for (const gap of profile.gaps) target.gap({ ...gap, start: gap.start + origin })
  return ({ instants: _, ...samples }) => {
    const time = new Float64Array(samples.length)
    const thread = new Int32Array(samples.length)
    const stack = new Int32Array(samples.length)
    const state = new Uint8Array(samples.length)
    for (let row = 0; row < samples.length; row++) {
      const own = samples.stack[row]!
      time[row] = samples.time[row]! + origin
      thread[row] = threadOf[samples.thread[row]!]!
      stack[row] = own === NO_STACK ? NO_STACK : stackOf[own]!
      state[row] = samples.state[row]! & mask
    }
    return { ...samples, time, thread, stack, state }
  }
}

/** @param before the processes of the file before: its rows are the first ones of this file */
function foldProcesses(
  { profile: { processes }, origin }: Part,
  before: readonly ProcessIndex[],
  target: ProfileAssembler,
  { processes: known }: Folds,
): ProcessIndex[] {
  const keys = new UniqueKeys()
  const indexes: ProcessIndex[] = []
  for (const [place, each] of processes.entries()) {
    const parent = each.parent === NO_PROCESS ? NO_PROCESS : indexes[each.parent]!
    const row = { ...each, parent, start: each.start + origin, end: each.end + origin }
    const key = keys.of([row.pid, row.command, parent])
    const same = before[place]
    const isSame = same !== undefined && target.processAt(same).pid === row.pid
    const index = (isSame ? same : known.get(key)) ?? target.process(row)
    known.set(key, index)
    indexes.push(index)
    const others = target.processAt(index)
    target.updateProcess(index, {
      ...row,
      pythonVersion: row.pythonVersion || others.pythonVersion,
      start: Math.min(others.start, row.start),
      end: Math.max(others.end, row.end),
      unreadable: others.unreadable === '' ? '' : row.unreadable,
    })
  }
  return indexes
}

function foldThreads(
  threads: readonly Thread[],
  processOf: readonly ProcessIndex[],
  target: ProfileAssembler,
  { threads: known }: Folds,
): ThreadIndex[] {
  const keys = new UniqueKeys()
  return threads.map((each) => {
    // Samples keep the states that all recordings tell of.
    const { states: _, ...row } = each
    const thread = { ...row, process: processOf[each.process]! }
    const { process, nativeId, interpreter, name, isMain, waitingTasks } = thread
    const key = keys.of([process, nativeId, interpreter, name, isMain, waitingTasks === true])
    const index = known.get(key) ?? target.thread(thread)
    known.set(key, index)
    return index
  })
}

/** Rows of one profile never fold with one another: ids are used again. */
class UniqueKeys {
  readonly #counts = new Map<string, number>()

  of(parts: readonly unknown[]): string {
    const key = JSON.stringify(parts)
    const count = this.#counts.get(key) ?? 0
    this.#counts.set(key, count + 1)
    return `${key} ${count}`
  }
}

function commonStates(profiles: readonly Profile[]): Meta['states'] {
  return STATES.filter((state) => profiles.every(({ meta }) => meta.states.includes(state)))
}

function stateMask(states: Meta['states']): number {
  return states.reduce((mask, state) => mask | (1 << STATES.indexOf(state)), 0)
}

function mergedMeta(
  profiles: readonly Profile[],
  origins: readonly number[],
  states: Meta['states'],
): Meta {
  const metas = profiles.map(({ meta }) => meta)
  const all = (field: 'exporter' | 'command' | 'pythonVersion') =>
    [...new Set(metas.map((meta) => meta[field]))].filter((text) => text !== '').join(' + ')
  const starts = metas.map((meta) => meta.startedAt).filter((start) => start > 0)
  const ends = metas.map((meta, index) => origins[index]! + meta.duration)
  const last = metas[ends.indexOf(Math.max(...ends))]!
  const {
    view: _,
    tasks: __,
    machine: ___,
    iterations: ____,
    control: _____,
    run: ______,
    ...rest
  } = last
  const control = mergedControl(metas, origins)
  const machine = agreed(metas.map((meta) => meta.machine))
  const view = mergedView(metas)
  const isUnfinished = metas.some((meta) => meta.endReason === 'unfinished')
  const endReason: EndReason = isUnfinished ? 'unfinished' : last.endReason
  return {
    ...rest,
    ...(view ? { view } : {}),
    ...(machine === undefined ? {} : { machine }),
    ...(control === undefined ? {} : { control }),
    exporter: all('exporter'),
    command: all('command'),
    pythonVersion: all('pythonVersion'),
    states,
    read: agreed(metas.map((meta) => meta.read)) ?? 'unknown',
    readChange: agreed(metas.map((meta) => meta.readChange)) ?? '',
    descendants: leastSource(metas),
    ...mergedTasks(metas),
    rate: agreed(metas.map((meta) => meta.rate)) ?? 0,
    startedAt: starts.length === 0 ? 0 : Math.min(...starts),
    duration: Math.max(...ends),
    endReason,
  }
}

/** The one that may have missed more. */
function leastSource(metas: readonly Meta[]): DescendantSource {
  const sources = metas.map(({ descendants }) => descendants)
  return sources.find((source) => source === 'polling') ?? sources.find(Boolean) ?? ''
}

/** Those of any of them: suspended tasks stay apart in the whole, as they are in a part. */
function mergedTasks(metas: readonly Meta[]): Pick<Meta, 'tasks'> {
  const all = metas.flatMap(({ tasks }) => tasks ?? [])
  if (all.length === 0) return {}
  const scope = all.some((tasks) => tasks.scope === 'all') ? 'all' : 'running'
  return { tasks: { scope, loopSeen: all.some(({ loopSeen }) => loopSeen) } }
}

function requireOneMode(profiles: readonly Profile[]): void {
  const modes = [...new Set(profiles.map(({ meta }) => meta.mode))]
  if (modes.length < 2) return
  throw new PyprofError({
    code: 'modes-differ',
    what: 'These profiles cannot become one.',
    why: `They are of different modes (${modes.join(', ')}), whose times cannot be added up.`,
    hint: 'Convert them one by one, or the recordings that they were made of.',
    exitCode: EXIT.nothing,
  })
}

/** As fine as the finest, with all that was left out of any; undefined when all are whole. */
function mergedView(metas: readonly Meta[]): View | undefined {
  if (metas.every(({ view }) => view === undefined)) return undefined
  const levels = metas.map(({ view }) => GRANULARITIES.indexOf(view?.granularity ?? 'lines'))
  return {
    granularity: GRANULARITIES[Math.min(...levels)] ?? 'lines',
    steps: metas.flatMap(({ view }) => view?.steps ?? []),
  }
}

function agreed<T>(values: readonly T[]): T | undefined {
  return values.every((value) => value === values[0]) ? values[0] : undefined
}

function mergedAccounting(profiles: readonly Profile[]): Accounting {
  const sum = (name: keyof Accounting) =>
    profiles.reduce((total, { accounting }) => total + accounting[name], 0)
  const names = Object.keys(profiles[0]?.accounting ?? {}) as (keyof Accounting)[]
  return Object.fromEntries(names.map((name) => [name, sum(name)])) as unknown as Accounting
}

/** Pauses and marks of all, where any has some. */
function mergedControl(metas: readonly Meta[], origins: readonly number[]): Control | undefined {
  const controls = metas.flatMap(({ control }, index) => {
    return control ? [{ ...control, origin: origins[index]! }] : []
  })
  if (controls.length === 0) return undefined
  const marks = new Map<string, Mark>()
  for (const { marks: own, origin } of controls) {
    for (const { name, first, last, count } of own) {
      const before = marks.get(name)
      marks.set(name, {
        name,
        first: Math.min(before?.first ?? Number.POSITIVE_INFINITY, first + origin),
        last: Math.max(before?.last ?? 0, last + origin),
        count: (before?.count ?? 0) + count,
      })
    }
  }
  return {
    pausedTime: controls.reduce((sum, { pausedTime }) => sum + pausedTime, 0),
    pauses: controls.reduce((sum, { pauses }) => sum + pauses, 0),
    marks: [...marks.values()].sort((a, b) => a.first - b.first),
  }
}
