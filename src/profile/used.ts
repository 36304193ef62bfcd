import { NO_STACK, type Profile } from './profile.ts'

/** 1 for each stack that a sample refers to, and for those above it. */
export function usedStacks({ stacks, samples }: Profile): Uint8Array {
  const used = new Uint8Array(stacks.length)
  for (let row = 0; row < samples.length; row++) {
    const stack = samples.stack[row]!
    if (stack !== NO_STACK) used[stack] = 1
  }
  for (let stack = stacks.length - 1; stack >= 0; stack--) {
    const parent = stacks.parent[stack]!
    if (used[stack] === 1 && parent !== NO_STACK) used[parent] = 1
  }
  return used
}

/** 1 for each frame that stands on the stack of a sample: the tables may hold others. */
export function usedFrames(profile: Profile): Uint8Array {
  const { stacks, frames } = profile
  const used = new Uint8Array(frames.length)
  usedStacks(profile).forEach((isUsed, stack) => {
    if (isUsed === 1) used[stacks.frame[stack]!] = 1
  })
  return used
}
