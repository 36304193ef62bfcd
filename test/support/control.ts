import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { collapsedLines, functionNames, summaryOf } from './cli.ts'

/** The Python files for harnesses that come with pyprof. */
export const INTEGRATIONS = join(import.meta.dirname, '..', '..', 'integrations')

/** The environment of a program that imports them. */
export const CONTROL_ENV = { PYTHONPATH: INTEGRATIONS, PYTHONDONTWRITEBYTECODE: '1' } as const

/** Of `--json`, what --control adds. */
export interface ControlSummary {
  readonly durationNs: number
  readonly timeNs: { readonly total: number }
  readonly gaps: { readonly timeNs: number }
  readonly activity: { readonly cpuNs: number }
  readonly iterations?: number
  readonly control: {
    readonly pausedTime: number
    readonly pauses: number
    readonly marks: readonly { readonly name: string; readonly count: number }[]
  }
}

/** The value of --control for FIFOs in a folder. */
export function controlFifos(folder: string): string {
  return `fifo:${join(folder, 'ctl')},${join(folder, 'ack')}`
}

/** Options that begin disabled. */
export function controlIn(folder: string): string[] {
  return ['--control', controlFifos(folder), '--control-start', 'disabled']
}

/** The summary behind whatever a command has printed. */
export function controlSummary(out: string): ControlSummary {
  return summaryOf({ out: out.slice(out.indexOf('{\n')) }) as unknown as ControlSummary
}

/** The names of all functions in a file of collapsed stacks. */
export function functionsOf(file: string): Set<string> {
  return functionNames(collapsedLines(readFileSync(file, 'utf8')))
}
