import { crc32 } from 'node:zlib'
import { DamageError } from './bytes.ts'
import { BLOCK_HEAD_BYTES, HEADER_BYTES, MAGIC, MAX_BLOCK_BYTES, VERSION } from './layout.ts'

/** Bytes that come in pieces, taken in other pieces. */
class Pieces {
  readonly #pieces: Iterator<Uint8Array>
  #rest: Buffer = Buffer.alloc(0)
  /** Bytes taken so far. */
  taken = 0

  constructor(pieces: Iterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.iterator]()
  }

  /** Bytes that are there at once; 0 at the end. */
  peek(): number {
    if (this.#rest.length === 0) this.#more()
    return this.#rest.length
  }

  /** Exactly so many bytes, or undefined when fewer are left. */
  take(length: number): Buffer | undefined {
    const parts = [this.#rest]
    let there = this.#rest.length
    while (there < length) {
      if (!this.#more()) {
        this.#rest = Buffer.concat(parts)
        return undefined
      }
      parts.push(this.#rest)
      there += this.#rest.length
    }
    const all = parts.length === 1 ? this.#rest : Buffer.concat(parts)
    this.#rest = all.subarray(length)
    this.taken += length
    return all.subarray(0, length)
  }

  /** How many bytes are left, which are gone then. */
  drain(): number {
    let left = 0
    while (this.peek() > 0) {
      left += this.#rest.length
      this.#rest = Buffer.alloc(0)
    }
    return left
  }

  #more(): boolean {
    for (;;) {
      const next = this.#pieces.next()
      if (next.done) return false
      const { buffer, byteOffset, byteLength } = next.value
      this.#rest = Buffer.from(buffer, byteOffset, byteLength)
      if (byteLength > 0) return true
    }
  }
}

/** Why a file is no recording that this pyprof reads. */
export type Refusal =
  | { readonly kind: 'no-recording' }
  | { readonly kind: 'other-version'; readonly version: number }
  | { readonly kind: 'damaged-header' }

export class RefusedError extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.kind)
    this.refusal = refusal
  }
}

export function isRecording(head: Uint8Array): boolean {
  return head.length >= MAGIC.length && MAGIC.every((byte, at) => head[at] === byte)
}

export interface Block {
  readonly type: number
  readonly payload: Buffer
}

/** The blocks of a recording, one after the other, each proved by its checksum. */
export class BlockReader {
  readonly #pieces: Pieces
  #crc: number

  /** @throws RefusedError when the header is not that of a recording of this version */
  constructor(pieces: Iterable<Uint8Array>) {
    this.#pieces = new Pieces(pieces)
    const magic = this.#pieces.take(MAGIC.length)
    if (!magic || !isRecording(magic)) throw new RefusedError({ kind: 'no-recording' })
    const rest = this.#pieces.take(HEADER_BYTES - MAGIC.length)
    if (!rest) throw new RefusedError({ kind: 'damaged-header' })
    this.#crc = crc32(rest.subarray(0, 4), crc32(magic))
    if (rest.readUInt32LE(4) !== this.#crc) throw new RefusedError({ kind: 'damaged-header' })
    const version = rest.readUInt32LE(0)
    if (version !== VERSION) throw new RefusedError({ kind: 'other-version', version })
  }

  /** Where the next block begins. */
  get position(): number {
    return this.#pieces.taken
  }

  /**
   * The next block; undefined where the file ends between two.
   * @throws DamageError when there is none that is whole
   */
  next(): Block | undefined {
    if (this.#pieces.peek() === 0) return undefined
    const head = this.#pieces.take(BLOCK_HEAD_BYTES)
    if (!head) throw new DamageError('it ends in the middle of a block')
    const length = head.readUInt32LE(0)
    if (length > MAX_BLOCK_BYTES) throw new DamageError('a block is too long')
    const payload = this.#pieces.take(length)
    if (!payload) throw new DamageError('it ends in the middle of a block')
    const crc = crc32(payload, crc32(head.subarray(0, 5), this.#crc))
    if (crc !== head.readUInt32LE(5)) throw new DamageError('a checksum is wrong')
    this.#crc = crc
    return { type: head[4]!, payload }
  }

  /** How many bytes are left behind what was taken. */
  drain(): number {
    return this.#pieces.drain()
  }
}
