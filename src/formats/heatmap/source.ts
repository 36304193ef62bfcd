import type { FunctionHeat, LineHeat, LineView } from '../../profile/line-view.ts'
import type { SourceFile } from '../../profile/source-files.ts'
import { formatCount, visible } from '../text.ts'

/** What a profile says about a file, as far as a source can be held against it. */
export interface Expected {
  readonly file: string
  readonly lines: readonly LineHeat[]
  readonly functions: readonly FunctionHeat[]
}

/** Lines in a row, as they stand in the file. */
export interface Passage {
  /** 1-based. */
  readonly first: number
  /** Without what ends them, and without what is not to be shown. */
  readonly lines: readonly string[]
  /** Numbers of lines of which not all is shown. */
  readonly redacted: ReadonlySet<number>
}

/** The source of a file, as a page shows it. */
export interface ShownSource {
  /** Where it was found; '' when there is none. */
  readonly path: string
  /** What to know about it: why it may not be what ran, or why there is none. */
  readonly notes: readonly string[]
  /** In their order; all of the file, unless it is very long. */
  readonly passages: readonly Passage[]
  /** Lines of the whole file. */
  readonly length: number
}

/** A longer file is shown around its samples only: a page would hold little else. */
const MAX_WHOLE_LINES = 20_000
/** Lines kept on each side of a sampled line, or of the begin of a function, of such a file. */
const MARGIN = 100

/**
 * Of what may be the source of a file, the first that fits what ran, else the first at all, with what
 * does not fit.
 */
export function shownSource(
  found: Iterable<SourceFile | string>,
  expected: Expected,
  functions: LineView['functions'],
): ShownSource {
  let best: ShownSource | undefined
  const problems: string[] = []
  for (const candidate of found) {
    if (typeof candidate === 'string') {
      problems.push(candidate)
      continue
    }
    const { path, text, doubt, shown = (line: string) => line } = candidate
    const lines = splitLines(text)
    const misfit = misfitOf(lines, path, expected, functions)
    const notes = [doubt, misfit].filter((note) => note !== '')
    if (best && misfit !== '') continue
    best = {
      path,
      notes,
      passages: passages(lines, expected, functions).map((span) => passage(lines, span, shown)),
      length: lines.length,
    }
    if (misfit === '') break
  }
  return best ?? { path: '', notes: problems.slice(0, 1), passages: [], length: 0 }
}

/** As Python's tokenizer ends lines; other separators of Unicode, and form feeds, end none. */
function splitLines(text: string): string[] {
  const lines = text.split(/\r\n|\r|\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** Names that a `def` or `class` statement may have given; others, such as `<lambda>`, tell nothing. */
const PLAIN_NAME = /^[A-Za-z_]\w*$/

/** What shows that a file is not the one that ran; '' when nothing does. */
function misfitOf(
  source: readonly string[],
  path: string,
  { lines, functions }: Expected,
  table: LineView['functions'],
): string {
  const last = lines.at(-1)?.line ?? 0
  if (last > source.length) {
    return `It is not what ran: line ${last} was sampled, and it has ${source.length}.`
  }
  if (!/\.pyw?$/.test(path)) return ''
  let checked = 0
  let first = ''
  let wrong = 0
  for (const { function: fn } of functions) {
    const name = table.qualname[fn]!.split('.').at(-1)!
    const line = table.line[fn]!
    if (!PLAIN_NAME.test(name) || line === 0) continue
    checked++
    if (beginsThere(source[line - 1] ?? '', name)) continue
    wrong++
    if (first === '') first = `${visible(name)} does not begin on line ${line}`
  }
  if (wrong === 0) return ''
  const others = wrong === 1 ? '' : `, and ${formatCount(wrong - 1)} more are elsewhere`
  return `It is not what ran: ${first}${others} (of ${formatCount(checked)} functions seen).`
}

/** Whether a function or class may begin on a line: with its first decorator, or with itself. */
function beginsThere(line: string, name: string): boolean {
  return new RegExp(`^\\s*(?:@|(?:(?:async\\s+)?def|class)\\s+${name}\\b)`).test(line)
}

function passages(
  source: readonly string[],
  { lines, functions }: Expected,
  table: LineView['functions'],
): Span[] {
  if (source.length <= MAX_WHOLE_LINES) return [{ first: 1, last: source.length }]
  const wanted = [
    ...lines.map(({ line }) => line),
    ...functions.map(({ function: fn }) => table.line[fn]!),
  ]
    .filter((line) => line > 0 && line <= source.length)
    .sort((a, b) => a - b)
  const spans: Span[] = []
  for (const line of wanted) {
    const first = Math.max(1, line - MARGIN)
    const last = Math.min(source.length, line + MARGIN)
    const open = spans.at(-1)
    if (open && first <= open.last + 1) open.last = last
    else spans.push({ first, last })
  }
  return spans
}

/** Lines of a source, both ends included. */
interface Span {
  readonly first: number
  last: number
}

function passage(
  source: readonly string[],
  { first, last }: Span,
  shown: (line: string) => string,
): Passage {
  const redacted = new Set<number>()
  const lines = source.slice(first - 1, last).map((line, at) => {
    const left = shown(line)
    if (left !== line) redacted.add(first + at)
    return left
  })
  return { first, lines, redacted }
}
