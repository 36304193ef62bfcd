import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { compile } from '../../support/build.ts'
import {
  collapsedLines,
  functionName,
  type Program,
  pyprof,
  startPyprof,
  summaryOf,
} from '../../support/cli.ts'
import { MINORS, type Minor, python, venv } from '../../support/pythons.ts'
import { programArgs, startPython, TARGETS } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { BUILD_MS, gevent, request, uwsgi } from '../../support/web-servers.ts'

interface ProcessJson {
  readonly pid: number
  readonly parent: number
  readonly command: string
  readonly pythonVersion: string
  readonly samples: number
  readonly startNs: number
  readonly endNs: number
  readonly unreadable: string
}

/** The processes of --json; the launched command has written its own lines to stdout before. */
function processesOf(out: string): readonly ProcessJson[] {
  const summary = summaryOf({ out: out.slice(out.indexOf('{\n')) })
  return (summary as typeof summary & { processes: readonly ProcessJson[] }).processes
}

/** Functions of the lines under the main thread of a process. */
function functionsOf(file: string, pid: number): Set<string> {
  const lines = collapsedLines(readFileSync(file, 'utf8'))
  const own = lines.filter(({ frames }) => frames[0]!.includes(`(pid ${pid}, `))
  return new Set(own.flatMap(({ frames }) => frames.slice(1).map(functionName)))
}

/** Under which root a function of a process was seen most of the time. */
function rootOf(file: string, pid: number, name: string): string | undefined {
  const times = new Map<string, number>()
  for (const { frames, weight } of collapsedLines(readFileSync(file, 'utf8'))) {
    if (!frames[0]!.includes(`(pid ${pid}, `) || !frames.map(functionName).includes(name)) continue
    const root = functionName(frames[1]!)
    times.set(root, (times.get(root) ?? 0) + weight)
  }
  return [...times].sort((a, b) => b[1] - a[1])[0]?.[0]
}

/** The command that a pyprof has launched. */
function processOf(pyprofPid: number): number {
  return Number(readFileSync(`/proc/${pyprofPid}/task/${pyprofPid}/children`, 'utf8').trim())
}

function busy(minor: Minor, seconds: string): string[] {
  return [python(minor), ...programArgs('record/command.py', ['burst', seconds])]
}

/** A program with a task that is busy, and one that waits for it, named after its argument. */
const BUSY_TASKS = `
import asyncio, sys, time
def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
async def busy():
    for _ in range(30):
        spin(0.01)
        await asyncio.sleep(0)
async def idle(task):
    await task
async def main(name):
    task = asyncio.create_task(busy(), name=f'{name} busy')
    await asyncio.create_task(idle(task), name=f'{name} idle')
asyncio.run(main(sys.argv[1]))
`

/** Waits so long that whatever runs Python now has been sampled. */
async function samplesAll(program: Program): Promise<void> {
  for (let round = 0; round < 10; round++) await program.samples()
}

describe.each(MINORS)('pyprof record --subprocesses, Python %s', (minor) => {
  beforeAll(() => {
    gevent(minor)
    uwsgi(minor)
  }, BUILD_MS)

  it('shows what a shell has started, as a tree', async () => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const script = '"$@" & "$@"; wait'
    const command = ['sh', '-c', script, 'sh', ...busy(minor, '0.2')]
    const args = ['record', '-s', '-r', '500', '-t', '-o', file, '--', ...command]
    const { status, err } = await pyprof(args)
    expect(status).toBe(0)
    expect(err).toMatch(/^ {2}samples {2}[\d,]+ of 2 threads in 2 processes; /m)
    expect(err).toMatch(/^ {2}tree {5}3 processes; .*; a tick took /m)
    const tree =
      /^ samples {2}process\n {7}0 {2}(\d+) sh -c .*\n +\d+ {4}(\d+) .*\n +\d+ {4}(\d+) .*\n\n/m
    const [, root, first, second] = tree.exec(err) ?? []
    expect(new Set([root, first, second]).size).toBe(3)
    for (const pid of [first, second])
      expect([...functionsOf(file, Number(pid))]).toContain('burst')
  })

  it('follows the workers of gunicorn', async () => {
    const gunicorn = venv(minor, 'gunicorn', ['gunicorn==23.0.0', 'packaging==25.0'])
    const folder = temporaryFolder()
    const file = join(folder, 'out.collapsed')
    const command = [
      ...[gunicorn, '-B', '-m', 'gunicorn', '--workers', '2', '--log-level', 'warning'],
      ...['--bind', `unix:${join(folder, 'socket')}`, '--chdir', join(TARGETS, 'record')],
      ...['--worker-tmp-dir', folder, 'web_app:application'],
    ]
    const args = ['record', '-s', '-r', '500', '-t', '--json', '-o', file, '--', ...command]
    const program = startPyprof(args)
    await program.prints('worker')
    await expect.poll(() => program.out.match(/worker \d+/g)?.length, { timeout: 30_000 }).toBe(2)
    await samplesAll(program)
    program.signal('SIGTERM')
    const { status, out, err } = await program.ended
    expect([status, err]).toEqual([0, ''])
    const workers = [...out.matchAll(/worker (\d+)/g)].map(([, pid]) => Number(pid))
    const processes = processesOf(out)
    expect(processes).toHaveLength(3)
    for (const pid of workers) {
      const worker = processes.find((process) => process.pid === pid)
      expect(worker).toMatchObject({ parent: 0, unreadable: '' })
      expect(worker!.samples).toBeGreaterThan(0)
      expect([...functionsOf(file, pid)]).toContain('SyncWorker.run_for_one')
      expect([...functionsOf(file, pid)]).not.toContain('Arbiter.sleep')
    }
    expect([...functionsOf(file, processes[0]!.pid)]).toContain('Arbiter.sleep')
  })

  it('follows the gevent workers of gunicorn, whose stacks stand on greenlets', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'out.collapsed')
    const command = [
      ...[gevent(minor), '-B', '-m', 'gunicorn', '--workers', '2', '--worker-class', 'gevent'],
      ...[
        '--graceful-timeout',
        '1',
        '--log-level',
        'critical',
        '--bind',
        `unix:${join(folder, 'socket')}`,
      ],
      ...['--chdir', join(TARGETS, 'record'), '--worker-tmp-dir', folder, 'web_app:application'],
    ]
    const args = ['record', '-s', '-r', '500', '-t', '--json', '-o', file, '--', ...command]
    const program = startPyprof(args)
    await expect.poll(() => program.out.match(/worker \d+/g)?.length, { timeout: 30_000 }).toBe(2)
    const workers = [...program.out.matchAll(/worker (\d+)/g)].map(([, pid]) => Number(pid))
    await samplesAll(program)
    request(join(folder, 'socket'), '/hold')
    await program.prints('holding')
    await samplesAll(program)
    program.signal('SIGTERM')
    for (const pid of workers) process.kill(pid, 'SIGKILL') // one of them would take its time
    const { status, err } = await program.ended
    expect([status, err]).toEqual([0, ''])
    for (const pid of workers) {
      expect(rootOf(file, pid, 'Hub.run')).toBe('<greenlet>')
    }
    const holding = Number(/holding (\d+)/.exec(program.out)![1])
    expect(workers).toContain(holding)
    expect(rootOf(file, holding, 'hold')).toBe('<greenlet>')
  })

  it.each([
    ['that are forked with the application', []],
    ['that load the application themselves', ['--lazy-apps']],
    ['that have threads', ['--enable-threads', '--threads', '2']],
  ])('follows the workers of uwsgi %s', async (_, options) => {
    const folder = temporaryFolder()
    const file = join(folder, 'out.collapsed')
    const socket = join(folder, 'socket')
    const command = [
      ...[uwsgi(minor), '--http-socket', socket, '--master', '--processes', '2', ...options],
      ...['--need-app', '--chdir', join(TARGETS, 'record'), '--module', 'web_app:application'],
    ]
    const env = { PYTHONDONTWRITEBYTECODE: '1' }
    const args = ['record', '-s', '-r', '500', '-t', '--json', '-o', file, '--', ...command]
    const program = startPyprof(args, { env })
    await program.prints('worker')
    await expect.poll(() => existsSync(socket), { timeout: 30_000 }).toBe(true)
    // Two requests may come to the threads of one worker.
    for (let count = 0; holding().size < 2; count++) {
      if (count > 20) throw new Error(`uwsgi does not answer: ${program.out} ${program.err}`)
      const before = program.out.match(/holding/g)?.length ?? 0
      request(socket, '/hold')
      await expect
        .poll(() => program.out.match(/holding/g)?.length ?? 0, { timeout: 30_000 })
        .toBeGreaterThan(before)
    }
    await samplesAll(program)
    const uwsgiPid = processOf(program.pid)
    for (const pid of [...holding(), uwsgiPid]) process.kill(pid, 'SIGKILL')
    const { out } = await program.ended
    const processes = processesOf(out)
    for (const pid of holding()) {
      expect(processes.find((process) => process.pid === pid)).toMatchObject({ unreadable: '' })
      expect(rootOf(file, pid, 'hold')).toBe('application')
    }

    function holding(): Set<number> {
      return new Set([...program.out.matchAll(/holding (\d+)/g)].map(([, pid]) => Number(pid)))
    }
  })

  it('merges all processes without --threads', async () => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const command = ['sh', '-c', '"$@" & "$@"; wait', 'sh', ...busy(minor, '0.2')]
    const { status, out } = await pyprof([
      ...['record', '-s', '-r', '500', '-F', '--json', '-o', file, '--', ...command],
    ])
    expect(status).toBe(0)
    const ends = processesOf(out).slice(1)
    expect(ends).toHaveLength(2)
    const lines = collapsedLines(readFileSync(file, 'utf8'))
    const burst = lines.filter(({ frames }) => functionName(frames.at(-1)!) === 'burst')
    expect(burst).toHaveLength(1)
  })

  it('ends with the last process when the target was given by --pid', async () => {
    const { target } = await startPython(minor, 'family.py')
    const file = join(temporaryFolder(), 'out.collapsed')
    const program = startPyprof([
      ...['record', '-s', '-r', '500', '-o', file, '--pid', String(target.pid)],
    ])
    await program.samples()
    target.send(JSON.stringify(['fork']))
    await target.says('family')
    await samplesAll(program)
    target.signal('SIGKILL') // its children die with it
    const { status, err } = await program.ended
    expect(status).toBe(0)
    expect(err).toContain('\n  ended    the target and all that it has started have ended\n')
    expect(err).toContain('\n  tree     4 processes; ')
  })

  it('looks for children itself where the kernel tells of none', async () => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const command = ['sh', '-c', '"$@"; true', 'sh', ...busy(minor, '0.2')]
    const args = ['record', '-s', '-t', '-r', '500', '-o', file, '--', ...command]
    const { status, err } = await pyprof(args, { prefix: ['unshare', '--net'] })
    expect(status).toBe(0)
    expect(err).toContain('\n  tree     2 processes; looked for every 5 to 20 ms, ')
    const child = /^ +\d+ {4}(\d+) /m.exec(err)?.[1]
    expect([...functionsOf(file, Number(child))]).toContain('burst')
  })

  it('shows each process by its own asyncio tasks', async () => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const script = '"$0" -c "$1" first & "$0" -c "$1" second; wait'
    const command = ['sh', '-c', script, python(minor), BUSY_TASKS]
    const options = ['-s', '--async=all', '-t', '-F', '-r', '500', '--json', '-o', file]
    const { status, out, err } = await pyprof(['record', ...options, '--', ...command])
    if (minor === '3.13') {
      expect(status).toBe(4)
      expect(err).toContain('runs Python 3.13.')
      return
    }
    expect([status, err]).toEqual([0, ''])
    for (const [name, other] of [
      ['first', 'second'],
      ['second', 'first'],
    ]) {
      const { pid } = processesOf(out).find(({ command }) => command.endsWith(` ${name}`))!
      const functions = functionsOf(file, pid)
      for (const each of [`<task ${name} busy>`, 'busy', 'spin']) expect(functions).toContain(each)
      const waiting = collapsedLines(readFileSync(file, 'utf8')).filter(({ frames }) =>
        frames[0]!.startsWith(`waiting tasks of MainThread (pid ${pid}, `),
      )
      const tasks = waiting.map(({ frames }) => frames.map(functionName).join(';')).join()
      expect(tasks).toContain(`<task ${name} idle>`)
      expect(tasks).not.toContain(`<task ${other} `)
    }
  })

  it('names what it cannot read', async () => {
    const old = compile('fake_runtime.c', ['-DVERSION=0x030b02f0'])
    const file = join(temporaryFolder(), 'out.collapsed')
    const script = '"$0" & pid=$!; "$@"; kill $pid'
    const command = ['sh', '-c', script, old, ...busy(minor, '0.2')]
    const { status, out, err } = await pyprof(['record', '-s', '-o', file, '--', ...command])
    expect([status, out]).toEqual([0, 'ready\n'])
    expect(err).toContain('\n  careful  1 process could not be read; the reasons are below.\n')
    expect(err).toMatch(
      /^ +– {4}\d+ .*fake_runtime: not read\. It runs Python 3\.11\.2; pyprof reads CPython 3\.13, 3\.14 and 3\.15\.$/m,
    )
  })
})

describe('pyprof record --subprocesses of different Pythons', () => {
  const HANDLES = `
import time
def handle():
    end = time.process_time() + 0.3
    while time.process_time() < end:
        try:
            raise ValueError
        except ValueError:
            sum(range(1000))
handle()
`

  it('goes on when a later one does not tell what the mode needs, and says so', async () => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const script = '"$0" -c "$2"; "$1" -c "$2"'
    const command = ['sh', '-c', script, python('3.15'), python('3.13'), HANDLES]
    const options = ['-s', '-t', '-F', '-r', '500', '--mode', 'exception', '-o', file]
    const plain = await pyprof(['record', ...options, '--', ...command])
    expect(plain.status, plain.err).toBe(0)
    expect(plain.err).toMatch(
      /^ {2}careful {2}\d+ samples \(\d+ ms\) of process \d+ \(Python 3\.13\.\d+\) do not tell what --mode exception needs, and are left out\.$/m,
    )
    const { status, out } = await pyprof(['record', ...options, '--json', '--', ...command])
    expect(status).toBe(0)
    const summary = summaryOf({ out }) as ReturnType<typeof summaryOf> & {
      processes: readonly ProcessJson[]
      removed: { untold: { samples: number; timeNs: number; processes: number[] } }
    }
    const [silent] = summary.removed.untold.processes
    const { pythonVersion, pid } = summary.processes[silent!]!
    expect(pythonVersion).toMatch(/^3\.13\./)
    expect(summary.removed.untold.samples).toBeGreaterThan(20)
    expect(summary.removed.samples).toBeGreaterThanOrEqual(summary.removed.untold.samples)
    expect(functionsOf(file, pid)).toEqual(new Set())
    const told = summary.processes.find((process) => process.pythonVersion.startsWith('3.15.'))!
    expect(functionsOf(file, told.pid)).toContain('handle')
  })

  it('leaves out those that show no tasks, and says so', async () => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const script = '"$0" -c "$2" new; "$1" -c "$2" old'
    const command = ['sh', '-c', script, python('3.14'), python('3.13'), BUSY_TASKS]
    const options = ['-s', '--async', '-t', '-F', '-r', '500', '--json', '-o', file]
    const { status, out, err } = await pyprof(['record', ...options, '--', ...command])
    expect([status, err]).toEqual([0, ''])
    const unreadable = processesOf(out).filter((process) => process.unreadable !== '')
    expect(unreadable).toMatchObject([
      { samples: 0, unreadable: expect.stringMatching(/^It runs Python 3\.13\.\d+; .*tasks/) },
    ])
    expect(unreadable[0]!.command).toMatch(/ old$/)
    expect(readFileSync(file, 'utf8')).toContain(';<task new busy>;')
  })
})

describe('pyprof record --subprocesses without a Python', () => {
  it('says that there was none', async () => {
    const outcome = await pyprof(['record', '-s', '--', 'sh', '-c', 'true; true'])
    expect(outcome).toMatchObject({ status: 4, out: '' })
    expect(outcome.err).toBe(
      'pyprof: Nothing was captured, and no file was written.\n' +
        '        The command ended before it ran any Python that pyprof reads.\n' +
        '        When it ran Python for moments only, look more often: pyprof record --rate 1khz …\n',
    )
  })

  it('says which process could not be read', async () => {
    const old = compile('fake_runtime.c', ['-DVERSION=0x030b02f0'])
    const script = '"$0" & pid=$!; read line; kill $pid'
    const program = startPyprof(['record', '-s', '--', 'sh', '-c', script, old])
    await program.prints('ready')
    await program.samples()
    program.type('\n')
    const { status, err } = await program.ended
    expect(status).toBe(4)
    expect(err).toMatch(
      /\n {8}Process \d+ \(.*fake_runtime\) could not be read\. It runs Python 3\.11\.2; /,
    )
  })
})
