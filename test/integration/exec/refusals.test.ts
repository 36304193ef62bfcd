import { describe, expect, it } from 'vitest'
import { compile } from '../../support/build.ts'
import { record } from '../../support/cli.ts'
import { EXEC_MINORS, isPending, leftIn, refused, startExec } from '../../support/exec.ts'
import { doctor } from '../../support/inspect.ts'
import { startPython, startTarget } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

async function mustBeSampled(pid: number): Promise<void> {
  const args = ['--pid', `${pid}`, '-d', '200ms', '-f', 'collapsed', '-o', '-']
  expect((await record(args)).out).toContain('obey')
}

describe.each(EXEC_MINORS)('Python %s', (minor) => {
  it.each([
    ['-X disable-remote-debug', ['-X', 'disable-remote-debug'], {}],
    ['PYTHON_DISABLE_REMOTE_DEBUG', [], { PYTHON_DISABLE_REMOTE_DEBUG: '1' }],
  ])('with %s is not written to, and sampled all the same', async (by, interpreter, env) => {
    const folder = temporaryFolder()
    const options = { interpreter, env: { ...env, TMPDIR: folder } }
    const program = await startExec(minor, ['obey'], options)
    for (const args of [
      ['gc', 'off'],
      ['gc', 'off', '--dry-run'],
    ]) {
      const { status, out, err } = await refused(program.pid, args)
      expect({ status, out }).toEqual({ status: 3, out: '' })
      expect(err).toContain(`takes no scripts.\n        Remote debugging is off: by ${by}.\n`)
      expect(err).toContain(`Start the program without ${by}.`)
    }
    expect(isPending(program.pid)).toBe(false)
    expect(leftIn(folder)).toEqual([])
    expect((await doctor([`${program.pid}`])).text('remote-debugging')).toContain(`off, by ${by}`)
    expect((await program.facts()).gc).toBe(true)
    await mustBeSampled(program.pid)
  })

  it.each([
    ['cpython.remote_debugger_script', 'did not read the script'],
    ['exec', 'a hook of its own refused'],
    ['open', 'a hook of its own refused'],
  ])('whose audit hook refuses %s', async (event, words) => {
    const folder = temporaryFolder()
    const program = await startExec(minor, ['refuse', event], { env: { TMPDIR: folder } })
    const { status, err } = await refused(program.pid, ['gc', 'off'])
    expect(status).toBe(3)
    expect(err).toContain('took the request and did not run the script')
    expect(err).toContain(words)
    expect(isPending(program.pid)).toBe(false)
    expect(leftIn(folder)).toEqual([])
    expect((await program.facts()).gc).toBe(true)
  })
})

it('Python 3.13 has no such interface', async () => {
  const { target } = await startPython('3.13', 'idle.py')
  const { status, out, err } = await refused(target.pid, ['gc', 'off'])
  expect({ status, out }).toEqual({ status: 3, out: '' })
  expect(err).toMatch(/It runs Python 3\.13\.\d+, and remote debugging .* came with Python 3\.14\./)
  expect(err).toContain(`Sampling works all the same: pyprof record --pid ${target.pid}`)
})

it('no Python, no process, an old Python', async () => {
  const { target } = await startTarget('sh', { args: ['-c', 'echo ready; read line'] })
  const shell = await refused(target.pid, ['gc'])
  expect(shell).toMatchObject({ status: 3, out: '' })
  expect(shell.err).toContain('is not a Python')
  expect(shell.err).toContain('Choose a Python process: pyprof ps')
  const nobody = await refused(4194304, ['gc'])
  expect(nobody).toMatchObject({ status: 3, out: '' })
  expect(nobody.err).toContain('There is no process 4194304')
  const old = await startTarget(compile('fake_runtime.c', ['-DVERSION=0x030b07f0']))
  expect((await refused(old.target.pid, ['gc'])).err).toContain('runs Python 3.11.7')
})

it('a thread that is none of its', async () => {
  const program = await startExec('3.14', ['obey'])
  const { status, err } = await refused(program.pid, ['gc', '--thread', `${process.pid}`])
  expect(status).toBe(3)
  expect(err).toContain(`Thread ${process.pid} is none of process ${program.pid}`)
})
