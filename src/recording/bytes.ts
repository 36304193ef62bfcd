import { MAX_STRING_LENGTH } from './layout.ts'

const FIRST_CAPACITY = 1 << 12
const LONE_SURROGATE = /\p{Cs}/u

/** Builds a piece of a recording. Numbers are safe integers; fractions of them are rounded. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(FIRST_CAPACITY)
  #length = 0

  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#length = this.#bytes.writeUInt32LE(value, this.#length)
  }

  /** LEB128: seven bits a byte, the lowest first, the high bit set in all but the last. */
  unsigned(value: number): void {
    this.#reserve(8)
    let rest = Math.round(value)
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
  }

  /** Like `unsigned`, but bit 6 of the first byte is the sign and its bits 0 to 5 are magnitude. */
  signed(value: number): void {
    const rounded = Math.round(value)
    const magnitude = Math.abs(rounded)
    const sign = rounded < 0 ? 0x40 : 0
    if (magnitude < 0x40) {
      this.u8(sign | magnitude)
    } else {
      this.u8(0x80 | sign | (magnitude % 0x40))
      this.unsigned(Math.floor(magnitude / 0x40))
    }
  }

  /** The lowest `width` bytes of an unsigned number, the lowest first. */
  fixed(value: number, width: number): void {
    this.#reserve(width)
    let rest = value
    for (let byte = 0; byte < width; byte++) {
      this.#bytes[this.#length++] = rest % 0x100
      rest = Math.floor(rest / 0x100)
    }
  }

  /** Twice the length in bytes, then UTF-8; plus one for UTF-16, where UTF-8 would lose something. */
  text(value: string): void {
    const kept = value.length > MAX_STRING_LENGTH ? `${value.slice(0, MAX_STRING_LENGTH)}…` : value
    const isUtf16 = LONE_SURROGATE.test(kept)
    const bytes = Buffer.from(kept, isUtf16 ? 'utf16le' : 'utf8')
    this.unsigned(bytes.length * 2 + Number(isUtf16))
    this.bytes(bytes)
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** What was written, without a copy: valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  clear(): void {
    this.#length = 0
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.view())
    this.#bytes = grown
  }
}

/** Bytes that are no recording; the message says in a few words what is wrong. */
export class DamageError extends Error {}

/** Reads a piece of a recording. Everything in it is foreign: what makes no sense is a DamageError. */
export class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  u8(): number {
    if (this.#at >= this.#bytes.length) throw new DamageError('a number is cut off')
    return this.#bytes[this.#at++]!
  }

  unsigned(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER) throw new DamageError('a number is too large')
      if (byte < 0x80) return value
      scale *= 0x80
      if (scale > Number.MAX_SAFE_INTEGER) throw new DamageError('a number is too long')
    }
  }

  /** @param limit what the number must stay below */
  below(limit: number, what: string): number {
    const value = this.unsigned()
    if (value >= limit) throw new DamageError(`${what} ${value} of ${limit}`)
    return value
  }

  signed(): number {
    const first = this.u8()
    let magnitude = first & 0x3f
    if (first >= 0x80) magnitude += this.unsigned() * 0x40
    if (magnitude > Number.MAX_SAFE_INTEGER) throw new DamageError('a number is too large')
    return (first & 0x40) === 0 ? magnitude : 0 - magnitude
  }

  fixed(width: number): number {
    let value = 0
    let scale = 1
    for (let byte = 0; byte < width; byte++) {
      value += this.u8() * scale
      scale *= 0x100
    }
    if (value > Number.MAX_SAFE_INTEGER) throw new DamageError('a number is too large')
    return value
  }

  /** How many rows follow, each of at least so many bytes. */
  count(bytesPerRow: number): number {
    const rows = this.unsigned()
    if (rows * bytesPerRow > this.left) throw new DamageError('a table is cut off')
    return rows
  }

  text(): string {
    const head = this.unsigned()
    const length = Math.floor(head / 2)
    if (length > this.left) throw new DamageError('a string is cut off')
    const bytes = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    if (head % 2 === 1) {
      if (length % 2 === 1) throw new DamageError('a string is half a character too long')
      return bytes.toString('utf16le')
    }
    const value = bytes.toString('utf8')
    if (value.includes('\ufffd') && !Buffer.from(value).equals(bytes)) {
      throw new DamageError('a string is no UTF-8')
    }
    return value
  }
}
