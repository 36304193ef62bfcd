import { describe, expect, test } from 'vitest'
import { parseAnswer } from '../../../src/remote-exec/answer.ts'

const parse = (value: unknown) => parseAnswer(JSON.stringify(value))
const TABLE = {
  columns: ['a', 'b'],
  rows: [
    [1, ['x']],
    [null, 'y'],
  ],
  facts: { n: 3 },
}
const SETTING = { old: 'on', new: 'off', undo: 'on', note: '' }

test('a setting, a table, an error', () => {
  expect(parse({ result: SETTING, ns: 5 })).toEqual({
    kind: 'setting',
    result: SETTING,
    scriptNs: 5,
  })
  expect(parse({ result: { ...SETTING, undo: null } }).result).toMatchObject({ undo: null })
  expect(parse({ result: TABLE, ns: 'long' })).toEqual({
    kind: 'table',
    result: TABLE,
    scriptNs: 0,
  })
  const error = { type: 'E', message: 'no', line: 3, signal: 0 }
  expect(parse({ error, ns: 1 })).toEqual({ kind: 'error', result: error, scriptNs: 1 })
})

describe('what a target should not have written is refused', () => {
  test.each([
    ['', null],
    ['a list', []],
    ['no result', {}],
    ['a text', { result: 'on' }],
    ['no old value', { result: { new: 'off', undo: null, note: '' } }],
    ['a number for a text', { result: { ...SETTING, new: 1 } }],
    ['a short row', { result: { ...TABLE, rows: [[1]] } }],
    ['a row that is none', { result: { ...TABLE, rows: [{}] } }],
    ['an object in a cell', { result: { ...TABLE, rows: [[1, {}]] } }],
    ['numbers in a stack', { result: { ...TABLE, rows: [[1, [2]]] } }],
    ['facts that are none', { result: { ...TABLE, facts: [] } }],
    ['deep facts', { result: { ...TABLE, facts: { n: [1] } } }],
    ['an error without a type', { error: { message: 'no' } }],
  ])('%s', (_, value) => {
    expect(() => parse(value)).toThrow()
  })

  test('no JSON', () => {
    expect(() => parseAnswer('{"result":')).toThrow()
  })
})
