import { chmodSync, mkdirSync, openSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SourceFiles } from '../../../src/dump/sources.ts'
import { NO_REDACTION } from '../../../src/redaction/redactor.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const STARTED = 1_700_000_000_000

function file(text: string, changedAt = STARTED - 1000): string {
  const path = join(temporaryFolder(), 'app.py')
  writeFileSync(path, text)
  utimesSync(path, changedAt / 1000, changedAt / 1000)
  return path
}

const open = (path: string) => {
  try {
    return openSync(path, 'r')
  } catch {
    return -1
  }
}

test('lines are told by their numbers, whatever ends them', () => {
  const sources = new SourceFiles(open, STARTED, NO_REDACTION)
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
  const sources = new SourceFiles(open, STARTED, NO_REDACTION)
  expect(sources.line(file('a'), 1)?.changed).toBe(false)
  expect(sources.line(file('a', STARTED + 1000), 1)?.changed).toBe(true)
})

test('a file is read once', () => {
  let opened = 0
  const path = file('a\nb')
  const sources = new SourceFiles(
    (each) => {
      opened++
      return open(each)
    },
    STARTED,
    NO_REDACTION,
  )
  sources.line(path, 1)
  sources.line(path, 2)
  sources.line(join(path, 'none'), 1)
  sources.line(join(path, 'none'), 2)
  expect(opened).toBe(2)
})

test('names that are no paths are not opened', () => {
  const sources = new SourceFiles(
    () => {
      throw new Error('opened')
    },
    STARTED,
    NO_REDACTION,
  )
  for (const name of ['<string>', '<frozen runpy>', 'app.py', '../app.py', '']) {
    expect(sources.line(name, 1)).toBeUndefined()
  }
})

test('a folder, an empty file and one that is too large have no lines', () => {
  const folder = join(temporaryFolder(), 'folder')
  mkdirSync(folder)
  const sources = new SourceFiles(open, STARTED, NO_REDACTION)
  expect(sources.line(folder, 1)).toBeUndefined()
  expect(sources.line(file(''), 1)).toBeUndefined()
  expect(sources.line(file('x'.repeat((16 << 20) + 1)), 1)).toBeUndefined()
})

test('what the user of the process may not read is not shown', () => {
  const path = file('secret')
  chmodSync(path, 0o600)
  const other = { uid: 4_000_000, gid: 4_000_000 }
  expect(new SourceFiles(open, STARTED, NO_REDACTION, other).line(path, 1)).toBeUndefined()
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  expect(new SourceFiles(open, STARTED, NO_REDACTION, own).line(path, 1)?.text).toBe('secret')
  chmodSync(path, 0o604)
  expect(new SourceFiles(open, STARTED, NO_REDACTION, other).line(path, 1)?.text).toBe('secret')
})
