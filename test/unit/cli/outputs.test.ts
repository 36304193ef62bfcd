import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  defaultPath,
  type Output,
  type OutputRequest,
  planOutputs,
} from '../../../src/commands/record/outputs.ts'
import { writeOutput } from '../../../src/commands/record/write-output.ts'
import { PyprofError } from '../../../src/errors.ts'
import { formatNamed } from '../../../src/formats/index.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const format = formatNamed('collapsed')!
const request = (path: string, isDefault = false): OutputRequest => ({ path, format, isDefault })
const plan = (path: string, isDefault = false): Output =>
  planOutputs([request(path, isDefault)])[0]!
const noStdout = () => {
  throw new Error('This is no output to stdout.')
}
const write = (output: Output, pieces: Iterable<string | Uint8Array>) =>
  writeOutput(output, pieces, noStdout)

function refusal(...paths: string[]): string {
  try {
    planOutputs(paths.map((path) => request(path)))
  } catch (error) {
    if (!(error instanceof PyprofError)) throw error
    expect(error.exitCode).toBe(2)
    return `${error.what} ${error.why} ${error.hint}`
  }
  throw new Error('These outputs are taken.')
}

/** Root may write everything; as another user it may not. */
function asOrdinaryUser(work: () => void): void {
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  try {
    work()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}

describe('planning', () => {
  test('leaves no file behind and changes none', () => {
    const folder = temporaryFolder()
    const old = join(folder, 'old')
    writeFileSync(old, 'precious')
    planOutputs([request(old), request(join(folder, 'new')), request(join(folder, 'def'), true)])
    expect(readdirSync(folder)).toEqual(['old'])
    expect(readFileSync(old, 'utf8')).toBe('precious')
  })

  test('finds that a folder is missing', () => {
    const folder = temporaryFolder()
    const text = refusal(join(folder, 'a', 'b.txt'))
    expect(text).toContain('(ENOENT)')
    expect(text).toContain(`mkdir -p ${join(folder, 'a')}`)
  })

  test('finds a folder where a file should be', () => {
    const folder = temporaryFolder()
    expect(refusal(folder)).toContain('it is a folder')
    expect(refusal(`${join(folder, 'a')}/`)).toContain('it is a folder')
  })

  test('finds a file where a folder should be', () => {
    const file = join(temporaryFolder(), 'file')
    writeFileSync(file, '')
    expect(refusal(join(file, 'b.txt'))).toContain('(ENOTDIR)')
  })

  test('finds a file system that takes no files', () => {
    expect(refusal('/proc/pyprof.txt')).toContain('/proc/pyprof.txt cannot be written.')
  })

  test('finds a name that is too long', () => {
    expect(refusal(join(temporaryFolder(), 'x'.repeat(300)))).toContain('(ENAMETOOLONG)')
  })

  test('finds an old file that may not be written, though it could be replaced', () => {
    const folder = temporaryFolder()
    const file = join(folder, 'file')
    writeFileSync(file, 'precious')
    chmodSync(file, 0o444)
    chmodSync(folder, 0o777)
    asOrdinaryUser(() => expect(refusal(file)).toContain('permission denied (EACCES)'))
  })

  test('finds a folder that takes no new file', () => {
    const folder = temporaryFolder()
    chmodSync(folder, 0o555)
    asOrdinaryUser(() => expect(refusal(join(folder, 'new'))).toContain('(EACCES)'))
  })

  test('takes a file that may be written in a folder that takes no new one', () => {
    const folder = temporaryFolder()
    const file = join(folder, 'file')
    writeFileSync(file, 'a longer text than the new one')
    chmodSync(file, 0o666)
    chmodSync(folder, 0o555)
    asOrdinaryUser(() => expect(write(plan(file), ['new']).bytes).toBe(3))
    expect(readFileSync(file, 'utf8')).toBe('new')
  })

  test('finds one file under two names', () => {
    const folder = temporaryFolder()
    const file = join(folder, 'file')
    writeFileSync(file, '')
    symlinkSync(file, join(folder, 'link'))
    expect(refusal(file, join(folder, '.', 'file'))).toContain('is named twice')
    expect(refusal(file, join(folder, 'link'))).toContain('is named twice')
    expect(refusal('-', '-')).toContain('is named twice')
  })
})

describe('writing', () => {
  test('joins pieces of text and bytes, and counts the bytes', () => {
    const path = join(temporaryFolder(), 'out')
    const pieces = ['grün ', Uint8Array.of(0x41, 0x42), 'x'.repeat(200_000), 'end']
    expect(write(plan(path), pieces)).toEqual({ path, bytes: 6 + 2 + 200_000 + 3 })
    expect(readFileSync(path, 'utf8')).toBe(`grün AB${'x'.repeat(200_000)}end`)
  })

  test('replaces an old file as a whole, with its permissions', () => {
    const folder = temporaryFolder()
    const path = join(folder, 'out')
    writeFileSync(path, 'a much longer text than the new one')
    chmodSync(path, 0o640)
    const inode = statSync(path).ino
    write(plan(path), ['new'])
    expect(readFileSync(path, 'utf8')).toBe('new')
    expect(statSync(path).mode & 0o777).toBe(0o640)
    expect(statSync(path).ino).not.toBe(inode)
    expect(readdirSync(folder)).toEqual(['out'])
  })

  test('keeps the old file when the new one fails half-way, and leaves no other', () => {
    const folder = temporaryFolder()
    const path = join(folder, 'out')
    writeFileSync(path, 'old')
    function* failing() {
      yield 'x'.repeat(100_000)
      throw new Error('half-way')
    }
    expect(() => write(plan(path), failing())).toThrow('half-way')
    expect(readFileSync(path, 'utf8')).toBe('old')
    expect(readdirSync(folder)).toEqual(['out'])
  })

  test('writes through a symbolic link', () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'data'))
    const file = join(folder, 'data', 'file')
    writeFileSync(file, 'old')
    symlinkSync(file, join(folder, 'link'))
    write(plan(join(folder, 'link')), ['new'])
    expect(readFileSync(file, 'utf8')).toBe('new')
    expect(readlinkSync(join(folder, 'link'))).toBe(file)
  })

  test('never replaces a file by one of a default name', () => {
    const folder = temporaryFolder()
    const path = join(folder, 'pyprof-3.14-1.speedscope.json')
    const output = plan(path, true)
    writeFileSync(path, 'someone was faster')
    expect(write(output, ['a']).path).toBe(join(folder, 'pyprof-3.14-1-2.speedscope.json'))
    expect(write(output, ['b']).path).toBe(join(folder, 'pyprof-3.14-1-3.speedscope.json'))
    expect(readFileSync(path, 'utf8')).toBe('someone was faster')
  })

  test('writes to a device without replacing it', () => {
    expect(plan('/dev/null').place.kind).toBe('direct')
    expect(write(plan('/dev/null'), ['abc']).bytes).toBe(3)
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
  })

  test('gives the error of a full disk', () => {
    expect(() => write(plan('/dev/full'), ['abc'])).toThrow(
      expect.objectContaining({ code: 'ENOSPC' }),
    )
  })

  test('hands bytes to stdout, and takes a reader that has gone for done', () => {
    const got: Uint8Array[] = []
    const stdout = plan('-')
    const big = 'x'.repeat(100_000)
    expect(writeOutput(stdout, [big, 'end'], (data) => got.push(data))).toEqual({
      path: '-',
      bytes: 100_003,
    })
    expect(Buffer.concat(got).toString()).toBe(`${big}end`)
    const gone = () => {
      throw Object.assign(new Error('EPIPE: broken pipe, write'), { code: 'EPIPE', errno: -32 })
    }
    expect(writeOutput(stdout, ['a'], gone)).toEqual({ path: '-', bytes: 0 })
  })
})

test('default names tell target and local time', () => {
  const time = new Date(2026, 0, 2, 3, 4, 5)
  expect(defaultPath('42', format, time)).toBe('pyprof-42-20260102-030405.collapsed')
  expect(defaultPath('/usr/bin/py thon', format, time)).toBe(
    'pyprof-py_thon-20260102-030405.collapsed',
  )
})
