import { describe, expect, test } from 'vitest'
import { CompactColumn, float64Column, int32Column } from '../../../src/profile/column.ts'

describe('a growable column', () => {
  test('keeps everything over many growths, in order', () => {
    const column = float64Column()
    const chunk = Float64Array.from({ length: 1000 }, (_, index) => index + 0.5)
    for (let round = 0; round < 20; round++) column.append(chunk.map((x) => x + round * 1000))
    expect(column.length).toBe(20_000)
    const view = column.view()
    expect(view.length).toBe(20_000)
    for (let index = 0; index < view.length; index++) expect(view[index]).toBe(index + 0.5)
  })

  test('takes one batch that is larger than twice what it has', () => {
    const column = int32Column()
    column.append(Int32Array.of(1, 2))
    column.append(new Int32Array(100_000).fill(7))
    expect([...column.view().subarray(0, 3)]).toEqual([1, 2, 7])
    expect(column.view().at(-1)).toBe(7)
    expect(column.length).toBe(100_002)
  })

  test('takes one field of interleaved rows', () => {
    const column = int32Column()
    column.appendField(Int32Array.of(1, 2, 3, 11, 12, 13), 1, 3)
    column.appendField(Int32Array.of(21, 22, 23), 1, 3)
    expect([...column.view()]).toEqual([2, 12, 22])
  })

  test('gives views that later rows do not change', () => {
    const column = int32Column()
    column.append(Int32Array.of(1, 2))
    const before = column.view()
    column.append(new Int32Array(5000).fill(9))
    expect([...before]).toEqual([1, 2])
  })
})

test('a compact column is as wide as its values need, and loses none', () => {
  const column = new CompactColumn()
  const kinds = [255, -1, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, 0.5].map((value) => {
    for (let row = 0; row < 2000; row++) column.push(value)
    return column.view().constructor
  })
  expect(kinds).toEqual([
    Uint8Array,
    Int32Array,
    Int32Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ])
  expect(column.length).toBe(12_000)
  expect([0, 2000, 4000, 6000, 8000, 10_000].map((row) => column.view()[row])).toEqual([
    255,
    -1,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 53 - 1,
    0.5,
  ])
})
