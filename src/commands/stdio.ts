import { spawnSync } from 'node:child_process'
import { writeSync } from 'node:fs'

export const STDIN = 0
export const STDOUT = 1
export const STDERR = 2

const RETRY_MS = 5

/**
 * Writes everything to a descriptor, waiting where a non-blocking one is full.
 *
 * The standard streams are written in this way and never through process.stdout or process.stderr:
 * those make a pipe non-blocking, also for the launched command that shares it, and then it fails.
 * @throws the system's error: EPIPE, ENOSPC, EIO, …
 */
export function writeAll(fd: number, data: string | Uint8Array): void {
  let rest: Uint8Array = typeof data === 'string' ? Buffer.from(data) : data
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') throw error
      waitBriefly()
    }
  }
}

/**
 * Columns of the terminal that a descriptor is; undefined when it does not tell. Asked of `stty`,
 * since Node tells it only of a stream, and its streams change the terminal.
 */
export function terminalColumns(fd: number): number | undefined {
  const { stdout } = spawnSync('stty', ['size'], { stdio: [fd, 'pipe', 'ignore'] })
  const columns = Number(/^\d+ (\d+)/.exec(String(stdout))?.[1] ?? 0)
  return columns > 0 ? columns : undefined
}

/** The folder that pyprof runs in; undefined when it has been removed. */
export function currentFolder(): string | undefined {
  try {
    return process.cwd()
  } catch (error) {
    if (errorCode(error) === '') throw error
    return undefined
  }
}

/** Waits until a descriptor that gave EAGAIN may be ready. */
export function waitBriefly(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
}

/** `ENOENT` and so on; '' for an error that is not the system's. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && 'errno' in error ? String(error.code) : ''
}

/** The system's words for an error, with its code: `no space left on device (ENOSPC)`. */
export function errorText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const code = errorCode(error)
  const words = code === '' ? message : (message.match(/^\w+: ([^,]+)/)?.[1] ?? message)
  return code === '' ? words : `${words} (${code})`
}
