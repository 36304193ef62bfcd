import { Malformed, TooLarge, WireReader } from './wire.ts'

/** An id as the file has it. */
type Id = number | bigint

export interface ValueType {
  readonly type: string
  readonly unit: string
}

export interface PprofFunction {
  readonly name: string
  readonly file: string
  readonly startLine: number
}

/** A place in a function. */
export interface PprofLine {
  readonly function: PprofFunction
  readonly line: number
  /** 1-based; 0 when unknown. */
  readonly column: number
}

export interface Location {
  /** Several where calls were inlined, innermost first; never none. */
  readonly lines: readonly PprofLine[]
  /** Where its frames are in the profile that is made, outermost first; once they are there. */
  frames?: readonly number[]
}

/** All of a pprof profile but its samples, whose fields are left in the bytes. */
export interface PprofTables {
  readonly strings: readonly string[]
  readonly types: readonly ValueType[]
  readonly defaultType: string
  readonly period: number
  readonly periodType: ValueType | undefined
  /** ns since the epoch; 0 when unknown. */
  readonly time: number
  /** ns. */
  readonly duration: number
  readonly comments: readonly string[]
  readonly locations: ReadonlyMap<Id, Location>
}

/** Rows of one table: below what a Map can hold, and some hundred MB. */
export const MAX_ROWS: number = 2 ** 22
/** Values of a sample: writers have four. */
const MAX_TYPES = 64
const UNKNOWN_NAME = '<unknown>'

/**
 * Reads the tables of a profile (github.com/google/pprof, proto/profile.proto: the field numbers).
 * @throws Malformed
 */
export function readTables(bytes: Uint8Array): PprofTables {
  const strings: string[] = []
  const types: WireReader[] = []
  const functions: WireReader[] = []
  const locations: WireReader[] = []
  const mappings: WireReader[] = []
  const comments: number[] = []
  let [defaultType, period, time, duration] = [0, 0, 0, 0]
  let periodType: WireReader | undefined
  const reader = new WireReader(bytes)
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        add(types, reader.message(), MAX_TYPES)
        break
      case 3:
        add(mappings, reader.message())
        break
      case 4:
        add(locations, reader.message())
        break
      case 5:
        add(functions, reader.message())
        break
      case 6:
        add(strings, reader.text())
        break
      case 9:
        time = reader.number()
        break
      case 10:
        duration = reader.number()
        break
      case 11:
        periodType = reader.message()
        break
      case 12:
        period = reader.number()
        break
      case 13:
        reader.numbers(comments, MAX_ROWS)
        break
      case 14:
        defaultType = reader.number()
        break
      default:
        reader.skip()
    }
  }
  const text = (index: number) => stringAt(strings, index)
  const files = readMappings(mappings, text)
  return {
    strings,
    types: types.map((type) => readType(type, text)),
    defaultType: text(defaultType),
    period,
    periodType: periodType && readType(periodType, text),
    time: Math.max(0, time),
    duration: Math.max(0, duration),
    comments: comments.map(text),
    locations: readLocations(locations, readFunctions(functions, text), files),
  }
}

/** @throws Malformed when there is no such string */
export function stringAt(strings: readonly string[], index: number): string {
  // A profile without any text may leave out even the empty string.
  const text = index === 0 ? '' : strings[index]
  if (text === undefined) throw new Malformed(`it refers to a string ${index} that is not there`)
  return text
}

type Text = (index: number) => string

function readType(reader: WireReader, text: Text): ValueType {
  let [type, unit] = [0, 0]
  while (reader.next()) {
    if (reader.field === 1) type = reader.number()
    else if (reader.field === 2) unit = reader.number()
    else reader.skip()
  }
  return { type: text(type), unit: text(unit) }
}

/** The files of the mappings, by id. */
function readMappings(readers: readonly WireReader[], text: Text): Map<Id, string> {
  const files = new Map<Id, string>()
  for (const reader of readers) {
    let id: Id = 0
    let file = 0
    while (reader.next()) {
      if (reader.field === 1) id = reader.id()
      else if (reader.field === 5) file = reader.number()
      else reader.skip()
    }
    addOnce(files, id, text(file), 'mapping')
  }
  return files
}

function readFunctions(readers: readonly WireReader[], text: Text): Map<Id, PprofFunction> {
  const functions = new Map<Id, PprofFunction>()
  for (const reader of readers) {
    let id: Id = 0
    let [name, systemName, file, startLine] = [0, 0, 0, 0]
    while (reader.next()) {
      if (reader.field === 1) id = reader.id()
      else if (reader.field === 2) name = reader.number()
      else if (reader.field === 3) systemName = reader.number()
      else if (reader.field === 4) file = reader.number()
      else if (reader.field === 5) startLine = reader.number()
      else reader.skip()
    }
    addOnce(
      functions,
      id,
      {
        name: text(name) || text(systemName) || UNKNOWN_NAME,
        file: text(file),
        startLine: lineNumber(startLine),
      },
      'function',
    )
  }
  return functions
}

function readLocations(
  readers: readonly WireReader[],
  functions: ReadonlyMap<Id, PprofFunction>,
  files: ReadonlyMap<Id, string>,
): Map<Id, Location> {
  const locations = new Map<Id, Location>()
  let lineCount = 0
  for (const reader of readers) {
    let [id, mapping, address]: Id[] = [0, 0, 0]
    const lines: PprofLine[] = []
    while (reader.next()) {
      if (reader.field === 1) id = reader.id()
      else if (reader.field === 2) mapping = reader.id()
      else if (reader.field === 3) address = reader.id()
      else if (reader.field === 4) {
        if (++lineCount > MAX_ROWS) throw tooMany()
        lines.push(readLine(reader.message(), functions))
      } else reader.skip()
    }
    if (lines.length === 0) {
      // Without symbols the address is the name.
      const name = address ? `0x${address.toString(16)}` : UNKNOWN_NAME
      const file = files.get(mapping!) ?? ''
      lines.push({ function: { name, file, startLine: 0 }, line: 0, column: 0 })
    }
    addOnce(locations, id!, { lines }, 'location')
  }
  return locations
}

function readLine(reader: WireReader, functions: ReadonlyMap<Id, PprofFunction>): PprofLine {
  let id: Id = 0
  let [line, column] = [0, 0]
  while (reader.next()) {
    if (reader.field === 1) id = reader.id()
    else if (reader.field === 2) line = reader.number()
    else if (reader.field === 3) column = reader.number()
    else reader.skip()
  }
  const fn = functions.get(id)
  if (!fn) throw new Malformed(`it refers to a function ${id} that is not there`)
  return { function: fn, line: lineNumber(line), column: lineNumber(column) }
}

/** Columns of a profile hold 32 bits; no source file is that long. */
function lineNumber(value: number): number {
  return value >= 0 && value < 2 ** 31 ? value : 0
}

function add<T>(rows: T[], row: T, limit = MAX_ROWS): void {
  if (rows.length === limit) throw tooMany()
  rows.push(row)
}

function tooMany(): TooLarge {
  return new TooLarge(`tables of ${MAX_ROWS} rows`)
}

function addOnce<T>(table: Map<Id, T>, id: Id, row: T, what: string): void {
  if (id === 0) throw new Malformed(`a ${what} has no id`)
  if (table.has(id)) throw new Malformed(`two ${what}s have the id ${id}`)
  table.set(id, row)
}
