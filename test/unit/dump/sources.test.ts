import { chmodSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { SourceFiles } from '../../../src/dump/sources.ts'
import { NO_REDACTION } from '../../../src/redaction/redactor.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** Later than any file of these tests is made. */
const STARTED = Date.now() + 3_600_000

function file(text: string, changedAt = STARTED - 1000): string {
  const path = join(temporaryFolder(), 'app.py')
  writeFileSync(path, text)
  utimesSync(path, changedAt / 1000, changedAt / 1000)
  return path
}

const HERE = { root: '/', startedAt: STARTED }

test('lines are told by their numbers, whatever ends them', () => {
  const sources = new SourceFiles(HERE, NO_REDACTION)
  const path = file('one\ntwo\r\nthree\rfour')
  expect([0, 1, 2, 3, 4, 5].map((line) => sources.line(path, line)?.text)).toEqual([
    undefined,
    'one',
    'two',
    'three',
    'four',
    undefined,
  ])
})

test('a file that was written after the start has changed', () => {
  const sources = new SourceFiles(HERE, NO_REDACTION)
  expect(sources.line(file('a'), 1)?.changed).toBe(false)
  expect(sources.line(file('a', STARTED + 1000), 1)?.changed).toBe(true)
})

test('a file is read once', () => {
  const sources = new SourceFiles(HERE, NO_REDACTION)
  const path = file('a\nb')
  expect(sources.line(path, 1)?.text).toBe('a')
  rmSync(path)
  expect(sources.line(path, 2)?.text).toBe('b')
})

test('names that are no paths are not opened', () => {
  const sources = new SourceFiles({ ...HERE, root: temporaryFolder() }, NO_REDACTION)
  for (const name of ['<string>', '<frozen runpy>', 'app.py', '../app.py', '']) {
    expect(sources.line(name, 1)).toBeUndefined()
  }
})

test('a folder, an empty file and one that is too large have no lines', () => {
  const folder = join(temporaryFolder(), 'folder')
  mkdirSync(folder)
  const sources = new SourceFiles(HERE, NO_REDACTION)
  expect(sources.line(folder, 1)).toBeUndefined()
  expect(sources.line(file(''), 1)).toBeUndefined()
  expect(sources.line(file('x'.repeat((32 << 20) + 1)), 1)).toBeUndefined()
})

test('what the user of the process may not read is not shown', () => {
  const path = file('secret')
  chmodSync(path, 0o600)
  chmodSync(dirname(path), 0o755)
  const other = { uid: 4_000_000, gids: [4_000_000] }
  expect(new SourceFiles({ ...HERE, reader: other }, NO_REDACTION).line(path, 1)).toBeUndefined()
  const own = { uid: process.getuid?.() ?? 0, gids: [process.getgid?.() ?? 0] }
  expect(new SourceFiles({ ...HERE, reader: own }, NO_REDACTION).line(path, 1)?.text).toBe('secret')
  chmodSync(path, 0o604)
  expect(new SourceFiles({ ...HERE, reader: other }, NO_REDACTION).line(path, 1)?.text).toBe(
    'secret',
  )
})
