export type NumberArray = Float64Array | Int32Array | Uint8Array

const FIRST_CAPACITY = 1024

/** Copies an array to the beginning of a longer one. @returns the longer one */
export function grown<T extends NumberArray>(from: T, to: T): T {
  to.set(from)
  return to
}

/** An append-only numeric column in one typed array, which doubles when it is full. */
export class GrowableColumn<T extends NumberArray> {
  readonly #allocate: (length: number) => T
  #data: T
  #length = 0

  constructor(allocate: (length: number) => T) {
    this.#allocate = allocate
    this.#data = allocate(FIRST_CAPACITY)
  }

  get length(): number {
    return this.#length
  }

  /** A value that is there: `row` is below the length. */
  at(row: number): number {
    return this.#data[row] as number
  }

  push(value: number): void {
    if (this.#length === this.#data.length) this.#reserve(1)
    this.#data[this.#length++] = value
  }

  append(values: T): void {
    this.#reserve(values.length)
    this.#data.set(values, this.#length)
    this.#length += values.length
  }

  /** Appends every `stride`-th value from `offset` on: one field of interleaved rows. */
  appendField(rows: ArrayLike<number>, offset: number, stride: number): void {
    const count = rows.length / stride
    this.#reserve(count)
    const data = this.#data
    for (let row = 0, from = offset; row < count; row++, from += stride) {
      data[this.#length + row] = rows[from] as number
    }
    this.#length += count
  }

  /** Drops all rows; what `view` has given is overwritten by the next ones. */
  clear(): void {
    // Once there was much more than usual, which need not be held for good.
    const isWasted = this.#data.length > FIRST_CAPACITY && this.#length < this.#data.length / 16
    if (isWasted) this.#data = this.#allocate(FIRST_CAPACITY)
    this.#length = 0
  }

  /** What is there now, without a copy; rows appended later do not change it. */
  view(): T {
    return this.#data.subarray(0, this.#length) as T
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#data.length) return
    this.#data = grown(this.view(), this.#allocate(Math.max(needed, this.#data.length * 2)))
  }
}

type Allocate = (length: number) => NumberArray

/** From the least on: values that a kind does not hold go into the next one. */
const KINDS: readonly Allocate[] = [
  (length) => new Uint8Array(length),
  (length) => new Int32Array(length),
  (length) => new Float64Array(length),
]

/** An append-only column that takes as few bytes a value as its values so far allow. */
export class CompactColumn {
  #kind = 0
  #data: NumberArray = new Uint8Array(FIRST_CAPACITY)
  #length = 0

  get length(): number {
    return this.#length
  }

  push(value: number): void {
    if (this.#length === this.#data.length) this.#move(this.#data.length * 2)
    this.#data[this.#length] = value
    while (this.#data[this.#length] !== value && this.#kind < KINDS.length - 1) {
      this.#kind++
      this.#move(this.#data.length)
      this.#data[this.#length] = value
    }
    this.#length++
  }

  /** What is there now, without a copy; rows appended later do not change it. */
  view(): NumberArray {
    return this.#data.subarray(0, this.#length)
  }

  #move(capacity: number): void {
    this.#data = grown(this.view(), KINDS[this.#kind]!(capacity))
  }
}

export function float64Column(): GrowableColumn<Float64Array> {
  return new GrowableColumn((length) => new Float64Array(length))
}

export function int32Column(): GrowableColumn<Int32Array> {
  return new GrowableColumn((length) => new Int32Array(length))
}

export function uint8Column(): GrowableColumn<Uint8Array> {
  return new GrowableColumn((length) => new Uint8Array(length))
}
