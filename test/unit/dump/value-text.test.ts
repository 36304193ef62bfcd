import { describe, expect, test } from 'vitest'
import { valueText } from '../../../src/dump/value-text.ts'
import type { Value, ValueKind } from '../../../src/sampling/value.ts'

const int = (text: string): Value => ({ kind: 'int', type: 'int', text })
const str = (text: string): Value => ({ kind: 'str', type: 'str', text, length: text.length })

describe('a value in one line', () => {
  test.each<[string, Value]>([
    ['None', { kind: 'none', type: 'NoneType' }],
    ['Ellipsis', { kind: 'ellipsis' }],
    ['NotImplemented', { kind: 'not-implemented' }],
    ['True', { kind: 'bool', type: 'bool', text: 'True' }],
    ['-5', int('-5')],
    ['app.Number(5)', { ...int('5'), type: 'app.Number' }],
    ['<int of 33,220 bits>', { kind: 'int', type: 'int', cut: true, length: 33_220 }],
    ['1e+16', { kind: 'float', type: 'float', text: '1e+16' }],
    ['numpy.float64(0.5)', { kind: 'float', type: 'numpy.float64', text: '0.5' }],
    ["'it'", str('it')],
    [`"it's"`, str("it's")],
    [`'it\\'s "so"'`, str(`it's "so"`)],
    ["'a\\n\\t\\\\\\x1b\\u202e'", str('a\n\t\\\x1b\u202e')],
    ["'\\ud800'", str('\ud800')],
    ["'ab'…<1,234 characters>", { ...str('ab'), length: 1234, cut: true }],
    ["b'\\x00\\xff\\'\"'", { kind: 'bytes', type: 'bytes', text: '\x00\xff\'"', length: 4 }],
    [
      "bytearray(b'a'…<2 bytes>)",
      { kind: 'bytearray', type: 'bytearray', text: 'a', length: 2, cut: true },
    ],
    ['[]', { kind: 'list', type: 'list', items: [], length: 0 }],
    ['[1, …<3 items>]', { kind: 'list', type: 'list', items: [int('1')], length: 3, cut: true }],
    ['[…<1 item>]', { kind: 'list', type: 'list', items: [], length: 1, cut: true }],
    ['(1,)', { kind: 'tuple', type: 'tuple', items: [int('1')], length: 1 }],
    ['(1, …<2 items>)', { kind: 'tuple', type: 'tuple', items: [int('1')], length: 2, cut: true }],
    [
      'app.Point(x=1)',
      { kind: 'tuple', type: 'app.Point', attributes: [{ name: 'x', value: int('1') }], length: 1 },
    ],
    ['set()', { kind: 'set', type: 'set', items: [], length: 0 }],
    ['{1}', { kind: 'set', type: 'set', items: [int('1')], length: 1 }],
    ['frozenset({1})', { kind: 'frozenset', type: 'frozenset', items: [int('1')], length: 1 }],
    [
      "{'a': 1}",
      { kind: 'dict', type: 'dict', entries: [{ key: str('a'), value: int('1') }], length: 1 },
    ],
    [
      'collections.Counter({…<2 items>})',
      { kind: 'dict', type: 'collections.Counter', entries: [], length: 2, cut: true },
    ],
    [
      '<app.Colour.RED: 1>',
      {
        kind: 'enum',
        type: 'app.Colour',
        text: 'RED',
        attributes: [{ name: 'value', value: int('1') }],
      },
    ],
    [
      '<numpy.ndarray shape=(3, 4) dtype=float64>',
      { kind: 'array', type: 'numpy.ndarray', text: 'float64', shape: [3, 4] },
    ],
    ['<numpy.ndarray shape=()>', { kind: 'array', type: 'numpy.ndarray', shape: [] }],
    ['<function f>', { kind: 'function', type: 'function', text: 'f' }],
    [
      '<bound method A.f of 1>',
      {
        kind: 'function',
        type: 'method',
        text: 'A.f',
        attributes: [{ name: '__self__', value: int('1') }],
      },
    ],
    ["<module 'json'>", { kind: 'module', type: 'module', text: 'json' }],
    ["<class 'app.A'>", { kind: 'class', type: 'type', text: 'app.A' }],
    ['<coroutine main>', { kind: 'generator', type: 'coroutine', text: 'main' }],
    [
      '<app.A at 0x10>',
      { kind: 'object', type: 'app.A', address: '0x10', attributes: [], length: 0 },
    ],
    [
      '<app.A at 0x10: a=1, …<2 attributes>>',
      {
        kind: 'object',
        type: 'app.A',
        address: '0x10',
        attributes: [{ name: 'a', value: int('1') }],
        length: 2,
        cut: true,
      },
    ],
    ['<datetime.date 2026-11-21>', { kind: 'object', type: 'datetime.date', text: '2026-11-21' }],
    ['<list at 0x10, shown further out>', { kind: 'cycle', type: 'list', address: '0x10' }],
    ['<no value>', { kind: 'unbound' }],
    ['<unreadable at 0x10>', { kind: 'unreadable', address: '0x10' }],
    ['<not read: the limit is reached>', { kind: 'beyond-limit' }],
    ['<redacted>', { kind: 'redacted' }],
    ['***', { kind: 'redacted', text: '***' }],
    ['<evil\\x1b[31m at 0x1>', { kind: 'object', type: 'evil\x1b[31m', address: '0x1' }],
  ])('%s', (text, value) => {
    expect(valueText(value)).toBe(text)
  })

  test('every kind has one', () => {
    const kinds: ValueKind[] = [
      'none',
      'list',
      'dict',
      'object',
      'array',
      'function',
      'enum',
      'tuple',
    ]
    for (const kind of kinds) expect(valueText({ kind })).toMatch(/\S/)
  })
})
