import { callTree, NODE_KINDS } from '../profile/call-tree-view.ts'
import type { FrameIndex, Profile } from '../profile/profile.ts'
import { type FrameRow, frameRow, restack, wholeLine } from '../profile/restack.ts'
import { placeTotals } from '../profile/views.ts'
import { keyOf, type Name, type Names } from './names.ts'
import type { Run, Side } from './run.ts'

/** A function or a line that is compared. */
export interface Place extends Name {
  /** As in head, or in base where head has none; 0 when unknown. */
  readonly line: number
  /** Where base had it, when that is another file; else ''. */
  readonly oldFile: string
}

/** Times of one place, ns a run; the runs of base come first. */
export interface Timed {
  /** What makes it the same in all runs. */
  readonly key: string
  readonly place: Place
  readonly self: Float64Array
  readonly total: Float64Array
}

/** Index into a PathTree; 0 is `all`. */
export type PathIndex = number

/** Call paths of all runs in one tree; a parent comes before its children. */
export interface PathTree {
  readonly length: number
  /** -1 for `all`. */
  readonly parent: readonly PathIndex[]
  /** Index into NODE_KINDS. */
  readonly kind: readonly number[]
  /** Row of `functions` for a place, else -1. */
  readonly function: readonly number[]
  /** ns a run. */
  readonly self: readonly Float64Array[]
  readonly total: readonly Float64Array[]
}

/** All times of a set of runs. */
export interface Times {
  readonly functions: readonly Timed[]
  /** Only self time; empty where the runs have no lines. */
  readonly lines: readonly Timed[]
  readonly paths: PathTree
}

/** The runs of both sides, in the order of all times: base, then head. */
export interface RunSets {
  readonly base: readonly Run[]
  readonly head: readonly Run[]
}

/** Adds up the times of all runs by what is the same on both sides. */
export function measure(sets: RunSets, names: Names): Times {
  const count = sets.base.length + sets.head.length
  const functions = new Rows(count)
  const lines = new Rows(count)
  const paths = new Paths(count)
  let run = 0
  for (const side of ['base', 'head'] as const) {
    for (const { profile } of sets[side]) {
      const byFunction = functionView(profile, side, names)
      addPlaces(functions, byFunction.view, byFunction.about, run, side)
      paths.add(byFunction.view, functions, byFunction.about, run, side)
      if ((profile.meta.view?.granularity ?? 'lines') === 'lines') {
        const byLine = lineView(profile, side, names)
        addPlaces(lines, byLine.view, byLine.about, run, side)
      }
      run++
    }
  }
  return { functions: functions.rows, lines: lines.rows, paths: paths.finish() }
}

/** A profile whose places are what is compared, and what else is known of each, by its key. */
export interface ComparedView {
  readonly view: Profile
  readonly about: ReadonlyMap<string, { readonly line: number; readonly file: string }>
}

/** The profile with frames that are functions, whatever their lines, as the comparison names them. */
export function functionView(profile: Profile, side: Side, names: Names): ComparedView {
  return viewed(profile, side, names, (row) => [0, row.firstLine])
}

/** The profile with frames that are lines, each by its distance from the `def` of its function. */
export function lineView(profile: Profile, side: Side, names: Names): ComparedView {
  const { functions, strings } = profile
  const firstLines = new Map<string, number>()
  for (let fn = 0; fn < functions.length; fn++) {
    const key = `${strings[functions.qualname[fn]!]}\0${strings[functions.file[fn]!]}`
    const first = functions.firstLine[fn]!
    // Several functions of one name, such as lambdas, have no common distance.
    firstLines.set(key, (firstLines.get(key) ?? first) === first ? first : 0)
  }
  return viewed(profile, side, names, (row) => [row.line - firstLines.get(keyOf(row))!, row.line])
}

function viewed(
  profile: Profile,
  side: Side,
  names: Names,
  lineOf: (row: FrameRow) => [key: number, shown: number],
): ComparedView {
  const about = new Map<string, { line: number; file: string }>()
  const view = restack(profile, {
    frame(frame: FrameIndex): FrameRow {
      const row = frameRow(profile, frame)
      const name = names.of(side, row)
      const [line, shown] = lineOf(row)
      about.set(placeKey(name, line), { line: shown, file: row.file })
      return { ...name, firstLine: 0, ...wholeLine(line) }
    },
  })
  return { view, about }
}

/** The key of a place in a `ComparedView`. */
export function placeKey(name: Name, line: number): string {
  return `${keyOf(name)}\0${line}`
}

function addPlaces(
  rows: Rows,
  view: Profile,
  about: ComparedView['about'],
  run: number,
  side: Side,
): void {
  const { places, self, total } = placeTotals(view)
  for (let place = 0; place < places.length; place++) {
    if (total[place] === 0) continue
    const name = { qualname: places.qualname[place]!, file: places.file[place]! }
    const row = rows.row(name, places.line[place]!, about, side)
    rows.rows[row]!.self[run]! += self[place]!
    rows.rows[row]!.total[run]! += total[place]!
  }
}

/** Rows by name and line, each once. */
class Rows {
  readonly rows: Timed[] = []
  readonly #runs: number
  readonly #known = new Map<string, number>()

  constructor(runs: number) {
    this.#runs = runs
  }

  row(name: Name, line: number, about: ComparedView['about'], side: Side): number {
    const key = placeKey(name, line)
    const here = about.get(key)!
    const known = this.#known.get(key)
    if (known === undefined) {
      const oldFile = side === 'base' && here.file !== name.file ? here.file : ''
      const times = { self: new Float64Array(this.#runs), total: new Float64Array(this.#runs) }
      const row =
        this.rows.push({ key, place: { ...name, line: here.line, oldFile }, ...times }) - 1
      this.#known.set(key, row)
      return row
    }
    const row = this.rows[known]!
    if (side === 'head' && row.place.line !== here.line) {
      this.rows[known] = { ...row, place: { ...row.place, line: here.line } }
    }
    return known
  }
}

/** The call trees of runs, laid over each other. */
class Paths {
  readonly #runs: number
  readonly #known = new Map<string, PathIndex>()
  readonly #tree = {
    parent: [] as PathIndex[],
    kind: [] as number[],
    function: [] as number[],
    self: [] as Float64Array[],
  }

  constructor(runs: number) {
    this.#runs = runs
    this.#node(-1, 0, -1)
  }

  add(view: Profile, functions: Rows, about: ComparedView['about'], run: number, side: Side): void {
    const tree = callTree(view, { threads: false })
    const { places } = tree
    const nodeOf = new Int32Array(tree.length)
    for (let node = 1; node < tree.length; node++) {
      const kind = tree.kind[node]!
      let row = -1
      if (NODE_KINDS[kind] === 'place') {
        const place = tree.value[node]!
        const name = { qualname: places.qualname[place]!, file: places.file[place]! }
        row = functions.row(name, 0, about, side)
      }
      nodeOf[node] = this.#node(nodeOf[tree.parent[node]!]!, kind, row)
      this.#tree.self[nodeOf[node]!]![run]! += tree.self[node]!
    }
  }

  #node(parent: PathIndex, kind: number, row: number): PathIndex {
    const key = `${parent} ${kind} ${row}`
    let node = this.#known.get(key)
    if (node === undefined) {
      node = this.#tree.parent.push(parent) - 1
      this.#tree.kind.push(kind)
      this.#tree.function.push(row)
      this.#tree.self.push(new Float64Array(this.#runs))
      this.#known.set(key, node)
    }
    return node
  }

  finish(): PathTree {
    const { parent, self } = this.#tree
    const total = self.map((times) => times.slice())
    for (let node = parent.length - 1; node > 0; node--) {
      const above = total[parent[node]!]!
      const own = total[node]!
      for (let run = 0; run < this.#runs; run++) above[run]! += own[run]!
    }
    return { length: parent.length, ...this.#tree, total }
  }
}
