import { relative } from 'node:path'
import { visible } from '../../formats/text.ts'
import type { Place } from '../measure.ts'
import { shareText } from '../percent.ts'
import type { ChangedRow, DiffResult } from '../result.ts'
import type { ReportOptions } from './report.ts'
import { changeText, comparedText, PlaceWords, rangeText, totalText } from './words.ts'

/** GitHub shows ten annotations of a kind a step. */
const MOST = 10

/**
 * Workflow commands of GitHub Actions, a line each: an error on each function that is proven to have
 * grown too much, the largest effect first, and one for each other gate that is not passed.
 */
export function githubAnnotations(result: DiffResult, options: ReportOptions): string[] {
  const words = new PlaceWords(result)
  const errors: string[] = []
  const warnings: string[] = []
  for (const { gate, outcome, reason, proven } of result.gates) {
    if (outcome === 'pass') continue
    const title = `pyprof: ${outcome} (${gate})`
    const isError = outcome === 'regression' || options.failsInconclusive
    const list = isError ? errors : warnings
    const kind = isError ? 'error' : 'warning'
    if (proven.length === 0) list.push(command(kind, { title }, reason))
    for (const row of largestFirst(proven)) {
      const message = `${words.name(row)}: ${changeText(row)} (${rangeText(row)}), ${shareText(row.share)} of all time`
      list.push(command(kind, { ...placeOf(row.place, options.folder), title }, message))
    }
  }
  const total = totalText(result)
  return [
    ...errors.slice(0, MOST),
    ...warnings.slice(0, MOST),
    ...(total === ''
      ? []
      : [command('notice', { title: 'pyprof: total' }, `${total}. ${comparedText(result)}`)]),
  ]
}

function largestFirst(rows: readonly ChangedRow[]): ChangedRow[] {
  return rows.toSorted((a, b) => Math.abs(b.effect) - Math.abs(a.effect))
}

/** File and line, when the file lies in the folder: other files cannot be annotated. */
function placeOf({ file, line }: Place, folder: string): Record<string, string> {
  const path = file.startsWith('/') ? relative(folder, file) : file
  if (file === '' || path.startsWith('../') || path.startsWith('<') || path.startsWith('/'))
    return {}
  return { file: path, ...(line > 0 ? { line: String(line) } : {}) }
}

/** https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
function command(
  kind: 'error' | 'warning' | 'notice',
  properties: Readonly<Record<string, string>>,
  message: string,
): string {
  const list = Object.entries(properties).map(
    ([name, value]) => `${name}=${escapeData(value).replaceAll(':', '%3A').replaceAll(',', '%2C')}`,
  )
  return `::${kind} ${list.join(',')}::${escapeData(message)}\n`
}

function escapeData(text: string): string {
  return visible(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}
