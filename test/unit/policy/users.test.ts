import { writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { invokerOf, systemUserNames, type UserNames } from '../../../src/policy/users.ts'
import { fakeProc } from '../../support/fake-proc.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const namesOf: UserNames = (uid) => ({ 0: ['root'], 1000: ['ada'], 1001: ['bob'] })[uid]
const login = (uid: string) => fakeProc(temporaryFolder(), { self: {} }, { 'self/loginuid': uid })
const NOBODY_LOGGED_IN = '4294967295'

test.each([
  ['a user', 1000, NOBODY_LOGGED_IN, {}, undefined],
  ['a user who sets what sudo would', 1000, NOBODY_LOGGED_IN, { SUDO_UID: '1001' }, undefined],
  ['root', 0, NOBODY_LOGGED_IN, {}, undefined],
  ['root who logged in as such', 0, '0', { SUDO_UID: '1001' }, undefined],
  ['who became root by sudo', 0, NOBODY_LOGGED_IN, { SUDO_UID: '1001' }, 'bob'],
  ['who logged in, whatever is said', 0, '1000', { SUDO_UID: '1001' }, 'ada'],
  ['nonsense', 0, NOBODY_LOGGED_IN, { SUDO_UID: 'x' }, undefined],
])('%s', (_, uid, loginUid, env, person) => {
  const invoker = invokerOf(login(loginUid), namesOf, uid, env)
  expect(invoker.uid).toBe(uid)
  expect(invoker.person?.name).toBe(person)
})

test('a kernel without login ids', () => {
  const invoker = invokerOf(fakeProc(temporaryFolder(), {}), namesOf, 0, { SUDO_UID: '1000' })
  expect(invoker.person).toEqual({ uid: 1000, name: 'ada' })
})

test('names come from the file, all of them, and from the system', () => {
  const passwd = join(temporaryFolder(), 'passwd')
  writeFileSync(passwd, 'web:x:4242:1::/:/bin/sh\nother:x:4243:1::/:\nwww:x:4242:1::/:\n\n')
  const names = systemUserNames(passwd)
  expect(names(4242)).toEqual(['web', 'www'])
  expect(names(process.getuid!())).toContain(userInfo().username)
  // Nobody has this id; that is known, not unknown.
  expect(names(3_999_999_999)).toEqual([])
})
