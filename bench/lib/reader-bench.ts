import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Core } from './cores.ts'
import { measure } from './measured.ts'
import { ROOT } from './root.ts'

const FOLDER = join(ROOT, 'build-bench')

/** What native/bench/reader_bench.cc prints. */
export interface ReaderBench {
  /** CPU ns a sample, a value a block. */
  readonly ours: readonly number[]
  readonly bare: readonly number[]
  /** Elapsed ns a sample. */
  readonly wall: readonly number[]
  readonly ranges: number
  readonly bytes: number
  readonly replans: number
  readonly shortReads: number
  readonly readsPerSample: number
  readonly exact: number
}

let built = false

/** Builds the native benchmarks with the sources as they are. @throws Error with the build's words */
function build(program: 'reader_bench' | 'wake_bench'): string {
  if (!built) {
    const configure = ['-S', ROOT, '-B', FOLDER, '-DPYPROF_BENCH=ON', '-DCMAKE_BUILD_TYPE=Release']
    execFileSync('cmake', configure, { stdio: 'pipe' })
    execFileSync('cmake', ['--build', FOLDER], { stdio: 'pipe' })
    built = true
  }
  return join(FOLDER, program)
}

/** Reads a process flat out, its own reader and the bare system call in turn, a block each. */
export async function readerBench(
  pid: number,
  blocks: number,
  blockMs: number,
  core: Core = 'sampler',
): Promise<ReaderBench> {
  const command = [build('reader_bench'), String(pid), String(blocks), String(blockMs)]
  const { stdout } = await measure(command, core)
  return JSON.parse(stdout) as ReaderBench
}

/** CPU seconds of a loop that wakes up at a rate, and does nothing else. */
export async function wakeUpCost(rate: number, seconds: number): Promise<number> {
  return (await measure([build('wake_bench'), String(rate), String(seconds)], 'sampler')).cpu
}
