import { execFileSync } from 'node:child_process'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Profile } from '../../../src/profile/profile.ts'
import { compile } from '../../support/build.ts'
import { type Capture, namedSamples, startCapture } from '../../support/capture.ts'
import { MINORS, type Minor, python } from '../../support/pythons.ts'
import { programArgs, startPython, startTarget, type Target } from '../../support/target.ts'

/** What a process of family.py says of itself. */
interface Member {
  readonly pid: number
  readonly parent: number
  readonly function: string
}

async function order(target: Target, ...command: string[]): Promise<readonly Member[]> {
  target.send(JSON.stringify(command))
  return (await target.says<{ family: readonly Member[] }>('family')).family
}

/** Texts of the stacks that were seen in each process, by its row. */
function textsByProcess(profile: Profile): Set<string>[] {
  const texts = profile.processes.map(() => new Set<string>())
  for (const { thread, text } of namedSamples(profile)) {
    texts[profile.threads[thread]!.process]!.add(text)
  }
  return texts
}

function rowOf({ processes }: Profile, pid: number): number {
  return processes.findIndex((process) => process.pid === pid)
}

/** Waits until each has been seen in the function that it has named. */
async function sees(capture: Capture, family: readonly Member[]): Promise<void> {
  const open = new Map(family.map((member) => [member.pid, member]))
  await capture.until(`samples of ${JSON.stringify(family)}`, () => {
    const profile = capture.profile()
    const texts = textsByProcess(profile)
    for (const member of open.values()) {
      const functions = [...(texts[rowOf(profile, member.pid)] ?? [])].flatMap((text) =>
        text.split(';'),
      )
      if (functions.includes(member.function)) open.delete(member.pid)
    }
    return open.size === 0
  })
}

/** Each stands below its parent, was never seen in what only others do, and is a Python. */
function expectFamily(profile: Profile, family: readonly Member[], minor: Minor): void {
  const texts = textsByProcess(profile)
  const others = new Set(family.map((member) => member.function))
  for (const member of family) {
    const row = rowOf(profile, member.pid)
    const process = profile.processes[row]!
    expect(profile.processes[process.parent]).toMatchObject({ pid: member.parent })
    expect(process.pythonVersion).toMatch(new RegExp(`^${minor}\\.`))
    expect(process.unreadable).toBe('')
    const leaves = [...texts[row]!].map((text) => text.split(';').at(-1)!)
    expect(leaves.filter((name) => others.has(name) && name !== member.function)).toEqual([])
  }
}

describe.each(MINORS)('the processes below a Python %s', (minor) => {
  it.each([
    ['os.fork', ['fork']],
    ['multiprocessing by fork', ['process', 'fork']],
    ['multiprocessing by spawn', ['process', 'spawn']],
    ['multiprocessing by forkserver', ['process', 'forkserver']],
    ['a pool by fork', ['pool', 'fork']],
    ['a pool by spawn', ['pool', 'spawn']],
  ])('%s: each with its own stacks, below its parent', async (_, command) => {
    const { target } = await startPython(minor, 'family.py')
    const capture = startCapture(target.pid, { follow: true })
    await capture.ticks(5)
    const family = await order(target, ...command)
    await sees(capture, family)
    capture.stop()
    const profile = capture.profile()
    expectFamily(profile, family, minor)
    expect(profile.processes[0]).toMatchObject({ pid: target.pid, parent: -1 })
    const main = [...textsByProcess(profile)[0]!].flatMap((text) => text.split(';'))
    for (const member of family) expect(main).not.toContain(member.function)
  })

  it('those that are there already are found, too', async () => {
    const { target } = await startPython(minor, 'family.py')
    const family = await order(target, 'fork')
    const capture = startCapture(target.pid, { follow: true })
    await sees(capture, family)
    capture.stop()
    expectFamily(capture.profile(), family, minor)
    expect(capture.profile().processes).toHaveLength(4)
  })

  it('behind a shell: below the one that has started the shell', async () => {
    const { target } = await startPython(minor, 'family.py')
    const capture = startCapture(target.pid, { follow: true })
    await capture.ticks(5)
    const family = await order(target, 'shell')
    await sees(capture, family)
    capture.stop()
    const { processes } = capture.profile()
    expect(processes).toMatchObject([
      { pid: target.pid, parent: -1 },
      { pid: family[0]!.pid, parent: 0, command: expect.stringContaining('in_shell') },
    ])
  })

  it('exec in place: the same process with another command', async () => {
    const { target } = await startPython(minor, 'family.py')
    const capture = startCapture(target.pid, { follow: true })
    const before = await order(target, 'exec')
    await sees(capture, before)
    const after = await order(target, 'go')
    expect(after[0]!.pid).toBe(before[0]!.pid)
    await sees(capture, after)
    capture.stop()
    const profile = capture.profile()
    expect(profile.processes).toHaveLength(2)
    expect(profile.processes[1]).toMatchObject({
      pid: after[0]!.pid,
      parent: 0,
      command: expect.stringContaining('after_exec'),
      end: profile.meta.duration,
    })
    expect(capture.status.execs).toBe(1)
    const threads = profile.threads.filter((thread) => thread.process === 1)
    // One that is still starting may be lost once more, and then counts as another.
    expect(threads.length).toBeGreaterThanOrEqual(2)
    expect(threads.filter(({ isMain }) => !isMain)).toEqual([])
  })

  it.each(['fork', 'spawn', 'exec'])('children of 50 ms are seen, by %s', async (how) => {
    const { target } = await startPython(minor, 'family.py')
    const capture = startCapture(target.pid, { follow: true })
    await capture.ticks(5)
    const children = await order(target, 'short', how, '8')
    await capture.ticks(1)
    const profile = capture.profile()
    const texts = textsByProcess(profile)
    const seen = children.filter(({ pid }) => {
      const functions = [...(texts[rowOf(profile, pid)] ?? [])].flatMap((text) => text.split(';'))
      return functions.includes('short')
    })
    // A busy machine may not let pyprof run for just these 50 ms.
    expect(seen.length).toBeGreaterThanOrEqual(children.length / 2)
    for (const { pid } of seen) {
      expect(profile.processes[rowOf(profile, pid)]).toMatchObject({ parent: 0, unreadable: '' })
    }
  })

  it('a hundred children', async () => {
    const { target } = await startPython(minor, 'family.py')
    const capture = startCapture(target.pid, { follow: true, rate: 200 })
    const family = await order(target, 'many', '100')
    await sees(capture, family)
    capture.stop()
    const profile = capture.profile()
    expectFamily(profile, family, minor)
    expect(profile.processes).toHaveLength(101)
    // Nothing but the first thread of each.
    for (const { process, nativeId, isMain } of profile.threads) {
      expect([isMain, nativeId]).toEqual([true, profile.processes[process]!.pid])
    }
    expect(capture.status.droppedSamples).toBe(0)
  })

  it('an unreadable child is named, with the reason', async () => {
    const old = compile('fake_runtime.c', ['-DVERSION=0x030b02f0'])
    const { target } = await startPython(minor, 'family.py')
    const capture = startCapture(target.pid, { follow: true })
    const [child] = await order(target, 'run', old)
    await capture.until('its row', () => rowOf(capture.profile(), child!.pid) > 0)
    capture.stop()
    expect(capture.profile().processes[1]).toMatchObject({
      pid: child!.pid,
      parent: 0,
      command: old,
      pythonVersion: '',
      unreadable: 'unsupported-version',
    })
  })

  it('children that are no Python have no row, and no sample of their parent', async () => {
    const { target } = await startPython(minor, 'family.py')
    const capture = startCapture(target.pid, { follow: true })
    await capture.ticks(5)
    await order(target, 'wait', 'true')
    await capture.ticks(20)
    capture.stop()
    expect(capture.profile().processes).toMatchObject([{ pid: target.pid }])
  })

  it('goes on with a child that is left behind, until that has ended', async () => {
    const { target } = await startPython(minor, 'family.py')
    const capture = startCapture(target.pid, { follow: true })
    const family = await order(target, 'leave')
    const [left] = family
    onTestFinished(() => {
      // Whatever has gone wrong, nobody else would end it.
      if (capture.status.state !== 'ended') process.kill(left!.pid, 'SIGKILL')
    })
    await sees(capture, family)
    await capture.until(
      'its end',
      () => capture.profile().processes[0]!.end < capture.status.elapsed,
    )
    await target.exited
    await capture.ticks(10)
    expect(capture.status.state).toBe('sampling')
    process.kill(left!.pid, 'SIGKILL')
    expect(await capture.ended()).toMatchObject({ endReason: 'exited' })
    const [root, child] = capture.profile().processes
    expect(child!.end).toBeGreaterThan(root!.end)
  })

  it('Pythons below a shell that is there first', async () => {
    const script = 'echo ready; read line; exec 3<&0; "$@" <&3 & "$@"; wait'
    const command = [python(minor), ...programArgs('idle.py')]
    const { target } = await startTarget('sh', { args: ['-c', script, 'sh', ...command] })
    const capture = startCapture(target.pid, { follow: true })
    expect(capture.status).toMatchObject({ state: 'searching', attachError: 'not-python' })
    target.send('')
    await capture.until('both', () => {
      const texts = textsByProcess(capture.profile())
      return texts.filter((each) => each.has('<module>;outer;inner;hold')).length === 2
    })
    capture.stop()
    expect(capture.profile().processes).toMatchObject([
      { pid: target.pid, pythonVersion: '' },
      { parent: 0, command: command.join(' ') },
      { parent: 0, command: command.join(' ') },
    ])
  })
})

describe('following', () => {
  it('is refused for a process that cannot be read and has no children', async () => {
    const { target } = await startTarget(compile('fake_runtime.c', ['-DVERSION=0x030b02f0']))
    expect(() => startCapture(target.pid, { follow: true })).toThrow(
      expect.objectContaining({ code: 'unsupported-version' }),
    )
  })

  it('by looking, where the kernel tells nothing', () => {
    // A network namespace of its own has no proc connector.
    const program = [
      "const addon = require('./build/Release/pyprof.node')",
      'const options = { pid: process.pid, interval: 1e6, duration: 0, wait: true, capacity: 1,',
      "  seed: 1, read: 'live', maxOverhead: 1, follow: true }",
      'const sampler = addon.createSampler(options)',
      'console.log(sampler.drain().status.descendants)',
      'sampler.stop()',
    ].join('\n')
    const args = ['--net', process.execPath, '-e', program]
    expect(execFileSync('unshare', args, { encoding: 'utf8' })).toBe('polling\n')
  })
})
