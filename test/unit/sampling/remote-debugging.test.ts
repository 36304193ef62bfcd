import { describe, expect, test } from 'vitest'
import { type PythonFacts, remoteDebuggingOf } from '../../../src/sampling/remote-debugging.ts'
import { type FakeProcess, fakeProc } from '../../support/fake-proc.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const MAPS = `00400000-00500000 r--p 00000000 fe:01 7 /usr/bin/python3.14
00be0000-00c00000 rw-p 00100000 fe:01 7 /usr/bin/python3.14
7f0000000000-7f0000001000 rw-p 00000000 00:00 0
`
const FACTS = { pid: 42, version: '3.14.2', enabled: false, runtimeAddress: '0xbe1234' }
const WITH = 'Py…cpython.remote_debugger_script…'

function told(
  facts: Partial<PythonFacts>,
  files: Readonly<Record<string, string>> = {},
  target: FakeProcess = {},
) {
  const proc = fakeProc(temporaryFolder(), { 42: target }, { '42/maps': MAPS, ...files })
  return remoteDebuggingOf({ ...FACTS, ...facts }, proc)
}

test('on, and never', () => {
  expect(told({ enabled: true })).toEqual({ state: 'on', by: '', cause: '' })
  expect(told({ version: '3.13.9', enabled: null })).toMatchObject({ state: 'never', by: '' })
})

describe('off', () => {
  test('by what Python was told', () => {
    const cmdline = 'python3\0-X\0disable-remote-debug\0app.py\0'
    const by = '-X disable-remote-debug'
    expect(told({}, {}, { cmdline })).toEqual({ state: 'off', by, cause: `by ${by}` })
    const files = { '42/environ': 'PYTHON_DISABLE_REMOTE_DEBUG=1\0' }
    expect(told({}, files)).toMatchObject({ by: 'PYTHON_DISABLE_REMOTE_DEBUG' })
  })

  test.each([
    ['as the target sees it', '42/root/usr/bin/python3.14'],
    ['as it is mapped', '42/map_files/be0000-c00000'],
  ])('by its build: the file %s lacks the code', (_, path) => {
    expect(told({}, { [path]: 'an interpreter' })).toEqual({
      state: 'off',
      by: '--without-remote-debug',
      cause: 'its Python was built with --without-remote-debug',
    })
    expect(told({}, { [path]: WITH })).toMatchObject({
      state: 'off',
      by: '',
      cause: expect.stringContaining('a program that embeds Python may have done it'),
    })
  })

  test('by what cannot be seen', () => {
    for (const runtimeAddress of ['', '0xbe1234', '0x1']) {
      const { by, cause } = told({ runtimeAddress })
      expect({ by, cause }).toEqual({
        by: '',
        cause: 'neither its arguments nor its environment tell why',
      })
    }
  })
})

test('unknown: what would turn it off is told', () => {
  expect(told({ enabled: null })).toMatchObject({ state: 'unknown', cause: 'it cannot be seen' })
  const files = { '42/environ': 'PYTHON_DISABLE_REMOTE_DEBUG=1\0' }
  expect(told({ enabled: null }, files).cause).toBe(
    'it cannot be seen, but PYTHON_DISABLE_REMOTE_DEBUG would turn it off',
  )
})
