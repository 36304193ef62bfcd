import { functionPlaces, type PlaceTable } from '../../profile/place-view.ts'
import { NO_STACK, type Profile, type StackIndex } from '../../profile/profile.ts'
import { rowsByThread, StackSums, type Sum } from '../../profile/views.ts'
import { displayName, EMPTY_FRAME, MISSED_FRAME, threadLabel, visible } from '../text.ts'

/** Index of a function's statistics. */
type RowIndex = number

/** Samples and time (ns): in a function itself, and with it anywhere on the stack. */
export interface Counts {
  samples: number
  self: number
  total: number
}

/** What pstats tells of one function. */
export interface FunctionStatistics extends Counts {
  /** `~` where there is none, as Python's profilers write it. */
  readonly file: string
  readonly line: number
  readonly name: string
  /** What was spent in the function when the other one called it. */
  readonly callers: ReadonlyMap<RowIndex, Counts>
}

interface Row extends FunctionStatistics {
  readonly callers: Map<RowIndex, Edge>
  /** The path that was added last: a function counts once on each. */
  last: number
}

interface Edge extends Counts {
  last: number
}

const NO_FILE = '~'
const NO_ROW = -1

/**
 * Adds up the samples by function, and by function and caller.
 * @param threads whether each thread is a function that calls the others; waiting tasks are in any
 *   case, since their time is not that of threads
 */
export function statistics(profile: Profile, threads: boolean): FunctionStatistics[] {
  const table = new Table(profile)
  const { start, order } = rowsByThread(profile)
  const sums = new StackSums(profile.stacks.length)
  const apart = new StackSums(profile.stacks.length)
  for (const [index, thread] of profile.threads.entries()) {
    const isApart = threads || thread.waitingTasks === true
    const own = isApart ? apart : sums
    for (let at = start[index]!; at < start[index + 1]!; at++) own.add(profile.samples, order[at]!)
    if (isApart && start[index] !== start[index + 1]) {
      table.addAll(apart, table.row(threadLabel(thread, profile.processes), '', 0))
      apart.clear()
    }
  }
  table.addAll(sums, NO_ROW)
  return table.rows
}

class Table {
  readonly rows: Row[] = []
  readonly #profile: Profile
  readonly #functions: PlaceTable
  readonly #rowOf = new Map<string, RowIndex>()
  readonly #ofFunction: RowIndex[] = []
  #path = 0
  /** Time of the path's innermost function, until its caller is known. */
  #leaf = 0

  constructor(profile: Profile) {
    this.#profile = profile
    this.#functions = functionPlaces(profile)
    const { length, qualname, file, line } = this.#functions
    for (let at = 0; at < length; at++) {
      this.#ofFunction.push(this.row(displayName(qualname[at]!), file[at]!, line[at]!))
    }
  }

  /** Keys that look alike when they are written must be one, or one would replace the other. */
  row(name: string, file: string, line: number): RowIndex {
    const shown = { name: visible(name), file: visible(file) || NO_FILE, line }
    const key = JSON.stringify(shown)
    let row = this.#rowOf.get(key)
    if (row === undefined) {
      row = this.rows.push({ ...shown, ...NOTHING, callers: new Map(), last: -1 }) - 1
      this.#rowOf.set(key, row)
    }
    return row
  }

  /** @param root the function that calls the outermost ones; NO_ROW when there is none */
  addAll(sums: StackSums, root: RowIndex): void {
    const { parent, frame } = this.#profile.stacks
    const rowAt = (stack: StackIndex) => this.#ofFunction[this.#functions.ofFrame[frame[stack]!]!]!
    for (const leaf of sums.used) {
      const sum = { weight: sums.weight[leaf]!, samples: sums.samples[leaf]! }
      let callee = this.#enter(rowAt(leaf), sum)
      for (let stack = parent[leaf]!; stack !== NO_STACK; stack = parent[stack]!) {
        callee = this.#call(callee, rowAt(stack), sum)
      }
      if (root !== NO_ROW) this.#call(callee, root, sum)
    }
    for (const [name, sum] of [
      [MISSED_FRAME, sums.missed],
      [EMPTY_FRAME, sums.empty],
    ] as const) {
      if (sum.samples === 0) continue
      const callee = this.#enter(this.row(name, '', 0), sum)
      if (root !== NO_ROW) this.#call(callee, root, sum)
    }
  }

  /** Begins a path with its innermost function. */
  #enter(index: RowIndex, sum: Sum): RowIndex {
    this.#path++
    this.#leaf = sum.weight
    this.rows[index]!.self += sum.weight
    this.#count(this.rows[index]!, sum)
    return index
  }

  /** Goes on to the caller of the function that was counted last. */
  #call(callee: RowIndex, caller: RowIndex, sum: Sum): RowIndex {
    const edge = edgeOf(this.rows[callee]!, caller)
    edge.self += this.#leaf
    this.#leaf = 0
    this.#count(edge, sum)
    this.#count(this.rows[caller]!, sum)
    return caller
  }

  #count(counts: Row | Edge, { samples, weight }: Sum): void {
    if (counts.last === this.#path) return
    counts.last = this.#path
    counts.samples += samples
    counts.total += weight
  }
}

const NOTHING: Counts = { samples: 0, self: 0, total: 0 }

function edgeOf({ callers }: Row, caller: RowIndex): Edge {
  let found = callers.get(caller)
  if (!found) {
    found = { ...NOTHING, last: -1 }
    callers.set(caller, found)
  }
  return found
}
