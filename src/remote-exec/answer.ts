/** A value in a table, or, as a list of texts, a stack. */
export type Cell = string | number | boolean | null | readonly string[]

/** How an option was set, and is set now. */
export interface Setting {
  readonly old: string
  readonly new: string
  /** Value that brings the old state back; null: there is none. */
  readonly undo: string | null
  readonly note: string
}

export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  readonly facts: Readonly<Record<string, string | number | boolean | null>>
}

/** What a script could not do. */
export interface ScriptError {
  readonly type: string
  readonly message: string
  /** Of the text that ran; 0: unknown. */
  readonly line: number
  /** A signal that came meanwhile and that the program handles itself; 0: none. */
  readonly signal: number
}

export interface Answer {
  readonly result: Setting | Table | ScriptError
  readonly kind: 'setting' | 'table' | 'error'
  /** Time that the script took in the target, ns. */
  readonly scriptNs: number
}

/**
 * Reads what a script has written. A target is not trusted: anything else is refused.
 * @throws Error with the reason
 */
export function parseAnswer(text: string): Answer {
  const { result, error, ns } = record(JSON.parse(text))
  const scriptNs = typeof ns === 'number' && ns >= 0 ? ns : 0
  if (error !== undefined) return { kind: 'error', result: scriptError(error), scriptNs }
  const found = record(result)
  return 'rows' in found
    ? { kind: 'table', result: table(found), scriptNs }
    : { kind: 'setting', result: setting(found), scriptNs }
}

type Fields = Readonly<Record<string, unknown>>

function record(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('an object was expected')
  }
  return value as Fields
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error('a text was expected')
  return value
}

function whole(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : 0
}

function setting(fields: Fields): Setting {
  const { old, new: now, undo, note } = fields
  return {
    old: text(old),
    new: text(now),
    undo: undo === null ? null : text(undo),
    note: text(note),
  }
}

function scriptError(value: unknown): ScriptError {
  const { type, message, line, signal } = record(value)
  return { type: text(type), message: text(message), line: whole(line), signal: whole(signal) }
}

function table({ columns, rows, facts }: Fields): Table {
  if (!Array.isArray(columns) || !Array.isArray(rows)) throw new Error('a table was expected')
  const names = columns.map(text)
  return {
    columns: names,
    rows: rows.map((row: unknown) => {
      if (!Array.isArray(row) || row.length !== names.length) throw new Error('a row does not fit')
      return row.map(cell)
    }),
    facts: Object.fromEntries(
      Object.entries(record(facts)).map(([key, fact]) => [key, plain(fact)]),
    ),
  }
}

function cell(value: unknown): Cell {
  return Array.isArray(value) ? value.map(text) : plain(value)
}

function plain(value: unknown): string | number | boolean | null {
  if (value === null) return null
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value
  }
  throw new Error('a plain value was expected')
}
