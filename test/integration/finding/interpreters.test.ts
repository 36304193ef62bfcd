import {
  copyFileSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadAddon, type Probe } from '../../../src/sampling/addon.ts'
import { compile } from '../../support/build.ts'
import { captureStill, NS_PER_S, startCapture } from '../../support/capture.ts'
import { OWN_MOUNTS, OWN_PIDS, onlyChild, UNPRIVILEGED } from '../../support/containment.ts'
import { texts } from '../../support/positions.ts'
import { embed, MINORS, type Minor, python } from '../../support/pythons.ts'
import { programArgs, startTarget, type Target, type TargetOptions } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const SAMPLER_PROCESS = join(import.meta.dirname, '..', '..', 'support', 'sampler-process.mjs')
const IDLE = '<module>;outer;inner;hold'

/**
 * A program that needs to be told where its library is, since it was moved or embeds it. By `env`,
 * not in the environment of what comes before it in the command: an interpreter that was unpacked
 * may have a C library beside it which other programs cannot use.
 */
function atHome(minor: Minor, program: string, preload = ''): string[] {
  const { home, libDir } = embed(minor)
  return [
    'env',
    `PYTHONHOME=${home}`,
    `LD_LIBRARY_PATH=${libDir}`,
    `LD_PRELOAD=${preload}`,
    program,
  ]
}

/** A copy of an interpreter under a name without "python". */
function copyOf(minor: Minor): string {
  const copy = join(temporaryFolder(), 'service')
  copyFileSync(realpathSync(python(minor)), copy)
  return copy
}

/** The program that embeds the shared libpython, as a position-independent executable. */
function embedding(minor: Minor): string {
  const { compileFlags, linkFlags } = embed(minor)
  return compile('embedding.c', [...compileFlags, '-fPIE', '-pie', ...linkFlags])
}

async function start(command: readonly string[], options: TargetOptions = {}): Promise<Target> {
  const [program, ...args] = command
  return (await startTarget(program!, { ...options, args })).target
}

/** The interpreter is found, and its stack is what it should be. */
async function expectFound(pid: number, minor: Minor, stack = IDLE): Promise<void> {
  expect(loadAddon().probe(pid)).toMatchObject({
    ok: true,
    version: expect.stringMatching(new RegExp(`^${minor.replace('.', '\\.')}\\.`)),
    runtimeAddress: expect.stringMatching(/^0x[0-9a-f]+$/),
  })
  const capture = await captureStill(pid, 5)
  expect(texts(capture.samples())).toEqual([stack])
  expect(capture.samples().every(({ quality }) => quality === 'exact')).toBe(true)
}

/** The same answer for a profiler without any capability, which an ordinary user's is. */
async function expectFoundUnprivileged(pid: number, minor: Minor): Promise<void> {
  const [program, ...args] = [...UNPRIVILEGED, process.execPath, SAMPLER_PROCESS]
  const { facts } = await startTarget<Probe>(program!, { args: [...args, 'probe', String(pid)] })
  expect(facts).toMatchObject({
    ok: true,
    version: expect.stringMatching(new RegExp(`^${minor.replace('.', '\\.')}\\.`)),
  })
}

/** Mapped files of a process, in the order of their addresses. */
function mappedFiles(pid: number): string[] {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8')
  return [...new Set(maps.split('\n').flatMap((line) => /(\/.*)$/.exec(line)?.[1] ?? []))]
}

describe.each(MINORS)('finding %s', (minor) => {
  it('in the interpreter itself', async () => {
    const target = await start([python(minor), ...programArgs('idle.py')])
    await expectFound(target.pid, minor)
  })

  it('without capabilities', async () => {
    const target = await start([...UNPRIVILEGED, python(minor), ...programArgs('idle.py')])
    await expectFoundUnprivileged(target.pid, minor)
  })

  it('in libpython, loaded by a position-independent program of another name', async () => {
    const program = embedding(minor)
    const type = readFileSync(program).readUInt16LE(16)
    expect(type).toBe(3) // ET_DYN
    const target = await start([...atHome(minor, program), 'p', ...programArgs('idle.py')])
    expect(mappedFiles(target.pid).join()).toContain(`libpython${minor}.so`)
    await expectFound(target.pid, minor)
  })

  it('in a libpython that was deleted, with and without capabilities', async () => {
    const folder = temporaryFolder()
    const { libDir } = embed(minor)
    const library = realpathSync(join(libDir, `libpython${minor}.so`))
    const copy = join(folder, `libpython${minor}.so.1.0`)
    copyFileSync(library, copy)
    // Preloaded, so that it is taken whatever path the program was linked with.
    const program = atHome(minor, embedding(minor), copy)
    const target = await start([...UNPRIVILEGED, ...program, 'p', ...programArgs('idle.py')])
    expect(mappedFiles(target.pid)).toContain(copy)
    rmSync(copy)
    expect(mappedFiles(target.pid)).toContain(`${copy} (deleted)`)
    await expectFound(target.pid, minor)
    await expectFoundUnprivileged(target.pid, minor)
  })

  it('in a binary whose name does not contain "python"', async () => {
    const target = await start([...atHome(minor, copyOf(minor)), ...programArgs('idle.py')])
    await expectFound(target.pid, minor)
  })

  it('in a binary that was deleted', async () => {
    const copy = copyOf(minor)
    const program = atHome(minor, copy)
    const target = await start([...UNPRIVILEGED, ...program, ...programArgs('idle.py')])
    rmSync(copy)
    await expectFound(target.pid, minor)
    await expectFoundUnprivileged(target.pid, minor)
  })

  it('in a binary that another version has replaced', async () => {
    const copy = copyOf(minor)
    const program = atHome(minor, copy)
    const target = await start([...UNPRIVILEGED, ...program, ...programArgs('idle.py')])
    const other = MINORS[(MINORS.indexOf(minor) + 1) % MINORS.length]!
    copyFileSync(realpathSync(python(other)), `${copy}.new`)
    renameSync(`${copy}.new`, copy)
    await expectFound(target.pid, minor)
    await expectFoundUnprivileged(target.pid, minor)
  })

  it('in a binary that only its own mount namespace shows', async () => {
    const folder = temporaryFolder()
    const script =
      'mount -t tmpfs none "$1" && cp "$2" "$1/inside" && cd "$1" && shift 2 && exec "$@"'
    const inside = join(folder, 'inside')
    const command = [...OWN_MOUNTS, 'sh', '-ec', script, 'sh', folder, realpathSync(python(minor))]
    const program = [...UNPRIVILEGED, ...atHome(minor, inside), ...programArgs('idle.py')]
    const target = await start([...command, ...program])
    expect(mappedFiles(target.pid)).toContain(inside)
    expect(() => readFileSync(inside)).toThrow('ENOENT')
    await expectFound(target.pid, minor)
    await expectFoundUnprivileged(target.pid, minor)
  })

  it('in another pid namespace, with the thread ids of that namespace', async () => {
    const command = [...OWN_PIDS, python(minor), ...programArgs('idle.py')]
    const target = await start(command, { pidOf: onlyChild })
    expect(target.pid).not.toBe(target.spawned)
    await expectFound(target.pid, minor)
    const capture = await captureStill(target.pid, 3)
    expect(capture.profile().threads).toMatchObject([{ process: 0, nativeId: 1, isMain: true }])
  })

  it('beside a libpython that ctypes loaded and nobody started', async () => {
    const library = join(embed(minor).libDir, `libpython${minor}.so`)
    const target = await start([python(minor), ...programArgs('idle.py', [library])])
    expect(mappedFiles(target.pid)).toContain(realpathSync(library))
    await expectFound(target.pid, minor)
  })

  it('behind a libpython at lower addresses that nobody started', async () => {
    const { libDir } = embed(minor)
    const copy = join(temporaryFolder(), 'other-libpython.so')
    copyFileSync(realpathSync(join(libDir, `libpython${minor}.so`)), copy)
    const program = [...atHome(minor, embedding(minor)), 'p']
    const target = await start([...program, ...programArgs('idle.py', [copy])])
    const libraries = mappedFiles(target.pid).filter((file) => file.includes('libpython'))
    expect(libraries).toHaveLength(2)
    expect(libraries[0]).toBe(copy)
    await expectFound(target.pid, minor)
  })

  it('in a binary without section headers, by its memory', async () => {
    const copy = copyOf(minor)
    const bytes = readFileSync(copy)
    bytes.fill(0, 40, 48) // e_shoff
    bytes.fill(0, 58, 64) // e_shentsize, e_shnum, e_shstrndx
    writeFileSync(copy, bytes)
    const program = atHome(minor, copy)
    const target = await start([...UNPRIVILEGED, ...program, ...programArgs('idle.py')])
    await expectFound(target.pid, minor)
    await expectFoundUnprivileged(target.pid, minor)
  })

  it('before it has started, and from then on', async () => {
    const program = [...atHome(minor, embedding(minor)), 'wp']
    const target = await start([...program, ...programArgs('idle.py')])
    expect(loadAddon().probe(target.pid)).toMatchObject({ ok: false, code: 'not-started' })
    expect(() => startCapture(target.pid)).toThrow(expect.objectContaining({ code: 'not-started' }))
    const capture = startCapture(target.pid, { wait: true })
    await capture.until('the answer', () => capture.status.attachError === 'not-started')
    target.send('')
    await target.says('ready')
    await capture.until('the start', () => capture.status.state === 'sampling')
    await capture.ticks(5)
    expect(capture.samples().at(-1)?.text).toBe(IDLE)
  })

  it('finalised and started again: the time between is a gap, and sampling goes on', async () => {
    const program = [...atHome(minor, embedding(minor)), 'pwp']
    const target = await start([...program, ...programArgs('idle.py')])
    const capture = startCapture(target.pid)
    await capture.ticks(10)
    target.send('') // ends the first Python
    await target.says('ready')
    await capture.until('the end', () => capture.status.state === 'searching')
    expect(loadAddon().probe(target.pid)).toMatchObject({ ok: false, code: 'not-started' })
    target.send('') // starts the second
    await target.says('ready')
    await capture.until('the second', () => capture.status.state === 'sampling')
    await capture.ticks(10)
    capture.stop()
    const { samples, gaps } = capture.profile()
    expect(capture.samples().at(-1)?.text).toBe(IDLE)
    expect(capture.status).toMatchObject({ execs: 0 })
    const weights = Array.from(samples.weight).reduce((sum, weight) => sum + weight, 0)
    const gapTime = gaps.reduce((sum, { duration }) => sum + duration, 0)
    expect(gapTime).toBeGreaterThan(0)
    // Rounding aside, what is in no sample is in a gap; the first tick may come before the first sample.
    const unseen = samples.time[samples.length - 1]! - weights - gapTime
    expect(unseen).toBeGreaterThanOrEqual(0)
    expect(unseen).toBeLessThan(0.02 * NS_PER_S)
  })
})
