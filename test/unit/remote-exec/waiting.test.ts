import { describe, expect, test } from 'vitest'
import { type Activity, activityOf, whyItWaits } from '../../../src/remote-exec/activity.ts'
import { maySearch } from '../../../src/remote-exec/owner.ts'
import { PROC } from '../../../src/sampling/proc.ts'
import { fakeProc } from '../../support/fake-proc.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const SLEEPING: Activity = { state: 'S', ran: 5e6, runs: 7, call: 'epoll_wait' }
const why = (now: Partial<Activity>) => whyItWaits(SLEEPING, { ...SLEEPING, ...now })

describe('why a thread does not come by', () => {
  test.each<[string, Partial<Activity>, RegExp]>([
    ['it sleeps', {}, /^sleeps in epoll_wait; the script runs when it wakes up$/],
    ['nobody knows where', { call: '' }, /^sleeps; /],
    ['it sleeps now and then', { ran: 5.1e6, runs: 8 }, /^sleeps in epoll_wait/],
    ['C code', { state: 'R', ran: 90e6 }, /^runs C code/],
    ['C code that sleeps a little', { ran: 90e6 }, /^runs C code/],
    ['the GIL', { call: 'futex', ran: 5.1e6, runs: 30 }, /^waits for the GIL/],
    ['a lock', { call: 'futex' }, /^sleeps in futex/],
    ['the disk', { state: 'D', call: 'read' }, /^waits in the kernel in read/],
    ['stopped', { state: 'T' }, /SIGCONT/],
    ['debugged', { state: 't' }, /debugger/],
    ['ended', { state: '' }, /^has ended$/],
  ])('%s', (_, now, expected) => {
    expect(why(now)).toMatch(expected)
  })
})

test('a thread as /proc tells it', () => {
  const files = {
    '42/task/43/stat': '43 (a) b) S 1 2 3\n',
    '42/task/43/schedstat': '123456 7 89\n',
    '42/task/43/syscall': '232 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8\n',
    '42/task/43/wchan': 'ep_poll',
    '42/task/44/stat': '44 (x) S 1\n',
    '42/task/44/syscall': '9999 0x0\n',
    '42/task/44/wchan': 'some_wait',
    '42/task/45/stat': '45 (x) R 1\n',
    '42/task/45/syscall': 'running\n',
  }
  const proc = fakeProc(temporaryFolder(), { 42: {} }, files)
  const call = process.arch === 'x64' ? 'epoll_wait' : 'ep_poll'
  expect(activityOf(proc, 42, 43)).toEqual({ state: 'S', ran: 123456, runs: 89, call })
  expect(activityOf(proc, 42, 44)).toEqual({ state: 'S', ran: 0, runs: 0, call: 'some_wait' })
  expect(activityOf(proc, 42, 45)).toMatchObject({ state: 'R', call: '' })
  expect(activityOf(proc, 42, 46)).toEqual({ state: '', ran: 0, runs: 0, call: '' })
  expect(activityOf(PROC, process.pid, process.pid)).toMatchObject({ state: 'R', call: '' })
})

test('who may search a folder', () => {
  const user = { uid: 7, gid: 8, groups: [9] }
  const may = (mode: number, uid: number, gid: number) => maySearch({ mode, uid, gid }, user)
  expect(may(0o700, 7, 1)).toBe(true)
  expect(may(0o700, 1, 8)).toBe(false)
  expect(may(0o077, 7, 8)).toBe(false) // the first that fits decides
  expect(may(0o710, 1, 8)).toBe(true)
  expect(may(0o710, 1, 9)).toBe(true)
  expect(may(0o701, 1, 8)).toBe(false)
  expect(may(0o701, 1, 1)).toBe(true)
  expect(may(0o770, 1, 1)).toBe(false)
  expect(maySearch({ mode: 0, uid: 1, gid: 1 }, { uid: 0, gid: 0, groups: [] })).toBe(true)
})
