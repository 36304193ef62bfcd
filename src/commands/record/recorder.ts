import type { Profile } from '../../profile/profile.ts'
import type { Written } from '../../recording/encoder.ts'
import type { Output } from './outputs.ts'
import { Spool } from './spool.ts'
import { type Rotation, StreamedOutput } from './streamed-output.ts'

/** Takes a recording to the disk while it is made. */
export interface Recorder {
  /**
   * Writes what is new. Never fails: what goes wrong is said at once and dealt with at the end.
   * @param written rows of the profile that it has got already
   */
  append(profile: Profile, written: Written): void
}

/** Who writes to the disk while it is recorded, and what is written from memory at the end. */
export interface RecordingPlan {
  readonly streamed: StreamedOutput | undefined
  /** The safety copy where no output is one. */
  readonly spool: Spool | undefined
  readonly atEnd: readonly Output[]
}

/**
 * A `.pyprof` output is written as it happens. Where there is none, a recording is kept on the side
 * until the outputs are written.
 * @param target what a spool in the temporary folder is named after
 */
export function planRecording(
  outputs: readonly Output[],
  rotation: Rotation | undefined,
  target: string,
  say: (text: string) => void,
): RecordingPlan {
  const index = outputs.findIndex(
    ({ format, place }) =>
      format.name === 'pyprof' && (place.kind === 'new' || place.kind === 'replace'),
  )
  const output = outputs[index]
  if (!output) {
    return { streamed: undefined, spool: new Spool(outputs, target, say), atEnd: outputs }
  }
  const streamed = new StreamedOutput(output, rotation, say)
  return { streamed, spool: undefined, atEnd: outputs.toSpliced(index, 1) }
}
