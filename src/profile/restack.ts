import { type FrameIndex, NO_COLUMN, NO_STACK, type Profile, type StackIndex } from './profile.ts'
import { mapSamples } from './time-line.ts'
import { usedStacks } from './used.ts'

/** A frame that is to be in the tables of a view. */
export interface FrameRow {
  readonly qualname: string
  readonly file: string
  readonly firstLine: number
  readonly line: number
  readonly endLine: number
  readonly column: number
  readonly endColumn: number
}

/** A frame without a place in any file, named like CPython's own markers. */
export function markerRow(qualname: string): FrameRow {
  return { qualname, file: '', firstLine: 0, ...wholeLine(0) }
}

/** The columns of a frame that stands for a line as a whole, or for none. */
export function wholeLine(
  line: number,
): Pick<FrameRow, 'line' | 'endLine' | 'column' | 'endColumn'> {
  return { line, endLine: line, column: NO_COLUMN, endColumn: NO_COLUMN }
}

/** A frame of a profile with everything that the tables tell about it. */
export function frameRow(profile: Profile, frame: FrameIndex): FrameRow {
  const { strings, functions, frames } = profile
  const fn = frames.function[frame]!
  return {
    qualname: strings[functions.qualname[fn]!]!,
    file: strings[functions.file[fn]!]!,
    firstLine: functions.firstLine[fn]!,
    line: frames.line[frame]!,
    endLine: frames.endLine[frame]!,
    column: frames.column[frame]!,
    endColumn: frames.endColumn[frame]!,
  }
}

export interface Restacking {
  /** What a frame becomes; undefined leaves it out, so that its time is its caller's. */
  frame(frame: FrameIndex): FrameRow | undefined
  /** What stands for a stack of which nothing is left. */
  readonly instead?: FrameRow
  /** Whether a frame that equals its caller becomes one with it. */
  readonly joins?: boolean
}

/** A stack of which all frames were left out. */
const NOTHING_LEFT = -2

/**
 * The profile with other frames in its stacks. Samples keep their time, weight and all else; what
 * no sample refers to is no more in the tables.
 */
export function restack(profile: Profile, { frame, instead, joins = false }: Restacking): Profile {
  const { stacks, frames } = profile
  const used = usedStacks(profile)
  const tables = new Tables()
  /** Row in the new table by old frame; -1 for left out, -2 for not asked yet. */
  const frameOf = new Int32Array(frames.length).fill(-2)
  const stackOf = new Int32Array(stacks.length).fill(NO_STACK)
  for (let stack = 0; stack < stacks.length; stack++) {
    if (used[stack] === 0) continue
    const old = stacks.frame[stack]!
    if (frameOf[old] === -2) {
      const row = frame(old)
      frameOf[old] = row ? tables.frame(row) : -1
    }
    const parent = stacks.parent[stack]!
    const above = parent === NO_STACK ? NOTHING_LEFT : stackOf[parent]!
    const at = frameOf[old]!
    if (at === -1 || (joins && above >= 0 && tables.leafOf(above) === at)) stackOf[stack] = above
    else stackOf[stack] = tables.stack(above === NOTHING_LEFT ? NO_STACK : above, at)
  }
  let nothingLeft: StackIndex | undefined
  const moved = mapSamples(profile, (samples) => {
    const stack = new Int32Array(samples.length)
    for (let row = 0; row < samples.length; row++) {
      const old = samples.stack[row]!
      let now = old === NO_STACK ? NO_STACK : stackOf[old]!
      if (now === NOTHING_LEFT) {
        nothingLeft ??= instead ? tables.stack(NO_STACK, tables.frame(instead)) : NO_STACK
        now = nothingLeft
      }
      stack[row] = now
    }
    return { ...samples, stack }
  })
  return { ...moved, ...tables.finish() }
}

/** More frames than the tables of any recording hold; two of them make one exact number. */
const MOST_FRAMES = 2 ** 26

/** Tables under construction, with each row once, in the order of first use. */
export class Tables {
  readonly #strings = new Rows<string>()
  readonly #functions = new Rows<string>()
  readonly #frames = new Rows<string>()
  readonly #stacks = new Map<number, StackIndex>()
  readonly #function: { qualname: number[]; file: number[]; firstLine: number[] } = {
    qualname: [],
    file: [],
    firstLine: [],
  }
  readonly #frame: Record<'function' | 'line' | 'endLine' | 'column' | 'endColumn', number[]> = {
    function: [],
    line: [],
    endLine: [],
    column: [],
    endColumn: [],
  }
  readonly #stack: { parent: number[]; frame: number[] } = { parent: [], frame: [] }

  frame({ qualname, file, firstLine, line, endLine, column, endColumn }: FrameRow): FrameIndex {
    const name = this.#strings.row(qualname)
    const path = this.#strings.row(file)
    const fn = this.#functions.row(`${name},${path},${firstLine}`)
    if (fn === this.#function.qualname.length) {
      this.#function.qualname.push(name)
      this.#function.file.push(path)
      this.#function.firstLine.push(firstLine)
    }
    const row = this.#frames.row(`${fn},${line},${endLine},${column},${endColumn}`)
    if (row === this.#frame.function.length) {
      this.#frame.function.push(fn)
      this.#frame.line.push(line)
      this.#frame.endLine.push(endLine)
      this.#frame.column.push(column)
      this.#frame.endColumn.push(endColumn)
    }
    return row
  }

  stack(parent: StackIndex, frame: FrameIndex): StackIndex {
    const key = (parent + 1) * MOST_FRAMES + frame
    let row = this.#stacks.get(key)
    if (row === undefined) {
      row = this.#stack.parent.push(parent) - 1
      this.#stack.frame.push(frame)
      this.#stacks.set(key, row)
    }
    return row
  }

  leafOf(stack: StackIndex): FrameIndex {
    return this.#stack.frame[stack]!
  }

  finish(): Pick<Profile, 'strings' | 'functions' | 'frames' | 'stacks'> {
    return {
      strings: this.#strings.keys,
      functions: { length: this.#function.qualname.length, ...this.#function },
      frames: { length: this.#frame.function.length, ...this.#frame },
      stacks: { length: this.#stack.parent.length, ...this.#stack },
    }
  }
}

/** Numbers keys in the order of their first use. */
class Rows<Key> {
  readonly #known = new Map<Key, number>()

  row(key: Key): number {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    this.#known.set(key, this.#known.size)
    return this.#known.size - 1
  }

  get keys(): Key[] {
    return [...this.#known.keys()]
  }
}
