import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { Table } from './answer.ts'
import type { ExecTarget } from './target.ts'

/** A line of it is some 100 bytes; a program of a million functions would still be read whole. */
const MAX_MAP = 128 * 2 ** 20
/** `ADDRESS SIZE py::QUALNAME:FILE` (Python/perf_trampoline.c, perf_map_write_entry). */
const LINE = /^([0-9a-f]{1,16}) ([0-9a-f]{1,8}) py::(.+)$/

/**
 * Adds the native addresses of functions that have perf trampolines, as the map that Python writes
 * tells: a column `native` of ranges. Functions of the same name in the same file are one name there.
 * The target is not asked. Without a map the table stays as it is.
 */
export function withNativeRanges(table: Table, target: ExecTarget): Table {
  const text = readMap(`/proc/${target.pid}/root/tmp/perf-${target.innerPid}.map`)
  if (text === undefined) return table
  const ranges = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const match = LINE.exec(line)
    if (match === null) continue
    const [, start = '0', size = '0', name = ''] = match
    const end = BigInt(`0x${start}`) + BigInt(`0x${size}`)
    const known = ranges.get(name) ?? []
    known.push(`0x${start}-0x${end.toString(16)}`)
    ranges.set(name, known)
  }
  const name = table.columns.indexOf('qualname')
  const file = table.columns.indexOf('file')
  return {
    columns: [...table.columns, 'native'],
    rows: table.rows.map((row) => [...row, ranges.get(`${row[name]}:${row[file]}`) ?? []]),
    facts: { ...table.facts, 'names with trampolines': ranges.size },
  }
}

/** Only a regular file: whatever a hostile program has put there must not make pyprof wait. */
function readMap(path: string): string | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
  try {
    const status = fstatSync(fd)
    if (!status.isFile()) return undefined
    const data = Buffer.alloc(Math.min(status.size, MAX_MAP))
    let read = 0
    for (let got = 1; read < data.length && got > 0; read += got) {
      got = readSync(fd, data, read, data.length - read, read)
    }
    return data.toString('utf8', 0, read)
  } catch {
    return undefined
  } finally {
    closeSync(fd)
  }
}
