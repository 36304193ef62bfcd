import type { PlaceTable } from '../profile/place-view.ts'
import { NO_STACK, type Profile } from '../profile/profile.ts'
import { countAt, sampleCount } from '../profile/sample-columns.ts'

/** Digits and a comma of a length in ns, at 100 Hz. */
const LENGTH_BYTES = 9
/** Stack, time and weight of a sample, with their commas. */
const FIREFOX_BYTES = 25

/** About how long a speedscope file is, in bytes: stacks and lengths of all samples. */
export function speedscopeBytes({ stacks, samples }: Profile, { ofFrame }: PlaceTable): number {
  const bytes = new Float64Array(stacks.length)
  for (let stack = 0; stack < bytes.length; stack++) {
    const above = stacks.parent[stack]!
    const own = String(ofFrame[stacks.frame[stack]!]).length + 1
    bytes[stack] = own + (above === NO_STACK ? 0 : bytes[above]!)
  }
  let sum = 0
  for (let row = 0; row < samples.length; row++) {
    const stack = samples.stack[row]!
    const text = stack === NO_STACK ? 0 : bytes[stack]!
    sum += countAt(samples, row) * (text + 2 + LENGTH_BYTES)
  }
  return sum
}

/** About how long the samples of a Firefox profile are, in bytes. */
export function firefoxBytes({ samples }: Profile): number {
  return sampleCount(samples) * FIREFOX_BYTES
}
