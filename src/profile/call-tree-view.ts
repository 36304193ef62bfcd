import { type PlaceTable, places } from './place-view.ts'
import { NO_STACK, type Profile, type StackIndex } from './profile.ts'
import { rowsByThread, StackSums, type Sum } from './views.ts'

/** What a node of the call tree stands for; the value is stored in the node. */
export const NODE_KINDS = ['all', 'thread', 'place', 'empty', 'missed'] as const
export type NodeKind = (typeof NODE_KINDS)[number]
/** Index of a node; 0 is `all`. */
export type NodeIndex = number

export interface CallTreeOptions {
  /**
   * A node for each sampled thread between `all` and the root frames. Waiting tasks have one in any
   * case: their time is not that of threads.
   */
  readonly threads: boolean
}

/**
 * All samples merged by path. Node 0 is `all`, and a parent has a smaller index than its children.
 * Time without Python frames and missed time are leaves of their own under `all` or their thread,
 * so that the total of `all` is the weight of every sample.
 */
export interface CallTree {
  readonly length: number
  readonly places: PlaceTable
  /** Index into NODE_KINDS. */
  readonly kind: Uint8Array
  /** A ThreadIndex for a thread, a PlaceIndex for a place, else 0. */
  readonly value: Int32Array
  /** -1 for `all`. */
  readonly parent: Int32Array
  /** ns that end here. */
  readonly self: Float64Array
  /** ns that end here or below. */
  readonly total: Float64Array
  /** Samples that end here. */
  readonly samples: Float64Array
}

/** Builds the call tree. Samples are added up by stack first, so that a path is walked once. */
export function callTree(profile: Profile, options: CallTreeOptions): CallTree {
  const builder = new CallTreeBuilder(profile)
  const { start, order } = rowsByThread(profile)
  const sums = new StackSums(profile.stacks.length)
  for (let thread = 0; thread < profile.threads.length; thread++) {
    if (profile.threads[thread]!.waitingTasks) continue
    for (let at = start[thread]!; at < start[thread + 1]!; at++)
      sums.add(profile.samples, order[at]!)
    if (options.threads && start[thread] !== start[thread + 1]) {
      builder.add(builder.child(0, 'thread', thread), sums)
      sums.clear()
    }
  }
  builder.add(0, sums)
  for (const [thread, { waitingTasks }] of profile.threads.entries()) {
    if (!waitingTasks || start[thread] === start[thread + 1]) continue
    sums.clear()
    for (let at = start[thread]!; at < start[thread + 1]!; at++)
      sums.add(profile.samples, order[at]!)
    builder.add(builder.child(0, 'thread', thread), sums)
  }
  return builder.finish()
}

class CallTreeBuilder {
  readonly #profile: Profile
  readonly #places: PlaceTable
  readonly #kind: number[] = []
  readonly #value: number[] = []
  readonly #parent: number[] = []
  readonly #self: number[] = []
  readonly #samples: number[] = []
  /** Node by parent node and place, which make one number. */
  readonly #known = new Map<number, NodeIndex>()
  /** Node by stack under the top in hand; -1 when not made yet. */
  readonly #nodeOf: Int32Array

  constructor(profile: Profile) {
    this.#profile = profile
    this.#places = places(profile)
    this.#nodeOf = new Int32Array(profile.stacks.length).fill(-1)
    this.child(-1, 'all', 0)
  }

  child(parent: NodeIndex, kind: NodeKind, value: number): NodeIndex {
    this.#kind.push(NODE_KINDS.indexOf(kind))
    this.#value.push(value)
    this.#self.push(0)
    this.#samples.push(0)
    return this.#parent.push(parent) - 1
  }

  /** Adds what was summed below `top`. */
  add(top: NodeIndex, sums: StackSums): void {
    const made: StackIndex[] = []
    for (const stack of sums.used) {
      const node = this.#node(top, stack, made)
      this.#self[node]! += sums.weight[stack]!
      this.#samples[node]! += sums.samples[stack]!
    }
    for (const stack of made) this.#nodeOf[stack] = -1
    this.#leaf(top, 'empty', sums.empty)
    this.#leaf(top, 'missed', sums.missed)
  }

  #leaf(top: NodeIndex, kind: NodeKind, sum: Sum): void {
    if (sum.samples === 0) return
    const node = this.child(top, kind, 0)
    this.#self[node] = sum.weight
    this.#samples[node] = sum.samples
  }

  #node(top: NodeIndex, leaf: StackIndex, made: StackIndex[]): NodeIndex {
    const { parent, frame } = this.#profile.stacks
    const missing: StackIndex[] = []
    let stack = leaf
    while (stack !== NO_STACK && this.#nodeOf[stack] === -1) {
      missing.push(stack)
      stack = parent[stack]!
    }
    let node = stack === NO_STACK ? top : this.#nodeOf[stack]!
    for (const next of missing.reverse()) {
      node = this.#placeNode(node, this.#places.ofFrame[frame[next]!]!)
      this.#nodeOf[next] = node
      made.push(next)
    }
    return node
  }

  #placeNode(parent: NodeIndex, place: number): NodeIndex {
    const key = parent * this.#places.length + place
    let node = this.#known.get(key)
    if (node === undefined) {
      node = this.child(parent, 'place', place)
      this.#known.set(key, node)
    }
    return node
  }

  finish(): CallTree {
    const parent = Int32Array.from(this.#parent)
    const total = Float64Array.from(this.#self)
    for (let node = parent.length - 1; node > 0; node--) total[parent[node]!]! += total[node]!
    return {
      length: parent.length,
      places: this.#places,
      kind: Uint8Array.from(this.#kind),
      value: Int32Array.from(this.#value),
      parent,
      self: Float64Array.from(this.#self),
      total,
      samples: Float64Array.from(this.#samples),
    }
  }
}
