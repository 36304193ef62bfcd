import type { SecretNames } from './secret-names.ts'

/** What stands where a secret was; shaped like the other markers. */
export const REDACTED = '<redacted>'

/** Names as they stand in command lines, headers, URLs and source code. */
const NAME = String.raw`[\w.$-]+`

/**
 * The text without what follows the names of secrets (`token=…`, `"token": …`, `--token …`) and
 * without the passwords of URLs. Where a value ends cannot always be told: it is taken to go on up to
 * the next name with a value, or option, so that rather too much is left out than too little. Takes
 * time in proportion to the text's length.
 */
export function redactText(text: string, isSecret: SecretNames): string {
  return redactNamed(redactUrls(text), isSecret)
}

/** `scheme://user:password@host`, as long as no blank or quote comes between. */
const URL_START = /\b([a-z][a-z0-9+.-]{0,30}):\/\/([^\s"]*)/gi
/** `user:password@host` without a scheme. The bound keeps the time linear. */
const BARE_LOGIN = /(?<![^\s"'=,])([\w.+-]{1,128}):([^\s"/@]{1,256})@(?=[\w[])/g

/** Schemes in whose URLs a name without a password is as good as one: `https://TOKEN@host`. */
const WEB = /^https?$/i

function redactUrls(text: string): string {
  if (!text.includes('@')) return text
  return text
    .replace(URL_START, (whole, scheme: string, rest: string) => {
      const login = loginIn(rest)
      if (login === undefined) return whole
      const after = rest.slice(login.length)
      const colon = login.indexOf(':')
      if (colon >= 0) return `${scheme}://${login.slice(0, colon)}:${REDACTED}${after}`
      return WEB.test(scheme) ? `${scheme}://${REDACTED}${after}` : whole
    })
    .replace(BARE_LOGIN, `$1:${REDACTED}@`)
}

/**
 * What stands before the `@` of a URL. A password may hold `@`, and, where nobody has encoded it, `/`,
 * `?` and `#`; so behind a colon the last `@` counts.
 */
function loginIn(rest: string): string | undefined {
  const authority = /^[^/?#]*/.exec(rest)![0]
  const end = (authority.includes(':') ? rest : authority).lastIndexOf('@')
  return end < 0 ? undefined : rest.slice(0, end)
}

const NAMES = new RegExp(NAME, 'g')
/** Between a name and its value: `=`, `:`, `=>`, perhaps behind `"`, `"]`; or the end of an XML tag. */
const ASSIGNMENT = /\\*["']?\]?\s*(?::=|=>|==?|:|>)\s*/y
const BLANKS = /\s+/y
const QUOTED = /(\\*["'])(?:(?!\1)(?:\\.|[^\\]))*\1/sy
/** What may follow a quoted value; when anything else does, it was only the value's beginning. */
const CLOSED = /(?=[\s,;&)\]}\\"']|$)/y
/** The next name with a value, or the next option, behind a separator. */
const NEXT = new RegExp(
  String.raw`(?<![\s,;&])[\s,;&]+(?:\\*["']?${NAME}\\*["']?\s*[=:]|--?[A-Za-z])`,
  'g',
)

function redactNamed(text: string, isSecret: SecretNames): string {
  let result = ''
  let done = 0
  NAMES.lastIndex = 0
  for (let match = NAMES.exec(text); match; match = NAMES.exec(text)) {
    const [name] = match
    const value = isSecret(name) ? valueStart(text, match.index, NAMES.lastIndex) : -1
    if (value < 0) continue
    const end = valueEnd(text, value, isHeader(text, match.index + name.length))
    result += text.slice(done, value) + redactedValue(text.slice(value, end))
    done = end
    NAMES.lastIndex = end
  }
  return result + text.slice(done)
}

/** -1: no value follows. The name itself may have begun with the dashes of an option. */
function valueStart(text: string, nameStart: number, nameEnd: number): number {
  const assigned = endOf(ASSIGNMENT, text, nameEnd)
  if (assigned >= 0) return assigned < text.length ? assigned : -1
  const isOption = text[nameStart] === '-' && !/\S/.test(text[nameStart - 1] ?? ' ')
  const separated = isOption ? endOf(BLANKS, text, nameEnd) : -1
  return separated < text.length ? separated : -1
}

/** `Cookie: a=b; c=d` goes on to the end of its line. */
function isHeader(text: string, nameEnd: number): boolean {
  return text[nameEnd] === ':' && /\s/.test(text[nameEnd + 1] ?? '')
}

function lineEnd(text: string, start: number): number {
  const end = text.indexOf('\n', start)
  return end < 0 ? text.length : end
}

function valueEnd(text: string, start: number, isHeader: boolean): number {
  // Redacted before: what follows was looked at then.
  const before = text.startsWith(REDACTED, start) ? start + REDACTED.length : -1
  if (before >= 0 && endOf(CLOSED, text, before) >= 0) return before
  if (isHeader) return lineEnd(text, start)
  const quoted = endOf(QUOTED, text, start)
  if (quoted >= 0 && endOf(CLOSED, text, quoted) >= 0) return quoted
  NEXT.lastIndex = start
  return NEXT.exec(text)?.index ?? text.length
}

/** The quotes stay, so that what is left can be read as before. */
function redactedValue(value: string): string {
  const quote = /^\\*["']/.exec(value)?.[0] ?? ''
  return quote !== '' && value.length > quote.length && value.endsWith(quote)
    ? quote + REDACTED + quote
    : REDACTED
}

/** Where a sticky expression that begins at a place ends; -1: it does not fit there. */
function endOf(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at
  return sticky.test(text) ? sticky.lastIndex : -1
}
