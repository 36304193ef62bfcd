import { collapsed } from './collapsed.ts'
import { flamegraph } from './flamegraph.ts'
import type { Format } from './format.ts'
import { pyprof } from './pyprof.ts'
import { speedscope } from './speedscope.ts'

export type { Format, FormatName, FormatOptions } from './format.ts'

/** Every output format; a new one is a file of its own and an entry here. */
export const FORMATS: readonly Format[] = [speedscope, collapsed, flamegraph, pyprof]

/** The format with this name, as given to `--format`; undefined when there is none. */
export function formatNamed(name: string): Format | undefined {
  return FORMATS.find((format) => format.name === name)
}

/** The format that a file's name asks for; undefined when its suffix means none. */
export function formatFor(path: string): Format | undefined {
  const lower = path.toLowerCase()
  return FORMATS.find((format) => format.suffixes.some((suffix) => lower.endsWith(suffix)))
}

/** `speedscope, collapsed or …`, for messages. */
export function formatNames(): string {
  const names = FORMATS.map((format) => format.name)
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}
