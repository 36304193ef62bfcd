import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readTrustedFile, UntrustedFile } from '../../../src/policy/trusted-file.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { IS_ROOT, NOBODY } from '../../support/users.ts'

const ME = process.geteuid!()

function policyIn(folder: string, text = 'locals = false\n', mode = 0o644): string {
  const file = join(folder, 'policy.toml')
  writeFileSync(file, text)
  chmodSync(file, mode)
  return file
}

function refused(path: string, user = ME): { why: string; hint: string } {
  try {
    readTrustedFile(path, user)
  } catch (error) {
    if (error instanceof UntrustedFile) return { why: error.message, hint: error.hint }
    throw error
  }
  throw new Error('This file is trusted.')
}

test.each([0o600, 0o644, 0o400, 0o755])('a file of the user with mode %o is read', (mode) => {
  expect(readTrustedFile(policyIn(temporaryFolder(), 'x', mode), ME)).toBe('x')
})

test('there may be none, nor its folder', () => {
  const folder = temporaryFolder()
  expect(readTrustedFile(join(folder, 'policy.toml'), ME)).toBeUndefined()
  expect(readTrustedFile(join(folder, 'none', 'policy.toml'), ME)).toBeUndefined()
})

test.each([0o666, 0o664, 0o646, 0o622])(
  'one that others may write, mode %o, is refused',
  (mode) => {
    const file = policyIn(temporaryFolder(), 'x', mode)
    const mine = refused(file)
    expect(mine.why).toBe(`others may write ${file} (mode ${mode.toString(8)})`)
    expect(mine.hint).toBe(`Run: chmod go-w ${file}`)
  },
)

test('one in a folder that others may write is refused, unless they may not replace it', () => {
  const folder = temporaryFolder()
  const inner = join(folder, 'inner')
  mkdirSync(inner)
  const file = policyIn(inner)
  chmodSync(folder, 0o777)
  expect(refused(file).why).toBe(`others may write ${folder} (mode 777)`)
  chmodSync(folder, 0o1777)
  expect(readTrustedFile(file, ME)).toContain('locals')
  chmodSync(inner, 0o775)
  expect(refused(file).why).toContain(inner)
})

test("neither another user's file nor one in their folder is trusted", () => {
  const folder = temporaryFolder()
  const file = policyIn(folder)
  const stranger = ME + 12_345
  if (ME !== 0) expect(refused(file, stranger).why).toContain(`belongs to user ${ME}, not to root`)
  if (!IS_ROOT) return
  chownSync(file, NOBODY, NOBODY)
  expect(refused(file)).toEqual({
    why: `${file} belongs to user ${NOBODY}, not to root`,
    hint: `Run: sudo chown 0 ${file}`,
  })
  expect(readTrustedFile(file, NOBODY)).toContain('locals')
  chownSync(file, 0, 0)
  chownSync(folder, NOBODY, NOBODY)
  expect(refused(file).why).toContain(`${folder} belongs to user ${NOBODY}`)
})

test('a link is followed, and where it leads and lies is looked at as well', () => {
  const open = temporaryFolder()
  const closed = temporaryFolder()
  const file = policyIn(closed)
  const link = join(open, 'link.toml')
  symlinkSync(file, link)
  expect(readTrustedFile(link, ME)).toContain('locals')
  chmodSync(open, 0o777)
  expect(refused(link).why).toContain(open)
  chmodSync(open, 0o755)
  chmodSync(file, 0o666)
  expect(refused(link).why).toContain(file)
  renameSync(file, `${file}.gone`)
  expect(refused(link).why).toContain('which is not there')
  symlinkSync(link, file)
  expect(refused(link).why).toContain('too many links')
})

test.skipIf(!IS_ROOT)("another user's link is not followed, wherever it lies", () => {
  const folder = temporaryFolder()
  const file = policyIn(temporaryFolder())
  const link = join(folder, 'link.toml')
  symlinkSync(file, link)
  lchownSync(link, NOBODY, NOBODY)
  chmodSync(folder, 0o1777)
  expect(refused(link).why).toContain(`${link} belongs to user ${NOBODY}`)
})

test('what is no regular file, no text or too long is refused', () => {
  const folder = temporaryFolder()
  const pipe = join(folder, 'pipe')
  expect(spawnSync('mkfifo', ['-m', '600', pipe]).status).toBe(0)
  expect(refused(pipe).why).toContain('not a regular file')
  expect(refused(folder).why).toContain('not a regular file')
  const file = policyIn(folder)
  writeFileSync(file, Buffer.of(0x61, 0xff))
  expect(refused(file).why).toContain('not a text in UTF-8')
  writeFileSync(file, 'x'.repeat(300_000))
  expect(refused(file).why).toContain('300000 bytes')
})
