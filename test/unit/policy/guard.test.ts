import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PyprofError, usageError } from '../../../src/errors.ts'
import { Guard, type Intent, underPermission } from '../../../src/policy/guard.ts'
import { parsePolicy } from '../../../src/policy/parse.ts'
import { redactorFor } from '../../../src/redaction/redactor.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

function guardBy(...texts: readonly string[]): Guard {
  return new Guard({
    policies: texts.map((text, at) => parsePolicy(text, `/policy-${at}.toml`)),
    redactor: redactorFor(),
    profileRedactor: redactorFor({ paths: true }),
    invoker: { uid: 0, name: 'root', person: { uid: 1000, name: 'ada' } },
    namesOf: () => [],
    exporter: 'pyprof@1',
    argv: ['record', '--pid', '42', '--title', 'token=hunter2'],
  })
}

const INTENT: Intent = {
  actions: ['record'],
  target: {
    pid: 42,
    uids: [33],
    arguments: ['python3', 'app.py', '--password', 'hunter2'],
    executable: '/usr/bin/python3.14',
    container: { runtime: 'docker', id: '4f', pod: '', pidInside: 0 },
  },
  duration: 30e9,
  details: { read: 'auto' },
}

const linesOf = (file: string) =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

function thrown(work: () => unknown): PyprofError {
  try {
    work()
  } catch (error) {
    if (error instanceof PyprofError) return error
    throw error
  }
  throw new Error('Nothing was thrown.')
}

test('without a policy all is allowed, and nothing is logged', () => {
  const guard = guardBy()
  expect(guard).toMatchObject({ timeLimit: 0, auditLogs: [] })
  guard.authorize(INTENT).end({ result: 'done', reason: '' })
})

test('what is allowed is logged before it is done, and how it ended after', () => {
  const file = join(temporaryFolder(), 'audit.jsonl')
  const permission = guardBy(`[audit]\nfile = "${file}"`, 'time-limit = "1m"').authorize(INTENT)
  expect(permission.timeLimit).toBe(60e9)
  const [begin] = linesOf(file)
  expect(begin).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    id: expect.stringMatching(/^[0-9a-f]{16}$/),
    event: 'begin',
    actions: ['record'],
    pid: 42,
    command: "python3 app.py --password '<redacted>'",
    executable: '/usr/bin/python3.14',
    targetUid: 33,
    container: 'docker:4f',
    uid: 0,
    user: 'root',
    login: 'ada',
    subprocesses: false,
    durationNs: 30e9,
    details: { read: 'auto' },
    invocation: "pyprof record --pid 42 --title 'token=<redacted>'",
    profiler: process.pid,
    exporter: 'pyprof@1',
    host: expect.any(String),
    policies: ['/policy-0.toml', '/policy-1.toml'],
    result: 'allowed',
    reason: '',
  })
  permission.end({ result: 'done', reason: 'duration' })
  permission.end({ result: 'failed', reason: 'again' })
  const lines = linesOf(file)
  expect(lines).toHaveLength(2)
  expect(lines[1]).toEqual({
    time: expect.any(String),
    id: begin!.id,
    event: 'end',
    actions: ['record'],
    pid: 42,
    result: 'done',
    reason: 'duration',
  })
})

test('what is refused is logged too', () => {
  const file = join(temporaryFolder(), 'audit.jsonl')
  const guard = guardBy(`[audit]\nfile = "${file}"`, '[[deny]]\nreason = "no"')
  const error = thrown(() => guard.authorize(INTENT))
  expect(error).toMatchObject({
    code: 'forbidden',
    exitCode: 3,
    what: 'A policy forbids it: record of process 42.',
    why: '/policy-1.toml, line 1: It forbids record here: no.',
  })
  expect(linesOf(file)).toMatchObject([
    { event: 'begin', result: 'refused', reason: '/policy-1.toml:1: It forbids record here: no' },
  ])
})

test('the strictest of several policies holds, and each has its log', () => {
  const folder = temporaryFolder()
  const log = (name: string) => `[audit]\nfile = "${join(folder, name)}"`
  const guard = guardBy(
    `time-limit = "5m"\n${log('{uid}.jsonl')}`,
    `time-limit = "1m"\n${log('b')}`,
    log('b'),
  )
  expect(guard).toMatchObject({ timeLimit: 60e9 })
  expect(guard.auditLogs).toEqual([join(folder, '0.jsonl'), join(folder, 'b')])
  guard.authorize(INTENT).end({ result: 'done', reason: '' })
  expect(linesOf(join(folder, '0.jsonl'))).toHaveLength(2)
  expect(linesOf(join(folder, 'b'))).toHaveLength(2)
})

test('nothing is allowed whose log cannot be written', () => {
  const folder = temporaryFolder()
  const good = join(folder, 'good.jsonl')
  const guard = guardBy(`[audit]\nfile = "${good}"`, `[audit]\nfile = "${folder}/none/x"`)
  expect(thrown(() => guard.authorize(INTENT))).toMatchObject({ code: 'audit-failed', exitCode: 2 })
  // Nothing was said to be allowed either.
  expect(statSync(good).size).toBe(0)
  expect(thrown(() => guardBy('[audit]\nfile = "/dev/full"').authorize(INTENT)).exitCode).toBe(2)
})

test('a log that is moved away meanwhile gets its ending all the same', () => {
  const file = join(temporaryFolder(), 'audit.jsonl')
  const permission = guardBy(`[audit]\nfile = "${file}"`).authorize(INTENT)
  renameSync(file, `${file}.1`)
  writeFileSync(file, '')
  permission.end({ result: 'done', reason: '' })
  expect(linesOf(`${file}.1`)).toHaveLength(2)
})

test('work under a permission ends it, however it ends', async () => {
  const file = join(temporaryFolder(), 'audit.jsonl')
  const guard = guardBy(`[audit]\nfile = "${file}"`)
  const ending = () => linesOf(file).at(-1)
  expect(await underPermission(guard.authorize(INTENT), async () => 7)).toBe(7)
  expect(ending()).toMatchObject({ event: 'end', result: 'done', reason: '' })
  const note = () => ({ result: 'failed', reason: 'interrupted' }) as const
  await underPermission(guard.authorize(INTENT), async () => 7, note)
  expect(ending()).toMatchObject({ result: 'failed', reason: 'interrupted' })
  const fail = async () => {
    throw usageError('What.', 'Why.', 'Hint.')
  }
  await expect(underPermission(guard.authorize(INTENT), fail)).rejects.toThrow('What. Why.')
  expect(ending()).toMatchObject({ result: 'failed', reason: 'usage' })
  const bug = async () => {
    throw new TypeError('x')
  }
  await expect(underPermission(guard.authorize(INTENT), bug)).rejects.toThrow('x')
  expect(ending()).toMatchObject({ result: 'failed', reason: 'TypeError' })
})

test('a failing log hides neither itself nor what failed before', async () => {
  const failing = {
    timeLimit: 0,
    end: () => {
      throw usageError('The log failed.', 'Its disk is full.', 'Mend it.')
    },
  }
  const fail = async () => {
    throw usageError('The work failed.', 'So it is.', 'Hint.')
  }
  const error = await underPermission(failing, fail).catch((each: unknown) => each)
  expect(error).toMatchObject({
    what: 'The log failed.',
    why: 'Its disk is full. It ended so: The work failed. So it is.',
  })
  await expect(underPermission(failing, async () => 7)).rejects.toThrow('The log failed.')
})
