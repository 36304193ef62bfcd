import { sampleCount } from '../../profile/sample-columns.ts'
import { isRecording, type Refusal, RefusedError } from '../../recording/blocks.ts'
import { VERSION } from '../../recording/layout.ts'
import { type Recording, readRecording } from '../../recording/reader.ts'
import { formatCount, formatTime } from '../text.ts'
import { type Imported, type Input, InputError, type InputOptions } from './input.ts'

function read(pieces: Iterable<Uint8Array>, { range, holds, again }: InputOptions): Imported {
  let recording: Recording
  try {
    recording = readRecording(pieces, {
      range,
      ...(holds && { holds }),
      ...(again && { again }),
    })
  } catch (error) {
    if (error instanceof RefusedError) throw refused(error.refusal)
    throw error
  }
  const { profile, damage, damagedAt } = recording
  if (profile) return { profile, notes: note(recording) }
  throw new InputError(
    damage === ''
      ? 'It is a recording that holds nothing yet.'
      : `It is damaged from byte ${damagedAt} on (${damage}), before its first sample.`,
    'There is nothing to recover; take another recording: pyprof record',
  )
}

/** What is missing of a recording; nothing when it is complete. */
function note({ profile, isComplete, damage, damagedAt, lostBytes }: Recording): string[] {
  if (isComplete || !profile) return []
  const { meta, samples } = profile
  const there = `${formatCount(sampleCount(samples))} samples of the first ${formatTime(meta.duration)}`
  if (damage === '') {
    return [`it has no end, as pyprof was killed or records still: recovered ${there}.`]
  }
  const lost = `${formatCount(lostBytes)} ${lostBytes === 1 ? 'byte' : 'bytes'}`
  return [`it is damaged from byte ${damagedAt} on (${damage}): recovered ${there}; ${lost} lost.`]
}

function refused(refusal: Refusal): InputError {
  switch (refusal.kind) {
    case 'other-version':
      return new InputError(
        `It is a recording of version ${refusal.version}, and this pyprof reads version ${VERSION}.`,
        refusal.version > VERSION
          ? 'Convert it with the pyprof that recorded it, or a newer one.'
          : 'Convert it with the pyprof that recorded it.',
      )
    case 'damaged-header':
      return new InputError(
        'It begins like a recording, but its header is cut off or damaged.',
        'Nothing can be recovered from it; take another recording: pyprof record',
      )
    case 'no-recording':
      return new InputError('It is no recording.', 'Give a file that pyprof record has written.')
  }
}

export const pyprofInput: Input = {
  name: 'pyprof',
  describe: 'recordings of pyprof, also unfinished and damaged ones',
  recognizes: isRecording,
  read,
}
