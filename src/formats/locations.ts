import { functionPlaces, type PlaceTable } from '../profile/place-view.ts'
import { type FrameIndex, NO_COLUMN, type Profile } from '../profile/profile.ts'

/** Frames of samples merged by function and line; a row each, in the order of first use. */
export interface LocationTable {
  readonly length: number
  /** Their lines are those of the `def`. */
  readonly functions: PlaceTable
  /** Row of `functions`. */
  readonly function: readonly number[]
  /** 1-based; 0 when unknown. */
  readonly line: readonly number[]
  /** 0-based; NO_COLUMN when unknown, or when the merged frames do not agree on it. */
  readonly column: readonly number[]
  /** The location of each frame of the profile; -1 for one that is on no sample's stack. */
  readonly ofFrame: Int32Array
}

/** Merges the frames of a profile into locations. */
export function locationTable(profile: Profile): LocationTable {
  const { frames } = profile
  const functions = functionPlaces(profile)
  const rows = new Map<string, number>()
  const fn: number[] = []
  const line: number[] = []
  const column: number[] = []
  const ofFrame = new Int32Array(frames.length).fill(-1)
  for (let frame: FrameIndex = 0; frame < frames.length; frame++) {
    const own = functions.ofFrame[frame]!
    if (own === -1) continue
    const at = frames.line[frame]!
    const start = frames.column[frame]!
    const key = `${own}:${at}`
    let row = rows.get(key)
    if (row === undefined) {
      row = fn.push(own) - 1
      line.push(at)
      column.push(start)
      rows.set(key, row)
    } else if (column[row] !== start) {
      column[row] = NO_COLUMN
    }
    ofFrame[frame] = row
  }
  return { length: fn.length, functions, function: fn, line, column, ofFrame }
}
