import type { Profile } from '../../profile/profile.ts'
import { summarize } from '../../profile/summary.ts'
import type { Format, FormatOptions } from '../format.ts'
import { REPORT_OPTIONS, reportTables } from './report.ts'

/** The shape of the report; a change that is no addition makes it another number. */
const VERSION = 1

/**
 * The hottest functions and lines for programs, with the summary of the whole recording. Times are
 * nanoseconds, shares and intervals 0 to 1.
 */
function* write(profile: Profile, options: FormatOptions): Iterable<string> {
  const report = {
    version: VERSION,
    title: options.title ?? profile.meta.command,
    summary: summarize(profile),
    sort: options.sort ?? 'self',
    tables: reportTables(profile, options).map(({ of, all, rows, more }) => ({
      of,
      allNs: all,
      rows: rows.map(({ qualname, ...row }) => ({ name: qualname, ...row })),
      left: { places: more.places, selfNs: more.self },
    })),
  }
  yield `${JSON.stringify(report, null, 2)}\n`
}

export const json: Format = {
  name: 'json',
  suffixes: ['.report.json'],
  alsoSuffixes: ['.json'],
  describe: 'hottest functions and lines with the summary, for programs',
  options: REPORT_OPTIONS,
  isEstimate: true,
  write,
}
