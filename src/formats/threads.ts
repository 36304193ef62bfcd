import {
  type Process,
  type Profile,
  QUALITY,
  type StackIndex,
  type Thread,
  type ThreadIndex,
} from '../profile/profile.ts'
import type { RowsByThread } from '../profile/views.ts'

const MISSED: number = QUALITY.indexOf('missed')
/** Linux gives no process or thread this id or a higher one (PID_MAX_LIMIT). */
export const NO_REAL_ID: number = 2 ** 22

/** The threads that have samples: main threads first, then by first sample. */
export function threadOrder(profile: Profile, rows: RowsByThread): ThreadIndex[] {
  const { threads, samples } = profile
  const firstTime = (thread: ThreadIndex) => {
    const row = rows.order[rows.start[thread]!]!
    return samples.time[row]! - samples.weight[row]!
  }
  return threads
    .map((_, thread) => thread)
    .filter((thread) => rows.start[thread] !== rows.start[thread + 1])
    .sort(
      (a, b) =>
        Number(threads[b]!.isMain) - Number(threads[a]!.isMain) ||
        firstTime(a) - firstTime(b) ||
        a - b,
    )
}

/**
 * Position in `order` of the thread that moved most; the first one when none did. A missed sample
 * says nothing, so the next one is compared with what was known before. Waiting tasks are no thread,
 * have many samples at an instant, and are never it.
 */
export function busiest(
  profile: Profile,
  rows: RowsByThread,
  order: readonly ThreadIndex[],
): number {
  const { stack, weight, quality } = profile.samples
  let best = 0
  let mostMoved = 0
  for (const [position, thread] of order.entries()) {
    if (profile.threads[thread]!.waitingTasks) continue
    let moved = 0
    let known: StackIndex | undefined
    for (let at = rows.start[thread]!; at < rows.start[thread + 1]!; at++) {
      const row = rows.order[at]!
      if (quality[row] === MISSED) continue
      if (known !== undefined && known !== stack[row]) moved += weight[row]!
      known = stack[row]!
    }
    if (moved > mostMoved) {
      best = position
      mostMoved = moved
    }
  }
  return best
}

/** A sample's share of its thread's time line, whole ns since the start of the recording. */
export interface Span {
  /** Row of the sample table. */
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
export function* spans(
  { samples }: Profile,
  rows: RowsByThread,
  thread: ThreadIndex,
): Iterable<Span> {
  let end = 0
  for (let at = rows.start[thread]!; at < rows.start[thread + 1]!; at++) {
    const row = rows.order[at]!
    const weight = samples.weight[row]!
    const start = Math.max(end, Math.round(samples.time[row]! - weight))
    end = start + Math.round(weight)
    yield { row, start, end }
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
