import { PyprofError } from '../errors.ts'
import {
  MODES,
  type Mode,
  NO_COLUMN,
  NO_CPU,
  NO_STACK,
  type ProcessIndex,
  type Profile,
  QUALITY,
  REASONS,
  type SampleTable,
  type StackIndex,
  type State,
  type ThreadIndex,
} from './profile.ts'
import { countAt, rowsWhere, type Sample, SampleBlock } from './sample-columns.ts'
import { isIdle, stateBit } from './state-view.ts'
import { mapSamples, remadeSamples, sampleTables } from './time-line.ts'

/** The frame on top of an idle thread's stack, when idle time is shown. */
export const IDLE_FRAME = '<idle>'

const MISSED = QUALITY.indexOf('missed')
const NO_REASON = REASONS.indexOf('none')

export interface ModeOptions {
  readonly mode: Mode
  /** Keep the samples of idle threads in every mode, under `<idle>`. */
  readonly idle: boolean
}

/** What of a recording a mode does not show. */
export interface Removed {
  readonly samples: number
  readonly timeNs: number
  /**
   * Samples that do not tell what the mode or `idle` needs, while others do: those of a process with
   * another Python. In `wall` they are shown as they are, in the other modes they are left out, and
   * counted above too. Absent when there are none.
   */
  readonly untold?: {
    readonly samples: number
    readonly timeNs: number
    readonly processes: readonly ProcessIndex[]
  }
}

/** A profile as a mode shows it, and what of the recording it does not show. */
export interface ModeView {
  readonly profile: Profile
  readonly removed: Removed
}

/** The state that a sample must have to count in a mode. */
const STATE_OF: Record<Exclude<Mode, 'wall'>, State> = {
  cpu: 'cpu',
  gil: 'gil',
  exception: 'exception',
}

/**
 * Shows a recording in a mode.
 *
 * - `wall`: all samples, by the time that passed.
 * - `cpu`: samples of threads on a processor, by measured CPU time. A sample stands for the CPU time
 *   that its thread used since its last sample on a processor; what is used after the last one of
 *   them counts for it. CPU time of a thread that was never met on a processor is a missed sample.
 * - `gil`: samples of threads that held the GIL, by the time that passed.
 * - `exception`: samples of threads that handled an exception, by the time that passed.
 *
 * Waiting tasks are shown in `wall` only.
 *
 * With `idle`, samples of idle threads are kept too, by the time that passed, with `<idle>` on top.
 *
 * A profile that holds a mode's view alone, as a file of another format does, is shown as it is.
 *
 * @throws PyprofError code `states-missing` when the samples of no thread tell what that takes,
 *   `mode-fixed` when the profile holds another mode alone
 */
export function viewInMode(recorded: Profile, options: ModeOptions): ModeView {
  const { mode, idle } = options
  if (recorded.meta.mode !== 'wall') {
    if (mode !== recorded.meta.mode || idle) throw modeFixed(recorded.meta.mode, mode)
    return { profile: recorded, removed: { samples: 0, timeNs: 0 } }
  }
  const tells = tellingThreads(recorded, options)
  if (mode === 'wall' && !idle) return { profile: recorded, removed: { samples: 0, timeNs: 0 } }
  const { samples, threads } = recorded
  const wanted = mode === 'wall' ? 0 : stateBit(STATE_OF[mode])
  const isShownIdle = ({ state, thread, quality }: SampleTable, row: number) =>
    idle &&
    isIdle(state[row]!) &&
    quality[row] !== MISSED &&
    tells[thread[row]!]! &&
    !threads[thread[row]!]!.waitingTasks
  const isShown = (table: SampleTable, row: number) =>
    (table.state[row]! & wanted) === wanted || isShownIdle(table, row)
  const untold = { samples: 0, timeNs: 0, processes: new Set<ProcessIndex>() }
  let removed = 0
  let removedSamples = 0
  for (let row = 0; row < samples.length; row++) {
    const thread = samples.thread[row]!
    const isKept = isShown(samples, row)
    if (!isKept) {
      removed += samples.weight[row]!
      removedSamples += countAt(samples, row)
    }
    if (tells[thread]! || (isKept && mode !== 'wall')) continue
    untold.samples += countAt(samples, row)
    untold.timeNs += samples.weight[row]!
    untold.processes.add(threads[thread]!.process)
  }
  const shown =
    mode === 'cpu'
      ? inCpuTime(recorded, isShown)
      : mapSamples(recorded, (table) => rowsWhere(table, (row) => isShown(table, row)))
  const profile = { ...shown, meta: { ...recorded.meta, mode } }
  return {
    profile: idle ? underIdle(profile, isShownIdle) : profile,
    removed: {
      samples: removedSamples,
      timeNs: removed,
      ...(untold.samples > 0 && { untold: { ...untold, processes: [...untold.processes] } }),
    },
  }
}

/**
 * Of each thread, whether its samples tell all that is needed; of waiting tasks nothing is.
 * @throws PyprofError code `states-missing` when those of no thread do
 */
function tellingThreads({ threads, meta }: Profile, options: ModeOptions): boolean[] {
  const needs = neededStates(options)
  const tellsAll = (states: readonly State[]) => needs.every((state) => states.includes(state))
  const tells = threads.map(
    ({ waitingTasks, states }) => waitingTasks === true || tellsAll(states ?? meta.states),
  )
  if (!threads.some(({ waitingTasks }, index) => !waitingTasks && tells[index])) {
    requireStates(options, meta.states, meta.pythonVersion)
  }
  return tells
}

/** The states that a mode is made of. */
function neededStates({ mode, idle }: ModeOptions): State[] {
  return [...(mode === 'wall' ? [] : [STATE_OF[mode]]), ...(idle ? (['cpu'] as const) : [])]
}

function modeFixed(held: Mode, mode: Mode): PyprofError {
  const option = mode !== held ? `--mode ${mode}` : '--idle'
  return new PyprofError({
    code: 'mode-fixed',
    what: `${option} needs a recording, and this profile holds the time of mode ${held} only.`,
    why: `It was written with --mode ${held}; what that left out is not in it.`,
    hint: `Leave ${option} out, or take another recording: pyprof record -o run.pyprof`,
    exitCode: 2,
  })
}

const NEEDS: Record<State, (pythonVersion: string) => string> = {
  cpu: () =>
    'It does not hold whether threads ran: the files syscall and stat of /proc/PID/task/TID ' +
    'could not be read.',
  gil: () =>
    'It does not hold which thread had the GIL: this Python has none (a free-threaded build), or ' +
    'one that pyprof cannot read.',
  'gil-wait': () => 'It does not hold which threads waited for the GIL.',
  gc: () => 'It does not hold which threads collected garbage.',
  exception: (version) =>
    `Python ${version} does not publish which threads handle an exception; Python 3.15 is the ` +
    'first to do so.',
}

/**
 * Checks that a recording knows the states that a mode is made of.
 * @throws PyprofError code `states-missing`
 */
export function requireStates(
  options: ModeOptions,
  states: readonly State[],
  pythonVersion: string,
): void {
  const { mode } = options
  const missing = neededStates(options).find((state) => !states.includes(state))
  if (missing === undefined) return
  const option = mode !== 'wall' && missing === STATE_OF[mode] ? `--mode ${mode}` : '--idle'
  const others = MODES.filter(
    (other) => other === 'wall' || (other !== mode && states.includes(STATE_OF[other])),
  )
  throw new PyprofError({
    code: 'states-missing',
    what: `${option} needs what this recording does not hold.`,
    why: states.length === 0 ? 'No thread states were recorded.' : NEEDS[missing](pythonVersion),
    hint: `Leave ${option} out. These modes can be shown: ${others.join(', ')}.`,
    exitCode: 2,
  })
}

/** CPU time of one thread on its way to the samples that it belongs to. */
interface Spending {
  /** Used, and given to no sample yet. */
  pending: number
  /** Samples on a processor that have nothing yet. */
  waiting: number
}

/** Who of the samples is shown. */
type Shown = (samples: SampleTable, row: number) => boolean

/**
 * Gives each thread's measured CPU time to its samples on a processor. The kernel's count of a
 * running thread stands still between scheduler ticks, so what it then moves by belongs to all the
 * samples since it last moved.
 */
function inCpuTime(recorded: Profile, isShown: Shown): Profile {
  const rests = restsOf(recorded, isShown)
  return remadeSamples(recorded, (tables) => byCpuTime(tables, isShown, rests))
}

/** What is left of a thread behind its last sample on a processor. */
interface Rest {
  /** What it has used since then, ns. */
  readonly pending: number
  /** How many of the last ones on a processor get nothing, as it used nothing any more. */
  readonly waiting: number
  /** How many samples on a processor it has. */
  readonly onCpu: number
  /** Of its last sample. */
  readonly lastTime: number
}

/** One step of both ways through the samples: what the thread has used now, for how many of them. */
function spend(
  spending: Spending,
  samples: SampleTable,
  row: number,
  isOnCpu: boolean,
): { readonly share: number; readonly of: number } | undefined {
  if (samples.cpu[row] !== NO_CPU) spending.pending += samples.cpu[row]!
  if (isOnCpu) spending.waiting++
  const { pending, waiting } = spending
  if (pending === 0 || waiting === 0) return undefined
  spending.pending = 0
  spending.waiting = 0
  return { share: pending / waiting, of: waiting }
}

/** By thread. */
function restsOf(recorded: Profile, isShown: Shown): Rest[] {
  const rests = recorded.threads.map(() => ({ pending: 0, waiting: 0, onCpu: 0, lastTime: 0 }))
  for (const table of sampleTables(recorded)) {
    for (let row = 0; row < table.length; row++) {
      const rest = rests[table.thread[row]!]!
      const isOnCpu = isShown(table, row) && (table.state[row]! & ON_CPU) !== 0
      rest.lastTime = table.time[row]!
      if (isOnCpu) rest.onCpu++
      spend(rest, table, row, isOnCpu)
    }
  }
  return rests
}

const ON_CPU = stateBit('cpu')
/** Rows of a table that is passed on. */
const PASSED_ON = 1 << 14

/** A sample on its way; those of its thread that wait for the same CPU time hang on one another. */
interface Row extends Sample {
  weight: number
  isKnown: boolean
  readonly next: Row | undefined
}

/** The samples that are shown, in their order, as soon as the CPU time of each is known. */
function* byCpuTime(
  tables: Iterable<SampleTable>,
  isShown: Shown,
  rests: readonly Rest[],
): Generator<SampleTable> {
  const threads = rests.map(() => ({
    spending: { pending: 0, waiting: 0 },
    last: undefined as Row | undefined,
    onCpu: 0,
  }))
  const ready = new SampleBlock(PASSED_ON)
  let queue: Row[] = []
  let passed = 0
  for (const table of tables) {
    for (let row = 0; row < table.length; row++) {
      const thread = threads[table.thread[row]!]!
      const rest = rests[table.thread[row]!]!
      const isKept = isShown(table, row)
      const isOnCpu = isKept && (table.state[row]! & ON_CPU) !== 0
      if (isOnCpu) thread.onCpu++
      if (isKept) {
        const waits = isOnCpu && thread.onCpu <= rest.onCpu - rest.waiting
        const own: Row = {
          time: table.time[row]!,
          weight: isOnCpu ? 0 : table.weight[row]!,
          thread: table.thread[row]!,
          stack: table.stack[row]!,
          quality: table.quality[row]!,
          reason: table.reason[row]!,
          state: table.state[row]!,
          cpu: table.cpu[row]!,
          isKnown: !waits,
          next: waits ? thread.last : undefined,
        }
        if (waits) thread.last = own
        queue.push(own)
      }
      const given = spend(thread.spending, table, row, isOnCpu)
      if (given) {
        // What is used behind the last one of all counts for it.
        const isEnd = thread.onCpu === rest.onCpu
        let at = thread.last
        thread.last = undefined
        for (let left = given.of; at && left > 0; left--) {
          at.weight = given.share + (isEnd && left === given.of ? rest.pending : 0)
          at.isKnown = true
          at = at.next
        }
      }
      while (passed < queue.length && queue[passed]!.isKnown) {
        ready.push(queue[passed++]!)
        if (ready.length < PASSED_ON) continue
        yield ready.view()
        ready.clear()
      }
      if (passed < PASSED_ON) continue
      queue = queue.slice(passed)
      passed = 0
    }
  }
  for (const row of queue.slice(passed)) {
    ready.push(row)
    if (ready.length < PASSED_ON) continue
    yield ready.view()
    ready.clear()
  }
  for (const [thread, { pending, onCpu, lastTime }] of rests.entries()) {
    if (pending === 0 || onCpu > 0) continue
    ready.push(unseen(thread, lastTime, pending))
    if (ready.length < PASSED_ON) continue
    yield ready.view()
    ready.clear()
  }
  yield ready.view()
}

/** A missed sample for a thread whose CPU time no sample met, at its last sample's time. */
function unseen(thread: ThreadIndex, time: number, cpu: number): Sample {
  const none = { stack: NO_STACK, quality: MISSED, reason: NO_REASON, state: 0 }
  return { ...none, time, weight: cpu, thread, cpu }
}

/** Puts `<idle>` on top of the stacks of some rows. */
function underIdle(profile: Profile, isShownIdle: Shown): Profile {
  const { strings, functions, frames, stacks } = profile
  const fn = functions.length
  const frame = frames.length
  const parents: StackIndex[] = []
  const idleOf = new Map<StackIndex, StackIndex>()
  let hasIdle = false
  const shown = mapSamples(profile, (samples) => {
    const stack = new Int32Array(samples.length)
    for (let row = 0; row < samples.length; row++) {
      const top = samples.stack[row]!
      const isIdleRow = isShownIdle(samples, row)
      hasIdle ||= isIdleRow
      stack[row] = !isIdleRow || top === NO_STACK ? top : idleStack(top)
    }
    return { ...samples, stack }
  })
  if (!hasIdle) return profile

  function idleStack(top: StackIndex): StackIndex {
    const known = idleOf.get(top)
    if (known !== undefined) return known
    const idle = stacks.length + parents.push(top) - 1
    idleOf.set(top, idle)
    return idle
  }

  const with1 = (column: ArrayLike<number>, value: number) => [...Array.from(column), value]
  return {
    ...shown,
    strings: [...strings, IDLE_FRAME, ''],
    functions: {
      length: fn + 1,
      qualname: with1(functions.qualname, strings.length),
      file: with1(functions.file, strings.length + 1),
      firstLine: with1(functions.firstLine, 0),
    },
    frames: {
      length: frame + 1,
      function: with1(frames.function, fn),
      line: with1(frames.line, 0),
      endLine: with1(frames.endLine, 0),
      column: with1(frames.column, NO_COLUMN),
      endColumn: with1(frames.endColumn, NO_COLUMN),
    },
    stacks: {
      length: stacks.length + parents.length,
      parent: [...Array.from(stacks.parent), ...parents],
      frame: [...Array.from(stacks.frame), ...parents.map(() => frame)],
    },
  }
}
