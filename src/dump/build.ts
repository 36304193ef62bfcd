import { QUALITY, REASONS, STATES, type State } from '../profile/profile.ts'
import type { NativeDumpFrame, NativeDumpTaken, NativeDumpThread } from '../sampling/dump-addon.ts'
import type { Redact } from '../sampling/value.ts'
import type {
  Activity,
  DumpedFrame,
  DumpedProcess,
  DumpedTask,
  DumpedTasks,
  DumpedThread,
} from './dump.ts'
import type { SourceFiles } from './sources.ts'

export interface BuildOptions {
  readonly sources: SourceFiles
  readonly redact: Redact
  /** Keeps these threads only. */
  readonly keeps: (thread: NativeDumpThread) => boolean
  /** Keeps this frame of each thread only, with the lines around it. */
  readonly frame: number | undefined
  readonly tasks: boolean
}

/** Lines above and below the one of a frame that was asked for. */
const CONTEXT_LINES = 5

type Shown = Pick<DumpedProcess, 'threads' | 'threadCount' | 'states'> & {
  readonly tasks?: DumpedTasks
}

/** Names what the native part found, and adds the source lines. */
export function buildDump(native: NativeDumpTaken, options: BuildOptions): Shown {
  const frames = new FrameNames(native, options)
  const threads = native.threads
    .filter(options.keeps)
    .map((thread) => buildThread(thread, native.states, frames, options.frame))
  const shown = { threads, threadCount: native.threads.length, states: native.states }
  return options.tasks ? { ...shown, tasks: buildTasks(native, frames) } : shown
}

function buildThread(
  thread: NativeDumpThread,
  known: readonly State[],
  names: FrameNames,
  only: number | undefined,
): DumpedThread {
  const states = STATES.filter((_, bit) => ((thread.state >> bit) & 1) === 1)
  const frames = thread.frames.flatMap((frame, index) =>
    only === undefined || only === index ? [names.frame(frame, index, only !== undefined)] : [],
  )
  return {
    nativeId: thread.nativeId,
    outerId: thread.outerId === 0 ? null : thread.outerId,
    pythonId: thread.pythonId,
    interpreter: thread.interpreter,
    name: thread.name,
    isMain: thread.isMain,
    activity: activityOf(states, known),
    states,
    quality: QUALITY[thread.quality]!,
    reason: REASONS[thread.reason]!,
    frameCount: thread.frames.length,
    frames,
  }
}

/** What a thread does, from what is known of it. */
export function activityOf(states: readonly State[], known: readonly State[]): Activity {
  if (states.includes('gc')) return 'gc'
  if (states.includes('gil')) {
    // Whoever is known not to be on a processor sleeps with the GIL in its hands.
    return states.includes('cpu') || !known.includes('cpu') ? 'running' : 'holds-gil'
  }
  if (states.includes('gil-wait')) return 'waits-for-gil'
  if (states.includes('cpu')) return known.includes('gil') ? 'in-c' : 'running'
  return known.includes('cpu') ? 'idle' : 'unknown'
}

function buildTasks(native: NativeDumpTaken, names: FrameNames): DumpedTasks {
  const tasks = native.tasks.map(
    (task): DumpedTask => ({
      address: task.address,
      name: task.name,
      state: task.state,
      thread: native.threads[task.thread]?.nativeId ?? null,
      partial: task.partial,
      awaitedBy: task.awaitedBy.flatMap((index) => native.tasks[index]?.address ?? []),
      frames: task.frames.map((frame, index) => names.frame(frame, index, false)),
    }),
  )
  return { loopSeen: native.loopSeen, cut: native.tasksCut, tasks }
}

const FUNCTION_WORDS = 3
const FRAME_WORDS = 5

class FrameNames {
  readonly #native: NativeDumpTaken
  readonly #options: BuildOptions

  constructor(native: NativeDumpTaken, options: BuildOptions) {
    this.#native = native
    this.#options = options
  }

  frame(frame: NativeDumpFrame, index: number, withContext: boolean): DumpedFrame {
    const { strings, functions, frames } = this.#native
    const { sources } = this.#options
    const row = frames.subarray(frame.frame * FRAME_WORDS, (frame.frame + 1) * FRAME_WORDS)
    const fn = functions.subarray(row[0]! * FUNCTION_WORDS, (row[0]! + 1) * FUNCTION_WORDS)
    const file = strings[fn[1]!] ?? ''
    const line = row[1]!
    const source = line > 0 ? sources.line(file, line) : undefined
    return {
      index,
      function: strings[fn[0]!] ?? '',
      file,
      line,
      endLine: row[2]!,
      column: row[3]!,
      endColumn: row[4]!,
      firstLine: fn[2]!,
      source: source?.text ?? null,
      sourceChanged: source?.changed ?? false,
      ...(withContext && source !== undefined ? { context: this.#context(file, line) } : {}),
      ...this.#variables(frame),
    }
  }

  #context(file: string, line: number): { line: number; text: string }[] {
    const lines: { line: number; text: string }[] = []
    for (let at = Math.max(1, line - CONTEXT_LINES); at <= line + CONTEXT_LINES; at++) {
      const found = this.#options.sources.line(file, at)
      if (found) lines.push({ line: at, text: found.text })
    }
    return lines
  }

  /** Secrets go before anything leaves here. */
  #variables({ variables, omitted = 0, readable }: NativeDumpFrame): Partial<DumpedFrame> {
    if (variables === undefined) return {}
    if (!readable) return { variables: null }
    const { redact } = this.#options
    const shown = variables.map(({ name, kind, value }) => ({
      name,
      kind,
      value: redact(name, value),
    }))
    return { variables: shown, ...(omitted > 0 ? { omitted } : {}) }
  }
}
