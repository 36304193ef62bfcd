import type { Profile } from '../profile/profile.ts'
import { RecordingEncoder } from '../recording/encoder.ts'
import type { Format } from './format.ts'

/** The whole profile as a recording; while it is recorded, src/recording appends to one instead. */
function* write(profile: Profile): Iterable<Uint8Array> {
  const encoder = new RecordingEncoder()
  yield encoder.header()
  yield* encoder.encode(profile)
  yield encoder.end()
}

export const pyprof: Format = {
  name: 'pyprof',
  suffixes: ['.pyprof'],
  describe: 'recording that holds everything, to convert later',
  isRecording: true,
  options: [],
  write,
}
