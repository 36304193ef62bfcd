import { parse, TomlError } from 'smol-toml'
import { durationNs } from '../duration.ts'
import { EXIT, PyprofError } from '../errors.ts'
import { isNameStem } from '../redaction/secret-names.ts'
import { type Action, ALL_ACTIONS, actionsNamed } from './actions.ts'
import { CONTAINER_FORMS } from './containers.ts'
import { type KeyPath, lineOf } from './lines.ts'
import type { Policy, Rule } from './policy.ts'

/** Where the keys are explained. */
export const POLICY_PAGE = 'docs/production.md'

/** The kernel's "no user", (uid_t) -1. */
const NO_UID = 2 ** 32 - 1

/**
 * The policy that a text in TOML tells.
 * @param file its name for people
 * @throws PyprofError code `bad-policy`, with the line of what is wrong
 */
export function parsePolicy(text: string, file: string): Policy {
  const root = new Table(toml(text, file), [], { text, file })
  root.only(['time-limit', 'locals', 'allow', 'deny', 'redact', 'audit'])
  const redact = root.table('redact')
  redact?.only(['names', 'paths'])
  const audit = root.table('audit')
  audit?.only(['file'])
  return {
    file,
    allow: root.tables('allow')?.map((each) => rule(each, true)),
    deny: root.tables('deny')?.map((each) => rule(each, false)) ?? [],
    timeLimit: root.text('time-limit', DURATION)?.value ?? 0,
    locals: root.flag('locals') ?? true,
    secretNames: redact?.list('names', STEM) ?? [],
    redactPaths: redact?.flag('paths') ?? false,
    auditLog: audit?.text('file', LOG_FILE, true)?.value,
    lineOf: (path) => lineOf(text, path),
  }
}

function toml(text: string, file: string): Record<string, unknown> {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // Its message goes on with a drawing of the place.
    const why = (error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '')
    throw badPolicy(file, error.line, `${why} (column ${error.column})`)
  }
}

function rule(table: Table, allows: boolean): Rule {
  const conditions = ['actions', 'users', 'target-users', 'commands', 'executables', 'containers']
  table.only([...conditions, 'reason', ...(allows ? ['subprocesses'] : [])])
  const lists = {
    actions: table.list('actions', ACTION)?.flat(),
    users: table.list('users', USER),
    targetUsers: table.list('target-users', USER),
    commands: table.list('commands', PATTERN),
    executables: table.list('executables', PATTERN),
    containers: table.list('containers', CONTAINER),
  }
  const given = Object.entries(lists).filter(([, list]) => list !== undefined)
  return {
    ...(Object.fromEntries(given) as {
      [K in keyof typeof lists]?: NonNullable<(typeof lists)[K]>
    }),
    subprocesses: (allows && table.flag('subprocesses')) || false,
    reason: table.text('reason', ANY_TEXT)?.value ?? '',
  }
}

/** Takes a value, or says what it should be. */
interface Kind<T> {
  readonly expected: string
  /** undefined: it is something else. */
  take(value: unknown): { readonly value: T } | undefined
}

function kind<T>(expected: string, take: (value: unknown) => T | undefined): Kind<T> {
  return {
    expected,
    take(found) {
      const value = take(found)
      return value === undefined ? undefined : { value }
    },
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const ANY_TEXT = kind('a text', (value) => (typeof value === 'string' ? value : undefined))
const PATTERN = kind('a pattern, a text that is not empty', (value) =>
  isText(value) ? value : undefined,
)
const USER = kind('a user name or a user id', (value) => {
  const isId = Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < NO_UID
  return isId || isText(value) ? (value as string | number) : undefined
})
const ACTION: Kind<readonly Action[]> = kind(
  `one of ${ALL_ACTIONS.join(', ')}, or exec:*`,
  (value) => {
    const actions = isText(value) ? actionsNamed(value) : []
    return actions.length > 0 ? actions : undefined
  },
)
const CONTAINER = kind(`none, *, or a pattern of ${CONTAINER_FORMS}`, (value) =>
  isText(value) ? value : undefined,
)
const DURATION = kind('a time such as "30s", "5m" or "1h"', (value) => {
  const ns = isText(value) ? durationNs(value) : undefined
  return ns !== undefined && ns >= 1 ? ns : undefined
})
const STEM = kind('a part of a name, two letters or digits at least', (value) => {
  return isText(value) && isNameStem(value) ? value : undefined
})
const LOG_FILE = kind('an absolute path', (value) => {
  return isText(value) && value.startsWith('/') && !value.includes('\0') ? value : undefined
})

interface Source {
  readonly text: string
  readonly file: string
}

/** A table of the file: takes its keys by their types, and knows where they stand. */
class Table {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #path: KeyPath
  readonly #source: Source

  constructor(values: Readonly<Record<string, unknown>>, path: KeyPath, source: Source) {
    this.#values = values
    this.#path = path
    this.#source = source
  }

  /** @throws PyprofError for any other key */
  only(keys: readonly string[]): void {
    const unknown = Object.keys(this.#values).find((key) => !keys.includes(key))
    if (unknown === undefined) return
    throw this.#bad(unknown, `${quoted(unknown)} is not known here. Known: ${keys.join(', ')}`)
  }

  flag(key: string): boolean | undefined {
    const value = this.#get(key)
    if (value === undefined || typeof value === 'boolean') return value
    throw this.#unexpected(key, 'true or false', value)
  }

  text<T>(key: string, { take, expected }: Kind<T>, isNeeded = false): { value: T } | undefined {
    const value = this.#get(key)
    if (value === undefined && isNeeded) {
      throw badPolicy(this.#source.file, this.#line([]), `${this.#name(key)} is missing`)
    }
    if (value === undefined) return undefined
    const taken = take(value)
    if (taken) return taken
    throw this.#unexpected(key, expected, value)
  }

  list<T>(key: string, { take, expected }: Kind<T>): readonly T[] | undefined {
    const value = this.#get(key)
    if (value === undefined) return undefined
    if (!Array.isArray(value)) throw this.#unexpected(key, `a list, each ${expected}`, value)
    if (value.length === 0) {
      const why = 'is empty, which no process fits; leave the key out where all do'
      throw this.#bad(key, `${this.#name(key)} ${why}`)
    }
    return value.map((each: unknown) => {
      const taken = take(each)
      if (taken) return taken.value
      throw this.#unexpected(key, `a list, each ${expected}`, each)
    })
  }

  table(key: string): Table | undefined {
    const value = this.#get(key)
    if (value === undefined) return undefined
    if (isTable(value)) return new Table(value, [...this.#path, key], this.#source)
    throw this.#unexpected(key, `a table, [${key}]`, value)
  }

  tables(key: string): readonly Table[] | undefined {
    const value = this.#get(key)
    if (value === undefined) return undefined
    if (Array.isArray(value) && value.every(isTable)) {
      return value.map((each, at) => new Table(each, [...this.#path, key, at], this.#source))
    }
    throw this.#unexpected(key, `tables, [[${key}]]`, value)
  }

  #get(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? this.#values[key] : undefined
  }

  #name(key: string): string {
    const tables = this.#path.filter((part) => typeof part === 'string')
    return [...tables, key].join('.')
  }

  #line(path: KeyPath): number {
    return lineOf(this.#source.text, [...this.#path, ...path])
  }

  #bad(key: string, why: string): PyprofError {
    return badPolicy(this.#source.file, this.#line([key]), why)
  }

  #unexpected(key: string, expected: string, found: unknown): PyprofError {
    return this.#bad(key, `${this.#name(key)}: expected ${expected}; found ${described(found)}`)
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  )
}

function described(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Date) return 'a date'
  if (isTable(value)) return 'a table'
  return typeof value === 'string' ? quoted(value) : String(value)
}

const LONGEST_QUOTE = 60

function quoted(text: string): string {
  return JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text)
}

function badPolicy(file: string, line: number, why: string): PyprofError {
  return new PyprofError({
    code: 'bad-policy',
    what: `The policy ${file} cannot be used.`,
    why: `Line ${line}: ${why}.`,
    hint: `Nothing is done until it is mended; its keys are explained in ${POLICY_PAGE}.`,
    exitCode: EXIT.usage,
  })
}
