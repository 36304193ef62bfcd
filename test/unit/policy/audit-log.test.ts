import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { EXIT, PyprofError } from '../../../src/errors.ts'
import { AuditLog } from '../../../src/policy/audit-log.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { IS_ROOT, NOBODY } from '../../support/users.ts'

function refused(work: () => void): PyprofError {
  try {
    work()
  } catch (error) {
    if (error instanceof PyprofError) return error
    throw error
  }
  throw new Error('The log is taken.')
}

const path = () => join(temporaryFolder(), 'audit.jsonl')

test('is made for its owner alone, and appended to line by line', () => {
  const file = path()
  const before = process.umask(0)
  const log = new AuditLog(file)
  process.umask(before)
  log.append({ text: 'a\nb\u2028' }, EXIT.usage)
  log.close()
  const again = new AuditLog(file)
  again.append({ n: 2 }, EXIT.usage)
  again.close()
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line))).toEqual([{ text: 'a\nb\u2028' }, { n: 2 }])
})

test('keeps the mode that it has', () => {
  const file = path()
  writeFileSync(file, '')
  chmodSync(file, 0o640)
  new AuditLog(file).close()
  expect(statSync(file).mode & 0o777).toBe(0o640)
})

test('several that have it open do not overwrite each other', () => {
  const file = path()
  const logs = ['a', 'b', 'c'].map((who) => ({ who, log: new AuditLog(file) }))
  for (let n = 0; n < 100; n++) {
    for (const { who, log } of logs) log.append({ who, n, text: 'x'.repeat(n * 10) }, EXIT.usage)
  }
  for (const { log } of logs) log.close()
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  const found = lines.map((line) => JSON.parse(line) as { who: string; n: number })
  expect(found.map(({ who, n }) => `${who}${n}`)).toEqual(
    Array.from({ length: 300 }, (_, at) => `${'abc'[at % 3]}${Math.floor(at / 3)}`),
  )
})

test('what cannot be the log is refused before anything is done', () => {
  const folder = temporaryFolder()
  const file = join(folder, 'audit.jsonl')
  const open = (name: string) => refused(() => new AuditLog(join(folder, name)))
  expect(open('none/audit.jsonl')).toMatchObject({
    code: 'audit-failed',
    exitCode: 2,
    what: `The audit log ${join(folder, 'none/audit.jsonl')} cannot be written, so nothing was done.`,
  })
  writeFileSync(file, '')
  symlinkSync(file, join(folder, 'link'))
  expect(open('link').why).toContain('ELOOP')
  linkSync(file, join(folder, 'second'))
  expect(open('second').why).toContain('several names')
  expect(spawnSync('mkfifo', [join(folder, 'pipe')]).status).toBe(0)
  expect(open('pipe').exitCode).toBe(2)
  expect(refused(() => new AuditLog('/dev/null')).why).toBe('It is not a regular file.')
  if (!IS_ROOT) return
  const foreign = join(folder, 'foreign')
  writeFileSync(foreign, '')
  chownSync(foreign, NOBODY, NOBODY)
  expect(open('foreign').why).toBe(`It belongs to user ${NOBODY}.`)
})

test('a failure afterwards says that it was afterwards', () => {
  const log = new AuditLog(path())
  log.close()
  const error = refused(() => log.append({}, EXIT.nothing))
  expect(error).toMatchObject({ code: 'audit-failed', exitCode: 4 })
  expect(error.what).toContain('How it ended could not be written')
})
