import {
  NO_CPU,
  type Process,
  type Profile,
  QUALITY,
  type SampleTable,
  type StackIndex,
  type Thread,
  type ThreadIndex,
} from '../profile/profile.ts'
import { RowList, rowsWhere } from '../profile/sample-columns.ts'
import { collected, eachTable, sampleTables } from '../profile/time-line.ts'
import { type RowsByThread, rowsByThread } from '../profile/views.ts'

const MISSED: number = QUALITY.indexOf('missed')
/** Linux gives no process or thread this id or a higher one (PID_MAX_LIMIT). */
export const NO_REAL_ID: number = 2 ** 22

/** Samples of several threads that are held at once, where not all are: 60 MB. */
const MOST_HELD = 1 << 21

/** Rows of a sample table, all of one thread. */
export interface ThreadRows {
  readonly samples: SampleTable
  readonly rows: ArrayLike<number>
}

/** What is known of a thread before its samples are looked at one by one. */
interface ThreadFacts {
  samples: number
  /** Where its first sample begins; it may be before the recording. */
  first: number
  /** Where its time line ends, whole ns. */
  end: number
  /** Weight of the samples whose stack differs from the one before, ns. */
  moved: number
  /** Whether the CPU time of any sample was measured. */
  hasCpu: boolean
  known: StackIndex | undefined
}

/**
 * The samples of a profile by thread, each thread as often as it is asked for. Where they are not
 * held, as many of the threads that come next as there is room for are read at once, and one that
 * there is no room for is read anew each time.
 */
export class SamplesByThread {
  /** The threads that have samples: main threads first, then by first sample. */
  readonly order: readonly ThreadIndex[]
  readonly #profile: Profile
  readonly #mostHeld: number
  readonly #facts: readonly ThreadFacts[]
  #held: { readonly samples: SampleTable; readonly rows: RowsByThread } | undefined
  #isHeld: (thread: ThreadIndex) => boolean = () => false

  constructor(profile: Profile, mostHeld: number = MOST_HELD) {
    this.#profile = profile
    this.#mostHeld = mostHeld
    this.#facts = factsOf(profile)
    const { threads } = profile
    this.order = threads
      .map((_, thread) => thread)
      .filter((thread) => this.#facts[thread]!.samples > 0)
      .sort(
        (a, b) =>
          Number(threads[b]!.isMain) - Number(threads[a]!.isMain) ||
          this.#facts[a]!.first - this.#facts[b]!.first ||
          a - b,
      )
    if (profile.timeline) return
    this.#held = { samples: profile.samples, rows: rowsByThread(profile) }
    this.#isHeld = () => true
  }

  /**
   * Position in the order of the thread that moved most; the first one when none did. A missed sample
   * says nothing, so the next one is compared with what was known before. Waiting tasks are no
   * thread, have many samples at an instant, and are never it.
   */
  get busiest(): number {
    let best = 0
    let mostMoved = 0
    for (const [position, thread] of this.order.entries()) {
      if (this.#profile.threads[thread]!.waitingTasks) continue
      const { moved } = this.#facts[thread]!
      if (moved > mostMoved) {
        best = position
        mostMoved = moved
      }
    }
    return best
  }

  /** Where the time line of a thread begins, as `spans` has it. */
  startOf(thread: ThreadIndex): number {
    return Math.max(0, Math.round(this.#facts[thread]!.first))
  }

  /** Where it ends. */
  endOf(thread: ThreadIndex): number {
    return this.#facts[thread]!.end
  }

  /** Whether the CPU time of any sample was measured. */
  hasCpu(thread: ThreadIndex): boolean {
    return this.#facts[thread]!.hasCpu
  }

  /** The samples of a thread in their order; what comes is valid until the next one. */
  *of(thread: ThreadIndex): Generator<ThreadRows> {
    if (!this.#isHeld(thread)) this.#hold(thread)
    if (this.#held && this.#isHeld(thread)) {
      const { samples, rows } = this.#held
      const { start, order } = rows
      yield { samples, rows: order.subarray(start[thread]!, start[thread + 1]!) }
      return
    }
    for (const samples of sampleTables(this.#profile)) {
      const rows = new RowList(samples.length)
      for (let row = 0; row < samples.length; row++) {
        if (samples.thread[row] === thread) rows.push(row)
      }
      yield { samples, rows: rows.view() }
    }
  }

  /** Reads a thread and those behind it, as far as there is room. */
  #hold(first: ThreadIndex): void {
    this.#held = undefined
    const wanted = new Set<ThreadIndex>()
    let room = this.#mostHeld
    for (const thread of this.order.slice(this.order.indexOf(first))) {
      room -= this.#facts[thread]!.samples
      if (room < 0) break
      wanted.add(thread)
    }
    this.#isHeld = (thread) => wanted.has(thread)
    if (wanted.size === 0) return
    const isWanted = this.#profile.threads.map((_, thread) => wanted.has(thread))
    const samples = collected(
      eachTable(sampleTables(this.#profile), (table) =>
        rowsWhere(table, (row) => isWanted[table.thread[row]!]!),
      ),
    )
    this.#held = { samples, rows: rowsByThread({ ...this.#profile, samples }) }
  }
}

/** One way through all samples. */
function factsOf(profile: Profile): ThreadFacts[] {
  const facts = profile.threads.map(
    (): ThreadFacts => ({
      samples: 0,
      first: 0,
      end: 0,
      moved: 0,
      hasCpu: false,
      known: undefined,
    }),
  )
  for (const { length, time, weight, thread, stack, quality, cpu } of sampleTables(profile)) {
    for (let row = 0; row < length; row++) {
      const known = facts[thread[row]!]!
      const begin = time[row]! - weight[row]!
      if (known.samples === 0) known.first = begin
      known.samples++
      known.end = Math.max(known.end, Math.round(begin)) + Math.round(weight[row]!)
      known.hasCpu ||= cpu[row] !== NO_CPU
      if (quality[row] === MISSED) continue
      if (known.known !== undefined && known.known !== stack[row]) known.moved += weight[row]!
      known.known = stack[row]!
    }
  }
  return facts
}

/** A sample's share of its thread's time line, whole ns since the start of the recording. */
export interface Span {
  /** The table and the row in it, until the next span. */
  readonly samples: SampleTable
  readonly row: number
  readonly start: number
  readonly end: number
}

/**
 * A thread's samples as a time line: each covers the time from `time - weight` to `time`, and none
 * overlaps another. Where a span does not begin at the end of the one before, no sample covers the
 * time between. Lengths are rounded weights; a first one that would begin before the recording is
 * moved to its start.
 */
export function* spans(byThread: SamplesByThread, thread: ThreadIndex): Iterable<Span> {
  let end = 0
  for (const { samples, rows } of byThread.of(thread)) {
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at]!
      const weight = samples.weight[row]!
      const start = Math.max(end, Math.round(samples.time[row]! - weight))
      end = start + Math.round(weight)
      yield { samples, row, start, end }
    }
  }
}

/**
 * A process id of its own for each process, and a thread id for each thread, for viewers that take
 * equal ids for the same thing: ids may be unknown, used again, and shared by interpreters on one
 * thread. The first one keeps its real id, others get one that is no real one.
 */
export function viewerIds(
  processes: readonly Process[],
  threads: readonly Thread[],
): { readonly pids: readonly number[]; readonly tids: readonly number[] } {
  return {
    pids: distinct(processes.map(({ pid }) => pid)),
    tids: distinct(threads.map(({ nativeId }) => nativeId)),
  }
}

function distinct(ids: readonly number[]): number[] {
  const taken = new Set<number>()
  return ids.map((id, index) => {
    const own = id <= 0 || taken.has(id) ? NO_REAL_ID + 1 + index : id
    taken.add(own)
    return own
  })
}
