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
import { countAt, pickSamples, RowList } from './sample-columns.ts'
import { isIdle, stateBit } from './state-view.ts'

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
  const rows = new RowList(samples.length)
  /** 1 for the rows that are kept as idle ones, by their place among those that are kept. */
  const isIdleRow = new Uint8Array(samples.length)
  let hasIdle = false
  const untold = { samples: 0, timeNs: 0, processes: new Set<ProcessIndex>() }
  let removed = 0
  let removedSamples = 0
  for (let row = 0; row < samples.length; row++) {
    const bits = samples.state[row]!
    const { waitingTasks, process } = threads[samples.thread[row]!]!
    const tellsAll = tells[samples.thread[row]!]!
    const isShownIdle =
      idle && tellsAll && !waitingTasks && isIdle(bits) && samples.quality[row] !== MISSED
    const isShown = (bits & wanted) === wanted || isShownIdle
    if (isShown) {
      if (isShownIdle) isIdleRow[rows.length] = 1
      hasIdle ||= isShownIdle
      rows.push(row)
    } else {
      removed += samples.weight[row]!
      removedSamples += countAt(samples, row)
    }
    if (tellsAll || (isShown && mode !== 'wall')) continue
    untold.samples += countAt(samples, row)
    untold.timeNs += samples.weight[row]!
    untold.processes.add(process)
  }
  const kept = rows.view()
  const shown = mode === 'cpu' ? byCpuTime(recorded, kept) : pickSamples(samples, kept)
  const profile = { ...recorded, samples: shown, meta: { ...recorded.meta, mode } }
  return {
    profile: hasIdle ? underIdle(profile, isIdleRow) : profile,
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
  /** Places of samples on a processor that have nothing yet. */
  waiting: number[]
  last: number
}

/**
 * Gives each thread's measured CPU time to its samples on a processor. The kernel's count of a
 * running thread stands still between scheduler ticks, so what it then moves by belongs to all the
 * samples since it last moved.
 */
function byCpuTime({ samples, threads }: Profile, rows: Uint32Array): SampleTable {
  const onCpu = stateBit('cpu')
  const weights = new Float64Array(rows.length)
  const spendings = threads.map((): Spending => ({ pending: 0, waiting: [], last: -1 }))
  let place = 0
  for (let row = 0; row < samples.length; row++) {
    const spending = spendings[samples.thread[row]!]!
    if (samples.cpu[row] !== NO_CPU) spending.pending += samples.cpu[row]!
    if (rows[place] === row) {
      if ((samples.state[row]! & onCpu) === 0) {
        weights[place] = samples.weight[row]!
      } else {
        spending.waiting.push(place)
        spending.last = place
      }
      place++
    }
    const { pending, waiting } = spending
    if (pending === 0 || waiting.length === 0) continue
    for (const each of waiting) weights[each] = pending / waiting.length
    spending.pending = 0
    spending.waiting = []
  }
  const unseen: [ThreadIndex, number][] = []
  spendings.forEach(({ pending, last }, thread) => {
    if (pending === 0) return
    if (last >= 0) weights[last]! += pending
    else unseen.push([thread, pending])
  })
  return withMissed({ ...pickSamples(samples, rows), weight: weights }, samples, unseen)
}

/** Adds a missed sample for each thread whose CPU time no sample met, at its last sample's time. */
function withMissed(
  shown: SampleTable,
  samples: SampleTable,
  unseen: readonly [ThreadIndex, number][],
): SampleTable {
  if (unseen.length === 0) return shown
  const lastTime = new Map<number, number>()
  for (let row = 0; row < samples.length; row++) {
    lastTime.set(samples.thread[row]!, samples.time[row]!)
  }
  const more = (column: ArrayLike<number>, value: (at: [ThreadIndex, number]) => number) => {
    const longer = new Float64Array(column.length + unseen.length)
    longer.set(column)
    longer.set(unseen.map(value), column.length)
    return longer
  }
  return {
    length: shown.length + unseen.length,
    time: more(shown.time, ([thread]) => lastTime.get(thread)!),
    weight: more(shown.weight, ([, cpu]) => cpu),
    thread: more(shown.thread, ([thread]) => thread),
    stack: more(shown.stack, () => NO_STACK),
    quality: more(shown.quality, () => MISSED),
    reason: more(shown.reason, () => NO_REASON),
    state: more(shown.state, () => 0),
    cpu: more(shown.cpu, ([, cpu]) => cpu),
  }
}

/** Puts `<idle>` on top of the stacks of the rows that have a 1. */
function underIdle(profile: Profile, isIdleRow: Uint8Array): Profile {
  const { strings, functions, frames, stacks, samples } = profile
  const fn = functions.length
  const frame = frames.length
  const parents: StackIndex[] = []
  const idleOf = new Map<StackIndex, StackIndex>()
  const stack = new Int32Array(samples.length)
  for (let row = 0; row < samples.length; row++) {
    const top = samples.stack[row]!
    stack[row] = isIdleRow[row] === 0 || top === NO_STACK ? top : idleStack(top)
  }

  function idleStack(top: StackIndex): StackIndex {
    const known = idleOf.get(top)
    if (known !== undefined) return known
    const idle = stacks.length + parents.push(top) - 1
    idleOf.set(top, idle)
    return idle
  }

  const with1 = (column: ArrayLike<number>, value: number) => [...Array.from(column), value]
  return {
    ...profile,
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
    samples: { ...samples, stack },
  }
}
