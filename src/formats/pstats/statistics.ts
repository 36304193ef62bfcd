import { type PlaceTable, places } from '../../profile/place-view.ts'
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

/**
 * Adds up the samples by function, and by function and caller.
 * @param threads whether each thread is a function that calls the others
 */
export function statistics(profile: Profile, threads: boolean): FunctionStatistics[] {
  const table = new Table(profile)
  const { start, order } = rowsByThread(profile)
  const sums = new StackSums(profile)
  for (const [index, thread] of profile.threads.entries()) {
    for (let at = start[index]!; at < start[index + 1]!; at++) sums.add(order[at]!)
    if (threads && start[index] !== start[index + 1]) {
      table.addAll(sums, [table.row(threadLabel(thread, profile.processes), '', 0)])
      sums.clear()
    }
  }
  table.addAll(sums, [])
  return table.rows
}

class Table {
  readonly rows: Row[] = []
  readonly #profile: Profile
  readonly #functions: PlaceTable
  readonly #rowOf = new Map<string, RowIndex>()
  readonly #ofFunction: RowIndex[] = []
  #paths = 0

  constructor(profile: Profile) {
    this.#profile = profile
    this.#functions = places(profile, 'function')
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

  /** @param below what is under each stack */
  addAll(sums: StackSums, below: readonly RowIndex[]): void {
    for (const leaf of sums.used) {
      const sum = { weight: sums.weight[leaf]!, samples: sums.samples[leaf]! }
      this.#add([...below, ...this.#pathOf(leaf)], sum)
    }
    if (sums.missed.samples > 0) this.#add([...below, this.row(MISSED_FRAME, '', 0)], sums.missed)
    if (sums.empty.samples > 0) this.#add([...below, this.row(EMPTY_FRAME, '', 0)], sums.empty)
  }

  /** Outermost first. */
  #pathOf(leaf: StackIndex): RowIndex[] {
    const { parent, frame } = this.#profile.stacks
    const path: RowIndex[] = []
    for (let stack = leaf; stack !== NO_STACK; stack = parent[stack]!) {
      path.push(this.#ofFunction[this.#functions.ofFrame[frame[stack]!]!]!)
    }
    return path.reverse()
  }

  #add(path: readonly RowIndex[], { samples, weight }: Sum): void {
    const id = this.#paths++
    for (const [depth, index] of path.entries()) {
      const row = this.rows[index]!
      const self = depth === path.length - 1 ? weight : 0
      count(row, self)
      if (depth > 0) count(edge(row, path[depth - 1]!), self)
    }

    function count(counts: Row | Edge, self: number): void {
      counts.self += self
      if (counts.last === id) return
      counts.last = id
      counts.samples += samples
      counts.total += weight
    }
  }
}

const NOTHING: Counts = { samples: 0, self: 0, total: 0 }

function edge({ callers }: Row, caller: RowIndex): Edge {
  let found = callers.get(caller)
  if (!found) {
    found = { ...NOTHING, last: -1 }
    callers.set(caller, found)
  }
  return found
}
