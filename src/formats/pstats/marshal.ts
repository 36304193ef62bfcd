/**
 * Writers of Python's marshal format (CPython, Python/marshal.c), as far as pstats needs it: the types
 * here mean the same in every version of the format. Numbers are little-endian.
 */

/** `i`, 32 bits. */
export function marshalInt(value: number): Buffer {
  const bytes = Buffer.alloc(5, 'i')
  bytes.writeInt32LE(value, 1)
  return bytes
}

/** `g`, a double. */
export function marshalFloat(value: number): Buffer {
  const bytes = Buffer.alloc(9, 'g')
  bytes.writeDoubleLE(value, 1)
  return bytes
}

/** `u`, UTF-8 with its length in bytes. @param text without lone surrogates */
export function marshalString(text: string): Buffer {
  const utf8 = Buffer.from(text)
  const head = Buffer.alloc(5, 'u')
  head.writeInt32LE(utf8.length, 1)
  return Buffer.concat([head, utf8])
}

/** `(` and the number of items. */
export function marshalTuple(items: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(5, '(')
  head.writeInt32LE(items.length, 1)
  return Buffer.concat([head, ...items])
}

/** What stands around the keys and values of a dictionary, which follow one another. */
export const DICT_START: Uint8Array = Buffer.from('{')
export const DICT_END: Uint8Array = Buffer.from('0')

export function marshalDict(
  entries: Iterable<readonly [key: Uint8Array, value: Uint8Array]>,
): Buffer {
  return Buffer.concat([DICT_START, ...[...entries].flat(), DICT_END])
}
