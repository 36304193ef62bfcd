import { gzipped } from '../gzip.ts'
import { base64 } from '../html/base64.ts'
import { PAGE_START } from '../html/page.ts'
import { escapeXml, visible } from '../text.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'

/** What the page of a heatmap shows; any text may hold anything, but for `data`. */
export interface HeatmapParts {
  /** `pyprof@version`. */
  readonly exporter: string
  readonly title: string
  readonly lines: readonly string[]
  /** '' when there is nothing to be careful about. */
  readonly warning: string
  /** JSON, see `dataTexts`. */
  readonly data: Iterable<string>
}

/** Nothing is fetched from anywhere, whatever a name or a source would like. */
const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"

/** The page, in pieces. Its data are gzipped JSON in base64, so that nothing in them is markup. */
export function* heatmapPage(parts: HeatmapParts): Iterable<string> {
  const title = escapeXml(visible(parts.title))
  yield `${PAGE_START}${escapeXml(visible(parts.exporter.replace(/^pyprof@/, '')))}">\n`
  yield `<meta http-equiv="Content-Security-Policy" content="${POLICY}">\n`
  yield '<meta name="viewport" content="width=device-width">\n'
  yield `<title>${title}</title>\n<style>${STYLE}</style>\n</head>\n<body>\n<header>\n`
  yield `<h1>${title}</h1>\n`
  for (const line of parts.lines) yield `<p>${escapeXml(visible(line))}</p>\n`
  if (parts.warning !== '') yield `<p class="careful">${escapeXml(visible(parts.warning))}</p>\n`
  yield '<p class="careful problem"></p>\n</header>\n'
  yield '<noscript><p class="careful">This page needs scripts, which are all in it.</p></noscript>\n'
  yield '<main></main>\n<nav class="map" aria-hidden="true"></nav>\n'
  yield '<script id="data" type="application/octet-stream">'
  yield* base64(gzipped(parts.data))
  yield `</script>\n<script>${SCRIPT}</script>\n</body>\n</html>\n`
}
