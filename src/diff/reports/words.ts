import { shortFiles } from '../../formats/files.ts'
import { displayName, formatCount, formatTime } from '../../formats/text.ts'
import type { Place } from '../measure.ts'
import { shareText, signedText } from '../percent.ts'
import type { Basis, Change, ChangedRow, DiffResult, Family } from '../result.ts'
import { isFinding } from '../result.ts'
import type { RunFacts } from '../run.ts'

/** The wording that all reports share, so that they never tell different numbers. */

/** A time or a share, by what is compared: `1.23 s`, `12.3 %`. */
export function valueText(value: number, { kind }: Basis): string {
  return kind === 'share' ? shareText(value) : formatTime(value)
}

/** The change, or in words what it is where one side has nothing. */
export function changeText({ change, base, head, kind }: Change): string {
  if (change !== null) return signedText(change)
  if (kind === 'new' || kind === 'vanished') return kind
  if (base === 0 && head === 0) return '–'
  return base === 0 ? 'only in head' : 'only in base'
}

/** `+4.1 to +6.7 %`, or `–`. */
export function rangeText({ low, high }: Change): string {
  if (low === null || high === null) return '–'
  return `${signedText(low).replace(/ %$/, '')} to ${signedText(high)}`
}

/** What is known, as a word; `inconclusive` where nothing is. */
export function kindText({ kind }: Change): string {
  if (kind === 'unclear') return 'inconclusive'
  return kind === 'same' ? 'no change' : kind
}

/** The adjusted probability: `0.0031`, `< 0.0001`, or `–`. */
export function probabilityText({ adjusted }: Change): string {
  if (adjusted === null) return '–'
  return adjusted < 0.0001 ? '< 0.0001' : adjusted.toFixed(4)
}

/** The three tables of a comparison. */
export interface Section {
  readonly title: string
  /** How many were tested, changed and left out. */
  readonly note: string
  /** What to show, the largest effect first. */
  readonly rows: readonly ChangedRow[]
  /** What the limit left out. */
  readonly more: number
}

/**
 * The tables to show: the findings, and where nothing is judged what differs most.
 * @param top most rows of a table
 */
export function sectionsOf(result: DiffResult, top: number): Section[] {
  const { functions, lines, paths } = result
  const sections = [
    section('Functions, by their own time', ofTime(functions, 'self'), result, top),
    section('Functions, with what they call', ofTime(functions, 'total'), result, top),
    section('Lines', lines, result, top),
    section('Paths, by the time of their last function', ofTime(paths, 'self'), result, top),
  ]
  return sections.filter(({ title }, at) => at === 0 || title !== 'Lines' || lines.rows.length > 0)
}

function ofTime({ rows, leftOut }: Family, time: ChangedRow['time']): Family {
  return { rows: rows.filter((row) => row.time === time), leftOut }
}

function section(
  title: string,
  { rows, leftOut }: Family,
  { isJudged, minShare }: DiffResult,
  top: number,
): Section {
  const shown = isJudged ? rows.filter(isFinding) : rows
  const tested = isJudged
    ? `${formatCount(shown.length)} of ${formatCount(rows.length)} changed`
    : `${formatCount(rows.length)} compared, nothing judged`
  const left =
    leftOut === 0 ? '' : `; ${formatCount(leftOut)} below ${shareText(minShare)} not tested`
  return {
    title,
    note: tested + left,
    rows: shown.slice(0, top),
    more: Math.max(0, shown.length - top),
  }
}

/** A place in words, as short as can be told apart from the others. */
export class PlaceWords {
  readonly #short: Map<string, string>

  constructor({ functions, lines, paths }: Pick<DiffResult, 'functions' | 'lines' | 'paths'>) {
    const rows = [functions, lines, paths].flatMap((family) => family.rows)
    this.#short = shortFiles(
      rows.flatMap(({ place, path = [] }) =>
        [place, ...path].flatMap((each) => [each.file, each.oldFile]),
      ),
    )
  }

  name({ place, path }: ChangedRow): string {
    if (!path) return displayName(place.qualname)
    return path.map(({ qualname }) => displayName(qualname)).join(' › ')
  }

  /** `app.py:12`, and where it was before. */
  at({ place }: { readonly place: Place }): string {
    const { file, line, oldFile } = place
    if (file === '') return ''
    const short = this.#short.get(file) ?? file
    const here = line > 0 ? `${short}:${line}` : short
    return oldFile !== '' && isElsewhere(file, oldFile)
      ? `${here}, was in ${this.#short.get(oldFile) ?? oldFile}`
      : here
  }
}

/** Another file, and not the same one below another folder. */
function isElsewhere(file: string, oldFile: string): boolean {
  return file.split('/').at(-1) !== oldFile.split('/').at(-1)
}

/** A line about the runs of a side: `10 runs of python3 bench.py, Python 3.14.0, 12,000 samples`. */
export function sideText(runs: readonly RunFacts[]): string {
  const [first] = runs
  const commands = new Set(runs.map(({ command }) => command))
  const versions = new Set(runs.map(({ pythonVersion }) => pythonVersion).filter(Boolean))
  const samples = runs.reduce((sum, run) => sum + run.samples, 0)
  return [
    `${formatCount(runs.length)} ${runs.length === 1 ? 'run' : 'runs'} of ` +
      (commands.size === 1 ? first!.command || first!.name : `${commands.size} commands`),
    ...(versions.size === 0 ? [] : [`Python ${[...versions].join(' and ')}`]),
    `${formatCount(samples)} samples`,
  ].join(', ')
}

/** `1.23 s → 1.30 s, +5.4 % (+4.1 to +6.7 %)`. */
export function totalText({ total, basis }: DiffResult): string {
  if (!total) return ''
  const per = basis.perIteration ? ' an iteration' : ''
  const range = total.low === null ? '' : ` (${rangeText(total)})`
  return (
    `${valueText(total.base, basis)} → ${valueText(total.head, basis)}${per}, ` +
    `${changeText(total)}${range}: ${kindText(total)}`
  )
}

/** By what the runs are compared and why, in sentences. */
export function comparedText({ basis, pairing, isJudged }: DiffResult): string {
  return isJudged ? `${basis.reason} ${pairing.reason}` : basis.reason
}

/** What the outcome means, in a sentence. */
export function verdictText({ outcome, gates, isJudged, total }: DiffResult): string {
  if (!isJudged) return 'Inconclusive: one run of a side proves nothing.'
  if (gates.length === 0) {
    return total ? `No gate was given. The total: ${kindText(total)}.` : 'No gate was given.'
  }
  const failed = gates.filter((gate) => gate.outcome === outcome).length
  const of = `${formatCount(failed)} of ${formatCount(gates.length)} ${gates.length === 1 ? 'gate' : 'gates'}`
  if (outcome === 'pass') return 'Pass: no gate was exceeded.'
  if (outcome === 'regression') return `Regression: ${of} proven to be exceeded.`
  return `Inconclusive: ${of} could not be decided by these runs.`
}

/** How many functions are named where it is said what runs can see. */
const NAMED = 3

/** The smallest changes that these runs would have shown, largest share first; '' when unknown. */
export function detectableText(result: DiffResult, words: PlaceWords): string {
  const { total, functions } = result
  const parts: string[] = []
  if (total?.detectable) parts.push(`the total ${signedText(total.detectable)}`)
  const own = functions.rows.filter(
    ({ time, detectable }) => time === 'self' && detectable !== null,
  )
  const hot = own.toSorted((a, b) => b.share - a.share).slice(0, NAMED)
  for (const row of hot) {
    parts.push(`${words.name(row)} (${shareText(row.share)}) ${signedText(row.detectable!)}`)
  }
  if (parts.length === 0) return ''
  return `The smallest growth that so many runs show 4 times in 5: ${parts.join(', ')}.`
}

/** What the numbers are, in sentences. */
export function legendText(result: DiffResult): string {
  const { basis, pairing, confidence, isJudged, minChange } = result
  const percent = `${Number((confidence * 100).toFixed(3))} %`
  const values = `${basis.kind === 'share' ? 'Shares' : 'Times'} are means of the runs${
    basis.perIteration ? ', an iteration' : ''
  }.`
  if (!isJudged) {
    return `${values} Ranges are ${percent} intervals within the two runs only; two runs of one program differ by more.`
  }
  return (
    `${values} Ranges are ${percent} intervals between ${pairing.kind === 'pairs' ? 'pairs of runs' : 'runs'}, of one row by itself. Of the rows that are shown as changed at most ` +
    `${Number(((1 - confidence) * 100).toFixed(3))} % are false on average (q, by Benjamini and Hochberg); changes below ` +
    `${shareText(minChange)} are not shown. "of all" is what the row adds to the whole.`
  )
}
