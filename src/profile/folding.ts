import { withStep } from './filters.ts'
import { originOf } from './origin.ts'
import { NO_STACK, type Profile } from './profile.ts'
import { frameRow, markerRow, restack } from './restack.ts'
import { countAt } from './sample-columns.ts'

/** Stands for a stack that holds nothing but the standard library. */
export const STDLIB_FRAME = '<standard library>'

/**
 * Folds the frames of the standard library, frozen ones too, into their callers: the time stays,
 * and belongs to the code that called. A stack of nothing else becomes STDLIB_FRAME.
 */
export function withoutStdlib(profile: Profile): Profile {
  const { samples, stacks } = profile
  const isStdlib = Uint8Array.from({ length: profile.frames.length }, (_, frame) =>
    Number(originOf(frameRow(profile, frame).file).origin === 'stdlib'),
  )
  let count = 0
  let weight = 0
  for (let row = 0; row < samples.length; row++) {
    const stack = samples.stack[row]!
    if (stack === NO_STACK || isStdlib[stacks.frame[stack]!] === 0) continue
    count += countAt(samples, row)
    weight += samples.weight[row]!
  }
  const folded = restack(profile, {
    frame: (frame) => (isStdlib[frame] === 1 ? undefined : frameRow(profile, frame)),
    instead: markerRow(STDLIB_FRAME),
  })
  const step = { option: '--no-stdlib', patterns: [], effect: 'folded', missed: 0 } as const
  return withStep(folded, { ...step, samples: count, weight })
}
