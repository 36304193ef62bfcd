import { expect } from 'vitest'

export interface PstatsCounts {
  readonly calls: number
  /** ns. */
  readonly self: number
  readonly total: number
}

export interface PstatsRow extends PstatsCounts {
  readonly callers: Readonly<Record<string, PstatsCounts>>
}

type Value = number | string | Value[] | Map<string, Value>

/** Rows by `file:line name`, read as Python's marshal reads them. */
export function parsePstats(file: Buffer): Map<string, PstatsRow> {
  let at = 0
  const all = value() as Map<string, Value>
  expect(at).toBe(file.length)
  return new Map(
    [...all].map(([key, row]) => {
      const [cc, nc, tt, ct, callers] = row as [number, number, number, number, Map<string, Value>]
      const entries = [...callers].map(([caller, counts]) => [caller, ofCounts(counts as number[])])
      return [key, { ...ofCounts([cc, nc, tt, ct]), callers: Object.fromEntries(entries) }]
    }),
  )

  function value(): Value {
    const type = String.fromCharCode(file[at++]!)
    switch (type) {
      case 'i':
        at += 4
        return file.readInt32LE(at - 4)
      case 'g':
        at += 8
        return file.readDoubleLE(at - 8)
      case 'u': {
        const length = file.readInt32LE(at)
        at += 4 + length
        return file.toString('utf8', at - length, at)
      }
      case '(': {
        at += 4
        return Array.from({ length: file.readInt32LE(at - 4) }, value)
      }
      case '{': {
        const entries = new Map<string, Value>()
        while (file[at] !== '0'.charCodeAt(0)) {
          const [path, line, name] = value() as [string, number, string]
          const key = `${path}:${line} ${name}`
          expect(entries.has(key)).toBe(false)
          entries.set(key, value())
        }
        at++
        return entries
      }
      default:
        throw new Error(`Unknown type '${type}' at ${at - 1}`)
    }
  }
}

function ofCounts([cc, nc, tt, ct]: readonly number[]): PstatsCounts {
  expect(cc).toBe(nc)
  return { calls: cc!, self: Math.round(tt! * 1e9), total: Math.round(ct! * 1e9) }
}

/** For golden files. */
export function pstatsText(file: Buffer): string {
  const lines = [...parsePstats(file)].flatMap(([key, { callers, ...counts }]) => [
    `${key} ${JSON.stringify(counts)}`,
    ...Object.entries(callers).map(([caller, edge]) => `  from ${caller} ${JSON.stringify(edge)}`),
  ])
  return `${lines.join('\n')}\n`
}
