import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { pyprof } from '../../support/cli.ts'
import { UNPRIVILEGED } from '../../support/containment.ts'
import { dumpOf, frameOf, mainThread, onlyProcess } from '../../support/dump.ts'
import { HARNESS, type Position } from '../../support/positions.ts'
import { MINORS, python } from '../../support/pythons.ts'
import { startPython, startTarget, TARGETS } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { IS_ROOT } from '../../support/users.ts'

interface Facts {
  readonly threads: Readonly<Record<string, number>>
}

describe.each(MINORS)('stacks of Python %s', (minor) => {
  it.each(['exact', 'live', 'stop'])('%s: are what the program says of itself', async (read) => {
    const { target, facts } = await startPython<Position>(minor, 'calls.py', ['through_all'])
    const process = onlyProcess(await dumpOf([target.pid, '--read', read]))
    expect(process).toMatchObject({ read, proved: read !== 'live' })
    const [thread] = process.threads
    expect(thread).toMatchObject({ nativeId: target.pid, isMain: true })
    const rows = thread!.frames.map((f) => [
      f.function,
      f.file,
      f.firstLine,
      f.line,
      f.endLine,
      f.column,
      f.endColumn,
    ])
    expect(rows[0]?.slice(0, 2)).toEqual(['hold', HARNESS])
    expect(rows.slice(1).reverse()).toEqual(facts.stack)
    expect(thread!.frames.map(({ index }) => index)).toEqual(rows.map((_, index) => index))
  })

  it('come with their source lines', async () => {
    const { target } = await startPython(minor, 'values.py', ['arguments'])
    const frame = frameOf(mainThread(await dumpOf([target.pid])), 'arguments')
    const lines = readFileSync(join(TARGETS, 'values.py'), 'utf8').split('\n')
    expect(frame).toMatchObject({ source: lines[frame.line - 1], sourceChanged: false })
    expect(frame.source).toBe('    hold()')
  })

  it('threads say what they do', async () => {
    // A thread that wakes up to ask for the GIL is on a processor for that time, however often it
    // is looked at: one dump of some has to meet it asleep.
    const activities = async (arrangement: string, expected: Readonly<Record<string, string>>) => {
      const { target, facts } = await startPython<Facts>(minor, 'states.py', [arrangement])
      let found: Record<string, string | undefined> = {}
      for (let turn = 0; turn < 6; turn++) {
        const { threads } = onlyProcess(await dumpOf([target.pid]))
        const names = Object.keys(expected).map((name) => {
          const thread = threads.find(({ nativeId }) => nativeId === facts.threads[name])
          return [name, thread?.activity] as const
        })
        found = Object.fromEntries(names)
        if (names.every(([name, activity]) => activity === expected[name])) break
      }
      await target.kill()
      return found
    }
    const spinning = { spin: 'running', sleep: 'idle' }
    expect(await activities('sleeper_and_spinner', spinning)).toEqual(spinning)
    const hogging = { sum_with_gil: 'running', want_gil: 'waits-for-gil' }
    expect(await activities('hogging', hogging)).toEqual(hogging)
    const hashing = { hash_without_gil: 'in-c', sleep: 'idle' }
    expect(await activities('hashing', hashing)).toEqual(hashing)
  })

  it('processes below it are shown too', async () => {
    const { target } = await startPython(minor, 'lives.py')
    target.send('["fork"]')
    const { child } = await target.says<{ child: number }>('forked')
    expect((await dumpOf([target.pid])).processes.map(({ pid }) => pid)).toEqual([target.pid])
    const { processes } = await dumpOf([target.pid, '-s'])
    expect(processes.map(({ pid }) => pid)).toEqual([target.pid, child])
    expect(processes.map(({ error }) => error)).toEqual([null, null])
    process.kill(child, 'SIGKILL')
  })
})

describe('what people read', () => {
  it('is a thread a paragraph, innermost frame first', async () => {
    const { target } = await startPython('3.14', 'values.py', ['arguments'])
    const { status, out } = await pyprof(['dump', String(target.pid), '--locals'])
    expect(status).toBe(0)
    const file = join(TARGETS, 'values.py')
    const lines = readFileSync(file, 'utf8').split('\n')
    const line = lines.findIndex((text) => text.includes('local = first + second')) + 2
    expect(out).toMatch(
      RegExp(`^Process ${target.pid}: .*python3\\.14 .*values\\.py arguments
  Python 3\\.14\\.\\d+, 1 thread
  reading {2}exact: .*

Thread MainThread \\(tid ${target.pid}\\): idle
       0 hold \\(.*harness\\.py:\\d+\\)
`),
    )
    expect(out).toContain(
      [
        `       1 arguments (${file}:${line})`,
        '         hold()',
        '         - first = 1',
        '         - second = 2',
        "         - keyword = 'k'",
        "         - default = 'd'",
        '         - rest = (3, 4)',
        "         - others = {'extra': True}",
        '         - local = 3',
        '',
      ].join('\n'),
    )
  })

  it('a frame that is asked for comes with the lines around it', async () => {
    const { target } = await startPython('3.14', 'values.py', ['recursion'])
    const { out } = await pyprof(['dump', String(target.pid), '--frame', '3', '--locals'])
    expect(out).toContain('       3 recursion (')
    expect(out).toContain('         - depth = 2\n')
    expect(out).toMatch(/^ +\d+ def recursion\(depth\):$/m)
    expect(out).toMatch(/^ +> \d+ {9}recursion\(depth - 1\)$/m)
    expect(out).not.toContain('       2 recursion')
    const whole = await pyprof(['dump', String(target.pid)])
    expect(whole.out).toContain('… the same 47 more times')
  })

  it('a file that changed since the process started is told', async () => {
    const folder = temporaryFolder()
    const program = join(folder, 'values.py')
    copyFileSync(join(TARGETS, 'harness.py'), join(folder, 'harness.py'))
    copyFileSync(join(TARGETS, 'values.py'), program)
    const past = new Date(Date.now() - 60_000)
    for (const file of ['harness.py', 'values.py']) utimesSync(join(folder, file), past, past)
    const { target } = await startTarget(python('3.14'), {
      args: ['-S', '-B', program, 'arguments'],
    })
    const before = frameOf(mainThread(await dumpOf([target.pid])), 'arguments')
    expect(before.sourceChanged).toBe(false)
    appendFileSync(program, '\n# one more line\n')
    const after = mainThread(await dumpOf([target.pid]))
    expect(frameOf(after, 'arguments').sourceChanged).toBe(true)
    expect(frameOf(after, 'hold').sourceChanged).toBe(false)
    const { out } = await pyprof(['dump', String(target.pid)])
    expect(out).toContain('hold()   # this file changed after the process started\n')
  })

  it('source is that of the file system of the process, and of regular files only', async () => {
    const folder = temporaryFolder()
    const program = join(folder, 'app.py')
    const secret = join(folder, 'secret')
    writeFileSync(secret, 'a secret\n')
    mkdirSync(join(folder, 'folder'))
    symlinkSync(program, join(folder, 'link.py'))
    writeFileSync(
      program,
      `import os, sys
def at(name):
    code = compile("import os; print('ready {}', flush=True) or os.read(0, 1)", name, "exec")
    exec(code)
at(sys.argv[1])
`,
    )
    const sourceOf = async (name: string) => {
      const { target } = await startTarget(python('3.14'), { args: ['-S', '-B', program, name] })
      const source = mainThread(await dumpOf([target.pid])).frames[0]?.source
      await target.kill()
      return source
    }
    expect(await sourceOf(join(folder, 'link.py'))).toBe('import os, sys')
    expect(await sourceOf(join(folder, 'folder'))).toBeNull()
    expect(await sourceOf('/dev/zero')).toBeNull()
    expect(await sourceOf('/proc/self/environ')).toBeNull()
    expect(await sourceOf('<string>')).toBeNull()
    expect(await sourceOf('relative.py')).toBeNull()
    expect(await sourceOf(join(folder, 'none.py'))).toBeNull()
  })
})

describe('threads and frames are chosen', () => {
  it('by name, by wildcard, by id', async () => {
    const { target } = await startPython('3.14', 'values.py', ['threads'])
    const names = async (...args: string[]) =>
      onlyProcess(await dumpOf([target.pid, ...args])).threads.map(({ name }) => name)
    expect((await names()).sort()).toEqual(['MainThread', 'worker-1'])
    expect(await names('--thread', 'worker-1')).toEqual(['worker-1'])
    expect(await names('--thread', 'work*')).toEqual(['worker-1'])
    expect(await names('--thread', '/^Main/')).toEqual(['MainThread'])
    expect(await names('--thread', String(target.pid))).toEqual(['MainThread'])
    expect((await names('--thread', 'Main*', '--thread', 'w*')).sort()).toHaveLength(2)
  })

  it('one that is not there is an error', async () => {
    const { target } = await startPython('3.14', 'idle.py')
    for (const args of [
      ['--thread', 'nobody'],
      ['--frame', '99'],
      ['--thread', 'nobody', '--locals'],
    ]) {
      const { status, out, err } = await pyprof(['dump', String(target.pid), ...args])
      expect({ status, out }).toEqual({ status: 4, out: '' })
      expect(err).toMatch(
        /^pyprof: (No thread is nobody|There is no frame 99)\.\n {8}\S.*\n {8}\S.*\n$/,
      )
    }
  })
})

describe('what cannot be dumped', () => {
  it.each([
    [[], 2, /There is nothing to dump\./],
    [['1', '--pid', '2'], 2, /Two processes are given/],
    [['1', '--core', 'x'], 2, /Both a process and a core file/],
    [['--core', 'x', '-s'], 2, /--subprocesses does not go with --core/],
    [['--core', 'x', '--read', 'stop'], 2, /--read does not go with --core/],
    [['1', '--executable', 'x'], 2, /--executable is only for --core/],
    [['1', '--depth', '2'], 2, /--depth is given without --locals/],
    [['1', '--locals', '--depth', '17'], 2, /from 0 to 16/],
    [['1', '--locals', '--items', 'many'], 2, /from 0 to 10000/],
    [['1', '--frame', '-1'], 2, /whole number/],
    [['1', '--thread', '/(/'], 2, /regular expression/],
    [['1', '--read', 'auto'], 2, /exact, live, stop/],
    [['x'], 2, /process id/],
    [['4194304'], 3, /There is no process 4194304/],
  ] as const)('%j', async (args, expected, message) => {
    const { status, out, err } = await pyprof(['dump', ...args])
    expect({ status, out }).toEqual({ status: expected, out: '' })
    expect(err).toMatch(message)
  })

  it('a process that is no Python', async () => {
    const { status, err } = await pyprof(['dump', String(process.pid)])
    expect(status).toBe(3)
    expect(err).toContain('is not a Python.')
    expect(err).toContain(`pyprof dump --subprocesses ${process.pid}\n`)
  })

  it("another user's process, with why and what helps", async () => {
    // Root without capabilities is such a user too; for others, process 1 is root's.
    const pid = IS_ROOT ? (await startPython('3.14', 'record/other_user.py')).target.pid : 1
    for (const read of ['exact', 'stop']) {
      const args = ['dump', String(pid), '--read', read]
      const { status, out, err } = await pyprof(args, { prefix: UNPRIVILEGED })
      expect({ status, out }).toEqual({ status: 3, out: '' })
      expect(err).toContain('may not be read.')
      expect(err).toContain('and pyprof has no CAP_SYS_PTRACE.')
      expect(err).not.toContain('pyprof record')
    }
  })

  it('tasks of 3.13, which shows none', async () => {
    const { target } = await startPython('3.13', 'idle.py')
    const { status, err } = await pyprof(['dump', String(target.pid), '--async'])
    expect(status).toBe(3)
    expect(err).toContain('which shows no tasks')
  })
})
