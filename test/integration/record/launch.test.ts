import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  collapsedLines,
  functionNames,
  pyprof,
  record,
  startPyprof,
  summaryOf,
} from '../../support/cli.ts'
import { MINORS, type Minor, python } from '../../support/pythons.ts'
import { programArgs } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** The command line of command.py, see there. */
function command(minor: Minor, ...args: string[]): string[] {
  return [python(minor), ...programArgs('record/command.py', args)]
}

function namesIn(file: string): Set<string> {
  return functionNames(collapsedLines(readFileSync(file, 'utf8')))
}

describe.each(MINORS)('a command of Python %s', (minor) => {
  it.each([
    [0, 'exit', '0'],
    [3, 'exit', '3'],
    [70, 'exit', '70'],
    [128 + 9, 'signal', '9'],
  ])('keeps its status %i', async (status, ...args) => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const program = startPyprof(['record', '-o', file, '--', ...command(minor, ...args)])
    await program.prints('ready')
    await program.samples()
    program.type('\n')
    const outcome = await program.ended
    expect(outcome).toMatchObject({ status, signal: null, out: 'ready\n' })
    expect(outcome.err).toContain('\n  ended    the target has ended\n')
    expect(namesIn(file)).toContain('work')
  })

  it('keeps its streams', async () => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const input = 'a\0b\r\nü\n'.repeat(20_000)
    const program = startPyprof(['record', '-o', file, '--', ...command(minor, 'echo')])
    await program.tells('ready')
    await program.samples()
    program.type(input)
    program.endInput()
    const { status, out, err } = await program.ended
    expect(status).toBe(0)
    expect(out === input).toBe(true)
    expect(err).toMatch(new RegExp(`^ready\n${Buffer.byteLength(input)} bytes\nRecorded `))
    expect(namesIn(file)).toContain('echo')
  })

  it('is recorded from its first Python frame on, however short it is', async () => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const seen = new Set<string>()
    const begun = () => [...seen].some((name) => name.startsWith('_find_and_load'))
    // A busy machine may not let pyprof run for just the few milliseconds that are looked for.
    for (let attempt = 0; attempt < 5 && !(begun() && seen.has('burst')); attempt++) {
      const args = [
        '-r',
        '5khz',
        '--read',
        'live',
        '-o',
        file,
        '--',
        ...command(minor, 'burst', '0.03'),
      ]
      await record(args)
      for (const name of namesIn(file)) seen.add(name)
    }
    expect([...seen]).toContain('burst')
    expect(begun()).toBe(true)
  })

  it('is found behind a shell that replaces itself', async () => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const shell = ['sh', '-c', 'sleep 0.2; exec "$@"', 'sh', ...command(minor, 'exit', '3')]
    const program = startPyprof(['record', '-o', file, '--json', '--', ...shell])
    await program.prints('ready')
    await program.samples()
    program.type('\n')
    const outcome = await program.ended
    expect(outcome.status).toBe(3)
    expect(outcome.out).toMatch(/^ready\n\{/) // what the command prints comes first
    expect(namesIn(file)).toContain('work')
    expect(summaryOf({ out: outcome.out.replace('ready\n', '') })).toMatchObject({
      launched: true,
      pythonVersion: expect.stringContaining(`${minor}.`),
      command: expect.stringMatching(/^sh -c 'sleep 0\.2; exec "\$@"' sh /),
      endReason: 'exited',
      threads: [{ isMain: true }],
    })
  })

  it('outlives a shorter --duration', async () => {
    const file = join(temporaryFolder(), 'out.collapsed')
    const args = ['record', '-d', '500ms', '-o', file, '--', ...command(minor, 'wait', '5')]
    const program = startPyprof(args)
    await program.tells('pyprof waits for its end.\n')
    expect(program.err).toContain('\n  ended    the requested duration is over\n')
    expect(program.err).toMatch(
      /\nThe command goes on as process \d+; pyprof waits for its end\.\n$/,
    )
    expect(collapsedLines(readFileSync(file, 'utf8')).length).toBeGreaterThan(0)
    await program.prints('ready')
    program.type('\n')
    expect(await program.ended).toMatchObject({ status: 5, signal: null })
  })
})

describe('a command that is no Python', () => {
  it.each([
    [4, ['true']],
    [5, ['sh', '-c', 'exit 5']],
    [128 + 15, ['sh', '-c', 'kill -TERM $$']],
  ])('ends with %i, a plain message and no file', async (status, argv) => {
    const folder = temporaryFolder()
    const outcome = await pyprof(['record', '-o', 'out.svg', '--', ...argv], { cwd: folder })
    expect(outcome).toMatchObject({ status, signal: null, out: '' })
    expect(outcome.err).toBe(
      'pyprof: Nothing was captured, and no file was written.\n' +
        '        The command ended before it ran any Python that pyprof reads.\n' +
        '        When it starts Python as a child, follow it: pyprof record --subprocesses …\n',
    )
    expect(readdirSync(folder)).toEqual([])
  })

  it('that was looked into is not to be attached to, since it has ended', async () => {
    const { status, err } = await pyprof([
      'record',
      '-o',
      '-',
      '-f',
      'collapsed',
      '--',
      'sleep',
      '1',
    ])
    expect(status).toBe(4)
    expect(err.split('\n').at(-2)).toBe(
      '        When it starts Python as a child, follow it: pyprof record --subprocesses …',
    )
  })

  it('leaves a summary and an old file, when they are wanted', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'out.svg'), 'old')
    const args = ['record', '--json', '-o', 'out.svg', '--', 'true']
    const outcome = await pyprof(args, { cwd: folder })
    expect(outcome.status).toBe(4)
    expect(summaryOf(outcome)).toMatchObject({
      endReason: 'never-python',
      pythonVersion: '',
      samples: 0,
      outputs: [],
    })
    expect(readFileSync(join(folder, 'out.svg'), 'utf8')).toBe('old')
  })
})

describe('a command that cannot be started', () => {
  it('is not found: 127', async () => {
    const folder = temporaryFolder()
    const outcome = await pyprof(['record', '--', 'no-such-command-here'], { cwd: folder })
    expect(outcome).toEqual({
      status: 127,
      signal: null,
      out: '',
      err:
        'pyprof: The command no-such-command-here could not be started.\n' +
        '        No folder in PATH has it.\n' +
        '        Check its name: command -v no-such-command-here\n',
    })
    expect(readdirSync(folder)).toEqual([])
  })

  it('is not executable: 126', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'app.py'), 'pass\n', { mode: 0o644 })
    const outcome = await pyprof(['record', '--', './app.py'], { cwd: folder })
    expect(outcome.status).toBe(126)
    expect(outcome.err).toContain('Run it with Python: pyprof record -- python3 ./app.py\n')
    expect(readdirSync(folder)).toEqual(['app.py'])
  })

  it('is a folder: 126', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'app'))
    const outcome = await pyprof(['record', '--', './app'], { cwd: folder })
    expect(outcome.status).toBe(126)
    expect(existsSync(join(folder, 'app'))).toBe(true)
  })
})
