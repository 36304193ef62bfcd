import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PyprofError } from '../../../src/errors.ts'
import { loadPolicies } from '../../../src/policy/sources.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

function files(...names: readonly string[]): string[] {
  const folder = temporaryFolder()
  return names.map((name) => {
    const file = join(folder, name)
    writeFileSync(file, 'locals = false\n', { mode: 0o644 })
    return file
  })
}

function refused(...args: Parameters<typeof loadPolicies>): PyprofError {
  try {
    loadPolicies(...args)
  } catch (error) {
    if (error instanceof PyprofError) return error
    throw error
  }
  throw new Error('These policies are taken.')
}

const loaded = (...args: Parameters<typeof loadPolicies>) =>
  loadPolicies(...args).map(({ file }) => file)

test("all that there are apply: the machine's, the environment's, those that are named", () => {
  const [system = '', env = '', a = '', b = ''] = files('system', 'env', 'a', 'b')
  expect(loaded([a, b], { PYPROF_POLICY: env }, system)).toEqual([system, env, a, b])
  expect(loaded([], {}, system)).toEqual([system])
  expect(loaded([], { PYPROF_POLICY: '' }, `${system}.none`)).toEqual([])
})

test('only the machine may have none; what is named has to be there', () => {
  const [file = ''] = files('a')
  const none = `${file}.none`
  expect(refused([none], {}, none)).toMatchObject({
    code: 'bad-policy',
    exitCode: 2,
    what: `The policy ${none} cannot be used, so nothing is done.`,
    why: 'There is no such file.',
    hint: `Check: ls -l ${none}`,
  })
  expect(refused([], { PYPROF_POLICY: none }, none).hint).toContain('echo "$PYPROF_POLICY"')
})

test('one that cannot be trusted or understood is an error, wherever it comes from', () => {
  const [file = ''] = files('a')
  chmodSync(file, 0o666)
  for (const args of [
    [[file], {}, '/none'],
    [[], { PYPROF_POLICY: file }, '/none'],
    [[], {}, file],
  ]) {
    const error = refused(...(args as Parameters<typeof loadPolicies>))
    expect(error.why).toBe(`Others may write ${file} (mode 666).`)
    expect(error.hint).toBe(`Run: chmod go-w ${file}`)
  }
  chmodSync(file, 0o644)
  writeFileSync(file, 'local = false\n')
  expect(refused([], {}, file).why).toContain('Line 1: "local" is not known here.')
  expect(refused([join(file, 'x')], {}, '/none').why).toContain('ENOTDIR')
})
