import { join } from 'node:path'
import type { Core } from './cores.ts'
import { type Measured, startMeasured, type Usage } from './measured.ts'
import { ROOT } from './root.ts'
import { temporary } from './temporary.ts'

export type Read = 'auto' | 'exact' | 'live' | 'stop'

/** What `pyprof record --json` says, as far as benchmarks need it; see docs/cli.md. */
export interface Summary {
  readonly read: string
  readonly durationNs: number
  readonly ticks: number
  readonly samples: number
  readonly quality: Readonly<
    Record<'exact' | 'repaired' | 'partial' | 'missed', { readonly samples: number }>
  >
  readonly gaps: { count: number; missedTicks: number; timeNs: number }
  readonly droppedSamples: number
  readonly lateTicks: number
  readonly endReason: string
}

export const PYPROF = [process.execPath, join(ROOT, 'bin', 'pyprof.js')]

export interface RecordOptions {
  readonly pid: number
  readonly rate: string
  readonly read: Read
  readonly seconds: number
}

/** The command line of a recording that writes collapsed stacks. */
export function recordCommand({ pid, rate, read, seconds }: RecordOptions): string[] {
  const what = ['--pid', String(pid), '-d', String(seconds), '-r', rate, '--read', read]
  return [...PYPROF, 'record', ...what, '--json', '-o', temporary('pyprof.collapsed')]
}

export function startRecord(options: RecordOptions, core: Core): Promise<Measured> {
  return startMeasured(recordCommand(options), core)
}

/** Records for the given time. @throws Error when nothing was captured */
export async function record(
  options: RecordOptions,
  core: Core,
): Promise<{ usage: Usage; summary: Summary }> {
  const { ended } = await startRecord(options, core)
  const usage = await ended
  if (usage.status !== 0) throw new Error(`pyprof record: ${usage.stderr}`)
  return { usage, summary: JSON.parse(usage.stdout) as Summary }
}
