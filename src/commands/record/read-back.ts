import { EXIT, PyprofError } from '../../errors.ts'
import type { Format } from '../../formats/index.ts'
import type { Mode, Profile } from '../../profile/profile.ts'
import { type Recording, readRecording } from '../../recording/reader.ts'
import { neededOf } from '../convert/needed.ts'
import { errorCode, errorText } from '../stdio.ts'
import type { WorkProgress } from '../work-progress.ts'
import type { Recorder } from './recorder.ts'

/**
 * What a recorder has taken so far, read as `pyprof convert` reads a recording.
 * @param formats what is to be made of it
 * @throws PyprofError code `read-back-failed`
 */
export function readBack(
  recorder: Recorder,
  formats: readonly Format[],
  mode: Mode,
  progress: WorkProgress,
): Profile {
  const { holds, timeline } = neededOf(formats, true, mode === 'cpu')
  const again = () => recorder.pieces()
  const pieces = progress.through(again(), 'Reading what was recorded', recorder.bytes)
  let recording: Recording
  try {
    recording = readRecording(pieces, { holds, ...(timeline && { again }) })
  } catch (error) {
    if (errorCode(error) === '') throw error
    throw failed(`The system says: ${errorText(error)}.`)
  } finally {
    progress.erase()
  }
  const { profile, damage, damagedAt } = recording
  if (profile && damage === '') return profile
  throw failed(`It is damaged from byte ${damagedAt} on (${damage || 'nothing is there'}).`)
}

function failed(why: string): PyprofError {
  return new PyprofError({
    code: 'read-back-failed',
    what: 'What was recorded could not be read back from the disk.',
    why,
    hint: 'Check the disk, or record to another one: -o FILE',
    exitCode: EXIT.nothing,
  })
}
