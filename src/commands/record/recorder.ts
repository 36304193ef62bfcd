import type { Profile } from '../../profile/profile.ts'
import type { Output } from './outputs.ts'
import { Spool } from './spool.ts'
import { type Rotation, StreamedOutput } from './streamed-output.ts'

/** Takes a recording to the disk while it is made. */
export interface Recorder {
  /**
   * Takes samples, which nobody else holds from then on, and writes them. Never fails: what goes wrong
   * is said at once and dealt with at the end. No file is made before there is a Python stack.
   */
  append(profile: Profile): void
  /** Takes the closing block: nothing is appended any more. */
  end(): void
  /** All that was taken so far, as the bytes of a recording. */
  pieces(): Iterable<Uint8Array>
  /** How many of these bytes the disk has got. */
  readonly bytes: number
}

/** Who writes to the disk while it is recorded, and what is made of that at the end. */
export interface RecordingPlan {
  /** One of the two below. */
  readonly recorder: Recorder
  readonly streamed: StreamedOutput | undefined
  /** The recording on the side where no output is one. */
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
    const spool = new Spool(outputs, target, say)
    return { recorder: spool, streamed: undefined, spool, atEnd: outputs }
  }
  const streamed = new StreamedOutput(output, rotation, say)
  const atEnd = outputs.toSpliced(index, 1)
  return { recorder: streamed, streamed, spool: undefined, atEnd }
}
