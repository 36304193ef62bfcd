import { columnsOf, cutEnd, cutStart, visible } from '../../formats/text.ts'
import { signedText } from '../percent.ts'
import type { ChangedRow, DiffResult } from '../result.ts'
import type { ReportOptions } from './report.ts'
import {
  changeText,
  comparedText,
  detectableText,
  kindText,
  legendText,
  PlaceWords,
  probabilityText,
  rangeText,
  type Section,
  sectionsOf,
  sideText,
  totalText,
  valueText,
  verdictText,
} from './words.ts'

/** Names with less room than this say nothing. */
const LEAST_NAME = 24
const GAP = '  '

/** The comparison for a terminal: with a width, names are cut to fit and running text is broken. */
export function* diffTable(result: DiffResult, options: ReportOptions): Iterable<string> {
  const words = new PlaceWords(result)
  const { columns } = options
  const head: [string, string][] = [
    ['base', sideText(result.runs.base)],
    ['head', sideText(result.runs.head)],
    ['compared', `by ${result.basis.kind}. ${comparedText(result)}`],
    ...result.differences.map(({ what, values }): [string, string] => [
      'differs',
      `${what}: ${values.map(({ value }) => value).join(', ')} (allowed)`,
    ]),
    ...result.careful.map((note): [string, string] => ['careful', note]),
    ...(result.total ? [['total', totalText(result)] as [string, string]] : []),
  ]
  for (const [name, text] of head) yield* wrapped(`${name.padEnd(10)}${visible(text)}`, columns, 10)
  for (const section of sectionsOf(result, options.top)) {
    yield `\n${section.title}: ${section.note}\n`
    if (section.rows.length > 0) yield '\n'
    yield* rowLines(section, result, words, columns)
  }
  const seen = detectableText(result, words)
  yield '\n'
  if (seen !== '') yield* wrapped(visible(seen), columns, 0)
  yield* wrapped(legendText(result), columns, 0)
  yield '\n'
  for (const { gate, outcome, reason, proven } of result.gates) {
    yield* wrapped(`${outcome.padEnd(13)} ${visible(`${gate}  ${reason}`)}`, columns, 14)
    for (const row of proven.slice(0, options.top)) {
      const name = `${words.name(row)}  ${words.at(row)}`
      yield `${' '.repeat(14)}${changeText(row)} (${rangeText(row)})  ${visible(name)}\n`
    }
  }
  yield* wrapped(verdictText(result), columns, 0)
}

interface Column {
  readonly head: string
  text(row: ChangedRow): string
}

function* rowLines(
  { rows, more }: Section,
  { basis, isJudged }: DiffResult,
  words: PlaceWords,
  columns: number | undefined,
): Iterable<string> {
  if (rows.length === 0) return
  const layout: Column[] = [
    { head: 'base', text: (row) => valueText(row.base, basis) },
    { head: 'head', text: (row) => valueText(row.head, basis) },
    { head: 'change', text: changeText },
    { head: 'range', text: rangeText },
    ...(isJudged ? [{ head: 'q', text: probabilityText }] : []),
    { head: 'of all', text: ({ effect }) => signedText(effect) },
    ...(isJudged ? [] : [{ head: 'verdict', text: kindText }]),
  ]
  const cells = layout.map(({ head, text }) => {
    const column = [head, ...rows.map(text)]
    const width = Math.max(...column.map((cell) => cell.length))
    return column.map((cell) => GAP + cell.padStart(width))
  })
  const numbers = ['', ...rows].map((_, line) => cells.map((column) => column[line]!).join(''))
  const room =
    columns === undefined
      ? undefined
      : Math.max(LEAST_NAME, columns - numbers[0]!.length - GAP.length)
  yield `${numbers[0]}\n`
  for (const [index, row] of rows.entries()) {
    const text = placeText(visible(words.name(row)), visible(words.at(row)), room)
    yield `${numbers[index + 1]}${GAP}${text}\n`
  }
  if (more > 0) yield `${GAP}… and ${more} more\n`
}

/** Name and place, cut as far as there is room for them; of a path the end says most. */
function placeText(name: string, at: string, room: number | undefined): string {
  if (room === undefined) return at === '' ? name : `${name}${GAP}${at}`
  const cutName = name.includes(' › ') ? cutStart : cutEnd
  const rest = room - columnsOf(name) - GAP.length
  return at === '' || rest < 4 ? cutName(name, room) : `${name}${GAP}${cutStart(at, rest)}`
}

/** Running text in lines of a width, broken between words; the second line on is indented. */
function* wrapped(text: string, columns: number | undefined, indent: number): Iterable<string> {
  let line = ''
  let lead = ''
  for (const word of text.split(' ')) {
    const longer = line === '' && lead === '' ? word : line === '' ? word : `${line} ${word}`
    if (line.trim() !== '' && columns !== undefined && columnsOf(lead + longer) > columns) {
      yield `${lead}${line}\n`
      lead = ' '.repeat(indent)
      line = word
    } else line = longer
  }
  yield `${lead}${line}\n`
}
