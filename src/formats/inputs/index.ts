import { collapsedInput } from './collapsed.ts'
import type { Input } from './input.ts'
import { pprofInput } from './pprof.ts'
import { pyprofInput } from './pyprof.ts'
import { speedscopeInput } from './speedscope.ts'

export { HEAD_BYTES, type Imported, type Input, InputError, type InputOptions } from './input.ts'

/**
 * Every kind of file that can be converted; a new one is a file of its own and an entry here. The
 * first one that recognizes a file reads it, so the vaguest is the last.
 */
export const INPUTS: readonly Input[] = [pyprofInput, speedscopeInput, pprofInput, collapsedInput]

/** The kind of a file by how it begins; undefined when it is none that can be read. */
export function inputFor(head: Buffer): Input | undefined {
  return INPUTS.find((input) => input.recognizes(head))
}
