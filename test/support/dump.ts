import type { Dump, DumpedFrame, DumpedProcess, DumpedThread } from '../../src/dump/dump.ts'
import { valueText } from '../../src/dump/value-text.ts'
import type { Value } from '../../src/sampling/value.ts'
import { pyprof, type RunOptions } from './cli.ts'

/** Runs `pyprof dump --json`, which must end with 0. */
export async function dumpOf(
  args: readonly (string | number)[],
  options: RunOptions = {},
): Promise<Dump> {
  const { status, out, err } = await pyprof(['dump', '--json', ...args.map(String)], options)
  if (status !== 0) throw new Error(`pyprof dump ended with ${status}: ${err}`)
  return JSON.parse(out) as Dump
}

/** The only process of a dump. */
export function onlyProcess({ processes }: Dump): DumpedProcess {
  if (processes.length !== 1) throw new Error(`${processes.length} processes were dumped.`)
  return processes[0]!
}

export function mainThread(dump: Dump): DumpedThread {
  return onlyProcess(dump).threads.find(({ isMain }) => isMain)!
}

/** The innermost frame of the function. @throws Error when it is on no stack */
export function frameOf(thread: DumpedThread, name: string): DumpedFrame {
  const frame = thread.frames.find((each) => each.function.split('.').at(-1) === name)
  if (!frame) throw new Error(`${name} is not on the stack of ${thread.name}.`)
  return frame
}

/** A frame's variables by their names. */
export function valuesOf({ variables }: DumpedFrame): Record<string, Value> {
  return Object.fromEntries((variables ?? []).map(({ name, value }) => [name, value]))
}

/** The same as texts. */
export function textsOf(frame: DumpedFrame): Record<string, string> {
  const values = Object.entries(valuesOf(frame))
  return Object.fromEntries(values.map(([name, value]) => [name, valueText(value)]))
}
