import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  collapsedLines,
  functionNames,
  Program,
  PYPROF,
  startPyprof,
  summaryOf,
} from '../../support/cli.ts'
import { onlyChild } from '../../support/containment.ts'
import { MINORS, python } from '../../support/pythons.ts'
import { programArgs, startPython } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const CTRL_C = '\x03'
const ESCAPE = '\x1b'

function namesIn(file: string): Set<string> {
  return functionNames(collapsedLines(readFileSync(file, 'utf8')))
}

/** Starts pyprof in a terminal of its own. */
function inTerminal(args: readonly string[]): Program {
  const terminal = [python('3.14'), ...programArgs('record/terminal.py')]
  return new Program([...terminal, process.execPath, PYPROF, ...args], {
    env: { TERM: 'xterm' },
  })
}

describe.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s', (signal) => {
  it.each(MINORS)('ends the recording of a process, Python %s, which lives on', async (minor) => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const { target } = await startPython(minor, 'idle.py')
    const args = ['record', '-p', `${target.pid}`, '-r', '1khz', '-o', file, '--json']
    const program = startPyprof(args)
    await program.samples()
    program.signal(signal)
    const outcome = await program.ended
    expect(outcome).toMatchObject({ status: 0, signal: null, err: '' })
    expect(summaryOf(outcome)).toMatchObject({ endReason: 'interrupted', signal })
    expect(namesIn(file)).toContain('inner')
    target.send('')
    expect(await target.exited).toEqual({ code: 0, signal: null })
  })
})

it('a signal is named in the text too', async () => {
  const { target } = await startPython('3.14', 'idle.py')
  const args = ['record', '-p', `${target.pid}`, '-r', '1khz', '-o', '/dev/null', '-f', 'collapsed']
  const program = startPyprof(args)
  await program.samples()
  program.signal('SIGTERM')
  expect((await program.ended).err).toContain('\n  ended    interrupted by SIGTERM\n')
})

describe('a launched command', () => {
  it.each(MINORS)('of Python %s gets what is sent to pyprof', async (minor) => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const command = [python(minor), ...programArgs('record/command.py', ['wait', '9'])]
    const program = startPyprof(['record', '-o', file, '--', ...command])
    await program.prints('ready')
    await program.samples()
    program.signal('SIGTERM')
    const { status, out, err } = await program.ended
    expect({ status, out }).toEqual({ status: 9, out: 'ready\ngot SIGTERM\n' })
    expect(err).toContain('\n  ended    the target has ended\n')
    expect(namesIn(file)).toContain('wait')
  })

  it('is left alone at the second signal, a second later', async () => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const command = [python('3.14'), ...programArgs('record/command.py', ['wait', '9'])]
    const program = startPyprof(['record', '-o', file, '--', ...command])
    await program.prints('ready')
    await program.samples()
    program.signal('SIGHUP')
    await program.prints('got SIGHUP')
    await new Promise((resolve) => setTimeout(resolve, 1500)) // what tells the two apart
    program.signal('SIGHUP')
    await program.tells('Wrote collapsed')
    expect(program.err).toContain('\n  ended    interrupted by SIGHUP\n')
    expect(namesIn(file)).toContain('wait')
    program.type('\n') // its end closes the streams that pyprof has left to it
    expect(await program.ended).toMatchObject({ status: 128 + 1, out: 'ready\ngot SIGHUP\n' })
  })
})

describe('in a terminal', () => {
  it.each(MINORS)('Ctrl-C reaches a command of Python %s once, which decides', async (minor) => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const command = [python(minor), ...programArgs('record/command.py', ['wait', '7'])]
    const program = inTerminal(['record', '-o', file, '--', ...command])
    await program.prints('ready')
    await program.samples(onlyChild(program.pid))
    program.type(CTRL_C)
    await program.prints('got SIGINT')
    program.type('\n')
    const { status, out } = await program.ended
    expect(status).toBe(7)
    expect(out.match(/got SIG\w+/g)).toEqual(['got SIGINT'])
    expect(out).toContain('  ended    the target has ended')
    expect(out).not.toContain('Ctrl-C ends')
    expect(namesIn(file)).toContain('wait')
  })

  it('progress is drawn while a process is recorded, until Ctrl-C, and wiped away', async () => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const { target } = await startPython('3.14', 'idle.py')
    const program = inTerminal(['record', '-p', `${target.pid}`, '-d', '1h', '-o', file])
    const drawn = [
      `\\r${ESCAPE}\\[K[\\d.]+ m?s of 3,?600 s {3}[\\d,]+ samples {3}[\\d.,]+ Hz {3}Ctrl-C ends`,
      `Ctrl-C ends(\\^C)?\\r${ESCAPE}\\[KRecorded `,
    ]
    await program.prints('samples   ')
    await program.prints(' Hz   Ctrl-C ends')
    program.type(CTRL_C)
    const { status, out } = await program.ended
    expect(status).toBe(0)
    for (const each of drawn) expect(out).toMatch(new RegExp(each))
    expect(out).toContain('  ended    interrupted by SIGINT')
    expect(namesIn(file)).toContain('inner')
  })
})
