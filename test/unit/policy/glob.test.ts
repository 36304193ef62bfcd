import fc from 'fast-check'
import { expect, test } from 'vitest'
import { globMatches } from '../../../src/policy/glob.ts'

test.each([
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['app', 'app', true],
  ['app', 'apps', false],
  ['*app*', '/srv/app/main.py', true],
  ['python3 * --port *', 'python3 app.py --port 80', true],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['a.c', 'abc', false],
  ['*.py', 'app.pyc', false],
  ['exec:*', 'exec:gc', true],
  ['a*b*c', 'a-b-b-c', true],
])('%j fits %j: %j', (pattern, text, fits) => {
  expect(globMatches(pattern, text)).toBe(fits)
})

test('is what the same regular expression finds', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '.', '\n'), maxLength: 12 })
  fc.assert(
    fc.property(word, word, (pattern, text) => {
      const source = pattern.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')
      expect(globMatches(pattern, text)).toBe(new RegExp(`^${source}$`, 's').test(text))
    }),
  )
})

test('is not held up by a text made for it', () => {
  expect(globMatches(`${'*a'.repeat(50)}b`, 'a'.repeat(100_000))).toBe(false)
})
