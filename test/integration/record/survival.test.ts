import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  collapsedLines,
  functionNames,
  type Outcome,
  Program,
  PYPROF,
  pyprof,
  record,
  startPyprof,
} from '../../support/cli.ts'
import { OWN_MOUNTS, onlyChild } from '../../support/containment.ts'
import { python } from '../../support/pythons.ts'
import { read, resolvedSamples } from '../../support/recordings.ts'
import { programArgs, startPython } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const PATIENCE_MS = 40_000
const POLL_MS = 20

async function idle(): Promise<string> {
  const { target } = await startPython('3.14', 'idle.py')
  return `${target.pid}`
}

/** Waits until a growing recording can be read back with so many samples. */
async function holds(path: string, samples: number): Promise<void> {
  const giveUp = Date.now() + PATIENCE_MS
  while (!existsSync(path) || (samplesIn(path) ?? 0) < samples) {
    if (Date.now() > giveUp) throw new Error(`${path} does not come to ${samples} samples`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function samplesIn(path: string): number | undefined {
  const bytes = readFileSync(path)
  return bytes.length < 16 ? 0 : read(bytes).profile?.samples.length
}

async function convert(args: readonly string[], cwd: string): Promise<Outcome> {
  const outcome = await pyprof(['convert', ...args], { cwd })
  expect(outcome, outcome.err).toMatchObject({ status: 0 })
  return outcome
}

describe('kill -9 of pyprof', () => {
  it.each([
    ['out.svg', 'out.svg.unfinished.pyprof'],
    ['run.pyprof', 'run.pyprof'],
  ])('while it records to %s leaves a recording to convert', async (output, left) => {
    const folder = temporaryFolder()
    const args = ['record', '-p', await idle(), '-r', '1khz', '-o', output]
    const program = startPyprof(args, { cwd: folder })
    await holds(join(folder, left), 500)
    const before = samplesIn(join(folder, left))!
    program.signal('SIGKILL')
    expect((await program.ended).signal).toBe('SIGKILL')
    expect(readdirSync(folder)).toEqual([left])
    expect(samplesIn(join(folder, left))).toBeGreaterThanOrEqual(before)
    const { err } = await convert([left, '-o', 'saved.collapsed'], folder)
    expect(err).toContain(`careful  ${left}: it has no end`)
    const lines = collapsedLines(readFileSync(join(folder, 'saved.collapsed'), 'utf8'))
    expect(functionNames(lines)).toContain('inner')
    expect(lines.reduce((sum, { weight }) => sum + weight, 0)).toBeGreaterThan(0)
  })

  it('with a launched command leaves the command alone, too', async () => {
    const folder = temporaryFolder()
    const command = [python('3.14'), ...programArgs('record/command.py', ['wait', '0'])]
    const program = startPyprof(['record', '-r', '1khz', '-o', 'out.svg', '--', ...command], {
      cwd: folder,
    })
    await program.prints('ready')
    const left = join(folder, 'out.svg.unfinished.pyprof')
    await holds(left, 100)
    const child = onlyChild(program.pid)
    program.signal('SIGKILL')
    expect(existsSync(`/proc/${child}`)).toBe(true)
    program.type('\n') // ends the command, which holds the streams
    await program.ended
    expect(read(readFileSync(left)).profile?.meta.command).toContain('command.py wait 0')
  })
})

describe('a full disk while a recording is written', () => {
  /** Runs a script with a small disk at `disk`, which is gone with it. */
  function onSmallDisk(
    folder: string,
    args: readonly string[],
    rescue: string,
    then: string,
    size = '8k',
  ) {
    mkdirSync(join(folder, 'disk'))
    mkdirSync(rescue, { recursive: true })
    const script = `mount -t tmpfs -o size=${size} none disk && "$0" "$@"; status=$?; ${then}; exit $status`
    return new Program([...OWN_MOUNTS, 'sh', '-c', script, process.execPath, PYPROF, ...args], {
      cwd: folder,
      env: { TMPDIR: rescue },
    })
  }

  it('is said at once, and the whole recording is saved elsewhere', async () => {
    const folder = temporaryFolder()
    const rescue = join(folder, 'rescue')
    const args = ['record', '-p', await idle(), '-r', '5khz', '-o', 'disk/run.pyprof']
    const program = onSmallDisk(folder, args, rescue, 'ls -A disk')
    await program.tells('disk/run.pyprof cannot be written (no space left on device (ENOSPC))')
    process.kill(onlyChild(program.pid), 'SIGINT')
    const outcome = await program.ended
    expect(outcome).toMatchObject({ status: 4, out: '' })
    expect(outcome.err).toContain('pyprof: disk/run.pyprof could not be written to its end.')
    const saved = /saved as (\S+) instead/.exec(outcome.err)![1]!
    expect(saved.startsWith(rescue)).toBe(true)
    const { isComplete, profile } = read(readFileSync(saved))
    expect(isComplete).toBe(true)
    const told = Number(/ samples {2}([\d,]+) of/.exec(outcome.err)![1]!.replaceAll(',', ''))
    expect(profile!.samples.length).toBe(told)
    expect(readFileSync(saved).length).toBeGreaterThan(8192)
  })

  it('leaves what the disk took, also when pyprof is killed then', async () => {
    const folder = temporaryFolder()
    const rescue = join(folder, 'rescue')
    const args = ['record', '-p', await idle(), '-r', '5khz', '-o', 'disk/run.pyprof']
    const then = '"$0" "$1" convert disk/run.pyprof -f collapsed -o -'
    // Room for the appends of some seconds, each of which is a block.
    const program = onSmallDisk(folder, args, rescue, then, '64k')
    await program.tells('cannot be written')
    process.kill(onlyChild(program.pid), 'SIGKILL')
    const { out, err } = await program.ended
    expect(functionNames(collapsedLines(out))).toContain('inner')
    expect(err).toMatch(/careful {2}disk\/run\.pyprof: it is damaged from byte \d+ on/)
  })

  it('costs only the safety copy, which is told', async () => {
    const folder = temporaryFolder()
    const args = ['record', '-p', await idle(), '-r', '5khz', '-F', '-o', 'disk/out.collapsed']
    const program = onSmallDisk(folder, args, join(folder, 'rescue'), 'ls -A disk')
    await program.tells('No safety copy can be kept in')
    process.kill(onlyChild(program.pid), 'SIGINT')
    expect(await program.ended).toMatchObject({ status: 0, out: 'out.collapsed\n' })
  })
})

it('SIGUSR1 writes what there is so far, whole, and the recording goes on', async () => {
  const folder = temporaryFolder()
  const args = ['record', '-p', await idle(), '-r', '1khz', '-o', 'a.collapsed', '-o', 'b.svg']
  const program = startPyprof(args, { cwd: folder })
  await holds(join(folder, 'a.collapsed.unfinished.pyprof'), 100)
  program.signal('SIGUSR1')
  await program.tells('wrote flamegraph to b.svg')
  const total = () =>
    collapsedLines(readFileSync(join(folder, 'a.collapsed'), 'utf8')).reduce(
      (sum, { weight }) => sum + weight,
      0,
    )
  const soFar = total()
  expect(readFileSync(join(folder, 'b.svg'), 'utf8')).toMatch(/<\/svg>\s*$/)
  await program.samples()
  program.signal('SIGINT')
  expect((await program.ended).status).toBe(0)
  expect(total()).toBeGreaterThan(soFar)
  expect(readdirSync(folder).sort()).toEqual(['a.collapsed', 'b.svg'])
})

it('--rotate leaves files that are one recording together', async () => {
  const folder = temporaryFolder()
  const args = ['-p', await idle(), '-r', '1khz', '-d', '3500ms', '--rotate', '1s']
  const { err } = await record([...args, '-o', 'run.pyprof'], { cwd: folder })
  const files = readdirSync(folder).sort()
  expect(files.length).toBeGreaterThan(1)
  const parts = files.map((file) => read(readFileSync(join(folder, file))))
  expect(parts.every(({ isComplete }) => isComplete)).toBe(true)
  await convert([...files, '-o', 'whole.pyprof'], folder)
  const whole = read(readFileSync(join(folder, 'whole.pyprof'))).profile!
  const told = Number(/ samples {2}([\d,]+) of/.exec(err)![1]!.replaceAll(',', ''))
  expect(whole.samples.length).toBe(told)
  expect(whole.threads).toHaveLength(1)
})

it('a recording of a tree of processes with all their tasks comes back equal', async () => {
  const folder = temporaryFolder()
  const program = join(folder, 'tree.py')
  writeFileSync(
    program,
    [
      'import asyncio, subprocess, sys, time',
      'async def work(end):',
      '    while time.monotonic() < end:',
      '        sum(range(10_000))',
      '        await asyncio.sleep(0.001)',
      'async def main(end):',
      '    await asyncio.gather(*(work(end) for _ in range(3)))',
      "child = None if 'child' in sys.argv else subprocess.Popen([sys.executable, __file__, 'child'])",
      'asyncio.run(main(time.monotonic() + 1.5))',
      'if child: child.wait()',
    ].join('\n'),
  )
  const what = ['-s', '--async=all', '-r', '200', '-t', '--json']
  const outputs = ['-o', 'run.pyprof', '-o', 'out.collapsed', '-o', 'copy.pyprof']
  const command = ['--', python('3.14'), program]
  const { out } = await record([...what, ...outputs, ...command], { cwd: folder })
  const options = ['-t', '--json', '-o', 'again.collapsed', '-o', 'out.speedscope.json']
  const converted = await convert(['run.pyprof', ...options, '-o', 'out.pb.gz'], folder)
  const file = (name: string) => readFileSync(join(folder, name))
  expect(file('again.collapsed').equals(file('out.collapsed'))).toBe(true)
  const own = new Set(['outputs', 'inputs', 'pid', 'launched', 'signal'])
  const told = (text: string) => Object.entries(JSON.parse(text)).filter(([name]) => !own.has(name))
  expect(told(converted.out)).toEqual(told(out))
  const [streamed, whole] = ['run.pyprof', 'copy.pyprof'].map((name) => read(file(name)).profile!)
  expect(resolvedSamples(streamed!)).toEqual(resolvedSamples(whole!))
  expect(whole!.processes.map(({ parent }) => parent)).toEqual([-1, 0])
  expect(whole!.threads.filter(({ waitingTasks }) => waitingTasks)).toHaveLength(2)
  expect(whole!.meta.tasks).toEqual({ scope: 'all', loopSeen: true })
  // Other formats tell the time of threads and of tasks apart, too.
  await convert(['out.pb.gz', '-t', '-o', 'pprof.collapsed'], folder)
  await convert(['out.speedscope.json', '-t', '-o', 'speedscope.collapsed'], folder)
  for (const name of ['pprof.collapsed', 'speedscope.collapsed']) {
    const roots = collapsedLines(file(name).toString()).map(({ frames }) => frames[0])
    expect(new Set(roots.map((root) => root?.split(' (')[0]))).toEqual(
      new Set(['MainThread', 'waiting tasks of MainThread']),
    )
  }
})

it('what CPython 3.15 itself profiles can be converted', async () => {
  const folder = temporaryFolder()
  const target = join(folder, 'busy.py')
  writeFileSync(
    target,
    'import time\n\n\ndef spin(end):\n    while time.process_time() < end:\n        pass\n\n\nspin(1)\n',
  )
  const tachyon = ['-m', 'profiling.sampling', 'run', '--collapsed', '-o', 'out.txt', target]
  const outcome = await new Program([python('3.15'), ...tachyon], { cwd: folder }).ended
  expect(outcome, outcome.err).toMatchObject({ status: 0 })
  await convert(['out.txt', '-o', 'out.collapsed'], folder)
  const lines = collapsedLines(readFileSync(join(folder, 'out.collapsed'), 'utf8'))
  expect(functionNames(lines)).toContain('spin')
  expect(lines.some(({ frames }) => frames.some((frame) => /busy\.py:\d+\)$/.test(frame)))).toBe(
    true,
  )
})
