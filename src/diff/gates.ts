import { dottedModule } from '../profile/origin.ts'
import { framePattern, PatternError } from '../profile/pattern.ts'
import type { Name } from './names.ts'

/** What may not grow by more than some percent. */
export interface Gate {
  /** As it was typed. */
  readonly text: string
  readonly of: 'run' | 'function' | 'any'
  /** Whose time: its own, or with what it calls. Of a run it is the whole. */
  readonly time: 'self' | 'total'
  readonly matches: (name: Name) => boolean
  /** A fraction. */
  readonly limit: number
}

const GRAMMAR = /^\s*(?:(total|any)|(self|total):(.+?))\s*>\s*(\d+\.?\d*|\.\d+)\s*%\s*$/s

/**
 * A gate such as `total>5%`, `self:pkg.module.func>10%`, `total:Store.load>10%` or `any>20%`.
 * @throws PatternError
 */
export function parseGate(text: string): Gate {
  const [, whole, time, pattern, percent] = GRAMMAR.exec(text) ?? []
  if (percent === undefined) {
    throw new PatternError(
      "Expected what may grow by how much: 'total>5%', 'self:pkg.module.func>10%', " +
        "'total:FUNCTION>10%' or 'any>20%'.",
    )
  }
  const limit = Number(percent) / 100
  if (whole === 'total') return { text, of: 'run', time: 'total', matches: () => false, limit }
  if (whole === 'any') return { text, of: 'any', time: 'self', matches: () => true, limit }
  return { text, of: 'function', time: time as Gate['time'], matches: named(pattern!), limit }
}

/**
 * A function by the last parts of its name with its module, in which `*` and `?` are wildcards; or by
 * `function:`, `file:` and `module:` as for `--include`.
 */
function named(text: string): (name: Name) => boolean {
  const kind = /^\w+:/.exec(text)
  if (kind) {
    const { matches } = framePattern(text)
    return ({ qualname, file }) => matches(qualname, file)
  }
  const { matches } = framePattern(`function:${text}`)
  return ({ qualname, file }) =>
    matches(file === '' ? qualname : `${dottedModule(file)}.${qualname}`, file)
}
