import { moduleOf, originOf } from './origin.ts'
import type { FrameIndex, Granularity, Profile } from './profile.ts'
import { type FrameRow, frameRow, restack, wholeLine } from './restack.ts'

/** The profile with frames that stand for lines (as recorded), whole functions or whole modules. */
export function atGranularity(profile: Profile, granularity: Granularity): Profile {
  if (granularity === 'functions') return byFunction(profile)
  return granularity === 'modules' ? byModule(profile) : profile
}

/** All lines of a function become the line of its `def`. */
export function byFunction(profile: Profile): Profile {
  return restack(profile, {
    frame(frame) {
      const row = frameRow(profile, frame)
      return { ...row, ...wholeLine(row.firstLine) }
    },
  })
}

/**
 * All of a package, of a part of the standard library or of a file of the program becomes one frame
 * without a line. Calls inside of it become one frame too: what is left are the calls from module
 * to module. Markers stay what they are.
 */
export function byModule(profile: Profile): Profile {
  const rows = new Map<string, FrameRow>()
  return restack(profile, {
    joins: true,
    frame(frame: FrameIndex): FrameRow {
      const row = frameRow(profile, frame)
      const { origin, module } = originOf(row.file)
      if (origin === 'marker') return row
      const key = `${origin} ${module}`
      let found = rows.get(key)
      if (!found) {
        const { name, file } = moduleOf(row.file)
        found = { qualname: name, file, firstLine: 0, ...wholeLine(0) }
        rows.set(key, found)
      }
      return found
    },
  })
}
