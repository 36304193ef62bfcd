import { copyFileSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { containerOf } from '../../../src/sampling/containers.ts'
import { PROC } from '../../../src/sampling/proc.ts'
import { compile } from '../../support/build.ts'
import { collapsedLines, functionNames, pyprof, record } from '../../support/cli.ts'
import { UNPRIVILEGED } from '../../support/containment.ts'
import { doctor, ps, rowOf } from '../../support/inspect.ts'
import { still, threadStates } from '../../support/process-state.ts'
import { embed, MINORS, python } from '../../support/pythons.ts'
import { programArgs, startPython, startTarget } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe.each(MINORS)('Python %s', (minor) => {
  it('is listed with what is known of it', async () => {
    const { target } = await startPython(minor, 'threads.py', ['many', '3'])
    expect(await rowOf(target.pid)).toEqual({
      pid: target.pid,
      certainty: 'python',
      pythonVersion: expect.stringMatching(new RegExp(`^${minor.replace('.', '\\.')}\\.\\d`)),
      threads: threadStates(target.pid).length,
      uid: process.getuid!(),
      container: containerOf(PROC, process.pid) ?? null,
      readable: true,
      code: '',
      reason: '',
      command: [python(minor), ...programArgs('threads.py', ['many', '3'])].join(' '),
    })
    const { status, out, err } = await pyprof(['ps', '-w'])
    expect(status).toBe(0)
    expect(err).not.toContain('defect')
    const line = out.split('\n').find((each) => each.trim().startsWith(`${target.pid} `))
    expect(line).toMatch(
      new RegExp(` ${minor.replace('.', '\\.')}\\.\\S+ +\\d+ +\\S.* +yes +/.*many 3$`),
    )
  })

  it('is listed by what it is: its file has another name, and is deleted', async () => {
    const file = join(temporaryFolder(), 'service')
    copyFileSync(realpathSync(python(minor)), file)
    const { home, libDir } = embed(minor)
    const environment = [`PYTHONHOME=${home}`, `LD_LIBRARY_PATH=${libDir}`]
    const args = [...UNPRIVILEGED.slice(1), 'env', ...environment, file, ...programArgs('idle.py')]
    const { target } = await startTarget(UNPRIVILEGED[0] ?? 'env', {
      args: UNPRIVILEGED.length > 0 ? args : args.slice(1),
    })
    rmSync(file)
    const row = { certainty: 'python', readable: true, command: expect.stringContaining(file) }
    expect(await rowOf(target.pid)).toMatchObject(row)
    expect(await rowOf(target.pid, [], { prefix: UNPRIVILEGED })).toMatchObject(row)
  })

  it('stopped by a signal is read as it stands, and stays stopped', async () => {
    const { target } = await startPython(minor, 'idle.py')
    await still(target.pid)
    target.signal('SIGSTOP')
    while (threadStates(target.pid).join('') !== 'T') {
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    expect(await rowOf(target.pid)).toMatchObject({ readable: true })
    const found = await doctor([`${target.pid}`])
    expect(found.status).toBe(0)
    expect(found.verdict('stopped')).toBe('note')
    const args = ['--pid', `${target.pid}`, '-d', '500ms', '-f', 'collapsed', '-o', '-']
    const lines = collapsedLines((await record(args)).out)
    expect([...functionNames(lines)]).toEqual(['<module>', 'outer', 'inner', 'hold'])
    expect(threadStates(target.pid)).toEqual(['T'])
  })
})

it('an older Python is listed, as one that pyprof does not read', async () => {
  const { target } = await startTarget(compile('fake_runtime.c', ['-DVERSION=0x030b07f0']))
  expect(await rowOf(target.pid)).toMatchObject({
    certainty: 'python',
    pythonVersion: '3.11.7',
    readable: false,
    code: 'unsupported-version',
  })
})

it('a Python that has not started yet is listed as that', async () => {
  const { home, compileFlags, linkFlags, libDir } = embed('3.14')
  const program = compile('embedding.c', [...compileFlags, '-fPIE', '-pie', ...linkFlags])
  const env = [`PYTHONHOME=${home}`, `LD_LIBRARY_PATH=${libDir}`]
  const { target } = await startTarget('env', {
    args: [...env, program, 'wp', ...programArgs('idle.py')],
  })
  expect(await rowOf(target.pid)).toMatchObject({ readable: false, code: 'not-started' })
})

it('what is not Python is not listed, whatever it is called', async () => {
  const file = join(temporaryFolder(), 'python3')
  copyFileSync(realpathSync('/bin/sh'), file)
  const { target } = await startTarget(file, { args: ['-c', 'echo ready; read line'] })
  expect(readFileSync(`/proc/${target.pid}/comm`, 'utf8')).toBe('python3\n')
  expect(await rowOf(target.pid, ['--all'])).toBeUndefined()
})

it('a zombie is not listed', async () => {
  const { target } = await startPython('3.14', 'lives.py')
  target.send('["fork"]')
  const { child } = await target.says<{ child: number }>('forked')
  expect(await rowOf(child)).toMatchObject({ readable: true })
  process.kill(child, 'SIGKILL')
  while (!readFileSync(`/proc/${child}/status`, 'utf8').includes('State:\tZ')) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(await rowOf(child, ['--all'])).toBeUndefined()
})

it('processes that come and go meanwhile are no error', async () => {
  const script = 'echo ready; while :; do "$0" -S -c ""; true & wait; done'
  await startTarget('sh', { args: ['-c', script, python('3.14')] })
  const { target } = await startPython('3.14', 'idle.py')
  for (let times = 0; times < 10; times++) {
    const { processes } = await ps()
    expect(processes.map(({ pid }) => pid)).toContain(target.pid)
  }
})

it.each([
  [['ps', '42'], /too many arguments/],
  [['ps', '--al'], /--all/],
  [['ps', '--json=yes'], /--json/],
  [['doctor', 'python3'], /process id, a number from 1 to 4194304/],
  [['doctor', '--pid', '0'], /process id, a number from 1 to 4194304/],
  [['doctor', '1', '2'], /too many arguments/],
  [['doctor', '1', '-p', '2'], /Two processes are given, 1 and 2/],
  [['doctor', '--yaml'], /--yaml/],
])('bad input: %j', async (args, words) => {
  const { status, out, err } = await pyprof(args)
  expect(status).toBe(2)
  expect(out).toBe('')
  expect(err).toMatch(/^pyprof: \S/)
  expect(err).toMatch(words)
})

it('a reader that stops early causes no noise', async () => {
  await startPython('3.14', 'idle.py')
  const program = `"$0" "$1" ps | true; exit "\${PIPESTATUS[0]}"`
  const prefix = ['bash', '-c', program]
  const { status, err } = await pyprof([], { prefix })
  expect(status).toBe(0)
  // What could not be looked at is told all the same.
  expect(err).toMatch(/^(\d+ more could not be looked at, .*\n)?$/)
})
