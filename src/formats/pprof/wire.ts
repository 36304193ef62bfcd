/** Something in foreign bytes that is against their format; one line that follows `because`. */
export class Malformed extends Error {}

/** More than is read at once; the message is the limit. */
export class TooLarge extends Error {}

/** How a field is encoded (protobuf.dev, encoding). */
const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const FIXED32 = 5

/** 64 bits, seven a byte. */
const MAX_VARINT_BYTES = 10

/**
 * Reads one message of Protocol Buffers, field by field, from bytes that are not trusted: nothing is
 * read outside of the message, and nothing takes longer than the message is long.
 */
export class WireReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number
  #type = VARINT
  /** Number of the field in hand. */
  field = 0

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  /** Goes to the next field, whose value has to be read or skipped. @throws Malformed */
  next(): boolean {
    if (this.#at === this.#end) return false
    const tag = Number(this.#varint())
    this.field = Math.floor(tag / 8)
    this.#type = tag % 8
    if (this.field === 0) throw new Malformed(`it has a field 0 at byte ${this.#at}`)
    return true
  }

  /** The value as an id: exact, and equal ids are equal under `===`. @throws Malformed */
  id(): number | bigint {
    if (this.#type !== VARINT) throw this.#wrongType('a number')
    return this.#varint()
  }

  /** The value as a number, signed, rounded above 2^53. @throws Malformed */
  number(): number {
    return signed(this.id())
  }

  /**
   * Appends the value to a list of ids, or all of them when they are packed.
   * @throws Malformed also when the list gets longer than `limit`
   */
  ids(list: (number | bigint)[], limit: number): void {
    const packed = this.#type === LENGTH ? this.message() : undefined
    do {
      if (packed && packed.#at === packed.#end) return
      if (list.length >= limit) throw new Malformed(`a list is too long at byte ${this.#at}`)
      list.push(packed ? packed.#varint() : this.id())
    } while (packed)
  }

  /** As `ids`, of numbers. @throws Malformed */
  numbers(list: number[], limit: number): void {
    const ids: (number | bigint)[] = []
    this.ids(ids, limit - list.length)
    for (const id of ids) list.push(signed(id))
  }

  /** The value as a message of its own. @throws Malformed */
  message(): WireReader {
    const start = this.#length()
    return new WireReader(this.#bytes, start, this.#at)
  }

  /** The value as text; what is not UTF-8 becomes U+FFFD. @throws Malformed */
  text(): string {
    const start = this.#length()
    return TEXT.decode(this.#bytes.subarray(start, this.#at))
  }

  /** @throws Malformed */
  skip(): void {
    if (this.#type === VARINT) this.#varint()
    else if (this.#type === FIXED64) this.#advance(8)
    else if (this.#type === LENGTH) this.#length()
    else if (this.#type === FIXED32) this.#advance(4)
    else throw new Malformed(`it has a field of unknown type ${this.#type} at byte ${this.#at}`)
  }

  /** Steps over a value with a length; gives its start. */
  #length(): number {
    if (this.#type !== LENGTH) throw this.#wrongType('a message')
    const length = Number(this.#varint())
    const start = this.#at
    this.#advance(length)
    return start
  }

  #advance(bytes: number): void {
    if (bytes > this.#end - this.#at) throw this.#cut()
    this.#at += bytes
  }

  /** A bigint only where a number would not be exact. */
  #varint(): number | bigint {
    let value = 0
    for (let byte = 0; byte < MAX_VARINT_BYTES; byte++) {
      if (this.#at === this.#end) throw this.#cut()
      const bits = this.#bytes[this.#at++]!
      value += (bits & 0x7f) * 2 ** (7 * byte)
      if (bits < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : this.#bigVarint(byte + 1)
    }
    throw new Malformed(`a number does not end at byte ${this.#at}`)
  }

  #bigVarint(length: number): bigint {
    let value = 0n
    for (let byte = 1; byte <= length; byte++) {
      value = (value << 7n) | BigInt(this.#bytes[this.#at - byte]! & 0x7f)
    }
    return BigInt.asUintN(64, value)
  }

  #cut(): Malformed {
    return new Malformed(`it is cut off or damaged at byte ${this.#at}`)
  }

  #wrongType(expected: string): Malformed {
    return new Malformed(`field ${this.field} at byte ${this.#at} is not ${expected}`)
  }
}

const TEXT = new TextDecoder()

/** Negative numbers are written as 64 bits, two's complement. */
function signed(value: number | bigint): number {
  return typeof value === 'number' ? value : Number(BigInt.asIntN(64, value))
}
