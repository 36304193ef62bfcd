import { type FrameIndex, NO_COLUMN, type Profile } from './profile.ts'
import { usedFrames } from './used.ts'

/** Index into a PlaceTable. */
export type PlaceIndex = number

/**
 * Where a frame is, as people read it: one row for each (qualname, file, line) that a sample has on
 * its stack, in the order of first use.
 */
export interface PlaceTable {
  readonly length: number
  readonly qualname: readonly string[]
  /** '' for a marker such as `<truncated>`. */
  readonly file: readonly string[]
  /** 1-based; 0 when unknown. */
  readonly line: readonly number[]
  /** 0-based, in bytes; NO_COLUMN when unknown, or when the merged frames do not agree on it. */
  readonly column: readonly number[]
  /** The place of each frame of the profile; -1 for one that is on no sample's stack. */
  readonly ofFrame: Int32Array
}

/** Merges the frames of a profile into places. */
export function places(profile: Profile): PlaceTable {
  const { frames } = profile
  return merged(
    profile,
    (frame) => frames.line[frame]!,
    (frame) => frames.column[frame]!,
  )
}

/** Merges the frames of a profile into functions, at the lines of their `def`. */
export function functionPlaces(profile: Profile): PlaceTable {
  const { frames, functions } = profile
  return merged(
    profile,
    (frame) => functions.firstLine[frames.function[frame]!]!,
    () => NO_COLUMN,
  )
}

function merged(
  profile: Profile,
  lineOf: (frame: FrameIndex) => number,
  columnOf: (frame: FrameIndex) => number,
): PlaceTable {
  const { strings, functions, frames } = profile
  const rows = new Map<string, PlaceIndex>()
  const qualname: string[] = []
  const file: string[] = []
  const line: number[] = []
  const column: number[] = []
  const used = usedFrames(profile)
  const ofFrame = new Int32Array(frames.length).fill(-1)
  for (let frame: FrameIndex = 0; frame < frames.length; frame++) {
    if (used[frame] === 0) continue
    const fn = frames.function[frame]!
    const name = strings[functions.qualname[fn]!]!
    const path = strings[functions.file[fn]!]!
    const at = lineOf(frame)
    const start = columnOf(frame)
    const key = `${at}\0${path}\0${name}`
    let place = rows.get(key)
    if (place === undefined) {
      place = qualname.push(name) - 1
      file.push(path)
      line.push(at)
      column.push(start)
      rows.set(key, place)
    } else if (column[place] !== start) {
      column[place] = NO_COLUMN
    }
    ofFrame[frame] = place
  }
  return { length: qualname.length, qualname, file, line, column, ofFrame }
}
