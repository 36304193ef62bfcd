import { expect, test } from 'vitest'
import { redactorFor } from '../../../src/redaction/redactor.ts'
import type { Probe } from '../../../src/sampling/addon.ts'
import { pythonProcesses } from '../../../src/sampling/python-processes.ts'
import { type FakeProcess, fakeProc, ROOT, USER } from '../../support/fake-proc.ts'
import { NOT_PYTHON, ProbingAddon, readable } from '../../support/probing-addon.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const DENIED: Probe = { ok: false, code: 'permission', detail: '/proc/42/maps' }
const SELF = { ...USER, tgid: process.pid }
const ID = 'c'.repeat(64)

interface Machine {
  readonly processes: Readonly<Record<number, FakeProcess>>
  readonly answers?: Readonly<Record<number, Probe>>
  readonly hidden?: Readonly<Record<number, Probe>>
  readonly files?: Readonly<Record<string, string>>
  readonly self?: FakeProcess
  readonly all?: boolean
}

function list({ processes, answers = {}, hidden = {}, files = {}, self = SELF, all }: Machine) {
  const proc = fakeProc(temporaryFolder(), { self, ...processes }, files)
  const addon = new ProbingAddon(answers, hidden)
  return { ...pythonProcesses(addon, proc, all ?? false, redactorFor()), searched: addon.searched }
}

test('lists what is Python, by pid, and says nothing of the rest', () => {
  const { processes, unknown } = list({
    processes: {
      9: { cmdline: 'service\0' },
      10: { cmdline: 'python3\0app.py\0', namespacePids: [10, 1] },
      11: { cmdline: 'bash\0' },
      [process.pid]: {},
    },
    answers: {
      9: readable('3.13.2'),
      10: readable('3.14.0'),
      11: NOT_PYTHON,
      [process.pid]: readable('3.14.0'),
    },
    files: { '10/cgroup': `0::/docker/${ID}\n` },
  })
  expect(unknown).toBe(0)
  expect(processes).toEqual([
    {
      pid: 9,
      certainty: 'python',
      pythonVersion: '3.13.2',
      threads: 3,
      uid: 1000,
      container: null,
      readable: true,
      code: '',
      reason: '',
      command: 'service',
    },
    {
      pid: 10,
      certainty: 'python',
      pythonVersion: '3.14.0',
      threads: 3,
      uid: 1000,
      container: { runtime: 'docker', id: ID, pod: '', pidInside: 1 },
      readable: true,
      code: '',
      reason: '',
      command: 'python3 app.py',
    },
  ])
})

test.each<[Probe, string, string]>([
  [
    { ok: false, code: 'unsupported-version', detail: '3.11.7' },
    '3.11.7',
    'this version is not supported',
  ],
  [{ ok: false, code: 'not-started', detail: '3.14.0' }, '', 'no interpreter runs in it'],
  [{ ok: false, code: 'bad-layout', detail: 'frame.size' }, '', 'table is damaged: frame.size'],
])('a Python that cannot be read is listed with the reason: %j', (probe, version, reason) => {
  const { processes } = list({ processes: { 42: {} }, answers: { 42: probe } })
  expect(processes).toMatchObject([
    {
      certainty: 'python',
      pythonVersion: version,
      readable: false,
      code: probe.ok ? '' : probe.code,
      reason: expect.stringContaining(reason),
    },
  ])
})

test.each<FakeProcess>([
  { name: 'python3.13' },
  { name: 'app', cmdline: '/usr/bin/python3\0app.py\0' },
  { name: 'app', cmdline: 'app\0', exe: '/opt/pypy/bin/pypy3' },
])("another user's process that looks like Python is listed as that, and no more: %j", (target) => {
  const { processes, unknown } = list({
    processes: { 42: { ...ROOT, ...target } },
    answers: { 42: DENIED },
  })
  expect(unknown).toBe(0)
  expect(processes).toMatchObject([
    {
      certainty: 'looks-like-python',
      pythonVersion: '',
      readable: false,
      code: 'permission',
      reason: 'it belongs to user 0',
    },
  ])
})

test('what cannot be looked at and has another name is counted, and listed when asked for', () => {
  const machine = {
    processes: {
      42: { ...ROOT, name: 'app', cmdline: '/opt/python-tools/app\0python\0' },
      43: { ...ROOT, name: 'kworker/0:1', cmdline: '', flags: 0x0020_8040 },
      44: { ...ROOT, name: 'ended', cmdline: '', state: 'Z' },
    },
    answers: { 42: DENIED, 43: DENIED, 44: DENIED },
  }
  expect(list(machine)).toMatchObject({ processes: [], unknown: 1 })
  expect(list({ ...machine, all: true })).toMatchObject({
    processes: [{ pid: 42, certainty: 'unknown', pythonVersion: '', code: 'permission' }],
    unknown: 1,
  })
})

test('memory is searched only where files do not tell and something looks like Python', () => {
  const found = list({
    processes: {
      41: { name: 'browser', cmdline: 'browser\0' },
      42: { name: 'server', cmdline: 'server\0' },
      43: { name: 'python-agent', cmdline: 'agent\0' },
    },
    hidden: { 41: NOT_PYTHON, 42: readable('3.14.0'), 43: NOT_PYTHON },
    files: {
      '41/maps':
        '7f00-7f01 rw-p 0 0:5 9 /memfd:x (deleted)\n7f00-7f01 r--p 0 8:1 8 /srv/python/x\n',
      '42/maps':
        '7f00-7f01 r--p 0 8:1 9 /opt/lib/libpython3.14.so.1.0 (deleted)\n7f01-7f02 rw-p 0\n',
    },
  })
  expect(found.searched).toEqual([42, 43])
  expect(found.processes).toMatchObject([{ pid: 42, pythonVersion: '3.14.0' }])
})

test('a process that ends meanwhile is no error', () => {
  const gone: Probe = { ok: false, code: 'no-such-process', detail: '' }
  const root = { processes: { 42: { state: 'Z' }, 43: {} } }
  const answers = { 42: readable('3.14.0'), 43: gone }
  expect(list({ ...root, answers })).toMatchObject({ processes: [], unknown: 0 })
})

test('what /proc hides is told: it is not even counted', () => {
  const files = { 'self/mounts': 'proc /proc proc rw,nosuid,hidepid=invisible 0 0\n' }
  expect(list({ processes: {}, files }).othersHidden).toBe(true)
  expect(list({ processes: {}, files, self: { ...SELF, ...ROOT } }).othersHidden).toBe(false)
  expect(list({ processes: {} }).othersHidden).toBe(false)
})

test('another pid namespace in /proc is an error: its numbers would name other processes', () => {
  expect(() => list({ processes: {}, self: { ...USER, tgid: process.pid + 1 } })).toThrow(
    expect.objectContaining({ code: 'foreign-proc', exitCode: 3 }),
  )
})
