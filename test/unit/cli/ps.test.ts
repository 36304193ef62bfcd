import { describe, expect, test } from 'vitest'
import { processTable } from '../../../src/commands/ps/table.ts'
import type { PythonProcess } from '../../../src/sampling/python-processes.ts'
import { ProbingAddon, readable } from '../../support/probing-addon.ts'
import { runCommand } from '../../support/run-command.ts'

const PYTHON: PythonProcess = {
  pid: 42,
  certainty: 'python',
  pythonVersion: '3.14.2',
  threads: 1200,
  uid: 1000,
  container: null,
  readable: true,
  code: '',
  reason: '',
  command: 'python3 app.py',
}
const ID = '4f5a1b2c3d4e'.padEnd(64, '0')
const POD = '0a1b2c3d-0011-2233-4455-66778899aabb'
const DENIED = {
  readable: false,
  code: 'permission',
  reason: 'it belongs to user 0',
  pythonVersion: '',
} as const

describe('the table', () => {
  test('has a heading and a line for each process, in columns', () => {
    const rows: readonly PythonProcess[] = [
      PYTHON,
      {
        ...PYTHON,
        pid: 16381,
        threads: 3,
        container: { runtime: 'docker', id: ID, pod: '', pidInside: 7 },
      },
      { ...PYTHON, ...DENIED, pid: 9, certainty: 'looks-like-python' },
      { ...PYTHON, ...DENIED, pid: 1, certainty: 'unknown', command: 'init' },
      {
        ...PYTHON,
        readable: false,
        code: 'unsupported-version',
        reason: 'this version is not supported',
        pythonVersion: '3.11.7',
      },
    ]
    expect(processTable(rows, false)).toEqual([
      '  PID  PYTHON   THREADS  CONTAINER                          READABLE                                                  COMMAND',
      '   42  3.14.2     1,200  -                                  yes                                                       python3 app.py',
      '16381  3.14.2         3  docker 4f5a1b2c3d4e, pid 7 inside  yes                                                       python3 app.py',
      '    9  unknown    1,200  -                                  no: looks like Python; it belongs to user 0 (permission)  python3 app.py',
      '    1  unknown    1,200  -                                  no: Python or not; it belongs to user 0 (permission)      init',
      '   42  3.11.7     1,200  -                                  no: this version is not supported (unsupported-version)   python3 app.py',
    ])
  })

  test.each([
    [{ runtime: '', id: '', pod: '', pidInside: 7 }, 'own pid namespace, pid 7 inside'],
    [{ runtime: '', id: ID, pod: POD, pidInside: 0 }, '4f5a1b2c3d4e, pod 0a1b2c3d'],
    [{ runtime: 'lxc', id: 'web', pod: '', pidInside: 0 }, 'lxc web'],
  ])('a container: %j', (container, text) => {
    const [, line] = processTable([{ ...PYTHON, container }], false)
    expect(line?.replace(/ +yes/, ' yes')).toContain(`  ${text} yes`)
  })

  test('cuts long commands and ids where one can see it, and not when wide', () => {
    const container = { runtime: 'docker', id: ID, pod: POD, pidInside: 0 }
    const long = { ...PYTHON, container, command: `python3 ${'x'.repeat(500)}` }
    const [, cut = ''] = processTable([long], false)
    expect(cut).toMatch(/x…$/)
    expect(cut).not.toContain(ID)
    const [, whole = ''] = processTable([long], true)
    expect(whole).toContain(long.command)
    expect(whole).toContain(ID)
    expect(whole).toContain(POD)
  })

  test('does not hand on what would change a terminal', () => {
    const [, line] = processTable([{ ...PYTHON, command: 'python3 \x1b[2J\nx' }], false)
    expect(line).toContain('\\x1b[2J\\x0ax')
  })
})

describe('the command', () => {
  test('without Python processes says so and is done', async () => {
    const outcome = await runCommand(['ps'], new ProbingAddon({}))
    expect(outcome).toMatchObject({ exitCode: 0, out: Buffer.alloc(0) })
    expect(outcome.err).toBe('There are no Python processes in sight.\n')
  })

  test('prints the same as text and as JSON', async () => {
    const addon = new ProbingAddon({ [process.ppid]: readable('3.14.2') })
    const text = await runCommand(['ps', '--wide'], addon)
    const json = await runCommand(['ps', '--json'], addon)
    expect(text).toMatchObject({ exitCode: 0, err: '' })
    expect(json).toMatchObject({ exitCode: 0, err: '' })
    const { processes, unknown } = JSON.parse(json.out.toString())
    expect(unknown).toBe(0)
    expect(processes).toMatchObject([{ pid: process.ppid, pythonVersion: '3.14.2' }])
    expect(text.out.toString()).toBe(`${processTable(processes, true).join('\n')}\n`)
  })

  test('counts what could not be looked at, and lists it with --all', async () => {
    const addon = new ProbingAddon({
      [process.ppid]: { ok: false, code: 'permission', detail: 'process_vm_readv' },
    })
    const few = await runCommand(['ps'], addon)
    expect(few.err).toContain('1 more could not be looked at, Python or not; --all lists them.\n')
    const all = await runCommand(['ps', '-a'], addon)
    expect(all.out.toString()).toContain(`${process.ppid}  unknown`)
    expect(all.err).toBe('')
  })
})
