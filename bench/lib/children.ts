import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'
import type { Readable } from 'node:stream'

/** Process ids that must not outlive the run: processes started here and what they started. */
const alive = new Set<number>()

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

process.on('exit', () => {
  for (const pid of alive) killQuietly(pid)
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(1))
}

/** Has a process killed at the end of the run, whatever happens, until `forget`. */
export function remember(pid: number): void {
  alive.add(pid)
}

export function forget(pid: number): void {
  alive.delete(pid)
}

/** Starts a command with an environment that holds no PYTHON… of its own. */
export function start(command: readonly string[], stdio: SpawnOptions['stdio']): ChildProcess {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PYTHON'))
  const env = { ...Object.fromEntries(own), PYTHONUTF8: '1' }
  const child = spawn(command[0]!, command.slice(1), { env, stdio })
  if (child.pid !== undefined) {
    const { pid } = child
    remember(pid)
    child.on('exit', () => forget(pid))
  }
  return child
}

/** Ends a process for sure and waits for that. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

/** Lines of a stream, and the whole of a stream as text. */
export function lines(stream: Readable): Interface {
  return createInterface({ input: stream })
}

export function collect(stream: Readable): { text: string } {
  const collected = { text: '' }
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    collected.text += chunk
  })
  return collected
}
