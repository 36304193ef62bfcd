import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RunOptions } from '../../support/cli.ts'
import { OWN_MOUNTS, onlyChild } from '../../support/containment.ts'
import { EXEC_MINORS, ExecProgram, exec, isPending, refused, until } from '../../support/exec.ts'
import { type Minor, python } from '../../support/pythons.ts'
import { programArgs } from '../../support/target.ts'
import {
  AS_ORDINARY_USER,
  IS_ROOT,
  ORDINARY_USER,
  openCopy,
  ordinaryPython,
  ptraceScope,
} from '../../support/users.ts'

/** A rootless container: other mounts, pids and users. */
const CONTAINER = ['unshare', '-Urpfm', '--kill-child', '--mount-proc']

interface Arranged {
  readonly program: ExecProgram
  readonly pid: number
}

/**
 * Starts exec.py in namespaces of its own and then changes their mounts, since the interpreter may lie
 * below a folder that is mounted over.
 */
async function arranged(
  minor: Minor,
  prefix: readonly string[],
  mounts: readonly string[],
  options: RunOptions = {},
): Promise<Arranged> {
  const command = [...prefix, python(minor), ...programArgs('exec.py', ['obey'])]
  const program = new ExecProgram(command, options)
  await program.says('ready')
  const pid = prefix.includes(CONTAINER[1] ?? '') ? onlyChild(program.pid) : program.pid
  const users = IS_ROOT && pid === program.pid ? [] : ['--user']
  for (const mount of mounts) {
    const inside = ['--target', `${pid}`, ...users, '--mount', '--', 'mount', ...mount.split(' ')]
    execFileSync('nsenter', inside, { stdio: 'pipe' })
  }
  return { program, pid }
}

/** What pyprof has left in folders of the target's. */
function leftBehind(pid: number, folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(`/proc/${pid}/root${folder}`).filter((name) => name.startsWith('pyprof-')),
  )
}

describe.each(EXEC_MINORS)('Python %s', (minor) => {
  it('in another mount namespace, with a /tmp of its own', async () => {
    const { program, pid } = await arranged(minor, OWN_MOUNTS, ['-t tmpfs none /tmp'])
    expect(await exec(pid, ['gc', 'off'])).toMatchObject({ new: 'off' })
    expect((await program.facts()).gc).toBe(false)
    expect(leftBehind(pid, ['/tmp'])).toEqual([])
  })

  it('in a container, where its pid and its user are others', async () => {
    const prefix = [...AS_ORDINARY_USER, ...CONTAINER]
    const { program, pid } = await arranged(minor, prefix, ['-t tmpfs none /tmp'])
    expect(statSync(`/proc/${pid}/root/tmp`).uid).toBe(ORDINARY_USER)
    const { new: now, thread } = await exec(pid, ['gc', 'off'])
    expect({ now, tid: thread.tid }).toEqual({ now: 'off', tid: pid })
    expect((await program.facts()).gc).toBe(false)
    expect(leftBehind(pid, ['/tmp'])).toEqual([])
    expect(program.err).toBe('')
  })

  it.each([
    ['read-only', '-t tmpfs -o ro none /tmp'],
    ['without room', '-t tmpfs -o size=4k,nr_inodes=1 none /tmp'],
  ])('whose /tmp is %s: another folder serves, where nothing may be executed', async (_, mount) => {
    const rest = ['-t tmpfs -o ro none /var/tmp', '-t tmpfs -o noexec none /dev/shm']
    const { program, pid } = await arranged(minor, OWN_MOUNTS, [mount, ...rest])
    expect(await exec(pid, ['gc', 'off'])).toMatchObject({ new: 'off', left: null })
    expect(leftBehind(pid, ['/tmp', '/var/tmp', '/dev/shm'])).toEqual([])
    expect(program.err).toBe('')
  })

  it('that can write nowhere is told so', async () => {
    const mounts = ['/tmp', '/var/tmp', '/dev/shm', '/run'].map(
      (folder) => `-t tmpfs -o ro none ${folder}`,
    )
    const env = { HOME: '/proc', XDG_RUNTIME_DIR: '' }
    const { program, pid } = await arranged(minor, OWN_MOUNTS, mounts, { env, cwd: '/proc' })
    const { status, err } = await refused(pid, ['gc', 'off'])
    expect(status).toBe(3)
    expect(err).toMatch(/There is no folder through which process \d+ could be given a script/)
    expect(err).toContain('/tmp: EROFS')
    expect((await program.facts()).gc).toBe(true)
  })

  it("another user's: the files are that user's, and closed to others", async () => {
    const program = new ExecProgram(ordinaryPython(minor, 'exec.py', ['asleep']))
    await program.says('ready')
    const asked = exec(program.pid, ['gc', 'off'])
    await until('the request waits', () => isPending(program.pid))
    const folders = foldersOf(ORDINARY_USER)
    expect(folders).toHaveLength(1)
    const [folder = ''] = folders
    const modes = ['.', 'answer', 'gc.py'].map((name) => {
      const { uid, mode } = statSync(join(folder, name))
      return [name, uid, (mode & 0o777).toString(8)]
    })
    expect(modes).toEqual([
      ['.', ORDINARY_USER, '700'],
      ['answer', ORDINARY_USER, '600'],
      ['gc.py', ORDINARY_USER, '400'],
    ])
    expect((await program.facts()).gc).toBe(false)
    expect(await asked).toMatchObject({ new: 'off', left: null })
    expect(foldersOf(ORDINARY_USER)).toEqual([])
    expect(program.err).toBe('')
  })
})

it("an ordinary user's pyprof, installed elsewhere, on a process of that user's", async () => {
  const program = new ExecProgram(ordinaryPython('3.15', 'exec.py', ['obey']))
  await program.says('ready')
  const options = { program: openCopy(), prefix: AS_ORDINARY_USER }
  if (ptraceScope() === 0) {
    expect(await exec(program.pid, ['gc', 'off'], options)).toMatchObject({
      new: 'off',
      left: null,
    })
  } else {
    const { status, err } = await refused(program.pid, ['gc', 'off'], options)
    expect(status).toBe(3)
    expect(err).toContain(`kernel.yama.ptrace_scope is ${ptraceScope()}`)
  }
  expect((await program.facts()).gc).toBe(ptraceScope() !== 0)
  expect(program.err).toBe('')
})

it('a process that became another user, and is not dumpable', async () => {
  // Only root can become another user; an ordinary one stays what it is.
  const become = IS_ROOT ? 'os.setgroups([]); os.setgid(65534); os.setuid(65534); ' : ''
  const drop = `import os, runpy, sys; ${become}sys.argv = sys.argv[1:]; `
  const command = ordinaryPython('3.14', 'exec.py', ['obey'])
  const [script = '', ...args] = command.slice(-2)
  const run = `sys.path.insert(0, os.path.dirname(sys.argv[0])); runpy.run_path(sys.argv[0], run_name='__main__')`
  const program = new ExecProgram([
    ...[python('3.14'), '-S', '-B', '-c', drop + run, script],
    ...args,
  ])
  await program.says('ready')
  expect(readFileSync(`/proc/${program.pid}/status`, 'utf8')).toMatch(
    new RegExp(`^Uid:\t${ORDINARY_USER}\t`, 'm'),
  )
  expect(await exec(program.pid, ['gc', 'off'])).toMatchObject({ new: 'off', left: null })
  expect((await program.facts()).gc).toBe(false)
  expect(program.err).toBe('')
})

function foldersOf(user: number): string[] {
  const names = readdirSync('/tmp').filter((name) => /^pyprof-[\w-]{12}$/.test(name))
  return names
    .map((name) => join('/tmp', name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.uid === user)
}
