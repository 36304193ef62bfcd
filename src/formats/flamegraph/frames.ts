import { type CallTree, NODE_KINDS, type NodeIndex } from '../../profile/call-tree-view.ts'
import type { PlaceIndex } from '../../profile/place-view.ts'
import type { Process, Profile, Thread } from '../../profile/profile.ts'
import { shortFiles } from '../files.ts'
import type { Colouring } from '../format.ts'
import {
  displayName,
  EMPTY_FRAME,
  formatCount,
  MISSED_FRAME,
  threadLabel,
  visible,
} from '../text.ts'
import { type ColourIndex, colourOf } from './colours.ts'

/** What a box shows; all text is safe to show. */
export interface FlameFrame {
  readonly name: string
  /** Short path; '' for what is not code. */
  readonly file: string
  /** Whole path. */
  readonly path: string
  /** 0 when unknown. */
  readonly line: number
  readonly colour: ColourIndex
}

/** The distinct frames of a graph, with rows in the order in which they are first used. */
export class FrameList {
  readonly rows: FlameFrame[] = []
  readonly #tree: CallTree
  readonly #colours: Colouring
  readonly #threads: readonly Thread[]
  readonly #processes: readonly Process[]
  readonly #short: Map<string, string>
  readonly #frames = new Map<string, FlameFrame>()
  readonly #rowOf = new Map<FlameFrame, number>()

  constructor(
    tree: CallTree,
    { threads, processes }: Pick<Profile, 'threads' | 'processes'>,
    colours: Colouring,
  ) {
    this.#colours = colours
    this.#tree = tree
    this.#threads = threads
    this.#processes = processes
    this.#short = shortFiles(tree.places.file)
  }

  /** Index into `rows` of what a node shows. */
  rowOf(node: NodeIndex): number {
    return this.#row(this.#frame(node))
  }

  /** Index into `rows` of the frame that stands for some left out ones. */
  leftOutRow(count: number): number {
    return this.#row(
      this.#known(`left out ${count}`, () =>
        marker(`<${formatCount(count)} ${count === 1 ? 'frame' : 'frames'} left out>`),
      ),
    )
  }

  /** The text that orders nodes of equal weight. */
  textOf(node: NodeIndex): string {
    const { name, path, line } = this.#frame(node)
    return `${name} ${path}:${line}`
  }

  #row(frame: FlameFrame): number {
    let row = this.#rowOf.get(frame)
    if (row === undefined) {
      row = this.rows.push(frame) - 1
      this.#rowOf.set(frame, row)
    }
    return row
  }

  #frame(node: NodeIndex): FlameFrame {
    const kind = NODE_KINDS[this.#tree.kind[node]!]!
    const value = this.#tree.value[node]!
    return this.#known(`${kind} ${value}`, () => {
      if (kind === 'place') return this.#place(value)
      if (kind === 'thread') return marker(threadLabel(this.#threads[value]!, this.#processes))
      return marker({ all: 'all', missed: MISSED_FRAME, empty: EMPTY_FRAME }[kind])
    })
  }

  #known(key: string, make: () => FlameFrame): FlameFrame {
    let frame = this.#frames.get(key)
    if (frame === undefined) {
      frame = make()
      this.#frames.set(key, frame)
    }
    return frame
  }

  #place(place: PlaceIndex): FlameFrame {
    const { qualname, file, line } = this.#tree.places
    const path = file[place]!
    return {
      name: visible(displayName(qualname[place]!)),
      file: visible(this.#short.get(path)!),
      path: visible(path),
      line: line[place]!,
      colour: colourOf(path, qualname[place]!, this.#colours),
    }
  }
}

function marker(name: string): FlameFrame {
  return { name: visible(name), file: '', path: '', line: 0, colour: colourOf('', name) }
}
