import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  collapsedLines,
  functionNames,
  type Outcome,
  type Program,
  pyprof,
  startPyprof,
  summaryOf,
} from '../../support/cli.ts'
import { MINORS, type Minor, python } from '../../support/pythons.ts'
import { programArgs, startPython, type Target } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

interface Running {
  readonly target: Target
  readonly program: Program
  readonly file: string
}

/** A recording without --duration, of lives.py, that has its first samples. */
async function recording(minor: Minor, ...options: string[]): Promise<Running> {
  const file = join(temporaryFolder(), 'out.collapsed')
  const { target } = await startPython(minor, 'lives.py')
  const args = ['record', '-p', `${target.pid}`, '-r', '1khz', '-o', file, ...options]
  const program = startPyprof(args)
  await program.samples()
  return { target, program, file }
}

function expectTargetEnded(outcome: Outcome, file: string): void {
  expect(outcome).toMatchObject({ status: 0, signal: null, out: '' })
  expect(outcome.err).toContain('\n  ended    the target has ended\n')
  expect(functionNames(collapsedLines(readFileSync(file, 'utf8')))).toContain('wait')
}

describe.each(MINORS)('the target, Python %s,', (minor) => {
  it.each(['SIGKILL', 'SIGSEGV', 'SIGTERM'] as const)('ends by %s', async (signal) => {
    const { target, program, file } = await recording(minor)
    target.signal(signal)
    expectTargetEnded(await program.ended, file)
  })

  it('ends by itself', async () => {
    const { target, program, file } = await recording(minor)
    target.send('["none"]')
    expectTargetEnded(await program.ended, file)
    expect(await target.exited).toEqual({ code: 0, signal: null })
  })

  it('becomes another Python, and is followed', async () => {
    const other = MINORS[(MINORS.indexOf(minor) + 1) % MINORS.length]!
    const { target, program, file } = await recording(minor)
    target.send(JSON.stringify(['exec', python(other), ...programArgs('idle.py')]))
    await target.says('ready')
    // What there is so far tells when the new program has been found.
    const soFar = () => {
      program.signal('SIGUSR1')
      return existsSync(file) ? [...functionNames(collapsedLines(readFileSync(file, 'utf8')))] : []
    }
    await expect.poll(soFar, { timeout: 30_000, interval: 200 }).toContain('inner')
    program.signal('SIGINT')
    const { status, err } = await program.ended
    expect(status).toBe(0)
    expect(err).toContain('\n  exec     followed the target through 1 exec\n')
    expect(err).toContain(`(Python ${other}.`)
    const names = functionNames(collapsedLines(readFileSync(file, 'utf8')))
    for (const name of ['before', 'wait', 'outer', 'inner']) expect(names).toContain(name)
  })
})

it('a target that becomes no Python ends the recording, and lives on', async () => {
  const { target, program, file } = await recording('3.14', '--json')
  target.send(JSON.stringify(['exec', '/bin/sleep', '300']))
  const outcome = await program.ended
  expect(outcome.status).toBe(0)
  expect(summaryOf(outcome)).toMatchObject({ endReason: 'not-python-after-exec' })
  expect(functionNames(collapsedLines(readFileSync(file, 'utf8')))).toContain('wait')
  expect(readFileSync(`/proc/${target.pid}/comm`, 'utf8')).toBe('sleep\n')
})

it('nothing captured is said, with exit code 4 and no file', async () => {
  const folder = temporaryFolder()
  const { target } = await startPython('3.14', 'idle.py')
  // A tick in 100 seconds: the first one comes later than the end.
  const args = ['record', '-p', `${target.pid}`, '-r', '0.01', '-d', '10ms', '-o', 'out.svg']
  const { status, out, err } = await pyprof(args, { cwd: folder })
  expect({ status, out }).toEqual({ status: 4, out: '' })
  expect(err).toMatch(
    /^pyprof: Nothing was captured, and no file was written\.\n {8}\S.*\n {8}\S.*\n$/,
  )
  expect(readdirSync(folder)).toEqual([])
})
