import type { CallTree, NodeIndex } from '../../profile/call-tree-view.ts'
import type { Profile } from '../../profile/profile.ts'
import { compareText } from '../../profile/views.ts'
import type { Colouring } from '../format.ts'
import type { ColourIndex } from './colours.ts'
import { type FlameFrame, FrameList } from './frames.ts'

/**
 * Boxes that a file holds at most. Browsers lay out this many without a pause; a file with them
 * is about two megabytes. The heaviest stay, and the others are added up where they were.
 */
export const MAX_BOXES = 100_000

/** The boxes in drawing order: a parent before its children, heavy children before light ones. */
export interface FlameGraph {
  readonly frames: readonly FlameFrame[]
  /** Rows below the root row; box 0 is the root, with 0. */
  readonly depth: readonly number[]
  /** Index into `frames`. */
  readonly frame: readonly number[]
  /** ns that belong to the box and to none of its children. */
  readonly self: readonly number[]
  /** The box of each node of the call tree; several nodes where some were left out. */
  readonly boxOf: Int32Array
  /** Boxes that stand for nodes that were left out. */
  readonly rests: ReadonlySet<number>
  /** Colour of each box; that of its frame when absent. */
  readonly colour?: readonly ColourIndex[]
}

/** Orders a call tree for drawing, and adds up what goes beyond `limit` boxes. */
export function flameGraph(
  tree: CallTree,
  profile: Pick<Profile, 'threads' | 'processes'>,
  limit: number = MAX_BOXES,
  colours: Colouring = 'package',
): FlameGraph {
  const frames = new FrameList(tree, profile, colours)
  const { kept, leftOut } = split(tree, limit)
  const { firstChild, nextSibling } = link(tree, kept, frames)
  const depth: number[] = []
  const frame: number[] = []
  const self: number[] = []
  const boxOf = new Int32Array(tree.length)
  const rests = new Set<number>()
  const box = (level: number, row: number, time: number, nodes: readonly NodeIndex[]) => {
    for (const node of nodes) boxOf[node] = depth.length
    depth.push(level)
    frame.push(row)
    self.push(time)
  }
  const open: NodeIndex[] = []
  let node: NodeIndex = 0
  while (node !== -1) {
    box(open.length, frames.rowOf(node), tree.self[node]!, [node])
    open.push(node)
    node = firstChild[node]!
    while (node === -1 && open.length > 0) {
      const closed = open.pop()!
      const rest = leftOut.get(closed)
      if (rest) {
        rests.add(depth.length)
        box(open.length + 1, frames.leftOutRow(rest.nodes.length), rest.time, rest.nodes)
      }
      node = nextSibling[closed]!
    }
  }
  return { frames: frames.rows, depth, frame, self, boxOf, rests }
}

/** What was left out below a node. */
interface Rest {
  readonly nodes: NodeIndex[]
  time: number
}

/** The `limit` heaviest nodes, and the rest by the nearest node above that is kept. */
function split(tree: CallTree, limit: number) {
  const order = Array.from({ length: tree.length }, (_, node) => node)
  const leftOut = new Map<NodeIndex, Rest>()
  if (tree.length <= limit) return { kept: order, leftOut }
  // A parent weighs no less than its child and has a smaller index, so it always comes first.
  order.sort((a, b) => tree.total[b]! - tree.total[a]! || a - b)
  const keeper = new Map<NodeIndex, NodeIndex>()
  for (const node of order.splice(limit)) {
    const parent = tree.parent[node]!
    const above = keeper.get(parent) ?? parent
    keeper.set(node, above)
    const rest = leftOut.get(above) ?? { nodes: [], time: 0 }
    rest.nodes.push(node)
    rest.time += tree.self[node]!
    leftOut.set(above, rest)
  }
  return { kept: order, leftOut }
}

/** Links each node to its children: the heaviest first, equals by their text. */
function link(tree: CallTree, kept: NodeIndex[], frames: FrameList) {
  const texts: string[] = []
  for (const node of kept) texts[node] = frames.textOf(node)
  kept.sort((a, b) => tree.total[b]! - tree.total[a]! || compareText(texts[a]!, texts[b]!) || a - b)
  const firstChild = new Int32Array(tree.length).fill(-1)
  const nextSibling = new Int32Array(tree.length).fill(-1)
  for (const node of kept.reverse()) {
    const parent = tree.parent[node]!
    if (parent === -1) continue
    nextSibling[node] = firstChild[parent]!
    firstChild[parent] = node
  }
  return { firstChild, nextSibling }
}

/** Times and positions of the boxes of a graph, in ns. */
export interface Layout {
  readonly total: Float64Array
  /** From the left edge of the root. */
  readonly left: Float64Array
}

/** Lays out a graph: children lie from their parent's left edge, its own time is at the right. */
export function layout(graph: FlameGraph): Layout {
  const { depth, self } = graph
  const total = Float64Array.from(self)
  const left = new Float64Array(self.length)
  const above: number[] = []
  const parent = depth.map((level, box) => {
    above[level] = box
    return level === 0 ? -1 : above[level - 1]!
  })
  for (let box = self.length - 1; box > 0; box--) total[parent[box]!]! += total[box]!
  const next = new Float64Array(self.length)
  for (let box = 1; box < self.length; box++) {
    const over = parent[box]!
    left[box] = left[over]! + next[over]!
    next[over]! += total[box]!
  }
  return { total, left }
}
