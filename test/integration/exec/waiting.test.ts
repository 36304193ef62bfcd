import { describe, expect, it } from 'vitest'
import { startPyprof } from '../../support/cli.ts'
import {
  EXEC_MINORS,
  ExecProgram,
  exec,
  isPending,
  leftIn,
  refused,
  startExec,
  until,
} from '../../support/exec.ts'
import { python } from '../../support/pythons.ts'
import { programArgs } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe.each(EXEC_MINORS)('Python %s', (minor) => {
  it('whose main thread waits for ever is reached on a thread that runs', async () => {
    const command = [python(minor), ...programArgs('exec.py', ['blocked'])]
    const program = new ExecProgram(command)
    const { busy } = await program.says<{ busy: number }>('ready')
    const { thread, new: now } = await exec(program.pid, ['gc', 'off'])
    expect({ thread, now }).toEqual({ thread: { tid: busy, isMain: false }, now: 'off' })
    expect(isPending(program.pid)).toBe(false)
    const { status, err } = await refused(program.pid, [
      'gc',
      ...['--thread', `${program.pid}`, '--timeout', '500ms'],
    ])
    expect(status).toBe(4)
    expect(err).toMatch(/Its main thread sleeps in futex; the script runs when it wakes up\./)
    expect(isPending(program.pid)).toBe(false)
    const chosen = await exec(program.pid, ['gc', '--thread', `${busy}`])
    expect(chosen.thread.tid).toBe(busy)
  })

  it('that sleeps: says so, withdraws, and nothing ever runs', async () => {
    const folder = temporaryFolder()
    const program = await startExec(minor, ['asleep'], { env: { TMPDIR: folder } })
    const { status, out, err } = await refused(program.pid, ['gc', 'off', '--timeout', '1.5s'])
    expect({ status, out }).toEqual({ status: 4, out: '' })
    expect(err).toMatch(/^Waiting: the thread sleeps in read; the script runs when it wakes up\./)
    expect(err).toContain(
      'did not come to run the script within 1.5 s; it was withdrawn, nothing ran',
    )
    expect(err).toContain(`pyprof exec --timeout 60 ${program.pid}`)
    expect(isPending(program.pid)).toBe(false)
    expect(leftIn(folder)).toEqual([])
    expect((await program.facts()).gc).toBe(true)
    expect(program.err).toBe('')
  })

  it('that sleeps runs it when it wakes up in time', async () => {
    const program = await startExec(minor, ['asleep'])
    const asked = startPyprof(['exec', `${program.pid}`, 'gc', 'off', '--json'], { input: '' })
    await until('the request waits', () => isPending(program.pid))
    expect((await program.facts()).gc).toBe(false)
    const { status, out } = await asked.ended
    expect(status).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ old: 'on', new: 'off' })
  })

  it('in one long C call: says so and withdraws', async () => {
    const program = await startExec(minor, ['calling'])
    const { status, err } = await refused(program.pid, ['threads', '--timeout', '500ms'])
    expect(status).toBe(4)
    expect(err).toMatch(/Its main thread runs C code without coming back to Python/)
    expect(isPending(program.pid)).toBe(false)
  })

  it('that is stopped: says so and withdraws', async () => {
    const program = await startExec(minor, ['obey'])
    program.signal('SIGSTOP')
    const { status, err } = await refused(program.pid, ['gc', 'off', '--timeout', '500ms'])
    program.signal('SIGCONT')
    expect(status).toBe(4)
    expect(err).toContain('is stopped by a signal; it goes on after SIGCONT')
    expect((await program.facts()).gc).toBe(true)
  })

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s to pyprof withdraws the request',
    async (signal) => {
      const folder = temporaryFolder()
      const program = await startExec(minor, ['asleep'], { env: { TMPDIR: folder } })
      const asked = startPyprof(['exec', `${program.pid}`, 'gc', 'off', '--timeout', '5m'], {
        input: '',
      })
      await until('the request waits', () => isPending(program.pid))
      asked.signal(signal)
      const { status, err } = await asked.ended
      expect(status).toBe(4)
      expect(err).toContain('it was withdrawn, nothing ran')
      expect(isPending(program.pid)).toBe(false)
      expect(leftIn(folder)).toEqual([])
      expect((await program.facts()).gc).toBe(true)
      expect(program.err).toBe('')
    },
  )

  it('a target that ends meanwhile is told as that', async () => {
    const folder = temporaryFolder()
    const program = await startExec(minor, ['asleep'], { env: { TMPDIR: folder } })
    const asked = startPyprof(['exec', `${program.pid}`, 'gc', 'off'], { input: '' })
    await until('the request waits', () => isPending(program.pid))
    await program.kill()
    const { status, err } = await asked.ended
    expect(status).toBe(3)
    expect(err).toMatch(/^pyprof: Process \d+ ended, or replaced itself/)
    expect(leftIn(folder)).toEqual([])
  })

  it('two at a time: each gets its turn', async () => {
    const program = await startExec(minor, ['obey'])
    const { pid } = program
    const all = await Promise.all([
      exec(pid, ['gc']),
      exec(pid, ['threads']),
      exec(pid, ['modules']),
    ])
    expect(all.map(({ action }) => action)).toEqual(['gc', 'threads', 'modules'])
    expect(isPending(pid)).toBe(false)
    expect(program.err).toBe('')
  })
})

it('a request of a pyprof that was killed does nothing once its time is over', async () => {
  const folder = temporaryFolder()
  const program = await startExec('3.14', ['asleep'], { env: { TMPDIR: folder } })
  const asked = startPyprof(['exec', `${program.pid}`, 'gc', 'off', '--timeout', '100ms'], {
    input: '',
  })
  await until('the request waits', () => isPending(program.pid))
  asked.signal('SIGKILL')
  await asked.ended
  expect(isPending(program.pid)).toBe(true) // nobody could withdraw it
  // Five seconds after its time it is too late: until then a script may run.
  await new Promise((resolve) => setTimeout(resolve, 5500))
  expect((await program.facts()).gc).toBe(true)
  expect(leftIn(folder)).toEqual([])
  expect(isPending(program.pid)).toBe(false)
  expect(program.err).toBe('')
})
