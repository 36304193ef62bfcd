import type { HotPlace } from '../../profile/hot-places.ts'
import type { Profile } from '../../profile/profile.ts'
import type { Format, FormatOptions } from '../format.ts'
import { summaryLines } from '../summary.ts'
import { columnsOf, cutEnd, cutStart, formatTime, visible } from '../text.ts'
import {
  heading,
  INTERVAL_NOTE,
  intervalText,
  moreText,
  REPORT_OPTIONS,
  type ReportTable,
  reportTables,
  rowTexts,
  shareText,
} from './report.ts'

/** Names with less room than this say nothing; rather than that, numbers are left out. */
const LEAST_NAME = 24
const GAP = '  '

interface Column {
  readonly head: string
  text(row: HotPlace): string
}

const SELF: Column = { head: 'self', text: ({ self }) => shareText(self.share) }
const SELF_RANGE: Column = { head: '95 %', text: ({ self }) => intervalText(self.interval) }
const TOTAL: Column = { head: 'total', text: ({ total }) => shareText(total.share) }
const TOTAL_RANGE: Column = { head: '95 %', text: ({ total }) => intervalText(total.interval) }
const TIME: Column = { head: 'self time', text: ({ self }) => formatTime(self.ns) }

/** The numbers of a table, for terminals from wide to narrow. */
const LAYOUTS: readonly (readonly Column[])[] = [
  [SELF, SELF_RANGE, TOTAL, TOTAL_RANGE, TIME],
  [SELF, SELF_RANGE, TOTAL, TOTAL_RANGE],
  [SELF, SELF_RANGE, TOTAL],
  [SELF, TOTAL],
]

/**
 * Tables for a terminal: the hottest functions and lines with self and total time. With a width,
 * names and paths are cut to fit, and running text is broken.
 */
function* write(profile: Profile, options: FormatOptions): Iterable<string> {
  const head = [options.title ?? profile.meta.command, ...summaryLines(profile)]
  for (const line of head) yield* wrapped(visible(line), options.columns)
  for (const table of reportTables(profile, options)) {
    yield `\n${heading(table.of, options)}\n\n`
    yield* tableLines(table, options.columns)
  }
  yield '\n'
  yield* wrapped(INTERVAL_NOTE, options.columns)
}

function* tableLines(table: ReportTable, columns: number | undefined): Iterable<string> {
  if (table.rows.length === 0) {
    yield '  nothing\n'
    return
  }
  const layouts = LAYOUTS.map((layout) => numberLines(table, layout))
  const roomIn = (lines: readonly string[]) => columns! - lines[0]!.length - GAP.length
  const numbers =
    columns === undefined
      ? layouts[0]!
      : (layouts.find((lines) => roomIn(lines) >= LEAST_NAME) ?? layouts.at(-1)!)
  const room = columns === undefined ? undefined : Math.max(LEAST_NAME, roomIn(numbers))
  yield `${numbers[0]}${GAP}${table.of.slice(0, -1)}\n`
  for (const [index, { name, at }] of rowTexts(table).entries()) {
    yield `${numbers[index + 1]}${GAP}${placeText(visible(name), visible(at), room)}\n`
  }
  const more = moreText(table)
  if (more !== '') yield* wrapped(`… and ${more}`, columns, GAP)
}

/** The numbers of each row in columns, below their heads; all lines have one length. */
function numberLines({ rows }: ReportTable, layout: readonly Column[]): string[] {
  const columns = layout.map(({ head, text }) => {
    const cells = [head, ...rows.map(text)]
    const width = Math.max(...cells.map((cell) => cell.length))
    return cells.map((cell) => GAP + cell.padStart(width))
  })
  return ['', ...rows].map((_, line) => columns.map((cells) => cells[line]!).join(''))
}

/** Name and place, cut as far as there is room for them. */
function placeText(name: string, at: string, room: number | undefined): string {
  if (room === undefined) return at === '' ? name : `${name}${GAP}${at}`
  const rest = room - columnsOf(name) - GAP.length
  return at === '' || rest < 4 ? cutEnd(name, room) : `${name}${GAP}${cutStart(at, rest)}`
}

/** Running text in lines of a width, broken between words. */
function* wrapped(text: string, columns: number | undefined, indent = ''): Iterable<string> {
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && columns !== undefined && columnsOf(indent + longer) > columns) {
      yield `${indent}${line}\n`
      line = word
    } else line = longer
  }
  yield `${indent}${line}\n`
}

export const table: Format = {
  name: 'table',
  suffixes: ['.table'],
  alsoSuffixes: ['.txt'],
  describe: 'hottest functions and lines, for a terminal',
  options: [...REPORT_OPTIONS, 'columns'],
  isEstimate: true,
  write,
}
