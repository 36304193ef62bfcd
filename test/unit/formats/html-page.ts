import { gunzipSync } from 'node:zlib'

/** The profile in a page: a speedscope file. */
export function embeddedProfile(page: string): string {
  const packed = /<script id="profile"[^>]*>([^<]*)</.exec(page)![1]!
  return gunzipSync(Buffer.from(packed, 'base64')).toString()
}

/** The viewer in a page, as the document that a browser makes of it. */
export function embeddedViewer(page: string): string {
  const value = / srcdoc="([^"]*)"/.exec(page)![1]!
  return value.replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
}

/**
 * A page as text for its golden file: the profile unpacked, because gzip does not make the same bytes
 * everywhere, and `[…]` for what comes from speedscope's package, whose updates change nothing of ours.
 */
export function pageText(page: string): string {
  let viewer = embeddedViewer(page)
  viewer = between(viewer, /<style>/, /<\/style>/, '[…]')
  viewer = between(viewer, /<body><script>/, /<\/script><\/body><\/html>$/, '[…]')
  let text = between(page, /<!--\nspeedscope, .* its font:\n\n/, /\n-->/, '[…]')
  text = between(text, / srcdoc="/, /">/, viewer)
  return between(text, /<script id="profile"[^>]*>/, /<\/script>/, `\n${embeddedProfile(page)}`)
}

/** Puts `shown` in the place of what stands between the first `start` and the next `end`. */
function between(text: string, start: RegExp, end: RegExp, shown: string): string {
  const head = start.exec(text)
  const from = head ? head.index + head[0].length : text.length
  const length = text.slice(from).search(end)
  if (length === -1) throw new Error(`Nothing stands between ${start} and ${end}`)
  return text.slice(0, from) + shown + text.slice(from + length)
}
