import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { pyprof } from '../../support/cli.ts'
import { gcore, writeCore } from '../../support/core-file.ts'
import { dumpOf, frameOf, mainThread, onlyProcess, textsOf, valuesOf } from '../../support/dump.ts'
import { MINORS, python } from '../../support/pythons.ts'
import { programArgs, startPython, startTarget, TARGETS } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

interface Facts {
  readonly ids: Readonly<Record<string, string>>
  readonly threads: Readonly<Record<string, number>>
}

/** What a dump says that does not depend on how it was made. */
function stacks(process: ReturnType<typeof onlyProcess>) {
  return process.threads.map(({ nativeId, pythonId, name, isMain, frames }) => ({
    nativeId,
    pythonId,
    name,
    isMain,
    frames: frames.map((frame) => [
      frame.function,
      frame.file,
      frame.line,
      frame.source,
      textsOf(frame),
    ]),
  }))
}

describe.each(MINORS)('a core of Python %s', (minor) => {
  it('shows what the process showed', async () => {
    const { target } = await startPython<Facts>(minor, 'values.py', ['objects'])
    const live = onlyProcess(await dumpOf([target.pid, '-l', '--items', '50']))
    const core = join(temporaryFolder(), 'core')
    writeCore(target.pid, core)
    await target.kill()
    const dump = await dumpOf(['--core', core, '-l', '--items', '50'])
    const process = onlyProcess(dump)
    expect(process).toMatchObject({
      pid: target.pid,
      pythonVersion: live.pythonVersion,
      read: 'core',
      proved: true,
      locals: { proved: true },
      core: { file: core, signal: '', missing: [] },
    })
    expect(process.command).toContain(python(minor))
    expect(stacks(process)).toEqual(stacks(live))
    expect(process.threads).toMatchObject([{ activity: 'idle', quality: 'exact' }])
  })

  it('made by gcore is read the same', async () => {
    const { target } = await startPython<Facts>(minor, 'values.py', ['threads'])
    const live = onlyProcess(await dumpOf([target.pid, '--locals']))
    const prefix = join(temporaryFolder(), 'core')
    const file = `${prefix}.${target.pid}`
    // Where there is no debugger, the own writer leaves as much in.
    if (!gcore(target.pid, prefix)) writeCore(target.pid, file, { withoutFiles: false })
    await target.kill()
    const process = onlyProcess(await dumpOf(['--core', file, '--locals']))
    expect(stacks(process)).toEqual(stacks(live))
    expect(process.threads).toHaveLength(2)
  })

  it('says who held the GIL, who waited for it and who slept', async () => {
    const { target, facts } = await startPython<Facts>(minor, 'states.py', ['sleeper_and_spinner'])
    const shown = async () => {
      const core = join(temporaryFolder(), 'core')
      writeCore(target.pid, core)
      const { threads } = onlyProcess(await dumpOf(['--core', core]))
      const activity = (name: string) =>
        threads.find(({ nativeId }) => nativeId === facts.threads[name])?.activity
      return { spin: activity('spin'), sleep: activity('sleep') }
    }
    const settled = { spin: 'running', sleep: 'idle' }
    // The main thread, which said that all are there, may hold the GIL for a moment longer.
    let both = await shown()
    for (let more = 0; more < 20 && !isDeepStrictEqual(both, settled); more++) both = await shown()
    expect(both).toEqual(settled)
    expect([await shown(), await shown()]).toEqual([settled, settled])
  })

  it('needs the program, which may be elsewhere by now', async () => {
    const folder = temporaryFolder()
    const program = join(folder, 'own-python')
    copyFileSync(python(minor), program)
    const { target } = await startTarget(program, {
      args: programArgs('values.py', ['recursion']),
      env: { PYTHONHOME: homeOf(minor) },
    })
    const core = join(folder, 'core')
    writeCore(target.pid, core)
    await target.kill()
    const here = onlyProcess(await dumpOf(['--core', core]))
    expect(frameOf(here.threads[0]!, 'recursion').index).toBe(1)

    const moved = join(folder, 'moved')
    copyFileSync(program, moved)
    writeFileSync(program, 'another file')
    const refused = await pyprof(['dump', '--core', core])
    expect(refused).toMatchObject({ status: 3, out: '' })
    expect(refused.err).toContain(`--core ${core} --executable FILE`)
    const found = onlyProcess(await dumpOf(['--core', core, '--executable', moved]))
    expect(stacks(found)).toEqual(stacks(here))
  })
})

describe.each(['3.14', '3.15'] as const)('a core of Python %s', (minor) => {
  it('shows asyncio tasks', async () => {
    const { target } = await startPython(minor, 'tasks.py', ['nested'])
    const core = join(temporaryFolder(), 'core')
    const live = onlyProcess(await dumpOf([target.pid, '--async']))
    writeCore(target.pid, core)
    const process = onlyProcess(await dumpOf(['--core', core, '--async']))
    expect(process.tasks).toEqual(live.tasks)
    expect(process.tasks?.tasks.length).toBeGreaterThan(3)
  })
})

/** Where the interpreter's library is, for a copy of the program that stands elsewhere. */
function homeOf(minor: (typeof MINORS)[number]): string {
  const root = join(TARGETS, '..', '..')
  const record = readFileSync(join(root, '.pythons', `python${minor}.json`), 'utf8')
  return (JSON.parse(record) as { home: string }).home
}

describe('a core that the kernel wrote', () => {
  it('of a process that ended by a signal says so', async () => {
    const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim()
    const folder = temporaryFolder()
    const { target } = await startPython('3.14', 'values.py', ['arguments'])
    let core = join(folder, 'own')
    if (/^[\w.%-]+$/.test(pattern)) {
      // It goes to the folder in which the process runs.
      const run = join(folder, 'run')
      mkdirSync(run)
      const args = ['-c', 'ulimit -c unlimited; exec "$@"', 'sh', python('3.14')]
      const child = spawn('sh', [...args, ...programArgs('values.py', ['arguments'])], { cwd: run })
      await once(child.stdout, 'data')
      process.kill(child.pid!, 'SIGABRT')
      await once(child, 'exit')
      core = join(run, readdirSync(run)[0] ?? 'none')
      expect(existsSync(core)).toBe(true)
    } else {
      writeCore(target.pid, core)
    }
    const dump = await dumpOf(['--core', core, '--locals'])
    expect(valuesOf(frameOf(mainThread(dump), 'arguments')).rest).toMatchObject({ length: 2 })
    const { core: facts } = onlyProcess(dump)
    expect(facts?.signal).toBe(core.startsWith(join(folder, 'run')) ? 'SIGABRT' : '')
  })
})

describe('what is no core', () => {
  it.each([
    ['a file that is not there', () => join(temporaryFolder(), 'none'), /cannot be read/],
    ['a folder', () => temporaryFolder(), /cannot be read/],
    ['a program', () => python('3.14'), /is no core file/],
    ['an empty file', () => emptyFile(), /is no core file/],
  ])('%s', async (_, make, expected) => {
    const { status, out, err } = await pyprof(['dump', '--core', make()])
    expect({ status, out }).toEqual({ status: 3, out: '' })
    expect(err).toMatch(expected)
    expect(err).toMatch(/^pyprof: \S.*\n {8}\S.*\n {8}\S.*\n$/)
  })

  it('a core that is cut in the middle shows what is left, or says what is missing', async () => {
    const { target } = await startPython('3.14', 'values.py', ['recursion'])
    const folder = temporaryFolder()
    writeCore(target.pid, join(folder, 'core'))
    const bytes = readFileSync(join(folder, 'core'))
    for (const part of [0.001, 0.05, 0.3, 0.6, 0.9]) {
      const cut = join(folder, 'cut')
      writeFileSync(cut, bytes.subarray(0, Math.floor(bytes.length * part)))
      const { status, err } = await pyprof(['dump', '--core', cut, '--locals'])
      expect([0, 3, 4]).toContain(status)
      if (status !== 0) expect(err).toMatch(/^pyprof: \S.*\n {8}\S.*\n {8}\S.*\n$/)
    }
  })
})

function emptyFile(): string {
  const file = join(temporaryFolder(), 'empty')
  writeFileSync(file, '')
  return file
}
