import {
  type Mode,
  NO_STACK,
  type Profile,
  type StackIndex,
  type ThreadIndex,
} from '../profile/profile.ts'
import { rowsByThread, StackSums, type Sum } from '../profile/views.ts'
import type { Format, FormatOptions } from './format.ts'
import { type LocationTable, locationTable } from './locations.ts'
import { summaryLines } from './summary.ts'
import { displayName, EMPTY_FRAME, MISSED_FRAME, threadLabel, visible } from './text.ts'
import { SamplesByThread } from './threads.ts'
import { WholeNumbers } from './whole-numbers.ts'

/** What callgrind itself writes for a file that it does not know. */
const UNKNOWN_FILE = '???'
/** What the cost is called, short and long. */
const EVENTS: Readonly<Record<Mode, readonly [name: string, long: string]>> = {
  wall: ['Wall', 'Wall time (ns)'],
  cpu: ['Cpu', 'CPU time (ns)'],
  gil: ['Gil', 'Time with the GIL (ns)'],
  exception: ['Exception', 'Time in exceptions (ns)'],
}

/**
 * A profile in callgrind's format (valgrind manual, "Callgrind Format Specification"): for each thread
 * a part with its process and thread id, which KCachegrind shows together or apart. One event,
 * named by the mode, in whole ns: running totals of the self costs are rounded, so that they add up to
 * the rounded sum of all weights.
 *
 * Samples tell no calls. Where the format wants their number stands the number of samples that saw the
 * call; it cannot be 0, since callgrind_annotate would then take the call's cost for self cost. What
 * is within a call counts once for a sample, however often the call is on its stack.
 *
 * Missed samples and those without Python frames are functions of their own. Gaps are told in the
 * description only. With `options.threads` each thread is a function too, which calls the others.
 */
function* write(profile: Profile, options: FormatOptions): Iterable<string> {
  const { meta } = profile
  const rows = rowsByThread(profile)
  const names = new Names(profile, locationTable(profile))
  const self = new WholeNumbers()
  const sums = new StackSums(profile.stacks.length)
  let total = 0

  yield '# callgrind format\nversion: 1\n'
  yield `creator: ${visible(meta.exporter)}\ncmd: ${visible(options.title ?? meta.command)}\n`
  for (const line of summaryLines(profile)) yield `desc: ${visible(line)}\n`
  const [event, long] = EVENTS[meta.mode]
  yield `event: ${event} : ${long}\npositions: line\n`
  const { order } = new SamplesByThread(profile)
  // Without an event a reader refuses the file, even one without samples.
  if (order.length === 0) yield `events: ${event}\n`
  for (const [index, thread] of order.entries()) {
    for (let at = rows.start[thread]!; at < rows.start[thread + 1]!; at++)
      sums.add(profile.samples, rows.order[at]!)
    yield partHead(profile, thread, index + 1)
    names.startPart()
    const graph = callGraph(profile, names.table, sums)
    if (options.threads || profile.threads[thread]!.waitingTasks)
      graph.addRoot(names.threadFunction(thread))
    total += graph.total
    yield* costLines(graph, names, self)
    sums.clear()
  }
  yield `\ntotals: ${Math.round(total)}\n`
}

function partHead(profile: Profile, thread: ThreadIndex, part: number): string {
  const { nativeId, process } = profile.threads[thread]!
  const label = threadLabel(profile.threads[thread]!, profile.processes)
  return (
    `\npart: ${part}\npid: ${profile.processes[process]?.pid ?? 0}\nthread: ${nativeId}\n` +
    `desc: Thread: ${visible(label)}\nevents: ${EVENTS[profile.meta.mode][0]}\n`
  )
}

function* costLines(graph: CallGraph, names: Names, self: WholeNumbers): Iterable<string> {
  for (const [fn, { lines, calls }] of graph.functions) {
    yield `\nfl=${names.file(fn)}\nfn=${names.function(fn)}\n`
    for (const [line, cost] of lines) yield `${line} ${self.next(cost)}\n`
    for (const [line, callees] of calls) {
      for (const [callee, { samples, cost }] of callees) {
        yield `cfi=${names.file(callee)}\ncfn=${names.function(callee)}\n` +
          `calls=${samples} ${names.firstLine(callee)}\n${line} ${Math.round(cost)}\n`
      }
    }
  }
}

/** A function: a row of the table, or one behind it for what is no code. */
type FunctionId = number

interface Call {
  samples: number
  cost: number
  /** The stack that was added last: a call counts once for each. */
  last: StackIndex
}

interface Costs {
  /** Self cost by line, ns. */
  readonly lines: Map<number, number>
  /** By line, then by callee. */
  readonly calls: Map<number, Map<FunctionId, Call>>
}

/** Costs and calls of one thread's functions, in the order of first use. */
class CallGraph {
  readonly functions = new Map<FunctionId, Costs>()
  /** Outermost functions with the cost of all that began there. */
  readonly #roots = new Map<FunctionId, Sum>()
  total = 0

  self(fn: FunctionId, line: number, cost: number): void {
    const { lines } = this.#costs(fn)
    lines.set(line, (lines.get(line) ?? 0) + cost)
    this.total += cost
  }

  call(caller: FunctionId, line: number, callee: FunctionId, sum: Sum, stack: StackIndex): void {
    const { calls } = this.#costs(caller)
    let callees = calls.get(line)
    if (!callees) {
      callees = new Map()
      calls.set(line, callees)
    }
    let call = callees.get(callee)
    if (!call) {
      call = { samples: 0, cost: 0, last: NO_STACK }
      callees.set(callee, call)
    }
    if (call.last === stack && stack !== NO_STACK) return
    call.last = stack
    call.samples += sum.samples
    call.cost += sum.weight
  }

  root(fn: FunctionId, sum: Sum): void {
    const root = this.#roots.get(fn) ?? { weight: 0, samples: 0 }
    this.#roots.set(fn, root)
    root.weight += sum.weight
    root.samples += sum.samples
  }

  /** A function that calls all outermost ones. */
  addRoot(fn: FunctionId): void {
    for (const [callee, sum] of this.#roots) this.call(fn, 0, callee, sum, NO_STACK)
  }

  #costs(fn: FunctionId): Costs {
    let costs = this.functions.get(fn)
    if (!costs) {
      costs = { lines: new Map(), calls: new Map() }
      this.functions.set(fn, costs)
    }
    return costs
  }
}

function callGraph(profile: Profile, table: LocationTable, sums: StackSums): CallGraph {
  const { parent, frame } = profile.stacks
  const graph = new CallGraph()
  for (const leaf of sums.used) {
    const sum = { weight: sums.weight[leaf]!, samples: sums.samples[leaf]! }
    let location = table.ofFrame[frame[leaf]!]!
    graph.self(table.function[location]!, table.line[location]!, sum.weight)
    for (let stack = parent[leaf]!; stack !== NO_STACK; stack = parent[stack]!) {
      const callee = table.function[location]!
      location = table.ofFrame[frame[stack]!]!
      graph.call(table.function[location]!, table.line[location]!, callee, sum, leaf)
    }
    graph.root(table.function[location]!, sum)
  }
  for (const [at, sum] of [sums.missed, sums.empty].entries()) {
    if (sum.samples === 0) continue
    graph.self(table.functions.length + at, 0, sum.weight)
    graph.root(table.functions.length + at, sum)
  }
  return graph
}

/**
 * Names by number: `(7) name` where one stands first in a part, `(7)` from then on. A function has a
 * name of its own in its file, since readers know it by both.
 */
class Names {
  readonly table: LocationTable
  readonly #profile: Profile
  readonly #texts: readonly string[]
  readonly #files = new Map<string, number>()
  #written = new Set<string>()

  constructor(profile: Profile, table: LocationTable) {
    this.table = table
    this.#profile = profile
    const { qualname, file, line } = table.functions
    const shown = qualname.map((name) => visible(displayName(name)))
    const count = new Map<string, number>()
    const key = (at: number) => `${file[at]}\0${shown[at]}`
    for (const at of shown.keys()) count.set(key(at), (count.get(key(at)) ?? 0) + 1)
    this.#texts = shown.map((name, at) => (count.get(key(at)) === 1 ? name : `${name}:${line[at]}`))
  }

  /** A reader forgets the numbers where a part begins. */
  startPart(): void {
    this.#written = new Set()
  }

  threadFunction(thread: ThreadIndex): FunctionId {
    return this.table.functions.length + MARKERS.length + thread
  }

  function(fn: FunctionId): string {
    return this.#numbered('fn', fn, () => this.#name(fn))
  }

  file(fn: FunctionId): string {
    const file = visible(this.table.functions.file[fn] ?? '') || UNKNOWN_FILE
    const number = this.#files.get(file) ?? this.#files.size
    this.#files.set(file, number)
    return this.#numbered('fl', number, () => file)
  }

  firstLine(fn: FunctionId): number {
    return this.table.functions.line[fn] ?? 0
  }

  #name(fn: FunctionId): string {
    const { length } = this.table.functions
    if (fn < length) return this.#texts[fn]!
    const { threads, processes } = this.#profile
    return (
      MARKERS[fn - length] ??
      visible(threadLabel(threads[fn - length - MARKERS.length]!, processes))
    )
  }

  #numbered(kind: string, number: number, name: () => string): string {
    const key = `${kind}${number}`
    if (this.#written.has(key)) return `(${number + 1})`
    this.#written.add(key)
    return `(${number + 1}) ${name()}`
  }
}

/** In the order in which they follow the table's functions. */
const MARKERS = [MISSED_FRAME, EMPTY_FRAME] as const

export const callgrind: Format = {
  name: 'callgrind',
  suffixes: ['.callgrind'],
  prefixes: ['callgrind.out'],
  isSum: true,
  options: ['title'],
  describe: 'callgrind profile, for KCachegrind',
  write,
}
