import { collapsed } from './collapsed.ts'
import { flamegraph } from './flamegraph.ts'
import type { Format } from './format.ts'
import { html } from './html.ts'
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
  html,
  table,
  markdown,
  json,
]

/** The format with this name, as given to `--format`; undefined when there is none. */
export function formatNamed(name: string): Format | undefined {
  return FORMATS.find((format) => format.name === name)
}

/** The format that a file's name asks for by its longest suffix; undefined when that means none. */
export function formatFor(path: string): Format | undefined {
  const lower = path.toLowerCase()
  const ends = FORMATS.flatMap((format) => format.suffixes.map((suffix) => ({ format, suffix })))
  return ends
    .filter(({ suffix }) => lower.endsWith(suffix))
    .sort((a, b) => b.suffix.length - a.suffix.length)[0]?.format
}

/** Whether a file's name suits a format that has been asked for. */
export function suits(format: Format, path: string): boolean {
  const lower = path.toLowerCase()
  const suffixes = [...format.suffixes, ...(format.alsoSuffixes ?? [])]
  return suffixes.some((suffix) => lower.endsWith(suffix))
}
