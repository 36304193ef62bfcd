import { describe, expect, it } from 'vitest'
import { compile } from '../../support/build.ts'
import { pyprof } from '../../support/cli.ts'
import { doctor } from '../../support/inspect.ts'
import { MINORS, python } from '../../support/pythons.ts'
import { programArgs, startPython, startTarget } from '../../support/target.ts'
import { IS_ROOT } from '../../support/users.ts'

describe.each(MINORS)('on Python %s', (minor) => {
  it('says what record says: it can be read', async () => {
    const { target } = await startPython(minor, 'idle.py')
    const { status, err, diagnosis, verdict } = await doctor(['--pid', `${target.pid}`])
    expect({ status, err }).toEqual({ status: 0, err: '' })
    expect(diagnosis).toMatchObject({
      exporter: expect.stringMatching(/^pyprof@\d/),
      pid: target.pid,
      canRecord: true,
      target: {
        pid: target.pid,
        command: expect.stringContaining('idle.py'),
        pythonVersion: expect.stringMatching(new RegExp(`^${minor.replace('.', '\\.')}\\.`)),
        freeThreaded: false,
        remoteDebugging: minor === '3.13' ? null : true,
      },
    })
    for (const id of ['native-part', 'process-vm-readv', 'run-counts', 'readable', 'python']) {
      expect(verdict(id), id).toBe('yes')
    }
    expect(verdict('exact')).toBe('yes')
  })

  it.each([
    ['-X disable-remote-debug', ['-X', 'disable-remote-debug'], {}, false],
    ['PYTHON_DISABLE_REMOTE_DEBUG', [], { PYTHON_DISABLE_REMOTE_DEBUG: '1' }, false],
    ['nothing', ['-E'], { PYTHON_DISABLE_REMOTE_DEBUG: '1' }, true],
  ])('knows that %s turns remote debugging off', async (by, options, env, isOn) => {
    const args = [...options, ...programArgs('idle.py')]
    const { target } = await startTarget(python(minor), { args, env })
    const { status, diagnosis, text } = await doctor([`${target.pid}`])
    expect(status).toBe(0)
    expect(diagnosis.target?.remoteDebugging).toBe(minor === '3.13' ? null : isOn)
    const words =
      minor === '3.13'
        ? 'came with Python 3.14'
        : isOn
          ? 'is on'
          : `remote debugging is off, by ${by}`
    expect(text('remote-debugging')).toContain(words)
  })
})

it('on this machine: the exit code is what the checks say', async () => {
  const { status, err, diagnosis, verdict } = await doctor()
  expect(err).toBe('')
  expect(status).toBe(diagnosis.canRecord ? 0 : 3)
  expect(diagnosis).toMatchObject({ pid: null, target: null })
  expect(diagnosis.machine.kernel).toMatch(/^\d+\.\d+/)
  expect(diagnosis.machine.uid).toBe(process.getuid!())
  expect(verdict('native-part')).toBe('yes')
  expect(verdict('process-vm-readv')).toBe('yes')
  if (IS_ROOT) expect(verdict('launched-commands')).toBe('yes')
  const text = await pyprof(['doctor'])
  expect(text.status).toBe(status)
  for (const { id, verdict } of diagnosis.checks) {
    expect(text.out).toMatch(new RegExp(`^${verdict === 'note' ? '-' : verdict} +${id} `, 'm'))
  }
})

it('an affinity of pyprof itself does not hide processors that it could go to', async () => {
  const everywhere = await doctor()
  const pinned = await doctor([], { prefix: ['taskset', '-c', '0'] })
  expect(everywhere.verdict('processors')).toBe('yes')
  expect(pinned.text('processors')).toBe(everywhere.text('processors'))
})

describe('on what cannot be recorded', () => {
  it('no such process', async () => {
    const { status, diagnosis, verdict } = await doctor(['4194304'])
    expect(status).toBe(3)
    expect(verdict('process')).toBe('no')
    expect(diagnosis.target).toBeNull()
  })

  it('no Python', async () => {
    const { target } = await startTarget('sh', { args: ['-c', 'echo ready; read line'] })
    const { status, verdict, text } = await doctor([`${target.pid}`])
    expect(status).toBe(3)
    expect(verdict('readable')).toBe('yes')
    expect(verdict('python')).toBe('no')
    expect(text('python')).toContain('is not a Python')
  })

  it('an older Python', async () => {
    const { target } = await startTarget(compile('fake_runtime.c', ['-DVERSION=0x030b07f0']))
    const { status, text, diagnosis } = await doctor([`${target.pid}`])
    expect(status).toBe(3)
    expect(text('python')).toContain('runs Python 3.11.7')
    const lines = diagnosis.checks.flatMap(({ remedies }) => remedies.map(({ line }) => line))
    expect(lines).toContain('FROM python:3.14')
  })
})
