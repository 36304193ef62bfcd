import { join } from 'node:path'
import { type Minor, python } from '../../test/support/pythons.ts'
import { collect, end, lines, start } from './children.ts'
import { type Core, onCore } from './cores.ts'
import { ROOT } from './root.ts'

const READY_TIMEOUT_MS = 60_000

/** A running Python program to be sampled. */
export interface Target {
  readonly pid: number
  end(): Promise<void>
}

/** Starts a program of bench/targets and waits until it says `ready`. */
export async function startTarget(
  minor: Minor,
  program: string,
  args: readonly (string | number)[] = [],
  core: Core = 'target',
): Promise<Target> {
  const script = join(ROOT, 'bench', 'targets', program)
  const command = [python(minor, ROOT), '-S', '-B', script, ...args.map(String)]
  const child = start(onCore(core, command), ['ignore', 'pipe', 'pipe'])
  const errors = collect(child.stderr!)
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${program}: ${why}. ${errors.text}`))
    const timer = setTimeout(() => fail('not ready in time'), READY_TIMEOUT_MS)
    child.on('error', (error) => fail(error.message))
    child.on('exit', () => fail('ended before it was ready'))
    lines(child.stdout!).on('line', (line) => {
      if (line !== 'ready') return
      clearTimeout(timer)
      resolve()
    })
  })
  return { pid: child.pid!, end: () => end(child) }
}

/** Runs `work` with a target that stands on `depth` frames in each of its threads. */
export async function withFrames<T>(
  shape: { minor: Minor; depth: number; threads?: number; busy: number },
  work: (target: Target) => Promise<T>,
): Promise<T> {
  const { minor, depth, threads = 1, busy } = shape
  const target = await startTarget(minor, 'frames.py', [depth, threads, busy])
  try {
    return await work(target)
  } finally {
    await target.end()
  }
}
