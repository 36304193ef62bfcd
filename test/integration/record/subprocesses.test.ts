import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
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

function busy(minor: Minor, seconds: string): string[] {
  return [python(minor), ...programArgs('record/command.py', ['burst', seconds])]
}

/** Waits so long that whatever runs Python now has been sampled. */
async function samplesAll(program: Program): Promise<void> {
  for (let round = 0; round < 10; round++) await program.samples()
}

describe.each(MINORS)('pyprof record --subprocesses, Python %s', (minor) => {
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
