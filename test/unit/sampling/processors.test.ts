import { expect, test } from 'vitest'
import { formatProcessors, parseProcessors } from '../../../src/sampling/processors.ts'

test.each([
  ['0', [0]],
  ['0-3,8\n', [0, 1, 2, 3, 8]],
  ['0,2,4-5', [0, 2, 4, 5]],
  ['', []],
])('%j is %j', (text, processors) => {
  expect(parseProcessors(text)).toEqual(processors)
  expect(formatProcessors(processors)).toBe(text.trim())
})

test('what is no list of processors is none', () => {
  expect(parseProcessors('x,1-,-2,3-1,1-99999999999')).toEqual([])
})
