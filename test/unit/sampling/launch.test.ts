import { spawnSync } from 'node:child_process'
import { chmodSync, closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { LaunchError, launch, signalStatus, standardStreams } from '../../../src/sampling/launch.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

async function failure(...command: string[]): Promise<LaunchError> {
  const error = await launch(command).catch((error: unknown) => error)
  expect(error).toBeInstanceOf(LaunchError)
  return error as LaunchError
}

describe('launch', () => {
  test.each([0, 1, 42, 255])('gives the exit status %i of the command', async (status) => {
    const command = await launch(['sh', '-c', `exit ${status}`])
    expect(await command.ended).toBe(status)
  })

  test('gives 128 + n for a command that a signal has ended', async () => {
    const command = await launch(['sleep', '60'])
    command.kill('SIGTERM')
    expect(await command.ended).toBe(143)
    command.kill('SIGTERM')
  })

  test('has replaced the child by the program already', async () => {
    const command = await launch(['sleep', '60'])
    const shown = spawnSync('cat', [`/proc/${command.pid}/cmdline`], { encoding: 'utf8' }).stdout
    command.kill('SIGKILL')
    expect(shown).toBe('sleep\u000060\0')
    expect(await command.ended).toBe(137)
  })

  test('says 127 for a command that no folder in PATH has', async () => {
    const error = await failure('pyprof-no-such-command')
    expect(error.status).toBe(127)
    expect(error.why).toBe('No folder in PATH has it.')
  })

  test('says 127 for a file that is not there', async () => {
    const error = await failure('/no/such/file')
    expect(error.status).toBe(127)
    expect(error.why).toBe('There is no such file.')
  })

  test('says 126 for a file that is not executable, and how to run a Python file', async () => {
    const script = join(temporaryFolder(), 'app.py')
    writeFileSync(script, 'print()')
    const error = await failure(script)
    expect(error.status).toBe(126)
    expect(error.hint).toBe(`Run it with Python: pyprof record -- python3 ${script}`)
  })

  test('says what is wrong with a script whose interpreter is missing', async () => {
    const script = join(temporaryFolder(), 'script')
    writeFileSync(script, '#!/no/such/interpreter\n')
    chmodSync(script, 0o755)
    const error = await failure(script)
    expect(error.status).toBe(127)
    expect(error.why).toContain('interpreter named in its first line')
  })

  test('says 126 for arguments that the system does not take', async () => {
    const error = await failure('true', 'x'.repeat(1 << 22))
    expect(error.status).toBe(126)
    expect(error.why).toContain('E2BIG')
  })
})

describe('the streams of a command', () => {
  test('are the three standard streams of pyprof', () => {
    expect(standardStreams(['cat', 'file'])).toEqual(['inherit', 'inherit', 'inherit'])
  })

  test('and what its arguments name as open descriptors', () => {
    const fd = openSync('/dev/null', 'r')
    const streams = standardStreams(['cat', `/dev/fd/${fd}`, '/dev/fd/9999', '/dev/fd/1'])
    closeSync(fd)
    const ignored = Array.from({ length: fd - 3 }, () => 'ignore')
    expect(streams).toEqual(['inherit', 'inherit', 'inherit', ...ignored, fd])
  })
})

test('signals have the status that a shell gives them', () => {
  expect(signalStatus('SIGINT')).toBe(130)
  expect(signalStatus('SIGKILL')).toBe(137)
})
