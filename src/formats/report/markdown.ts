import type { Profile } from '../../profile/profile.ts'
import type { Format, FormatOptions } from '../format.ts'
import { summaryLines } from '../summary.ts'
import { escapeCharacter, formatTime, visible } from '../text.ts'
import {
  heading,
  INTERVAL_NOTE,
  intervalText,
  moreText,
  REPORT_OPTIONS,
  reportTables,
  rowTexts,
  shareText,
} from './report.ts'

/**
 * The hottest functions and lines as GitHub Flavored Markdown, for a pull request or a report. No
 * name in the target becomes markup, a link, a mention or HTML.
 */
function* write(profile: Profile, options: FormatOptions): Iterable<string> {
  yield `# ${code(options.title ?? profile.meta.command)}\n\n`
  for (const line of summaryLines(profile)) yield `- ${PLAIN.test(line) ? line : code(line)}\n`
  for (const table of reportTables(profile, options)) {
    yield `\n## ${heading(table.of, options)}\n\n`
    if (table.rows.length === 0) {
      yield 'Nothing.\n'
      continue
    }
    yield `| self | 95 % | total | 95 % | self time | total time | ${table.of.slice(0, -1)} | |\n`
    yield '|---:|---:|---:|---:|---:|---:|:---|:---|\n'
    const texts = rowTexts(table)
    for (const [index, { self, total }] of table.rows.entries()) {
      const { name, at } = texts[index]!
      const numbers = [
        shareText(self.share),
        intervalText(self.interval),
        shareText(total.share),
        intervalText(total.interval),
        formatTime(self.ns),
        formatTime(total.ns),
      ]
      yield `| ${[...numbers, code(name), at === '' ? '' : code(at)].join(' | ')} |\n`
    }
    const more = moreText(table)
    if (more !== '') yield `\n… and ${more}\n`
  }
  yield `\n${INTERVAL_NOTE}\n`
}

/** Words that mean nothing to Markdown; everything else is shown as code. */
const PLAIN = /^[\p{L}\p{N} .,:;·()%-]*$/u

/**
 * Foreign text as code: there nothing is markup, and nobody is mentioned. What would end the code or
 * the cell of a table is written as Python would escape it.
 */
function code(text: string): string {
  return `\`${visible(text).replace(/[|`]|^\s|\s$/g, escapeCharacter)}\``
}

export const markdown: Format = {
  name: 'markdown',
  suffixes: ['.md', '.markdown'],
  describe: 'hottest functions and lines, as GitHub Flavored Markdown',
  options: REPORT_OPTIONS,
  isEstimate: true,
  write,
}
