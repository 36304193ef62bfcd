import { functionPlaces, type PlaceIndex, type PlaceTable } from './place-view.ts'
import { NO_COLUMN, NO_STACK, type Profile } from './profile.ts'
import { type Keying, NO_ROW, stackTotals } from './stack-totals.ts'
import { compareText, type StackSums, sumByStack } from './views.ts'

/** The other end of a call that has none: what a thread began with. */
export const OUTERMOST = -1

/** Time and samples of something: as what ran, and anywhere on the stack (recursion once). */
export interface Heat {
  /** ns. */
  readonly self: number
  readonly total: number
  readonly selfSamples: number
  readonly totalSamples: number
}

/** A call from or to a line. */
export interface LineCall {
  /** Row of `LineView.functions`; OUTERMOST. */
  readonly function: PlaceIndex
  /** Where the caller called, or the callee begins; 0 when unknown. */
  readonly line: number
  /** ns that were spent in the call; recursion counts once. */
  readonly weight: number
  readonly samples: number
}

/** A part of a line, as the compiler tells it; columns are bytes, 0-based, the end exclusive. */
export interface LineSpot extends Heat {
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
}

export interface LineHeat extends Heat {
  /** 1-based; 0 when unknown. */
  readonly line: number
  /** What a marker such as `<GC>` is called; '' for code. */
  readonly marker: string
  /** The most time first. */
  readonly callers: readonly LineCall[]
  readonly callees: readonly LineCall[]
  /** Where the columns are known. */
  readonly spots: readonly LineSpot[]
}

export interface FunctionHeat extends Heat {
  /** Row of `LineView.functions`. */
  readonly function: PlaceIndex
}

export interface FileHeat extends Heat {
  /** '' for what is not code. */
  readonly file: string
  /** In their order in the file. */
  readonly lines: readonly LineHeat[]
  /** The most time first. */
  readonly functions: readonly FunctionHeat[]
}

/** The time of all threads by file and line; that of waiting tasks is not among it. */
export interface LineView {
  /** The most self time first. */
  readonly files: readonly FileHeat[]
  readonly functions: PlaceTable
  /** What was added up, by stack. */
  readonly sums: StackSums
}

/** Rows by key, in the order of first use. */
class Rows<Row> {
  readonly rows: Row[] = []
  readonly #known = new Map<string, number>()

  row(key: string, make: () => Row): number {
    let row = this.#known.get(key)
    if (row === undefined) {
      row = this.rows.push(make()) - 1
      this.#known.set(key, row)
    }
    return row
  }
}

interface Call {
  /** Row of the line that is called from, or that calls. */
  readonly line: number
  readonly function: PlaceIndex
  readonly at: number
}

/** What every frame of a profile stands for. */
class FrameRows {
  readonly functions: PlaceTable
  readonly files = new Rows<{ readonly file: string }>()
  readonly lines = new Rows<{
    readonly file: number
    readonly line: number
    readonly marker: string
  }>()
  readonly spots = new Rows<{ readonly line: number; readonly frame: number }>()
  readonly fileOf: Int32Array
  readonly lineOf: Int32Array
  readonly spotOf: Int32Array

  constructor(profile: Profile) {
    const { frames } = profile
    this.functions = functionPlaces(profile)
    this.fileOf = new Int32Array(frames.length)
    this.lineOf = new Int32Array(frames.length)
    this.spotOf = new Int32Array(frames.length).fill(NO_ROW)
    for (let frame = 0; frame < frames.length; frame++) {
      const fn = this.functions.ofFrame[frame]!
      const path = this.functions.file[fn]!
      const line = path === '' ? 0 : frames.line[frame]!
      const marker = path === '' ? this.functions.qualname[fn]! : ''
      const file = this.files.row(path, () => ({ file: path }))
      const row = this.lines.row(`${file}:${line}:${marker}`, () => ({ file, line, marker }))
      this.fileOf[frame] = file
      this.lineOf[frame] = row
      const column = frames.column[frame]!
      if (column === NO_COLUMN) continue
      const key = `${row}:${column}:${frames.endLine[frame]}:${frames.endColumn[frame]}`
      this.spotOf[frame] = this.spots.row(key, () => ({ line: row, frame }))
    }
  }
}

/** Adds up the time by file and line, with what called and was called from there. */
export function lineView(profile: Profile): LineView {
  const { stacks, frames } = profile
  const { parent, frame } = stacks
  const rows = new FrameRows(profile)
  const { functions } = rows
  const sums = sumByStack(profile)
  const byStack = (of: (stack: number) => number) =>
    Int32Array.from({ length: stacks.length }, (_, stack) => of(stack))

  const callers = new Rows<Call>()
  const callees = new Rows<Call>()
  const callerOf = byStack((stack) => {
    const line = rows.lineOf[frame[stack]!]!
    const above = parent[stack]!
    const from = above === NO_STACK ? undefined : frame[above]!
    const fn = from === undefined ? OUTERMOST : functions.ofFrame[from]!
    const at = from === undefined ? 0 : frames.line[from]!
    return callers.row(`${line}:${fn}:${at}`, () => ({ line, function: fn, at }))
  })
  const calleeOf = byStack((stack) => {
    const above = parent[stack]!
    if (above === NO_STACK) return NO_ROW
    const line = rows.lineOf[frame[above]!]!
    const fn = functions.ofFrame[frame[stack]!]!
    return callees.row(`${line}:${fn}`, () => ({ line, function: fn, at: functions.line[fn]! }))
  })

  const keying = (length: number, ofFrame: Int32Array): Keying => ({
    length,
    of: byStack((stack) => ofFrame[frame[stack]!]!),
  })
  const keyings = {
    files: keying(rows.files.rows.length, rows.fileOf),
    lines: keying(rows.lines.rows.length, rows.lineOf),
    functions: keying(functions.length, functions.ofFrame),
    spots: keying(rows.spots.rows.length, rows.spotOf),
    callers: { length: callers.rows.length, of: callerOf },
    callees: { length: callees.rows.length, of: calleeOf },
  }
  const totals = stackTotals(stacks, sums, Object.values(keyings))
  const heats = Object.fromEntries(
    Object.keys(keyings).map((name, at) => [
      name,
      heatsOf(keyings[name as keyof typeof keyings], totals[at]!, sums),
    ]),
  ) as Record<keyof typeof keyings, Heat[]>

  const callsOf = (calls: readonly Call[], heat: readonly Heat[]) => {
    const byLine = rows.lines.rows.map((): LineCall[] => [])
    for (const [row, { line, function: fn, at }] of calls.entries()) {
      const { total, totalSamples } = heat[row]!
      if (totalSamples === 0) continue
      byLine[line]!.push({ function: fn, line: at, weight: total, samples: totalSamples })
    }
    for (const calls of byLine) calls.sort((a, b) => b.weight - a.weight || b.samples - a.samples)
    return byLine
  }
  const callersOf = callsOf(callers.rows, heats.callers)
  const calleesOf = callsOf(callees.rows, heats.callees)
  const spotsOf = rows.lines.rows.map((): LineSpot[] => [])
  for (const [row, { line, frame }] of rows.spots.rows.entries()) {
    const heat = heats.spots[row]!
    if (heat.totalSamples === 0) continue
    const [column, endLine, endColumn] = [frames.column, frames.endLine, frames.endColumn].map(
      (each) => each[frame]!,
    )
    spotsOf[line]!.push({ column: column!, endLine: endLine!, endColumn: endColumn!, ...heat })
  }

  const files = rows.files.rows.map(({ file }, row) => ({
    file,
    ...heats.files[row]!,
    lines: [] as LineHeat[],
    functions: [] as FunctionHeat[],
  }))
  for (const [row, { file, line, marker }] of rows.lines.rows.entries()) {
    const heat = heats.lines[row]!
    if (heat.totalSamples === 0) continue
    files[file]!.lines.push({
      line,
      marker,
      ...heat,
      callers: callersOf[row]!,
      callees: calleesOf[row]!,
      spots: spotsOf[row]!.sort((a, b) => b.total - a.total || a.column - b.column),
    })
  }
  const fileRow = new Map(rows.files.rows.map(({ file }, row) => [file, row]))
  for (const [fn, heat] of heats.functions.entries()) {
    if (heat.totalSamples === 0) continue
    files[fileRow.get(functions.file[fn]!)!]!.functions.push({ function: fn, ...heat })
  }
  for (const { lines, functions } of files) {
    lines.sort((a, b) => a.line - b.line || compareText(a.marker, b.marker))
    functions.sort((a, b) => b.total - a.total || b.self - a.self || a.function - b.function)
  }
  return {
    files: files
      .filter(({ totalSamples }) => totalSamples > 0)
      .sort((a, b) => b.self - a.self || b.total - a.total || compareText(a.file, b.file)),
    functions,
    sums,
  }
}

function heatsOf(
  { length, of }: Keying,
  totals: { readonly weight: Float64Array; readonly samples: Float64Array },
  sums: StackSums,
): Heat[] {
  const self = new Float64Array(length)
  const selfSamples = new Float64Array(length)
  for (const stack of sums.used) {
    const row = of[stack]!
    if (row === NO_ROW) continue
    self[row]! += sums.weight[stack]!
    selfSamples[row]! += sums.samples[stack]!
  }
  return Array.from({ length }, (_, row) => ({
    self: self[row]!,
    total: totals.weight[row]!,
    selfSamples: selfSamples[row]!,
    totalSamples: totals.samples[row]!,
  }))
}
