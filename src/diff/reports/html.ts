import { attribute } from '../../formats/html/assets.ts'
import { escapeXml, visible } from '../../formats/text.ts'
import { signedText } from '../percent.ts'
import type { DiffResult } from '../result.ts'
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
  sectionsOf,
  sideText,
  totalText,
  valueText,
  verdictText,
} from './words.ts'

/** Nothing is fetched from anywhere, whatever a name in the profile would like. */
const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"

/**
 * One page with the tables and the differential flame graph: opens from disk and needs no network.
 * @param flame the SVG file of the flame graph
 */
export function* diffPage(
  result: DiffResult,
  title: string,
  flame: Iterable<string>,
  { top }: ReportOptions,
): Iterable<string> {
  const words = new PlaceWords(result)
  yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
  yield `<meta name="generator" content="${safe(result.exporter)}">\n`
  yield `<meta http-equiv="Content-Security-Policy" content="${POLICY}">\n`
  yield `<title>${safe(title)}</title>\n<style>${PAGE_STYLE}</style>\n</head>\n<body>\n<header>\n`
  yield `<h1>${safe(title)}</h1>\n<p class="${result.outcome}">${safe(verdictText(result))}</p>\n`
  const lines = [
    totalText(result),
    `base: ${sideText(result.runs.base)}`,
    `head: ${sideText(result.runs.head)}`,
    comparedText(result),
    ...result.careful.map((note) => `careful: ${note}`),
  ]
  for (const line of lines.filter((each) => each !== '')) yield `<p>${safe(line)}</p>\n`
  yield '</header>\n'
  if (result.gates.length > 0) {
    const rows = result.gates.map(({ gate, outcome, reason }) => [gate, outcome, reason])
    yield* table('Gates', '', ['gate', 'outcome', ''], rows)
  }
  for (const { title: name, note, rows, more } of sectionsOf(result, top)) {
    const cells = rows.map((row) => [
      valueText(row.base, result.basis),
      valueText(row.head, result.basis),
      changeText(row),
      rangeText(row),
      probabilityText(row),
      kindText(row),
      signedText(row.effect),
      words.name(row),
      words.at(row),
    ])
    const heads = ['base', 'head', 'change', 'range', 'q', '', 'of all', '', '']
    yield* table(name, more > 0 ? `${note}; ${more} more` : note, heads, cells)
  }
  yield `<p>${safe(detectableText(result, words))}</p>\n<p>${safe(legendText(result))}</p>\n`
  yield '<iframe title="Differential flame graph" srcdoc="'
  for (const piece of flame) yield attribute(piece)
  yield '"></iframe>\n</body>\n</html>\n'
}

function* table(
  title: string,
  note: string,
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): Iterable<string> {
  yield `<h2>${safe(title)}</h2>\n`
  if (note !== '') yield `<p>${safe(note)}</p>\n`
  if (rows.length === 0) return
  yield `<table>\n<tr>${heads.map((head) => `<th>${safe(head)}</th>`).join('')}</tr>\n`
  for (const row of rows) {
    yield `<tr>${row.map((cell) => `<td>${safe(cell)}</td>`).join('')}</tr>\n`
  }
  yield '</table>\n'
}

function safe(text: string): string {
  return escapeXml(visible(text))
}

const PAGE_STYLE: string = `
:root { color-scheme: light dark; --ground: #ffffff; --ink: #1c1e21; --muted: #5b616b;
  --edge: #c9ced6; --bad: #a3290b; --good: #176639; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #17181b; --ink: #eceef1; --muted: #a3a9b3; --edge: #4a4f58; --bad: #ff9d80;
    --good: #7fd6a2; }
}
body { margin: 0 auto; padding: 12px 16px; background: var(--ground); color: var(--ink);
  font: 13px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 16px; margin: 0 0 4px; }
h2 { font-size: 14px; margin: 16px 0 2px; }
p { margin: 0 0 2px; color: var(--muted); }
.regression { color: var(--bad); font-weight: 600; }
.pass { color: var(--good); font-weight: 600; }
.inconclusive { font-weight: 600; }
table { border-spacing: 0; font-variant-numeric: tabular-nums; }
td, th { padding: 1px 16px 1px 0; text-align: left; font-weight: 400; vertical-align: top; }
th { color: var(--muted); }
iframe { width: 100%; height: 90vh; border: 0; margin-top: 12px; }
`
