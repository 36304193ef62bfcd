import { basename } from 'node:path'
import { callgrind } from './callgrind.ts'
import { chrometrace } from './chrometrace.ts'
import { collapsed } from './collapsed.ts'
import { firefox } from './firefox.ts'
import { flamegraph } from './flamegraph.ts'
import type { Format } from './format.ts'
import { heatmap } from './heatmap.ts'
import { html } from './html.ts'
import { pprof } from './pprof.ts'
import { pstats } from './pstats.ts'
import { pyprof } from './pyprof.ts'
import { json } from './report/json.ts'
import { markdown } from './report/markdown.ts'
import { table } from './report/table.ts'
import { speedscope } from './speedscope.ts'

export type { Format, FormatName, FormatOption, FormatOptions } from './format.ts'
export { COLOURINGS, FRAME_STYLES, SHAPES } from './format.ts'

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
  html,
  heatmap,
  table,
  markdown,
  json,
  pyprof,
]

/** The format with this name, as given to `--format`; undefined when there is none. */
export function formatNamed(name: string): Format | undefined {
  return FORMATS.find((format) => format.name === name)
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

/** Whether a file's name suits a format that has been asked for. */
export function suits(format: Format, path: string): boolean {
  const name = basename(path.toLowerCase())
  const suffixes = [...format.suffixes, ...(format.alsoSuffixes ?? [])]
  return (
    suffixes.some((suffix) => name.endsWith(suffix)) ||
    (format.prefixes ?? []).some((prefix) => name.startsWith(prefix))
  )
}
