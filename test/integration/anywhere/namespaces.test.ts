import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { collapsedLines, functionNames, pyprof, record } from '../../support/cli.ts'
import { OWN_PIDS, onlyChild } from '../../support/containment.ts'
import { doctor, ps, rowOf } from '../../support/inspect.ts'
import { embed, MINORS, type Minor, python } from '../../support/pythons.ts'
import { programArgs, startTarget, type Target } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { IS_ROOT } from '../../support/users.ts'

const IDLE_FUNCTIONS = ['<module>', 'outer', 'inner', 'hold']
/** Namespaces of users, processes and mounts, as a rootless container has them. */
const CONTAINER = ['unshare', '-Urpfm', '--kill-child', '--mount-proc']
const OWN_USERS = ['unshare', '-Ur']
/** A pid namespace with the /proc that belongs to it. */
const OWN_PROCESSES = [...OWN_PIDS, '--mount-proc']

/**
 * A Python in namespaces of its own, in a file that only its own mounts show, under another name.
 * When the test may not make namespaces it fails with what unshare says.
 */
async function contained(minor: Minor): Promise<Target> {
  const { home, libDir } = embed(minor)
  const folder = temporaryFolder()
  const script =
    'mount -t tmpfs none "$1" && cp "$2" "$1/service" && cd "$1" && shift 2 && exec "$@"'
  const program = realpathSync(python(minor))
  const args = [
    ...CONTAINER.slice(1),
    ...['sh', '-ec', script, 'sh', folder, program],
    ...['env', `PYTHONHOME=${home}`, `LD_LIBRARY_PATH=${libDir}`, join(folder, 'service')],
    ...programArgs('idle.py'),
  ]
  return (await startTarget('unshare', { args, pidOf: onlyChild })).target
}

/** A Python that is process 1 of a pid namespace with its own /proc. */
async function firstProcess(minor: Minor): Promise<Target> {
  const [program = '', ...args] = [...OWN_PROCESSES, python(minor), ...programArgs('idle.py')]
  return (await startTarget(program, { args, pidOf: onlyChild })).target
}

/** Prefix of a command that runs it where the target is, as `docker exec` does. */
function beside(target: Target): string[] {
  const user = IS_ROOT ? [] : ['--user', '--preserve-credentials']
  return ['nsenter', '--target', `${target.pid}`, ...user, '--pid', '--mount', '--']
}

async function functionsOf(pid: number, prefix: readonly string[] = []): Promise<string[]> {
  const args = ['--pid', `${pid}`, '-d', '300ms', '-f', 'collapsed', '-o', '-']
  return [...functionNames(collapsedLines((await record(args, { prefix })).out))]
}

describe.each(MINORS)('Python %s', (minor) => {
  it('in other pid, mount and user namespaces is read from outside', async () => {
    const target = await contained(minor)
    expect(await functionsOf(target.pid)).toEqual(IDLE_FUNCTIONS)
    expect(await rowOf(target.pid)).toMatchObject({
      certainty: 'python',
      pythonVersion: expect.stringMatching(new RegExp(`^${minor.replace('.', '\\.')}\\.`)),
      readable: true,
      threads: 1,
      container: { pidInside: 1 },
    })
    const { status, diagnosis, verdict, text } = await doctor([`${target.pid}`])
    expect(status).toBe(0)
    expect(verdict('readable')).toBe('yes')
    expect(text('target-container')).toContain('it is process 1')
    expect(diagnosis.target).toMatchObject({ pid: target.pid, container: { pidInside: 1 } })
  })

  it('in a pid namespace is read from inside, by the pid that it has there', async () => {
    const target = await firstProcess(minor)
    const prefix = beside(target)
    expect(await functionsOf(1, prefix)).toEqual(IDLE_FUNCTIONS)
    const { processes, unknown } = await ps([], { prefix })
    expect(unknown).toBe(0)
    expect(processes).toMatchObject([{ pid: 1, readable: true }])
    // Seen from inside, its pid is nothing special.
    expect(processes[0]?.container?.pidInside ?? 0).toBe(0)
    const { status, verdict } = await doctor(['1'], { prefix })
    expect(status).toBe(0)
    expect(verdict('readable')).toBe('yes')
    expect(verdict('pid-namespace')).toBe('no')
  })
})

it('a process outside of the pid namespace is not there, and doctor tells how to get to it', async () => {
  const inside = await firstProcess('3.14')
  const { target: outside } = await startTarget(python('3.14'), { args: programArgs('idle.py') })
  const prefix = beside(inside)
  const { processes } = await ps([], { prefix })
  expect(processes.map(({ pid }) => pid)).toEqual([1])
  const { status, diagnosis, verdict } = await doctor(['4194304'], { prefix })
  expect(status).toBe(3)
  expect(verdict('process')).toBe('no')
  const lines = diagnosis.checks.flatMap(({ remedies }) => remedies.map(({ line }) => line))
  expect(lines).toContain('shareProcessNamespace: true')
  expect(await rowOf(outside.pid)).toMatchObject({ readable: true })
})

it('in a user namespace beside ours, where our capability does not count, is told as that', async () => {
  const args = [...OWN_USERS.slice(1), python('3.14'), ...programArgs('idle.py')]
  const { target } = await startTarget('unshare', { args })
  const options = { prefix: OWN_USERS }
  const outcome = await pyprof(['record', '--pid', `${target.pid}`], {
    ...options,
    cwd: temporaryFolder(),
  })
  expect(outcome.status).toBe(3)
  expect(outcome.err).toMatch(/It (probably )?lives in another user namespace/)
  expect(await rowOf(target.pid, [], options)).toMatchObject({
    certainty: 'looks-like-python',
    pythonVersion: '',
    readable: false,
    code: 'permission',
    reason: expect.stringMatching(/^it (probably )?lives in another user namespace$/),
  })
  const { status, verdict, diagnosis } = await doctor([`${target.pid}`], options)
  expect(status).toBe(3)
  expect(verdict('readable')).toBe('no')
  expect(verdict('user-namespace')).toBe('no')
  const remedies = diagnosis.checks.find(({ id }) => id === 'readable')?.remedies ?? []
  expect(remedies.map(({ line }) => line)).toContain('hostUsers: true')
  // From outside of both it can be read, so the rule that was named is the one.
  expect(await functionsOf(target.pid)).toEqual(IDLE_FUNCTIONS)
})

it('with the /proc of another pid namespace nothing is listed, since its numbers lie', async () => {
  const outcome = await pyprof(['ps'], { prefix: OWN_PIDS })
  expect(outcome).toMatchObject({ status: 3, out: '' })
  expect(outcome.err).toMatch(/^pyprof: The processes here cannot be listed\.\n.*\/proc.*\n.*mount/)
  const { status, verdict } = await doctor([], { prefix: OWN_PIDS })
  expect(status).toBe(3)
  expect(verdict('proc')).toBe('no')
})
