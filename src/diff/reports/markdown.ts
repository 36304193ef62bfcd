import { cutEnd, cutStart, escapeCharacter, formatCount, visible } from '../../formats/text.ts'
import { signedText } from '../percent.ts'
import type { DiffResult, Outcome } from '../result.ts'
import type { ReportOptions } from './report.ts'
import {
  changeText,
  comparedText,
  detectableText,
  legendText,
  PlaceWords,
  probabilityText,
  rangeText,
  sectionsOf,
  sideText,
  totalText,
  valueText,
  verdictText,
} from './words.ts'

/**
 * A comment on GitHub holds 65,536 characters, and a job summary a mebibyte; so much is below both,
 * in bytes too, when every character takes several.
 */
export const MARKDOWN_LIMIT = 60_000
/** What follows the tables takes less. */
const RESERVE = 4000
/** Longer names are cut. */
const LONGEST = 160

/** Lets a script find its comment of the run before, and replace it. */
export const MARKDOWN_MARK = '<!-- pyprof diff -->'

const SIGN: Readonly<Record<Outcome, string>> = {
  regression: '❌',
  inconclusive: '⚠️',
  pass: '✅',
}

/**
 * The comparison as GitHub Flavored Markdown, for a job summary or a comment. It never exceeds
 * MARKDOWN_LIMIT bytes: the largest effects come first, and what does not fit is counted. No name
 * becomes markup, a link, a mention or HTML.
 */
export function diffMarkdown(result: DiffResult, { top }: ReportOptions): string {
  const words = new PlaceWords(result)
  const { basis, isJudged } = result
  let text = `${MARKDOWN_MARK}\n## ${SIGN[result.outcome]} pyprof: ${plain(verdictText(result))}\n\n`
  const fits = (more: string) => Buffer.byteLength(text + more) <= MARKDOWN_LIMIT - RESERVE
  if (result.total) text += `**Total**: ${plain(totalText(result))}\n\n`
  if (result.gates.length > 0) {
    text += '| gate | outcome | |\n|:---|:---|:---|\n'
    let left = result.gates.length
    for (const { gate, outcome, reason } of result.gates) {
      const line = `| ${code(gate)} | ${SIGN[outcome]} ${outcome} | ${sentence(reason)} |\n`
      if (!fits(line)) break
      text += line
      left--
    }
    text += left > 0 ? `\n… and ${formatCount(left)} more\n\n` : '\n'
  }
  for (const { title, note, rows, more } of sectionsOf(result, top)) {
    const begin = `### ${title}\n\n${plain(note)}\n\n`
    if (!fits(begin)) break
    text += begin
    if (rows.length === 0) continue
    text += `| base | head | change | range | ${isJudged ? 'q' : ''} | of all | | |\n`
    text += '|---:|---:|---:|---:|---:|---:|:---|:---|\n'
    let left = rows.length + more
    for (const row of rows) {
      const numbers = [
        valueText(row.base, basis),
        valueText(row.head, basis),
        `**${changeText(row)}**`,
        rangeText(row),
        isJudged ? probabilityText(row) : '',
        signedText(row.effect),
      ]
      const line = `| ${numbers.join(' | ')} | ${code(words.name(row))} | ${code(words.at(row))} |\n`
      if (!fits(line)) break
      text += line
      left--
    }
    text += left > 0 ? `\n… and ${formatCount(left)} more\n\n` : '\n'
  }
  const notes = [
    `base: ${sideText(result.runs.base)}`,
    `head: ${sideText(result.runs.head)}`,
    comparedText(result),
    ...result.careful.map((note) => `careful: ${note}`),
    detectableText(result, words),
    legendText(result),
  ].filter((note) => note !== '')
  text += '<details><summary>How this was compared</summary>\n\n'
  for (const note of notes) {
    const line = `- ${sentence(note)}\n`
    if (Buffer.byteLength(text + line) < MARKDOWN_LIMIT - 100) text += line
  }
  return `${text}\n</details>\n`
}

/** Words that mean nothing to Markdown. */
const PLAIN = /^[\p{L}\p{N} .,:;·()%+−→–<>'"-]*$/u

/** Our own words, in which `<` and `>` are the only signs that mean something. */
function plain(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function sentence(text: string): string {
  return PLAIN.test(text) ? plain(text) : code(text, LONGEST * 5)
}

/**
 * Foreign text as code: there nothing is markup, and nobody is mentioned. What would end the code or
 * the cell of a table is written as Python would escape it.
 */
function code(text: string, longest = LONGEST): string {
  if (text === '') return ''
  const cut = text.includes(' › ')
    ? cutStart(visible(text), longest)
    : cutEnd(visible(text), longest)
  return `\`${cut.replace(/[|`]|^\s|\s$/g, escapeCharacter)}\``
}
