import { gzipped } from '../gzip.ts'
import { escapeXml, visible } from '../text.ts'
import { attribute, speedscopeViewer } from './assets.ts'
import { base64 } from './base64.ts'
import { UNPACK } from './unpack.ts'

export interface PageProcess {
  readonly label: string
  /** `index` is that of the thread's profile in the file. */
  readonly threads: readonly { readonly name: string; readonly index: number }[]
}

/** What a page shows; any text may hold anything. */
export interface PageParts {
  /** `pyprof@version`. */
  readonly exporter: string
  readonly title: string
  readonly lines: readonly string[]
  /** '' when there is nothing to be careful about. */
  readonly warning: string
  readonly processes: readonly PageProcess[]
  /** Index of the profile in front. */
  readonly active: number
  /** A speedscope file: one JSON object that ends in `}` and a line break. */
  readonly profile: Iterable<string | Uint8Array>
}

/** Nothing is fetched from anywhere, whatever the viewer or a name in the profile would like. */
const POLICY =
  "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; " +
  "style-src 'unsafe-inline'; font-src data:; img-src data: blob:"

/** How a page of pyprof's begins, whatever its version. */
export const PAGE_START: string =
  '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' +
  '<meta name="generator" content="pyprof@'

/**
 * One page with speedscope inside and the profile loaded: opens from disk, in any browser of 2023 or
 * later, and needs no network. Above it stand the summary, with how good the samples are, and a
 * choice of processes and threads. The profile is a gzipped speedscope file in base64.
 */
export function* page(parts: PageParts): Iterable<string> {
  const title = escapeXml(visible(parts.title))
  const { document, licences } = speedscopeViewer()
  yield `${PAGE_START}${escapeXml(visible(parts.exporter.replace(/^pyprof@/, '')))}">\n`
  yield `<meta http-equiv="Content-Security-Policy" content="${POLICY}">\n`
  yield `<title>${title}</title>\n<style>${PAGE_STYLE}</style>\n`
  yield `<!--\nspeedscope, https://www.speedscope.app, and its font:\n\n`
  yield `${licences.replaceAll('--', '- -')}\n-->\n</head>\n<body>\n<header>\n`
  yield `<label>thread <select></select></label>\n<h1>${title}</h1>\n`
  for (const line of parts.lines) yield `<p>${escapeXml(visible(line))}</p>\n`
  if (parts.warning !== '') yield `<p class="careful">${escapeXml(visible(parts.warning))}</p>\n`
  yield '<p class="careful problem"></p>\n</header>\n'
  yield `<iframe title="speedscope" srcdoc="${attribute(document)}"></iframe>\n`
  yield `<script id="about" type="application/json">${about(parts)}</script>\n`
  yield '<script id="profile" type="application/octet-stream">'
  yield* base64(gzipped(parts.profile))
  yield `</script>\n<script>${PAGE_SCRIPT}</script>\n</body>\n</html>\n`
}

/** What the script of the page has to know, as JSON that is harmless inside of a script element. */
function about({ title, processes, active }: PageParts): string {
  const shown = {
    title: visible(title),
    processes: processes.map(({ label, threads }) => ({
      label: visible(label),
      threads: threads.map(({ name, index }) => ({ name: visible(name), index })),
    })),
    active,
  }
  return JSON.stringify(shown).replaceAll('<', '\\u003c')
}

/** The look of the page around the viewer, light and dark. */
const PAGE_STYLE: string = `
:root { color-scheme: light dark; --ground: #ffffff; --ink: #1c1e21; --muted: #5b616b;
  --edge: #c9ced6; --warn: #a3290b; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #17181b; --ink: #eceef1; --muted: #a3a9b3; --edge: #4a4f58; --warn: #ff9d80; }
}
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; background: var(--ground); color: var(--ink);
  font: 13px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header { padding: 8px 12px; border-bottom: 1px solid var(--edge); overflow-wrap: anywhere; }
h1 { font-size: 15px; font-weight: 600; margin: 0; display: inline; }
header p { margin: 0; font-size: 12px; color: var(--muted); }
header .careful { color: var(--warn); }
label { float: right; margin-left: 16px; }
select { font: inherit; max-width: 40vw; }
iframe { flex: 1; min-height: 0; width: 100%; border: 0; }
`

/**
 * The script of the page. It runs in a browser, not here, hence text. It unpacks the profile, hands
 * it to the viewer as a file dropped on it, and does so again with another thread in front when one
 * is picked: of two equal keys in JSON the last counts. Text from the profile only ever becomes text
 * nodes.
 */
const PAGE_SCRIPT: string = `(() => {
'use strict'
const { title, processes, active } = JSON.parse(document.getElementById('about').textContent)
const frame = document.querySelector('iframe')
const picker = document.querySelector('select')
const problem = document.querySelector('.careful.problem')

for (const { label, threads } of processes) {
  const options = threads.map(({ name, index }) => new Option(name, index, index === active, index === active))
  if (processes.length === 1) picker.append(...options)
  else {
    const group = document.createElement('optgroup')
    group.label = label
    group.append(...options)
    picker.append(group)
  }
}

${UNPACK}
/** The viewer draws its first element a moment after its document is there. */
async function viewer() {
  for (;;) {
    const found = frame.contentDocument?.querySelector('body > div')
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function show(unpacked) {
  const profile = await unpacked
  const target = await viewer()
  const view = frame.contentWindow
  const transfer = new view.DataTransfer()
  const end = ',"activeProfileIndex":' + Number(picker.value) + '}'
  transfer.items.add(new view.File([profile.slice(0, -2), end], title + '.json'))
  target.dispatchEvent(new view.DragEvent('drop', { dataTransfer: transfer, bubbles: true }))
  frame.focus()
}

const unpacked = unpack('profile')
const shown = () => show(unpacked).catch((error) => {
  problem.textContent = 'The profile could not be shown: ' + error
})
picker.addEventListener('change', shown)
shown()
})()
`
