import { basename } from 'node:path'
import { callgrind } from './callgrind.ts'
import { chrometrace } from './chrometrace.ts'
import { collapsed } from './collapsed.ts'
import { firefox } from './firefox.ts'
import { flamegraph } from './flamegraph.ts'
import type { Format } from './format.ts'
import { pprof } from './pprof.ts'
import { pstats } from './pstats.ts'
import { speedscope } from './speedscope.ts'

export type { Format, FormatName, FormatOptions } from './format.ts'

/** Every output format; a new one is a file of its own and an entry here. */
export const FORMATS: readonly Format[] = [
  speedscope,
  collapsed,
  flamegraph,
  pprof,
  firefox,
  chrometrace,
  callgrind,
  pstats,
]

/** The format with this name, as given to `--format`; undefined when there is none. */
export function formatNamed(name: string): Format | undefined {
  return FORMATS.find((format) => format.name === name)
}

/** What `--format` takes, in words: `speedscope, collapsed or flamegraph`. */
export function formatNames(): string {
  const names = FORMATS.map((format) => format.name)
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

/**
 * The format that a file's name asks for, by its longest suffix or else by its beginning; undefined
 * when neither means one.
 */
export function formatFor(path: string): Format | undefined {
  const name = basename(path.toLowerCase())
  const bySuffix = FORMATS.flatMap((format) =>
    format.suffixes.filter((suffix) => name.endsWith(suffix)).map((suffix) => ({ suffix, format })),
  ).sort((a, b) => b.suffix.length - a.suffix.length)
  return (
    bySuffix[0]?.format ??
    FORMATS.find((format) => format.prefixes?.some((prefix) => name.startsWith(prefix)))
  )
}
