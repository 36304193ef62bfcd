import { NO_STACK, type Profile } from './profile.ts'
import { frameRow, Tables } from './restack.ts'
import { mapSamples } from './time-line.ts'

/** The profile with its stacks upside down: the innermost frame is the root, callers lie above. */
export function inverted(profile: Profile): Profile {
  const { stacks } = profile
  const tables = new Tables()
  const frameOf = new Map<number, number>()
  const stackOf = new Map<number, number>([[NO_STACK, NO_STACK]])
  const turned = (leaf: number): number => {
    let result = stackOf.get(leaf)
    if (result !== undefined) return result
    result = NO_STACK
    for (let at = leaf; at !== NO_STACK; at = stacks.parent[at]!) {
      const old = stacks.frame[at]!
      let frame = frameOf.get(old)
      if (frame === undefined) {
        frame = tables.frame(frameRow(profile, old))
        frameOf.set(old, frame)
      }
      result = tables.stack(result, frame)
    }
    stackOf.set(leaf, result)
    return result
  }
  const moved = mapSamples(profile, (samples) => {
    const stack = new Int32Array(samples.length)
    for (let row = 0; row < stack.length; row++) stack[row] = turned(samples.stack[row]!)
    return { ...samples, stack }
  })
  return { ...moved, ...tables.finish() }
}
