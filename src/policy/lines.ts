import { parse } from 'smol-toml'

export type KeyPath = readonly (string | number)[]

/**
 * The line, from 1, in which a key or a table of a TOML text begins. The parser tells no places, but
 * it tells whether the text up to some line is whole and holds the key: the key begins behind the
 * longest whole text that does not.
 * @param text what the parser takes, with the key in it
 */
export function lineOf(text: string, path: KeyPath): number {
  const lines = text.split('\n')
  const upTo = (count: number) => tableIn(`${lines.slice(0, count).join('\n')}\n`)
  let holding = lines.length
  let [low, high] = [1, lines.length]
  while (low < high) {
    const middle = (low + high) >> 1
    let count = middle
    let table = upTo(count)
    while (table === undefined && ++count < high) table = upTo(count)
    if (table !== undefined && !holds(table, path)) {
      low = count + 1
      continue
    }
    if (table !== undefined) holding = count
    high = middle
  }
  let before = holding - 1
  while (before > 0 && upTo(before) === undefined) before--
  return before + 1
}

/** undefined: the text ends in the middle of a value. */
function tableIn(text: string): unknown {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

function holds(table: unknown, path: KeyPath): boolean {
  let at = table
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false
    at = (at as Record<string | number, unknown>)[key]
  }
  return true
}
