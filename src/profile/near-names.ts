import { dottedModule, moduleOf, originOf } from './origin.ts'
import { compareText } from './views.ts'

export interface FunctionName {
  readonly qualname: string
  readonly file: string
}

const MOST_NEAR = 3

/** Names of the kind asked for that a slip of the fingers turns into the pattern, or that hold it. */
export function nearNames(pattern: string, rows: readonly FunctionName[]): string[] {
  const [, kind, typed = pattern] = /^(\w+):(.*)$/s.exec(pattern) ?? []
  const wanted = typed.replace(/[*?/\\^$]/g, '').toLowerCase()
  const names = new Map<string, number>()
  const offer = (name: string, ...parts: string[]) => {
    const near = Math.min(...[name, ...parts].map((part) => distance(part.toLowerCase(), wanted)))
    if (near <= Math.max(1, Math.floor(wanted.length / 3))) names.set(name, near)
    else if (wanted.length >= 3 && name.toLowerCase().includes(wanted)) names.set(name, near)
  }
  for (const { qualname, file } of rows) {
    if (kind === undefined || kind === 'function') offer(qualname, qualname.split('.').at(-1)!)
    if (file === '') continue
    if (kind === undefined || kind === 'module') {
      const dotted = dottedModule(file)
      const isOwn = originOf(file).origin === 'app'
      offer(isOwn ? moduleOf(file).name : dotted, ...dotted.split('.').slice(isOwn ? -1 : 0))
    }
    if (kind === 'file' || (kind === undefined && /[./]/.test(typed)))
      offer(file, file.split('/').at(-1)!)
  }
  return [...names]
    .sort((a, b) => a[1] - b[1] || compareText(a[0], b[0]))
    .slice(0, MOST_NEAR)
    .map(([name]) => name)
}

/** Texts longer than this are no slip of the fingers. */
const LONGEST = 100

/**
 * Letters to insert, delete, replace or swap with the next to get from one text to the other
 * (optimal string alignment).
 */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > LONGEST || a.length * b.length > LONGEST ** 2) return LONGEST
  let above: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + Number(a[i - 1] !== b[j - 1])
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwap ? above[j - 2]! + 1 : replaced
      next.push(Math.min(replaced, swapped, row[j]! + 1, next[j - 1]! + 1))
    }
    above = row
    row = next
  }
  return row[b.length]!
}
