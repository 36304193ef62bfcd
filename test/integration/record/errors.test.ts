import { chmodSync, cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Outcome, pyprof } from '../../support/cli.ts'
import { UNPRIVILEGED } from '../../support/containment.ts'
import { startPython, startTarget } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const IS_ROOT = process.getuid?.() === 0
const NOBODY = 65_534
const CHECKOUT = join(import.meta.dirname, '..', '..', '..')

/** Runs in an empty folder, which stays empty. */
async function refused(args: readonly string[], options: Parameters<typeof pyprof>[1] = {}) {
  const folder = temporaryFolder()
  const outcome = await pyprof(['record', ...args], { cwd: folder, ...options })
  expect(readdirSync(folder)).toEqual([])
  expect(outcome).toMatchObject({ signal: null, out: '' })
  return outcome
}

/** One line of what happened, one of why and one of what to do. */
function lines({ err }: Outcome): string[] {
  expect(err).toMatch(/^pyprof: \S.*\n {8}\S.*\n {8}\S.*\n$/)
  return err.split('\n').map((line) => line.trim())
}

describe('a value that is none', () => {
  it.each([
    ['--rate', 'fast', /100, 0\.5, 250hz/],
    ['--rate', '0', /0\.01/],
    ['--rate', '101khz', /100khz/],
    ['--duration', '5 minutes', /30, 1\.5, 500ms/],
    ['--duration', '0', /greater than 0/],
    ['--duration', '101d', /30, 1\.5, 500ms/],
    ['--duration', '2401h', /100 days/],
    ['--format', 'nothing', /speedscope, collapsed/],
    ['--pid', 'python', /process id/],
    ['--pid', '0', /process id/],
    ['--pid', '4194305', /4194304/],
    ['--read', 'fast', /auto, exact, live, stop/],
    ['--max-overhead', 'none', /0\.5%/],
    ['--max-overhead', '0', /0\.5%/],
    ['--max-overhead', '101%', /0\.5%/],
    ['--colour', 'red', /--colour/],
  ])('%s %s', async (option, value, expected) => {
    const { status, err } = await refused(['-p', '1', option, value])
    expect(status).toBe(2)
    expect(err).toMatch(/^pyprof: \S.*\n$/)
    expect(err).toContain(option)
    expect(err).toMatch(expected)
  })
})

describe('options that do not go together', () => {
  it.each([
    [['--pid', '1', '--', 'true'], /Both --pid and a command are given\./],
    [[], /There is nothing to record\./],
    [['--'], /There is no command behind --\.|There is nothing to record\./],
    [['42'], /pyprof record --pid 42/],
    [['python3', 'app.py'], /pyprof record -- python3 app\.py/],
    [['-p', '1', '-o', 'out.svg', '-f', 'collapsed'], /--format collapsed does not fit out\.svg/],
    [['-p', '1', '-o', 'out.data'], /The format of out\.data is not known/],
    [['-p', '1', '-o', '-'], /The format of stdout \(-o -\) is not known/],
    [['-p', '1', '-o', '-', '-f', 'collapsed', '--json'], /both write to stdout/],
    [['-p', '1', '-o', 'a.svg', '-o', './a.svg'], /named twice/],
  ])('%j', async (args, expected) => {
    const outcome = await refused(args)
    expect(outcome.status).toBe(2)
    expect(lines(outcome).join('\n')).toMatch(expected)
  })
})

describe('a target that cannot be read', () => {
  it('does not exist', async () => {
    const outcome = await refused(['-p', '4194304'])
    expect(outcome.status).toBe(3)
    expect(lines(outcome)[0]).toBe('pyprof: There is no process 4194304.')
  })

  it('is a zombie', async () => {
    const { target } = await startPython('3.14', 'lives.py')
    target.send('["fork"]')
    const { child } = await target.says<{ child: number }>('forked')
    process.kill(child, 'SIGKILL')
    while (!readFileSync(`/proc/${child}/status`, 'utf8').includes('State:\tZ')) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const outcome = await refused(['-p', `${child}`])
    expect(outcome.status).toBe(3)
    expect(lines(outcome)[0]).toMatch(/^pyprof: Process \d+ \(.*\) has ended\.$/)
    expect(lines(outcome)[1]).toContain('zombie')
  })

  // A container shows none of them.
  it.each(kernelThreads().slice(0, 1))('is kernel thread %i', async (pid) => {
    const outcome = await refused(['-p', `${pid}`])
    expect(outcome.status).toBe(3)
    expect(lines(outcome)[0]).toMatch(/is a kernel thread\.$/)
  })

  it('is no Python', async () => {
    const { target } = await startTarget('sh', { args: ['-c', 'echo ready; read line'] })
    const outcome = await refused(['-p', `${target.pid}`])
    expect(outcome.status).toBe(3)
    expect(lines(outcome)[0]).toMatch(/^pyprof: Process \d+ \(\/.*\) is not a Python\.$/)
  })

  it('is a thread', async () => {
    const { target } = await startPython('3.14', 'threads.py', ['many', '1'])
    const threads = readdirSync(`/proc/${target.pid}/task`).map(Number)
    const other = threads.find((thread) => thread !== target.pid)!
    const outcome = await refused([
      '-p',
      `${other}`,
      '-d',
      '300ms',
      '-o',
      '/dev/null',
      '-f',
      'collapsed',
    ])
    expect(outcome.status).toBe(3)
    expect(lines(outcome)).toContain(`Run: pyprof record --pid ${target.pid}`)
  })

  it("is another user's, for a user without capabilities", async () => {
    // Root without capabilities is such a user too; for others, process 1 is root's.
    const pid = IS_ROOT ? (await startPython('3.14', 'record/other_user.py')).target.pid : 1
    const outcome = await refused(['-p', `${pid}`], { prefix: UNPRIVILEGED })
    expect(outcome.status).toBe(3)
    const [what, why] = lines(outcome)
    expect(what).toContain('may not be read.')
    expect(why).toBe(
      `It belongs to user ${IS_ROOT ? NOBODY : 0}, pyprof runs as user ${process.getuid!()}, ` +
        'and pyprof has no CAP_SYS_PTRACE.',
    )
  })

  // Only root can become nobody; for others the test above is the same.
  it.each(IS_ROOT ? [NOBODY] : [])("is root's, for user %i", async () => {
    const { target } = await startPython('3.14', 'idle.py')
    const outcome = await refused(['-p', `${target.pid}`, '-o', '/dev/null', '-f', 'collapsed'], {
      program: openCopy(),
      prefix: ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'],
    })
    expect(outcome.status).toBe(3)
    expect(lines(outcome)).toEqual([
      expect.stringMatching(/^pyprof: Process \d+ \(.*\) may not be read\.$/),
      `It belongs to user 0, pyprof runs as user ${NOBODY}, and pyprof has no CAP_SYS_PTRACE.`,
      `Run: sudo env "PATH=$PATH" pyprof record --pid ${target.pid}`,
      '',
    ])
  })
})

/** A copy of the program that every user may read, wherever the checkout is. */
function openCopy(): string {
  const folder = temporaryFolder()
  chmodSync(folder, 0o755)
  const parts = [
    'bin',
    'dist',
    'package.json',
    'build/Release/pyprof.node',
    'node_modules/commander',
  ]
  for (const part of parts) cpSync(join(CHECKOUT, part), join(folder, part), { recursive: true })
  return join(folder, 'bin', 'pyprof.js')
}

function kernelThreads(): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  // Flags are the ninth field; 0x200000 is PF_KTHREAD. The name may hold anything but no ')' after it.
  return pids.map(Number).filter((pid) => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
      return (Number(fields[6]) & 0x200000) !== 0
    } catch {
      return false // It has ended.
    }
  })
}
