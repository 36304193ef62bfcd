import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { collapsedLines, functionNames, pyprof, record, startPyprof } from '../../support/cli.ts'
import { OWN_MOUNTS, onlyChild, UNPRIVILEGED } from '../../support/containment.ts'
import { python } from '../../support/pythons.ts'
import { programArgs, startPython } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

async function idle(): Promise<string> {
  const { target } = await startPython('3.14', 'idle.py')
  return `${target.pid}`
}

/** Tells when it runs, which it must not. */
const COMMAND = ['--', 'sh', '-c', 'echo started']

describe('an output that cannot be written is found before anything runs', () => {
  it('in a folder that does not exist', async () => {
    const folder = temporaryFolder()
    const outcome = await pyprof(['record', '-o', 'no/such/out.svg', ...COMMAND], { cwd: folder })
    expect(outcome).toMatchObject({ status: 2, out: '' })
    expect(outcome.err).toBe(
      'pyprof: no/such/out.svg cannot be written.\n' +
        '        The system says: no such file or directory (ENOENT).\n' +
        '        Make its folder first: mkdir -p no/such\n',
    )
    expect(readdirSync(folder)).toEqual([])
  })

  it('is a folder', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'out.svg'))
    const outcome = await pyprof(['record', '-o', 'out.svg', ...COMMAND], { cwd: folder })
    expect(outcome).toMatchObject({ status: 2, out: '' })
    expect(outcome.err).toMatch(/it is a folder\.\n +Name a file in it: -o out\.svg\/FILE\n$/)
    expect(readdirSync(join(folder, 'out.svg'))).toEqual([])
  })

  it.each([
    ['-o', 'closed/out.svg'],
    ['-o', 'fine.svg', '-o', 'closed/out.collapsed'],
  ])('in a folder that is closed to the user (%s %s)', async (...outputs) => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'closed'), { mode: 0o555 })
    onTestFinished(() => chmodSync(join(folder, 'closed'), 0o755))
    const outcome = await pyprof(['record', ...outputs, ...COMMAND], {
      cwd: folder,
      prefix: UNPRIVILEGED,
    })
    expect(outcome).toMatchObject({ status: 2, out: '' })
    expect(outcome.err).toMatch(
      /^pyprof: closed\/out\.\w+ cannot be written\.\n +The system says: permission denied \(EACCES\)\.\n/,
    )
    expect(readdirSync(folder)).toEqual(['closed'])
  })

  it('is a file that is closed to the user, and stays as it was', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'out.svg'), 'old', { mode: 0o444 })
    const outcome = await pyprof(['record', '-o', 'out.svg', ...COMMAND], {
      cwd: folder,
      prefix: UNPRIVILEGED,
    })
    expect(outcome).toMatchObject({ status: 2, out: '' })
    expect(readFileSync(join(folder, 'out.svg'), 'utf8')).toBe('old')
  })
})

it('replaces a file only when the new one is whole', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'out.collapsed')
  writeFileSync(file, 'old', { mode: 0o640 })
  const program = startPyprof(['record', '-p', await idle(), '-r', '1khz', '-o', file])
  await program.samples()
  expect(readFileSync(file, 'utf8')).toBe('old')
  program.signal('SIGINT')
  expect((await program.ended).status).toBe(0)
  expect(functionNames(collapsedLines(readFileSync(file, 'utf8')))).toContain('inner')
  expect(readdirSync(folder)).toEqual(['out.collapsed'])
})

it('writes into a pipe that the shell names', async () => {
  const script = '"$0" "$@" -o >(cat >&1) -f collapsed 2>/dev/null | cat'
  const args = ['record', '-p', await idle(), '-d', '500ms']
  const outcome = await pyprof(args, { prefix: ['bash', '-c', script] })
  expect(functionNames(collapsedLines(outcome.out))).toContain('inner')
})

describe('a full disk', () => {
  it('costs only the output that is on it, and that one is saved elsewhere', async () => {
    const folder = temporaryFolder()
    const rescue = temporaryFolder()
    const outputs = ['-o', 'a.collapsed', '-o', '/dev/full', '-o', 'b.svg', '-f', 'speedscope']
    const args = ['record', '-p', await idle(), '-d', '500ms', ...outputs]
    const outcome = await pyprof(args, { cwd: folder, env: { TMPDIR: rescue } })
    expect(outcome).toMatchObject({ status: 4, signal: null, out: '' })
    expect(readdirSync(folder).sort()).toEqual(['a.collapsed', 'b.svg'])
    expect(outcome.err).toContain('\nWrote collapsed to a.collapsed ')
    expect(outcome.err).toContain('\nWrote flamegraph to b.svg ')
    const saved = savedAs(outcome.err, '/dev/full', 'speedscope')
    expect(saved.startsWith(`${rescue}/`)).toBe(true)
    expect(JSON.parse(readFileSync(saved, 'utf8'))).toMatchObject({ profiles: [{}] })
  })

  it('leaves the old file and no half of the new one', async () => {
    const folder = temporaryFolder()
    const rescue = temporaryFolder()
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    // Both are gone with the mount, so what is in it is told from inside.
    const mounted =
      'mount -t tmpfs -o size=8k none disk && echo old >disk/out.svg && ' +
      '"$0" "$@"; status=$?; ls -A disk; cat disk/out.svg; exit $status'
    const command = [python('3.14'), ...programArgs('record/command.py', ['exit', '0'])]
    const args = ['record', '-o', 'disk/out.svg', '-o', 'fine.collapsed', '--', ...command]
    const program = startPyprof(args, {
      cwd: folder,
      env: { TMPDIR: rescue },
      prefix: [...OWN_MOUNTS, 'sh', '-c', mounted],
    })
    await program.prints('ready')
    await program.samples(onlyChild(program.pid))
    program.type('\n')
    const outcome = await program.ended
    expect(outcome).toMatchObject({ status: 4, signal: null, out: 'ready\nout.svg\nold\n' })
    const saved = savedAs(outcome.err, 'disk/out.svg', 'flamegraph')
    expect(saved.endsWith('/out.svg')).toBe(true)
    expect(readFileSync(saved, 'utf8')).toMatch(/<svg[\s\S]*work[\s\S]*<\/svg>\s*$/)
    expect(existsSync(join(folder, 'fine.collapsed'))).toBe(true)
  })

  it('is stdout', async () => {
    const rescue = temporaryFolder()
    const args = ['-p', await idle(), '-d', '500ms', '-o', '-', '-f', 'collapsed']
    const outcome = await pyprof(['record', ...args], {
      env: { TMPDIR: rescue },
      prefix: ['sh', '-c', '"$0" "$@" >/dev/full'],
    })
    expect(outcome.status).toBe(4)
    const saved = savedAs(outcome.err, 'stdout', 'collapsed')
    expect(functionNames(collapsedLines(readFileSync(saved, 'utf8')))).toContain('inner')
  })
})

it('reports nothing of a disk that has room', async () => {
  const { err } = await record(['-p', await idle(), '-d', '500ms', '-o', 'out.svg'], {
    cwd: temporaryFolder(),
  })
  expect(err).not.toContain('pyprof: ')
})

/** The path that an error names, which ends what was said. */
function savedAs(err: string, path: string, format: string): string {
  const [what, why, hint] = err.slice(err.indexOf('pyprof: ')).split('\n')
  expect(what).toBe(`pyprof: ${path} could not be written.`)
  expect(why?.trim()).toBe('The system says: no space left on device (ENOSPC).')
  const saved = new RegExp(`^ +The ${format} output was saved as (/.*) instead\\.$`).exec(
    hint ?? '',
  )
  return saved?.[1] ?? ''
}
