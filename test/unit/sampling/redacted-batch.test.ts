import { expect, test } from 'vitest'
import type { Batch } from '../../../src/sampling/addon.ts'
import { BatchRedactor } from '../../../src/sampling/redacted-batch.ts'
import { batchOf } from '../../support/fake-addon.ts'

const batch = (strings: readonly string[], ...functions: readonly number[]) =>
  batchOf({ strings, functions: Int32Array.from(functions) })

/** The names of all functions, as whoever gets the batches sees them. */
function namesIn(batches: readonly Batch[]): string[] {
  const strings: string[] = []
  return batches.flatMap((each) => {
    strings.push(...each.strings)
    const rows = Array.from({ length: each.functions.length / 3 }, (_, row) => row * 3)
    return rows.map((at) => {
      const [name, file, line] = each.functions.subarray(at, at + 3)
      return `${strings[name!]} ${strings[file!]}:${line}`
    })
  })
}

test('files get their new names, wherever in the batches their strings came', () => {
  const redactor = new BatchRedactor((path) => path.replace('/home/ada', '~'))
  const batches = [
    batch(['main', '/home/ada/app.py', '/home/ada/later.py'], 0, 1, 1),
    batch([], 0, 1, 9),
    // A name that is a path, and a file that has come before.
    batch(['work'], 3, 2, 5, 1, 2, 7),
  ].map((each) => redactor.redact(each))
  expect(namesIn(batches)).toEqual([
    'main ~/app.py:1',
    'main ~/app.py:9',
    'work ~/later.py:5',
    '/home/ada/app.py ~/later.py:7',
  ])
})

test('a path that is only a file is nowhere in what is handed on', () => {
  const redactor = new BatchRedactor((path) => path.replace('/home/ada', '~'))
  const redacted = redactor.redact(
    batch(['main', '/home/ada/app.py', '/home/ada/unused.py'], 0, 1, 1),
  )
  expect(JSON.stringify(redacted)).not.toContain('/home/ada')
})

test('the batch that was given stays as it was', () => {
  const given = batch(['main', '/x.py'], 0, 1, 1)
  new BatchRedactor(() => 'y').redact(given)
  expect([...given.functions, ...given.strings]).toEqual([0, 1, 1, 'main', '/x.py'])
})
