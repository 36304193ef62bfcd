import { type Choice, chosen, type Unmatched } from './choice.ts'
import { type ModeOptions, type ModeView, viewInMode } from './modes.ts'
import type { Profile } from './profile.ts'

/** What of a recording is shown. */
export interface ViewOptions extends ModeOptions {
  readonly choice: Choice
}

/** A recording as it is shown, and what of it the mode leaves out. */
export interface Viewed extends ModeView {
  /** The same before anything was chosen. */
  readonly inMode: Profile
  readonly unmatched: readonly Unmatched[]
}

/**
 * The view of a recording in a mode, and then of what is chosen.
 * @throws PyprofError when the recording does not hold what the mode needs
 */
export function viewed(recorded: Profile, options: ViewOptions): Viewed {
  const { profile: inMode, removed } = viewInMode(recorded, options)
  return { ...chosen(inMode, options.choice), inMode, removed }
}

/** All of a profile, as it was recorded. */
export function unviewed(profile: Profile): Viewed {
  return { profile, inMode: profile, removed: { samples: 0, timeNs: 0 }, unmatched: [] }
}
