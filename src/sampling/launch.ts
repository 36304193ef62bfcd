import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { EXIT, PyprofError } from '../errors.ts'

/** The exit status that a shell gives to a program ended by this signal. */
export function signalStatus(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

/** A command that runs as a child, with pyprof's own terminal, streams and process group. */
export interface LaunchedCommand {
  readonly pid: number
  /** Resolves at its end to the status a shell would show: its own, or 128 + n for signal n. */
  readonly ended: Promise<number>
  /** Sends a signal; does nothing when the command has ended. */
  kill(signal: NodeJS.Signals): void
}

/** The command could not be started. `status` is what a shell would exit with: 126 or 127. */
export class LaunchError extends PyprofError {
  readonly status: number

  constructor(status: number, what: string, why: string, hint: string, cause: unknown) {
    super({ code: 'command-not-started', what, why, hint, exitCode: EXIT.target, cause })
    this.status = status
  }
}

/**
 * Starts a command. When this resolves, the program has replaced the forked child already.
 * @param variables of its environment, besides pyprof's own
 * @param isTalk its stdout goes where pyprof's stderr goes
 * @throws LaunchError when it cannot be started
 */
export async function launch(
  command: readonly string[],
  variables: Readonly<Record<string, string>> = {},
  isTalk = false,
): Promise<LaunchedCommand> {
  const [program = '', ...args] = command
  let child: ChildProcess
  try {
    child = spawn(program, args, {
      stdio: standardStreams(command, isTalk),
      env: { ...process.env, ...variables },
    })
  } catch (error) {
    throw launchError(program, error)
  }
  const { pid } = child
  if (pid === undefined) {
    const [error] = await once(child, 'error')
    throw launchError(program, error)
  }
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ? signalStatus(signal) : (code ?? 0)))
  })
  return { pid, ended, kill: (signal) => void child.kill(signal) }
}

const STDERR = 2

/**
 * The three standard streams, and what arguments such as /dev/fd/63 name: a shell's `<(…)` is a
 * descriptor that Node would not hand on by itself.
 */
export function standardStreams(command: readonly string[], isTalk = false): StdioOptions {
  const stdout = isTalk ? STDERR : 'inherit'
  const streams: ('inherit' | 'ignore' | number)[] = ['inherit', stdout, 'inherit']
  for (const arg of command) {
    const match = /^\/(?:dev|proc\/self)\/fd\/(\d{1,4})$/.exec(arg)
    const fd = Number(match?.[1] ?? 0)
    if (fd < 3 || !existsSync(`/proc/self/fd/${fd}`)) continue
    while (streams.length <= fd) streams.push('ignore')
    streams[fd] = fd
  }
  return streams
}

function launchError(program: string, error: unknown): LaunchError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  const what = `The command ${program || "''"} could not be started.`
  const [status, why, hint] = explain(program, code)
  return new LaunchError(status, what, why, hint, error)
}

function explain(program: string, code: string): [status: number, why: string, hint: string] {
  const isScript = program.endsWith('.py')
  const withPython = `Run it with Python: pyprof record -- python3 ${program}`
  if (code === 'ENOENT' && program.includes('/') && existsSync(program)) {
    return [127, 'The interpreter named in its first line does not exist.', withPython]
  }
  if (code === 'ENOENT') {
    const why = program.includes('/') ? 'There is no such file.' : 'No folder in PATH has it.'
    const hint = `Check its name: command -v ${program}`
    return [127, why, isScript && existsSync(program) ? withPython : hint]
  }
  if (code === 'EACCES') {
    const hint = isScript ? withPython : `Check it: ls -l ${program}`
    return [126, 'It is not an executable file, or a folder on the way is closed.', hint]
  }
  return [126, `The system refused to run it (${code}).`, `Try it without pyprof: ${program}`]
}
