import type { Diagnosis } from '../../src/commands/doctor.ts'
import type { PythonProcess, PythonProcesses } from '../../src/sampling/python-processes.ts'
import { type Outcome, pyprof, type RunOptions } from './cli.ts'

/** The list that `pyprof ps --json` prints, which must end with 0. */
export async function ps(
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<PythonProcesses> {
  const { status, out, err } = await pyprof(['ps', '--json', ...args], options)
  if (status !== 0 || err !== '') throw new Error(`pyprof ps ended with ${status}: ${err}`)
  return JSON.parse(out) as PythonProcesses
}

/** The row of one process; undefined when it is not listed. */
export async function rowOf(
  pid: number,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<PythonProcess | undefined> {
  const { processes } = await ps(args, options)
  return processes.find((row) => row.pid === pid)
}

export interface Doctor extends Pick<Outcome, 'status' | 'err'> {
  readonly diagnosis: Diagnosis
  /** `yes`, `no`, … of a check; undefined when it is not there. */
  verdict(id: string): string | undefined
  text(id: string): string
}

/** What `pyprof doctor --json` finds. */
export async function doctor(
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<Doctor> {
  const { status, out, err } = await pyprof(['doctor', '--json', ...args], options)
  if (out === '') throw new Error(`pyprof doctor ended with ${status}: ${err}`)
  const diagnosis = JSON.parse(out) as Diagnosis
  const check = (id: string) => diagnosis.checks.find((each) => each.id === id)
  return {
    status,
    err,
    diagnosis,
    verdict: (id) => check(id)?.verdict,
    text: (id) => check(id)?.text ?? '',
  }
}
