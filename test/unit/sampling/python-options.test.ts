import { describe, expect, test } from 'vitest'
import { remoteDebuggingSwitch } from '../../../src/sampling/python-options.ts'
import { fakeProc } from '../../support/fake-proc.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

function switchOf(args: readonly string[], environ = ''): string {
  const cmdline = ['python3', ...args].map((arg) => `${arg}\0`).join('')
  return remoteDebuggingSwitch(
    fakeProc(temporaryFolder(), { 42: { cmdline } }, { '42/environ': environ }),
    42,
  )
}

const OFF = '-X disable-remote-debug'
const VARIABLE = 'PYTHON_DISABLE_REMOTE_DEBUG'

describe('among the arguments of the interpreter', () => {
  test.each([
    [['-X', 'disable-remote-debug', 'app.py']],
    [['-Xdisable-remote-debug', '-m', 'app']],
    [['-BSX', 'disable-remote-debug', '-c', 'pass']],
    [['-W', 'ignore', '-Werror', '-X', 'utf8', '-X', 'disable-remote-debug=1', 'app.py']],
    [['--check-hash-based-pycs', 'always', '-X', 'disable-remote-debug']],
  ])('%j', (args) => {
    expect(switchOf(args)).toBe(OFF)
  })

  test.each([
    [[]],
    [['app.py', '-X', 'disable-remote-debug']],
    [['-m', 'app', '-X', 'disable-remote-debug']],
    [['-c', 'pass', '-Xdisable-remote-debug']],
    [['-', '-Xdisable-remote-debug']],
    [['--', '-Xdisable-remote-debug']],
    [['-X', 'disable_remote_debug', 'app.py']],
    [['-W', '-Xdisable-remote-debug', 'app.py']],
  ])('not in %j', (args) => {
    expect(switchOf(args)).toBe('')
  })
})

describe('in the environment', () => {
  test.each([`${VARIABLE}=1\0`, `A=1\0${VARIABLE}=\0B=2\0`])('%j', (environ) => {
    expect(switchOf(['app.py'], environ)).toBe(VARIABLE)
  })

  test.each([`X${VARIABLE}=1\0`, `A=${VARIABLE}=1\0`, ''])('not in %j', (environ) => {
    expect(switchOf(['app.py'], environ)).toBe('')
  })

  test.each(['-E', '-I', '-BE', '-sIX'])('which %s makes Python ignore', (option) => {
    expect(switchOf([option, 'utf8', 'app.py'], `${VARIABLE}=1\0`)).toBe('')
  })
})
