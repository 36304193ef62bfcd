/**
 * A Python object as it was found in memory: a plain tree, the same in `--json`. No code of the
 * target had a part in it. Where a limit cut it, `cut` is set and `length` says how much there is.
 */
export interface Value {
  readonly kind: ValueKind
  /** Its class, with the module unless that is `builtins`: `int`, `app.Store`. */
  readonly type?: string
  /** Where it is: `0x7f…`; the same object has the same address everywhere in a dump. */
  readonly address?: string
  /**
   * - `bool`, `int`, `float`, `complex`: as Python writes it; absent from an int that is cut
   * - `str`: its characters; `bytes`, `bytearray`: one character a byte
   * - `enum`: the member's name; `array`: the type of its elements
   * - `function`, `module`, `class`, `code`, `generator`: its name
   * - `object`: what a date or time says
   * - `redacted`: what is shown instead of it
   */
  readonly text?: string
  /** Characters, bytes, items, entries or attributes in all; of an int that is cut, bits. */
  readonly length?: number
  /** Less is here than there is. */
  readonly cut?: boolean
  /** Of an `array`. */
  readonly shape?: readonly number[]
  /** Of `list`, `tuple`, `set`, `frozenset`. */
  readonly items?: readonly Value[]
  /** Of a `dict`. */
  readonly entries?: readonly Entry[]
  /** Of an `object`, a named tuple, an `enum` member and a bound method. */
  readonly attributes?: readonly Attribute[]
}

export interface Entry {
  readonly key: Value
  readonly value: Value
}

export interface Attribute {
  readonly name: string
  readonly value: Value
}

export type ValueKind =
  | 'none'
  | 'ellipsis'
  | 'not-implemented'
  | 'bool'
  | 'int'
  | 'float'
  | 'complex'
  | 'str'
  | 'bytes'
  | 'bytearray'
  | 'list'
  | 'tuple'
  | 'set'
  | 'frozenset'
  | 'dict'
  | 'enum'
  | 'array'
  | 'function'
  | 'module'
  | 'class'
  | 'code'
  | 'generator'
  | 'object'
  /** An object inside of which this place is: it was shown further out. */
  | 'cycle'
  /** A variable without a value: not assigned yet, or deleted. */
  | 'unbound'
  /** What is there is no object, or does not hold together. */
  | 'unreadable'
  /** Not read: the limit of bytes or of time was reached. */
  | 'beyond-limit'
  /** Held back before it left pyprof. */
  | 'redacted'

/** What a variable is in its frame. */
export type VariableKind =
  | 'argument'
  | 'local'
  /** A local variable that inner functions use too. */
  | 'cell'
  /** One of an enclosing function. */
  | 'free'
  /** In the namespace of a module or class body. */
  | 'name'

export interface Variable {
  readonly name: string
  readonly kind: VariableKind
  readonly value: Value
}

/** Replaces what shall not be seen, by the name under which it is held. */
export type Redact = (name: string, value: Value) => Value
