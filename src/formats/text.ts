import type { Process, Thread } from '../profile/profile.ts'

/** Characters that a reader would not see, or that XML or a text reader would stumble over. */
const INVISIBLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Noncharacter_Code_Point}]/gu

/** Names for the two kinds of samples that have no frames; shaped like CPython's own markers. */
export const MISSED_FRAME = '<missed>'
export const EMPTY_FRAME = '<no Python frames>'

/** Writes a character as a Python string literal would: `\x1b`, `\u202e`, `\U0001ffff`. */
export function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!
  const hex = code.toString(16)
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`
  if (code <= 0xffff) return `\\u${hex.padStart(4, '0')}`
  return `\\U${hex.padStart(8, '0')}`
}

/**
 * Makes foreign text safe to show: control characters, lone surrogates, line and paragraph
 * separators, direction overrides and noncharacters become escapes. The result is valid UTF-16 and
 * holds only characters that XML allows.
 */
export function visible(text: string): string {
  return text.replace(INVISIBLE, escapeCharacter)
}

/** Escapes text that `visible` has made safe, for XML element content and attribute values. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** What to show for a function: its qualname, or a stand-in when that is empty. */
export function displayName(qualname: string): string {
  return qualname === '' ? '<unnamed>' : qualname
}

/**
 * `MainThread (tid 12)`: a name that tells threads apart and never ends in digits. The process and
 * the interpreter are named only where they differ from the usual. `waiting tasks of MainThread
 * (tid 12)` are no thread.
 */
export function threadLabel(thread: Thread, processes: readonly Process[]): string {
  const { nativeId, interpreter, waitingTasks } = thread
  const isOrphaned = waitingTasks && nativeId === 0
  const parts = [
    ...(processes.length > 1 ? [`pid ${processes[thread.process]?.pid}`] : []),
    ...(isOrphaned ? [] : [`tid ${nativeId === 0 ? 'unknown' : nativeId}`]),
    ...(interpreter === 0 ? [] : [`interpreter ${interpreter}`]),
  ]
  const label = threadName(thread)
  return parts.length === 0 ? label : `${label} (${parts.join(', ')})`
}

/** A thread's name without what tells it from others of that name. */
export function threadName({ nativeId, name, waitingTasks }: Thread): string {
  const isOrphaned = waitingTasks && nativeId === 0
  const owner = isOrphaned ? ENDED_THREADS : name === '' ? UNNAMED : name
  return waitingTasks ? `${WAITING}${owner}` : owner
}

const WAITING = 'waiting tasks of '
const ENDED_THREADS = 'ended threads'
const UNNAMED = '<unnamed>'

/** What `threadName` has made a name of. */
export function parseThreadName(text: string): Pick<Thread, 'name' | 'waitingTasks'> {
  const waitingTasks = text.startsWith(WAITING)
  const owner = waitingTasks ? text.slice(WAITING.length) : text
  const isNone = owner === UNNAMED || (waitingTasks && owner === ENDED_THREADS)
  return { name: isNone ? '' : owner, ...(waitingTasks && { waitingTasks }) }
}

/** `12,345`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Nanoseconds in the unit that suits them, three digits: `1.23 s`, `45.6 ms`, `789 µs`; `0 s`. */
export function formatTime(ns: number): string {
  if (ns === 0) return '0 s'
  const [size, unit] = ns >= 1e9 ? [1e9, 's'] : ns >= 1e6 ? [1e6, 'ms'] : [1e3, 'µs']
  const value = ns / size
  return `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)} ${unit}`
}

/** Cuts text at its end to a number of characters, and says how many there are more. */
export function cutAt(text: string, most: number): string {
  if (text.length <= most) return text
  const characters = [...text]
  const more = characters.length - most
  if (more <= 0) return text
  const what = more === 1 ? 'character' : 'characters'
  return `${characters.slice(0, most).join('')}…<${formatCount(more)} more ${what}>`
}

/** Cuts text at its end to a number of columns of a fixed-width font. */
export function cutEnd(content: string, columns: number): string {
  const kept = cut([...content], columns)
  return kept === content ? content : `${kept}…`
}

/** Cuts text at its start: of a path the end says most. */
export function cutStart(content: string, columns: number): string {
  const kept = [...cut([...content].reverse(), columns)].reverse().join('')
  return kept === content ? content : `…${kept}`
}

/** All characters if they fit, else those that leave a column free. */
function cut(characters: readonly string[], columns: number): string {
  if (columnsOf(characters) <= columns) return characters.join('')
  let kept = ''
  let room = columns
  for (const character of characters) {
    room -= columnsOf(character)
    if (room < 1) break
    kept += character
  }
  return kept
}

/** The blocks of Unicode whose letters and signs are two columns wide (UAX 11), near enough. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

/** Columns that text takes in a font of fixed width. */
export function columnsOf(characters: Iterable<string>): number {
  let columns = 0
  for (const character of characters) columns += WIDE.test(character) ? 2 : 1
  return columns
}
