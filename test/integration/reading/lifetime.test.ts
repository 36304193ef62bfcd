import { describe, expect, it, onTestFinished } from 'vitest'
import { loadAddon } from '../../../src/sampling/addon.ts'
import { captureStill, startCapture } from '../../support/capture.ts'
import { texts } from '../../support/positions.ts'
import { still, threadStates } from '../../support/process-state.ts'
import { MINORS, type Minor, python } from '../../support/pythons.ts'
import { programArgs, startPython, startTarget, type Target } from '../../support/target.ts'

/** Sends a command of lives.py. */
function order(target: Target, ...command: string[]): void {
  target.send(JSON.stringify(command))
}

/** The command that executes a target program on a minor. */
function image(minor: Minor, program: string, ...args: string[]): string[] {
  return [python(minor), ...programArgs(program, args)]
}

describe.each(MINORS)('the life of a target on %s', (minor) => {
  it('killed: the recording ends, and what was captured stays', async () => {
    const { target } = await startPython(minor, 'idle.py')
    const capture = startCapture(target.pid)
    await capture.ticks(20)
    target.signal('SIGKILL')
    const status = await capture.ended()
    expect(status).toMatchObject({ endReason: 'exited', execs: 0 })
    expect(texts(capture.samples())).toEqual(['<module>;outer;inner;hold'])
    expect(capture.samples().length).toBeGreaterThanOrEqual(20)
  })

  it('killed and not waited for by its parent: ends all the same', async () => {
    const { target } = await startPython(minor, 'lives.py')
    order(target, 'fork')
    const { child } = await target.says<{ child: number }>('forked')
    onTestFinished(() => void process.kill(child, 'SIGKILL')) // a zombie until its parent ends
    const capture = startCapture(child)
    await capture.ticks(5)
    process.kill(child, 'SIGKILL')
    expect(await capture.ended()).toMatchObject({ endReason: 'exited' })
    expect(threadStates(child)).toEqual(['Z'])
    expect(loadAddon().probe(child)).toMatchObject({ ok: false, code: 'not-python' })
  })

  it('exits: its last functions are sampled, and the recording ends', async () => {
    const { target } = await startPython(minor, 'lives.py')
    const capture = startCapture(target.pid)
    order(target, 'exit')
    await target.says('exiting')
    await still(target.pid)
    await capture.ticks(10)
    expect(capture.samples().at(-1)).toMatchObject({ text: 'at_exit;hold', quality: 'exact' })
    target.send('')
    expect(await capture.ended()).toMatchObject({ endReason: 'exited' })
    expect(await target.exited).toEqual({ code: 0, signal: null })
  })

  const other = MINORS[(MINORS.indexOf(minor) + 1) % MINORS.length]!
  it.each([
    ['exec', minor],
    ['exec', other],
    ['exec-from-thread', minor],
    ['exec-from-thread', other],
  ])('%s of %s: sampling goes on with the new program', async (command, next) => {
    const { target } = await startPython(minor, 'lives.py')
    const capture = startCapture(target.pid)
    await capture.ticks(20)
    expect(capture.status.pythonVersion).toMatch(new RegExp(`^${minor}\\.`))
    order(target, command, ...image(next, 'threads.py', 'many', '3'))
    await target.says('ready')
    await capture.until('the exec', () => capture.status.execs === 1)
    await capture.until('the new Python', () => capture.status.state === 'sampling')
    await capture.ticks(20)
    capture.stop()

    expect(capture.status.pythonVersion).toMatch(new RegExp(`^${next}\\.`))
    const { threads } = capture.profile()
    const mains = threads.flatMap(({ isMain }, thread) => (isMain ? [thread] : []))
    expect(mains).toHaveLength(2)
    const [before, after] = mains.map((thread) => texts(capture.samples(thread)))
    expect(before).toContain('<module>;before;wait')
    expect(before!.join()).not.toContain('many')
    expect(after).toContain('<module>;many;hold')
    expect(after!.join()).not.toContain('before')
    const workers = threads.flatMap((_, thread) => texts(capture.samples(thread)).slice(-1))
    expect(workers.filter((text) => text.endsWith(';Meeting.stay'))).toHaveLength(3)
  })

  it('forks: each process has its own stacks', async () => {
    const { target } = await startPython(minor, 'lives.py')
    const capture = startCapture(target.pid)
    await capture.ticks(5)
    order(target, 'fork')
    const { child } = await target.says<{ child: number }>('forked')
    onTestFinished(() => void process.kill(child, 'SIGKILL'))
    await capture.ticks(10)
    capture.stop()
    const seen = capture.samples()
    expect(seen.at(-1)?.text).toBe('<module>;before;fork;only_parent;hold')
    expect(texts(seen).join()).not.toContain('only_child')
    expect(capture.profile().threads).toMatchObject([{ process: 0, nativeId: target.pid }])

    const ofChild = await captureStill(child, 10)
    expect(texts(ofChild.samples())).toEqual(['<module>;before;fork;only_child'])
    expect(ofChild.profile().threads).toMatchObject([{ process: 0, nativeId: child, isMain: true }])
  })

  it('stopped by a signal: sampled as it stands', async () => {
    const { target } = await startPython(minor, 'idle.py')
    await still(target.pid)
    target.signal('SIGSTOP')
    const capture = startCapture(target.pid)
    await capture.until('the stop', () => threadStates(target.pid).join() === 'T')
    await capture.ticks(50)
    expect(threadStates(target.pid)).toEqual(['T'])
    capture.stop()
    for (const { text, quality } of capture.samples()) {
      expect([text, quality]).toEqual(['<module>;outer;inner;hold', 'exact'])
    }
    expect(capture.status).toMatchObject({ endReason: 'stopped', execs: 0 })
  })
})

describe('a target that becomes something else', () => {
  it('is given three seconds to become Python again (3.13, 3.14 and 3.15 at once)', async () => {
    const ends = await Promise.all(
      MINORS.map(async (minor) => {
        const { target } = await startPython(minor, 'lives.py')
        const capture = startCapture(target.pid)
        await capture.ticks(5)
        order(target, 'exec', '/bin/sleep', '300')
        return capture.ended()
      }),
    )
    for (const end of ends) {
      expect(end).toMatchObject({ endReason: 'not-python-after-exec', execs: 1 })
    }
  })

  it('never becomes Python: the search ends with the process', async () => {
    const { target } = await startTarget('sh', { args: ['-c', 'echo ready; read line'] })
    const capture = startCapture(target.pid, { wait: true })
    await capture.until('the answer', () => capture.status.attachError === 'not-python')
    expect(capture.status.state).toBe('searching')
    target.send('')
    expect(await capture.ended()).toMatchObject({ endReason: 'never-python', ticks: 0 })
  })

  it.each(MINORS)('becomes Python %s while it is waited for', async (minor) => {
    const args = ['-c', 'echo ready; read line; exec "$@"', 'sh', ...image(minor, 'idle.py')]
    const { target } = await startTarget('sh', { args })
    const capture = startCapture(target.pid, { wait: true })
    await capture.until('the search', () => capture.status.attachError === 'not-python')
    target.send('')
    await target.says('ready')
    await capture.until('Python', () => capture.status.state === 'sampling')
    await capture.ticks(10)
    expect(capture.status).toMatchObject({ execs: 0, attachError: '' })
    expect(capture.samples().at(-1)?.text).toBe('<module>;outer;inner;hold')
    expect(capture.profile().threads).toMatchObject([{ nativeId: target.pid, isMain: true }])
  })
})
