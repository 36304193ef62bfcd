import type { PlaceTable } from '../../profile/place-view.ts'
import { NO_COLUMN, NO_STACK, type Profile, type StackIndex } from '../../profile/profile.ts'
import { displayName } from '../text.ts'
import { type CategoryName, category, categoryOfFile } from './categories.ts'

/** Strings of the whole profile, each once. */
export class StringArray {
  readonly strings: string[] = []
  readonly #known = new Map<string, number>()

  index(text: string): number {
    let index = this.#known.get(text)
    if (index === undefined) {
      index = this.strings.push(text) - 1
      this.#known.set(text, index)
    }
    return index
  }
}

/** What all threads' tables are made from. */
export interface Source {
  readonly profile: Profile
  /** Merged by function. */
  readonly functions: PlaceTable
  readonly strings: StringArray
}

/** The stacks, frames and functions that one thread uses; indexes count from 0 in each thread. */
export class ThreadTables {
  readonly stackTable = { frame: [] as number[], prefix: [] as (number | null)[] }
  readonly frameTable = {
    func: [] as number[],
    category: [] as number[],
    line: [] as (number | null)[],
    column: [] as (number | null)[],
  }
  readonly funcTable = {
    name: [] as number[],
    fileName: [] as (number | null)[],
    lineNumber: [] as (number | null)[],
  }
  readonly #source: Source
  readonly #stacks = new Map<StackIndex, number>()
  readonly #frames = new Map<number, number>()
  readonly #functions = new Map<number, number>()
  readonly #named = new Map<string, number>()

  constructor(source: Source) {
    this.#source = source
  }

  /** The thread's own index of a stack. */
  stack(leaf: StackIndex): number {
    const { parent, frame } = this.#source.profile.stacks
    const missing: StackIndex[] = []
    let stack = leaf
    while (stack !== NO_STACK && !this.#stacks.has(stack)) {
      missing.push(stack)
      stack = parent[stack]!
    }
    let own = stack === NO_STACK ? null : this.#stacks.get(stack)!
    for (const next of missing.reverse()) {
      own = this.#addStack(this.#frame(frame[next]!), own)
      this.#stacks.set(next, own)
    }
    return own ?? 0
  }

  /** A stack of one frame that is no code. */
  named(name: string, categoryName: CategoryName): number {
    let own = this.#named.get(name)
    if (own === undefined) {
      const func = this.#addFunction(name, '', 0)
      own = this.#addStack(this.#addFrame(func, category(categoryName), 0, NO_COLUMN), null)
      this.#named.set(name, own)
    }
    return own
  }

  #frame(frame: number): number {
    const { profile, functions } = this.#source
    const place = functions.ofFrame[frame]!
    let own = this.#frames.get(frame)
    if (own === undefined) {
      const line = profile.frames.line[frame]!
      const column = profile.frames.column[frame]!
      const file = functions.file[place]!
      own = this.#addFrame(this.#function(place), categoryOfFile(file), line, column)
      this.#frames.set(frame, own)
    }
    return own
  }

  #function(place: number): number {
    const { functions } = this.#source
    let own = this.#functions.get(place)
    if (own === undefined) {
      const name = displayName(functions.qualname[place]!)
      own = this.#addFunction(name, functions.file[place]!, functions.line[place]!)
      this.#functions.set(place, own)
    }
    return own
  }

  #addStack(frame: number, prefix: number | null): number {
    this.stackTable.prefix.push(prefix)
    return this.stackTable.frame.push(frame) - 1
  }

  #addFrame(func: number, categoryIndex: number, line: number, column: number): number {
    this.frameTable.category.push(categoryIndex)
    this.frameTable.line.push(line === 0 ? null : line)
    this.frameTable.column.push(column === NO_COLUMN ? null : column + 1)
    return this.frameTable.func.push(func) - 1
  }

  #addFunction(name: string, file: string, line: number): number {
    const { strings } = this.#source
    this.funcTable.fileName.push(file === '' ? null : strings.index(file))
    this.funcTable.lineNumber.push(line === 0 ? null : line)
    return this.funcTable.name.push(strings.index(name)) - 1
  }
}
