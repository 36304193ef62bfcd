import { dottedModule, originOf } from './origin.ts'
import type { Thread } from './profile.ts'

/** A pattern that cannot be understood; the message says what was expected. */
export class PatternError extends Error {}

/** Chooses threads. */
export interface ThreadPattern {
  /** As it was typed. */
  readonly text: string
  matches(thread: Thread): boolean
}

/** Chooses frames. */
export interface FramePattern {
  /** As it was typed. */
  readonly text: string
  matches(qualname: string, file: string): boolean
}

/**
 * A thread by its whole name, in which `*` and `?` stand for any text and any character; by a
 * regular expression that is found in the name, written `/…/`; or by its native id.
 * @throws PatternError
 */
export function threadPattern(text: string): ThreadPattern {
  const name = anchored(text, '^', '$')
  const id = /^\d+$/.test(text) ? Number(text) : undefined
  return { text, matches: (thread) => name.test(thread.name) || thread.nativeId === id }
}

const KINDS = ['function', 'file', 'module'] as const
type Kind = (typeof KINDS)[number]

/**
 * Frames by their function, file or module: `function:serve`, `file:orders/views.py`,
 * `module:django`; without a kind, by any of the three. In each `*` and `?` stand for any text and
 * any character, and `/…/` is a regular expression that is found anywhere. Else the pattern is the
 * whole or whole parts of it: the last ones of a qualname (`get`, `Store.get`) and of a path, the
 * first ones of a module's name (`django`, `django.db`). Of the program's own files the path does
 * not tell where a module's name begins, so there it is any ones (`orders.views`).
 * @throws PatternError
 */
export function framePattern(text: string): FramePattern {
  const [, kind, rest] = /^(\w*):(.*)$/s.exec(text) ?? []
  if (kind !== undefined && !isKind(kind)) {
    throw new PatternError(
      `Expected ${KINDS.map((each) => `${each}:`).join(', ')} or no kind before '${rest}'.`,
    )
  }
  const kinds = kind === undefined ? KINDS : [kind]
  const tests = kinds.map((each) => TESTS[each](rest ?? text))
  return { text, matches: (qualname, file) => tests.some((test) => test(qualname, file)) }
}

function isKind(text: string): text is Kind {
  return (KINDS as readonly string[]).includes(text)
}

const TESTS: Record<Kind, (text: string) => (qualname: string, file: string) => boolean> = {
  function(text) {
    const pattern = anchored(text, '(?:^|\\.)', '$')
    return (qualname) => pattern.test(qualname)
  },
  file(text) {
    const pattern = anchored(text, '(?:^|/)', '$')
    return (_, file) => file !== '' && pattern.test(file)
  },
  module(text) {
    const own = anchored(text, '(?:^|\\.)', '(?:\\.|$)')
    const foreign = anchored(text, '^', '(?:\\.|$)')
    return (_, file) =>
      file !== '' && (originOf(file).origin === 'app' ? own : foreign).test(dottedModule(file))
  },
}

/** The regular expression of a pattern, with what a text that is none begins and ends with. */
function anchored(text: string, start: string, end: string): RegExp {
  if (text === '') throw new PatternError('Expected a name, or a regular expression as in /…/.')
  const expression = /^\/(.+)\/$/s.exec(text)?.[1]
  if (expression === undefined) return new RegExp(start + wildcards(text) + end, 's')
  try {
    return new RegExp(expression)
  } catch (error) {
    const why = (error as Error).message.replace(/^Invalid regular expression: /, '')
    throw new PatternError(`Expected a regular expression between the slashes: ${why}.`)
  }
}

function wildcards(text: string): string {
  return text
    .replace(/[\\^$.+()[\]{}|/-]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
}
