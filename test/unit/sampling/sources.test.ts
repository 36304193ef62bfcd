import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { SourceFile } from '../../../src/profile/source-files.ts'
import { type Redactor, redactorFor } from '../../../src/redaction/redactor.ts'
import { openBeneath, type Reader } from '../../../src/sampling/open-beneath.ts'
import { Sources } from '../../../src/sampling/sources.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const NOBODY: Reader = { uid: 65_534, gids: [65_534] }

describe('a file beneath a folder', () => {
  function read(root: string, path: string, reader?: Reader): string {
    const opened = openBeneath(root, path, reader)
    if ('refused' in opened) return `refused: ${opened.refused}`
    const text = readFileSync(opened.fd, 'utf8')
    closeSync(opened.fd)
    return text
  }

  /** A folder `root` with a file, and a secret beside it. */
  function folder(): string {
    const outside = temporaryFolder()
    const root = join(outside, 'root')
    mkdirSync(join(root, 'srv'), { recursive: true })
    writeFileSync(join(outside, 'secret'), 'secret')
    writeFileSync(join(root, 'srv', 'app.py'), 'app')
    return root
  }

  test('is read by its path, links and all', () => {
    const root = folder()
    symlinkSync('/srv', join(root, 'absolute'))
    symlinkSync('../srv/./app.py', join(root, 'srv', 'relative'))
    for (const path of ['/srv/app.py', 'srv//./app.py', '/absolute/app.py', '/srv/relative']) {
      expect(read(root, path)).toBe('app')
    }
  })

  test('is never outside of it, whatever links and paths say', () => {
    const root = folder()
    symlinkSync('../../secret', join(root, 'up'))
    symlinkSync(join(root, '..', 'secret'), join(root, 'away'))
    symlinkSync('/proc/self/root', join(root, 'magic'))
    for (const path of ['../secret', '/../secret', 'srv/../../secret', 'up', 'away', 'magic/etc']) {
      expect(read(root, path)).toMatch(/^refused: is not there/)
    }
  })

  test('is a regular file, and a path that a path can be', () => {
    const root = folder()
    execFileSync('mkfifo', [join(root, 'fifo')])
    symlinkSync('loop', join(root, 'loop'))
    expect(read(root, 'srv')).toBe('refused: is a folder')
    expect(read(root, '/')).toBe('refused: is a folder')
    expect(read(root, 'fifo')).toBe('refused: is no regular file')
    expect(read(root, 'loop')).toBe('refused: has too many links')
    expect(read(root, 'srv/app.py/more')).toBe('refused: is not there')
    expect(read(root, 'a\0b')).toBe('refused: is no path')
    expect(read(root, 'x'.repeat(5000))).toBe('refused: is no path')
    expect(read(join(root, 'no'), 'app.py')).toBe('refused: is not there')
  })

  test('is one that the process itself might read', () => {
    const root = folder()
    const file = join(root, 'srv', 'app.py')
    const refused = 'refused: is not for the user of the process'
    chmodSync(file, 0o604)
    expect(read(root, 'srv/app.py', NOBODY)).toBe('app')
    chmodSync(file, 0o600)
    expect(read(root, 'srv/app.py', NOBODY)).toBe(refused)
    expect(read(root, 'srv/app.py', { ...NOBODY, readsSources: true })).toBe('app')
    expect(read(root, 'srv/app.py', { uid: process.getuid!(), gids: [] })).toBe('app')
    chmodSync(file, 0o040)
    const group = { uid: NOBODY.uid, gids: [process.getgid!()] }
    if (process.getuid!() === 0) expect(read(root, 'srv/app.py', group)).toBe('app')
    chmodSync(file, 0o644)
    chmodSync(join(root, 'srv'), 0o700)
    expect(read(root, 'srv/app.py', NOBODY)).toBe(refused)
    linkSync(join(root, '..', 'secret'), join(root, 'srv', 'plain'))
    chmodSync(join(root, 'srv', 'plain'), 0o600)
    expect(read(root, 'srv/plain', { ...NOBODY, readsSources: true })).toBe(refused)
    symlinkSync('plain', join(root, 'srv', 'named.py'))
    expect(read(root, 'srv/named.py', { ...NOBODY, readsSources: true })).toBe(refused)
  })

  test('leaves no descriptor open', () => {
    const root = folder()
    symlinkSync('/srv', join(root, 'absolute'))
    const before = readdirSync('/proc/self/fd').length
    for (const path of ['absolute/app.py', '../secret', 'srv/no', 'srv']) read(root, path)
    expect(readdirSync('/proc/self/fd')).toHaveLength(before)
  })
})

describe('sources', () => {
  const textOf = (sources: Sources, file: string, processes = [0]) =>
    [...sources.find(file, processes)].map((found) =>
      typeof found === 'string' ? found : found.text,
    )

  /** A process that waits, in a folder. */
  function waiting(cwd: string): ChildProcess {
    const child = spawn('sleep', ['60'], { cwd, stdio: 'ignore' })
    onTestFinished(() => void child.kill('SIGKILL'))
    return child
  }

  async function end(child: ChildProcess): Promise<void> {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  test('are found while the process lives, and when it has ended', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'app.py'), 'app')
    const child = waiting(folder)
    const sources = new Sources()
    sources.note(0, child.pid!)
    expect(textOf(sources, join(folder, 'app.py'))).toEqual(['app'])
    expect(textOf(sources, 'app.py')).toEqual(['app'])
    expect(textOf(sources, join(folder, 'no.py'))).toEqual([
      `No source: ${folder}/no.py is not there.`,
    ])
    await end(child)
    expect(textOf(sources, join(folder, 'app.py'))).toEqual(['app'])
    expect(textOf(sources, 'app.py')).toEqual(['app'])
  })

  test('of a process that nobody has seen are not guessed', () => {
    expect(textOf(new Sources(), '/etc/hostname')).toEqual([
      'No source: its process has ended, and its files with it. Name a folder that holds them: --source-root',
    ])
    expect(textOf(new Sources([temporaryFolder()]), '/etc/hostname')[0]).toContain('in none of')
  })

  test('that are younger than the process are doubted', () => {
    const folder = temporaryFolder()
    const old = join(folder, 'old.py')
    const late = join(folder, 'late.py')
    for (const file of [old, late]) writeFileSync(file, 'x')
    const child = waiting(folder)
    const sources = new Sources()
    sources.note(0, child.pid!)
    utimesSync(late, new Date(), new Date(Date.now() + 60_000))
    const doubtOf = (file: string) => {
      const [found] = sources.find(file, [0])
      return typeof found === 'object' && found.doubt
    }
    expect(doubtOf(old)).toBe('')
    expect(doubtOf(late)).toMatch(/^It was changed at 20\d\d-.*Z, after the process had started/)
  })

  test('may lie in a folder under another path: the longest end of it first', () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'shop'))
    writeFileSync(join(folder, 'shop', 'io.py'), 'right')
    writeFileSync(join(folder, 'io.py'), 'other')
    const sources = new Sources([folder])
    expect(textOf(sources, '/srv/app/shop/io.py', [])).toEqual([
      'right',
      'other',
      expect.stringContaining('No source'),
    ])
    expect(textOf(sources, '/srv/../shop/io.py', [])).toHaveLength(1)
  })

  test.each([
    ['latin-1', '# -*- coding: latin-1 -*-\nx = "\xe4"', 'latin1'],
    ['utf8', '#!/usr/bin/python\n# vim: set fileencoding=utf8 :\nx = "ä"', 'utf8'],
    ['none', 'x = "ä"', 'utf8'],
    ['unknown', '# coding: rot13\nx = "ä"', 'utf8'],
  ] as const)('are read in the encoding that they declare (%s)', (_, text, encoding) => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'a.py'), text, encoding)
    expect(textOf(new Sources([folder]), 'a.py', [])[0]).toBe(text)
  })

  test('are shown without the secrets in them, and not asked for where paths are redacted', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'app.py'), 'password = "hunter2"\nx = 1\n')
    const child = waiting(folder)
    const path = join(folder, 'app.py')
    const find = (redactor: Redactor, folders: readonly string[] = []) => {
      const sources = new Sources(folders, redactor)
      sources.note(0, child.pid!)
      return [...sources.find(path, [0])]
    }
    const [found] = find(redactorFor())
    expect(found).toMatchObject({ path })
    const { shown } = found as SourceFile
    expect(shown!('password = "hunter2"')).not.toContain('hunter2')
    expect(shown!('x = 1')).toBe('x = 1')
    const hidden = redactorFor({ paths: true })
    expect(find(hidden)).toEqual([expect.stringContaining('folders are left out of paths')])
    const [named] = find(hidden, [folder])
    expect(named).toMatchObject({ text: 'password = "hunter2"\nx = 1\n' })
    expect((named as SourceFile).path).not.toContain(folder)
  })

  test('that no one has written by hand are not read', () => {
    const folder = temporaryFolder()
    execFileSync('truncate', ['-s', '33M', join(folder, 'a.py')])
    const child = waiting(folder)
    const sources = new Sources()
    sources.note(0, child.pid!)
    expect(textOf(sources, 'a.py')[0]).toContain('is too large to be a source')
  })
})
