import type { ProcessIndex, Profile } from '../profile/profile.ts'
import { summarize } from '../profile/summary.ts'
import { rowsByThread } from '../profile/views.ts'
import type { Format, FormatOptions } from './format.ts'
import { attribute, speedscopeViewer } from './html/assets.ts'
import { base64, gzipped } from './html/gzip.ts'
import { PAGE_SCRIPT, PAGE_STYLE } from './html/page.ts'
import { busiest, speedscope, threadOrder } from './speedscope.ts'
import { summaryLines } from './summary.ts'
import { escapeXml, threadLabel, visible } from './text.ts'

/** Nothing is fetched from anywhere, whatever the viewer or a name in the profile would like. */
const POLICY =
  "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; font-src data:; " +
  'img-src data: blob:'

/**
 * One page with speedscope inside and the profile loaded: opens from disk, in any browser of 2023 or
 * later, and needs no network. Above it stand the summary, with how good the samples are, and a
 * choice of processes and threads. The profile is a gzipped speedscope file in base64.
 */
function* write(profile: Profile, options: FormatOptions): Iterable<string> {
  const title = visible(options.title ?? profile.meta.command)
  const { document, licences } = speedscopeViewer()
  yield `<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n`
  yield `<meta http-equiv="Content-Security-Policy" content="${POLICY}">\n`
  yield `<title>${escapeXml(title)}</title>\n<style>${PAGE_STYLE}</style>\n`
  yield `<!--\nspeedscope, https://www.speedscope.app, and its font:\n\n`
  yield `${licences.replaceAll('--', '- -')}\n-->\n</head>\n<body>\n<header>\n`
  yield '<label>thread <select></select></label>\n'
  yield `<h1>${escapeXml(title)}</h1>\n`
  for (const line of summaryLines(profile)) yield `<p>${escapeXml(visible(line))}</p>\n`
  if (summarize(profile).isUncertain) {
    yield '<p class="careful">More than 2 % of the samples are partial or missed.</p>\n'
  }
  yield '<p class="careful problem"></p>\n</header>\n'
  yield `<iframe title="speedscope" srcdoc="${attribute(document)}"></iframe>\n`
  yield `<script id="about" type="application/json">${json(about(profile, title))}</script>\n`
  yield '<script id="profile" type="application/octet-stream">'
  yield* base64(gzipped(speedscope.write(profile, options)))
  yield `</script>\n<script>${PAGE_SCRIPT}</script>\n</body>\n</html>\n`
}

/** What the script of the page has to know. */
function about(profile: Profile, title: string) {
  const rows = rowsByThread(profile)
  const order = threadOrder(profile, rows)
  const byProcess = new Map<ProcessIndex, { name: string; index: number }[]>()
  for (const [index, thread] of order.entries()) {
    const row = profile.threads[thread]!
    const name = visible(threadLabel(row, profile.processes))
    const known = byProcess.get(row.process) ?? []
    byProcess.set(row.process, [...known, { name, index }])
  }
  const processes = [...byProcess].map(([process, threads]) => {
    const { pid, command } = profile.processes[process]!
    return { label: visible(`${pid}: ${command}`), threads }
  })
  return { title, processes, active: order.length > 0 ? busiest(profile, rows, order) : 0 }
}

/** JSON that is harmless inside of a script element. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}

export const html: Format = {
  name: 'html',
  suffixes: ['.html', '.htm'],
  describe: 'one page with speedscope inside, to open in a browser',
  options: ['title'],
  write,
}
