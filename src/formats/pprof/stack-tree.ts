import type { StackIndex } from '../../profile/profile.ts'

const FIRST_CAPACITY = 1 << 12
/** An empty slot. */
const NONE = -1

/**
 * Stacks by parent and frame: a hash table in typed arrays, because a Map of number pairs takes
 * several times as long for the millions of look-ups that a file needs.
 */
export class StackTree {
  readonly parent: number[] = []
  readonly frame: number[] = []
  /** Stack by hash; a power of two, at most half full. */
  #slots = new Int32Array(FIRST_CAPACITY).fill(NONE)

  get length(): number {
    return this.parent.length
  }

  /** The stack of a frame on top of `parent`, made when there is none. */
  child(parent: StackIndex, frame: number): StackIndex {
    let slot = this.#find(parent, frame)
    const known = this.#slots[slot]!
    if (known !== NONE) return known
    if (this.length * 2 >= this.#slots.length) {
      this.#grow()
      slot = this.#find(parent, frame)
    }
    this.frame.push(frame)
    const stack = this.parent.push(parent) - 1
    this.#slots[slot] = stack
    return stack
  }

  /** The slot that holds the pair, or the one to put it into. */
  #find(parent: StackIndex, frame: number): number {
    const mask = this.#slots.length - 1
    let slot = hash(parent, frame) & mask
    for (;;) {
      const stack = this.#slots[slot]!
      if (stack === NONE) return slot
      if (this.parent[stack] === parent && this.frame[stack] === frame) return slot
      slot = (slot + 1) & mask
    }
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(NONE)
    for (let stack = 0; stack < this.length; stack++) {
      this.#slots[this.#find(this.parent[stack]!, this.frame[stack]!)] = stack
    }
  }
}

/** Mixes all bits of both into the low ones (multipliers: golden ratio, and MurmurHash3's). */
function hash(parent: number, frame: number): number {
  let bits = Math.imul(parent, 0x9e3779b1) ^ Math.imul(frame + 1, 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 15), 0xc2b2ae35)
  return (bits ^ (bits >>> 13)) >>> 0
}
