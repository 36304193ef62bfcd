import { describe, expect, test } from 'vitest'
import { redactorFor } from '../../../src/redaction/redactor.ts'
import {
  commandOf,
  isForeground,
  isKernelThread,
  PROC,
  pids,
  quoteCommand,
  readStatus,
} from '../../../src/sampling/proc.ts'
import { fakeProc } from '../../support/fake-proc.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe('readStatus', () => {
  test('reads the fields of a process', () => {
    const proc = fakeProc(temporaryFolder(), {
      42: {
        name: 'my app',
        state: 'Z',
        uid: 7,
        capabilities: 0x80000n,
        boundingCapabilities: 0x90000n,
        noNewPrivileges: true,
        seccomp: 2,
        tracer: 9,
        namespacePids: [42, 7],
        processors: '0-3,8',
      },
    })
    expect(readStatus(proc, 42)).toEqual({
      name: 'my app',
      state: 'Z',
      tgid: 42,
      uids: [7, 7, 7, 7],
      gids: [8, 8, 8, 8],
      groups: [8, 9],
      threads: 3,
      effectiveCapabilities: 0x80000n,
      permittedCapabilities: 0x80000n,
      boundingCapabilities: 0x90000n,
      noNewPrivileges: true,
      seccomp: 2,
      tracer: 9,
      namespacePids: [42, 7],
      processors: '0-3,8',
    })
  })

  test('is undefined for a process that is not there', () => {
    expect(readStatus(fakeProc(temporaryFolder(), {}), 42)).toBeUndefined()
  })

  test('agrees with what Node knows of this very process', () => {
    const status = readStatus(PROC, 'self')
    expect(status?.tgid).toBe(process.pid)
    expect(status?.uids[0]).toBe(process.getuid?.())
    expect(status?.threads).toBeGreaterThan(0)
  })
})

test('pids are the numbers in /proc, in order', () => {
  const proc = fakeProc(temporaryFolder(), { 10: {}, 9: {}, self: {} }, { 'sys/x': '' })
  expect(pids(proc)).toEqual([9, 10])
  expect(pids(PROC)).toContain(process.pid)
})

test('a kernel thread is known by its flag, whatever its name', () => {
  const proc = fakeProc(temporaryFolder(), {
    2: { name: 'a) S 1 (b', flags: 0x0020_8040 },
    42: { name: 'a) S 1 (b', flags: 0x0040_0000 },
  })
  expect(isKernelThread(proc, 2)).toBe(true)
  expect(isKernelThread(proc, 42)).toBe(false)
})

describe('isForeground', () => {
  const withStat = (stat: string) => fakeProc(temporaryFolder(), {}, { 'self/stat': stat })

  test('is true when the terminal belongs to our process group', () => {
    expect(isForeground(withStat('9 (node) S 1 50 50 34816 50 0'))).toBe(true)
  })

  test('is false when the terminal belongs to another group', () => {
    expect(isForeground(withStat('9 (node) S 1 50 50 34816 77 0'))).toBe(false)
  })

  test('is false without a terminal', () => {
    expect(isForeground(withStat('9 (node) S 1 50 50 0 -1 0'))).toBe(false)
    expect(isForeground(fakeProc(temporaryFolder(), {}))).toBe(false)
  })
})

describe('commandOf', () => {
  const command = (cmdline: string) =>
    commandOf(fakeProc(temporaryFolder(), { 42: { name: 'worker', cmdline } }), 42, redactorFor())

  test('quotes what a shell would split', () => {
    expect(command('python3\0-c\0print("a b")\0--x=1\0')).toBe(`python3 -c 'print("a b")' --x=1`)
  })

  test('keeps empty arguments', () => {
    expect(command('python3\0\0x\0')).toBe("python3 '' x")
  })

  test('takes a title that the process has written over its arguments as it is', () => {
    expect(command('gunicorn: worker [app]')).toBe('gunicorn: worker [app]')
  })

  test('leaves secrets out, of arguments and of titles', () => {
    expect(command('app\0--token\0x\0')).toBe("app --token '<redacted>'")
    expect(command('app: password=x y')).toBe('app: password=<redacted>')
  })

  test('cuts a title of any length where one can see it', () => {
    expect(command('x'.repeat(100_000))).toBe(`${'x'.repeat(4096)}…`)
  })

  test('falls back to the name', () => {
    expect(command('')).toBe('[worker]')
  })
})

test('a command line of any length is cut where one can see it', () => {
  const line = quoteCommand(['python3', 'x'.repeat(100_000)])
  expect(line).toHaveLength(4097)
  expect(line.endsWith('x…')).toBe(true)
  expect(quoteCommand(["it's"])).toBe("'it'\\''s'")
})
