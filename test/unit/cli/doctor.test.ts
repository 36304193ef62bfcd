import { describe, expect, test } from 'vitest'
import { reportLines } from '../../../src/commands/doctor/report.ts'
import type { Diagnosis } from '../../../src/commands/doctor.ts'
import { PyprofError } from '../../../src/errors.ts'
import { check } from '../../../src/sampling/diagnosis.ts'
import { readMachine } from '../../../src/sampling/machine.ts'
import { PROC } from '../../../src/sampling/proc.ts'
import { remediesFor } from '../../../src/sampling/remedies.ts'
import { NOT_PYTHON, ProbingAddon, readable } from '../../support/probing-addon.ts'
import { runCommand } from '../../support/run-command.ts'

const DIAGNOSIS: Diagnosis = {
  exporter: 'pyprof@0.0.0-test',
  pid: null,
  canRecord: true,
  machine: readMachine(PROC),
  target: null,
  checks: [check('platform', 'yes', 'Linux'), check('user', 'note', 'user 7')],
}

describe('the text', () => {
  test('one line a check, and what it comes to', () => {
    expect(reportLines(DIAGNOSIS)).toEqual([
      'yes      platform           Linux',
      '-        user               user 7',
      '',
      'Everything that pyprof record needs works here.',
    ])
  })

  test('what mends a no stands below it, and the page is named', () => {
    const remedies = remediesFor('capability', 42)
    const bad = check('own-processes', 'no', 'no', { needed: true, remedies })
    const lines = reportLines({ ...DIAGNOSIS, canRecord: false, checks: [bad] })
    const indent = ' '.repeat(28)
    expect(lines).toContain(`${indent}compose     cap_add: [SYS_PTRACE]`)
    expect(lines).toContain(`${indent}shell       sudo env "PATH=$PATH" pyprof record --pid 42`)
    expect(lines.slice(-2)).toEqual([
      'Not all that pyprof record needs works here: own-processes.',
      'Each line in its whole file: docs/containers.md',
    ])
  })

  test('a process: its command first, made harmless', () => {
    const target = {
      pid: 42,
      command: 'python3 \x1b[2J',
      uid: 7,
      state: 'S',
      threads: 1,
      container: null,
      pythonVersion: '3.14.2',
      freeThreaded: false,
      remoteDebugging: true,
      processors: '0-3',
    }
    const lines = reportLines({ ...DIAGNOSIS, pid: 42, target })
    expect(lines[0]).toBe('Process 42: python3 \\x1b[2J')
    expect(lines.at(-1)).toBe('pyprof record can read process 42.')
    expect(reportLines({ ...DIAGNOSIS, pid: 42, canRecord: false }).at(-1)).toBe(
      'pyprof record cannot read process 42.',
    )
  })
})

describe('the command', () => {
  test('0 for a process that can be read, 3 for one that cannot', async () => {
    const pid = process.ppid
    const good = await runCommand(
      ['doctor', `${pid}`],
      new ProbingAddon({ [pid]: readable('3.14.2') }),
    )
    expect(good).toMatchObject({ exitCode: 0, err: '' })
    expect(good.out.toString()).toContain(`pyprof record can read process ${pid}.`)
    const bad = await runCommand(
      ['doctor', '--pid', `${pid}`],
      new ProbingAddon({ [pid]: NOT_PYTHON }),
    )
    expect(bad.exitCode).toBe(3)
    expect(bad.out.toString()).toContain(`pyprof record cannot read process ${pid}.`)
  })

  test('prints the same as text and as JSON', async () => {
    const addon = new ProbingAddon({})
    const text = await runCommand(['doctor'], addon)
    const json = await runCommand(['doctor', '--json'], addon)
    expect(json.exitCode).toBe(text.exitCode)
    const diagnosis = JSON.parse(json.out.toString()) as Diagnosis
    expect(diagnosis).toMatchObject({ pid: null, target: null, exporter: 'pyprof@0.0.0-test' })
    expect(diagnosis.canRecord).toBe(text.exitCode === 0)
    expect(text.out.toString()).toBe(`${reportLines(diagnosis).join('\n')}\n`)
  })

  test('reading that is refused even to itself is 3', async () => {
    const denied = { ok: false, code: 'permission', detail: 'process_vm_readv' } as const
    const { exitCode, out } = await runCommand(
      ['doctor'],
      new ProbingAddon({ [process.pid]: denied }),
    )
    expect(exitCode).toBe(3)
    expect(out.toString()).toMatch(/^no +process-vm-readv /m)
  })

  test('a native part that is missing is a diagnosis too', async () => {
    const missing = new PyprofError({
      code: 'addon-missing',
      what: 'The native part could not be loaded.',
      why: 'GLIBC_2.38 not found.',
      hint: '',
      exitCode: 3,
    })
    const { exitCode, out } = await runCommand(['doctor'], () => {
      throw missing
    })
    expect(exitCode).toBe(3)
    expect(out.toString()).toMatch(
      /^no +native-part +The native part could not be loaded\. GLIBC_2\.38/,
    )
    expect(out.toString()).toContain('npm ci && npm run build')
  })

  test('two different processes are one too many', async () => {
    const run = runCommand(['doctor', '1', '--pid', '2'], new ProbingAddon({}))
    await expect(run).rejects.toMatchObject({ code: 'usage', exitCode: 2 })
  })

  test.each([
    [['doctor', 'python']],
    [['doctor', '0']],
    [['doctor', '4194305']],
    [['doctor', '--pid', '-1']],
    [['doctor', '1', '2']],
    [['doctor', '--yaml']],
    [['ps', '42']],
    [['ps', '--json=1']],
    [['ps', '--pid', '1']],
  ])('wrong usage: %j', async (argv) => {
    await expect(runCommand(argv, new ProbingAddon({}))).rejects.toMatchObject({
      code: expect.stringMatching(/^commander\./),
    })
  })
})
