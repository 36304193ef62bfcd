import { NO_STACK, type Profile } from '../../src/profile/profile.ts'
import { RecordingEncoder } from '../../src/recording/encoder.ts'
import { type Recording, readRecording } from '../../src/recording/reader.ts'

/** The bytes of a whole recording, written in so many appends. */
export function recordingOf(profile: Profile, appends = 1): Buffer {
  const encoder = new RecordingEncoder()
  const parts: Uint8Array[] = [encoder.header()]
  let written = { samples: 0, gaps: 0 }
  for (let append = 1; append <= appends; append++) {
    const upTo = (rows: number) => Math.floor((rows * append) / appends)
    const [samples, gaps] = [upTo(profile.samples.length), upTo(profile.gaps.length)]
    const soFar = {
      ...profile,
      samples: { ...profile.samples, length: samples },
      gaps: profile.gaps.slice(0, gaps),
    }
    parts.push(...encoder.encode(soFar, written))
    written = { samples, gaps }
  }
  parts.push(encoder.end())
  return Buffer.concat(parts)
}

/** Reads a recording that comes in pieces of so many bytes. */
export function read(bytes: Uint8Array, pieceBytes = bytes.length || 1): Recording {
  return readRecording(inPieces(bytes, pieceBytes))
}

function* inPieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** A sample with everything that it refers to. */
export type ResolvedSample = ReturnType<typeof resolvedSamples>[number]

/** The samples of a profile without indexes, so that profiles with other tables can be compared. */
export function resolvedSamples(profile: Profile) {
  const { strings, functions, frames, stacks, samples, threads, processes } = profile
  return Array.from({ length: samples.length }, (_, row) => {
    const stack: unknown[] = []
    let at = samples.stack[row]!
    while (at !== NO_STACK) {
      const frame = stacks.frame[at]!
      const fn = frames.function[frame]!
      stack.unshift({
        qualname: strings[functions.qualname[fn]!],
        file: strings[functions.file[fn]!],
        firstLine: functions.firstLine[fn],
        line: frames.line[frame],
        endLine: frames.endLine[frame],
        column: frames.column[frame],
        endColumn: frames.endColumn[frame],
      })
      at = stacks.parent[at]!
    }
    const thread = threads[samples.thread[row]!]!
    return {
      time: samples.time[row],
      weight: samples.weight[row],
      thread: { ...thread, process: processes[thread.process] },
      stack,
      quality: samples.quality[row],
      reason: samples.reason[row],
      state: samples.state[row],
      cpu: samples.cpu[row],
    }
  })
}
