import { describe, expect, test } from 'vitest'
import { redactorFor } from '../../../src/redaction/redactor.ts'
import type { Probe } from '../../../src/sampling/addon.ts'
import { type Check, canRecord } from '../../../src/sampling/diagnosis.ts'
import { readMachine } from '../../../src/sampling/machine.ts'
import { diagnoseTarget } from '../../../src/sampling/target-checks.ts'
import { type FakeProcess, fakeProc, ROOT, USER } from '../../support/fake-proc.ts'
import { ProbingAddon, readable } from '../../support/probing-addon.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

interface Case {
  readonly probe: Probe
  /** undefined: there is no such process. */
  readonly target?: FakeProcess | undefined
  readonly self?: FakeProcess
  readonly files?: Readonly<Record<string, string>>
  readonly processors?: readonly number[]
}

function diagnose({ probe, target, self = USER, files = {}, processors = [0, 1, 2, 3] }: Case) {
  const own = { tgid: process.pid, ...self }
  const all = { 'self/schedstat': '1 2 3\n', ...files }
  const proc = fakeProc(temporaryFolder(), { self: own, ...(target && { 42: target }) }, all)
  const addon = new ProbingAddon({ 42: probe }, {}, processors)
  return diagnoseTarget(42, readMachine(proc), addon, proc, redactorFor())
}

function checkOf({ checks }: { checks: readonly Check[] }, id: string): Check {
  const found = checks.filter((each) => each.id === id)
  expect(found, id).toHaveLength(1)
  return found[0]!
}

const ids = ({ checks }: { checks: readonly Check[] }) => checks.map(({ id }) => id)
const PYTHON = { exe: '/usr/bin/python3.14', uid: 1000 }
const refused = (code: Extract<Probe, { ok: false }>['code'], detail = ''): Probe => ({
  ok: false,
  code,
  detail,
})

test('a Python that can be read', () => {
  const found = diagnose({
    probe: readable('3.14.2'),
    target: { ...PYTHON, tracer: 9, state: 'T' },
  })
  expect(found.target).toEqual({
    pid: 42,
    command: 'python3 app.py',
    uid: 1000,
    state: 'T',
    threads: 3,
    container: null,
    pythonVersion: '3.14.2',
    freeThreaded: false,
    remoteDebugging: true,
    processors: '0-3',
  })
  expect(canRecord(found.checks)).toBe(true)
  expect(found.checks.map(({ id, verdict }) => `${verdict} ${id}`)).toEqual([
    'yes readable',
    'yes python',
    'note target-user',
    'note target-container',
    'note stopped',
    'note debugger',
    'yes exact',
    'note remote-debugging',
  ])
  expect(checkOf(found, 'debugger').text).toContain('process 9')
})

describe('a target that is no process', () => {
  test('no such process', () => {
    const found = diagnose({ probe: refused('no-such-process') })
    expect(found.target).toBeNull()
    expect(ids(found)).toEqual(['process'])
    expect(checkOf(found, 'process').text).toContain('pyprof ps')
    expect(canRecord(found.checks)).toBe(false)
  })

  test('in a container it may be outside', () => {
    const self = { ...ROOT, pidNamespace: 'pid:[4026532000]' }
    const found = diagnose({ probe: refused('no-such-process'), self })
    const lines = checkOf(found, 'process').remedies.map(({ line }) => line)
    expect(lines).toContain('shareProcessNamespace: true')
  })

  test.each([
    ['a zombie', { state: 'Z' }, 'has ended'],
    ['a thread', { tgid: 40 }, 'pyprof record --pid 40'],
    ['a kernel thread', { flags: 0x0020_8040, cmdline: '' }, 'kernel thread'],
  ])('%s', (_, target, words) => {
    const found = diagnose({ probe: refused('not-python'), target })
    expect(found.target).toBeNull()
    expect(checkOf(found, 'process').text).toContain(words)
  })
})

describe('a target that cannot be read', () => {
  test("another user's: every place has its line, with the pid", () => {
    const probe = refused('permission', '/proc/42/maps')
    const found = diagnose({ probe, target: { ...ROOT, exe: '/usr/bin/python3.14' } })
    expect(found.target).toMatchObject({ uid: 0, pythonVersion: '', freeThreaded: null })
    const readable = checkOf(found, 'readable')
    expect(readable).toMatchObject({ verdict: 'no', needed: true })
    expect(readable.text).toContain('It belongs to user 0, pyprof runs as user 1000')
    expect([...new Set(readable.remedies.map(({ place }) => place))]).toHaveLength(5)
    expect(readable.remedies[0]?.line).toContain('--pid 42')
    expect(ids(found)).not.toContain('exact')
    expect(checkOf(found, 'remote-debugging').verdict).toBe('unknown')
  })

  test('refused by no known rule: the hint of the error', () => {
    const probe = refused('permission', 'process_vm_readv')
    const found = diagnose({ probe, target: PYTHON })
    expect(checkOf(found, 'readable')).toMatchObject({ remedies: [] })
    expect(checkOf(found, 'readable').text).toContain('dmesg')
  })

  test('another version: its memory was read', () => {
    const found = diagnose({ probe: refused('unsupported-version', '3.11.7'), target: PYTHON })
    expect(checkOf(found, 'readable').verdict).toBe('yes')
    expect(checkOf(found, 'python').text).toContain('runs Python 3.11.7')
    expect(checkOf(found, 'python').remedies.map(({ line }) => line)).toContain('FROM python:3.14')
    expect(canRecord(found.checks)).toBe(false)
    expect(ids(found)).not.toContain('remote-debugging')
  })

  test.each(['not-python', 'not-started', 'bad-layout'] as const)('%s', (code) => {
    const found = diagnose({ probe: refused(code, 'x'), target: PYTHON })
    expect(checkOf(found, 'readable').verdict).toBe('yes')
    expect(checkOf(found, 'python')).toMatchObject({ verdict: 'no', needed: true })
  })
})

describe('exact', () => {
  const exact = (parts: Partial<Case>) =>
    checkOf(diagnose({ probe: readable('3.14.2'), target: PYTHON, ...parts }), 'exact')

  test('needs processors on which pyprof may run', () => {
    const found = exact({ processors: [0, 1] })
    expect(found).toMatchObject({ verdict: 'no', needed: false })
    expect(found.text).toContain('processors 2-3')
    expect(found.remedies.map(({ line }) => line)).toContain('docker run --cpuset-cpus=0-3 …')
  })

  test('counts the processors of every thread', () => {
    const target = { ...PYTHON, processors: '0' }
    const files = { '42/task/43/status': 'Cpus_allowed_list:\t5-6\n' }
    expect(exact({ target, processors: [0, 5] }).verdict).toBe('yes')
    expect(exact({ target, files, processors: [0, 5] }).text).toContain('processors 6:')
  })

  test('needs a GIL', () => {
    expect(exact({ probe: readable('3.14.2', { freeThreaded: true }) }).verdict).toBe('no')
  })

  test('needs run counts', () => {
    expect(exact({ files: { 'self/schedstat': '' } }).verdict).toBe('no')
  })
})

describe('remote debugging', () => {
  const text = (probe: Probe, parts: Partial<Case> = {}) =>
    checkOf(diagnose({ probe, target: PYTHON, ...parts }), 'remote-debugging').text
  const off = readable('3.14.2', { remoteDebugging: false })

  test('is not in 3.13', () => {
    expect(text(readable('3.13.9'))).toContain('came with Python 3.14')
  })

  test('is on', () => {
    expect(text(readable('3.14.2'))).toContain('is on')
  })

  test('is off, by what can be seen', () => {
    const target = { ...PYTHON, cmdline: 'python3\0-X\0disable-remote-debug\0app.py\0' }
    expect(text(off, { target })).toContain('off, by -X disable-remote-debug')
    const files = { '42/environ': 'PYTHON_DISABLE_REMOTE_DEBUG=1\0' }
    expect(text(off, { files })).toContain('off, by PYTHON_DISABLE_REMOTE_DEBUG')
  })

  test('is off, and nothing tells why', () => {
    expect(text(off)).toContain('neither its arguments nor its environment tell why')
  })

  test('is not claimed where it cannot be seen', () => {
    const denied = refused('permission', '/proc/42/maps')
    expect(text(denied, { target: { ...ROOT } })).toContain('cannot be seen')
  })
})

test('the container and the pid in it', () => {
  const id = 'c'.repeat(64)
  const target = { ...PYTHON, namespacePids: [42, 7] }
  const files = { '42/cgroup': `0::/docker/${id}\n` }
  const found = diagnose({ probe: readable('3.14.2'), target, files })
  expect(checkOf(found, 'target-container').text).toBe(
    `it runs in docker ${id}, where it is process 7`,
  )
})
