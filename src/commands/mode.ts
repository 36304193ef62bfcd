import { type Command, Option } from 'commander'
import { usageError } from '../errors.ts'
import type { Format } from '../formats/index.ts'
import { MODES, type Mode } from '../profile/profile.ts'
import type { RawChoice } from './choice.ts'

/** Options of a mode as commander gives them. */
export interface RawMode {
  readonly mode?: Mode
  readonly gil?: boolean
  readonly idle?: boolean
}

/** Adds the options that say which time is shown. */
export function addModeOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--mode <mode>',
        'what counts: wall: all time; cpu: measured CPU time; gil: while the GIL was held; ' +
          'exception: while one was handled (Python 3.15) (default: wall)',
      ).choices(MODES),
    )
    .option('-g, --gil', 'the same as --mode gil')
    .option('-i, --idle', 'show the time of idle threads under <idle>, and keep it in every mode')
}

/** The mode that options ask for; undefined when they do not. @throws PyprofError code `usage` */
export function modeOf({ mode, gil }: RawMode): Mode | undefined {
  if (!gil) return mode
  if (mode === undefined || mode === 'gil') return 'gil'
  throw usageError(
    `--gil and --mode ${mode} are both given.`,
    '--gil means --mode gil, and a profile has one mode.',
    'Leave one of them out.',
  )
}

/**
 * Checks that there is an output that a view of the recording can go to.
 * @param formats those of the outputs
 * @param hint what to do instead
 * @throws PyprofError code `usage`
 */
export function requireViewable(
  raw: RawMode & RawChoice,
  formats: readonly Format[],
  hint: (options: string) => string,
): void {
  if (formats.length === 0 || formats.some((format) => !format.isRecording)) return
  const mode = modeOf(raw) ?? 'wall'
  const given: [string, boolean][] = [
    [mode === 'gil' && raw.gil ? '--gil' : `--mode ${mode}`, mode !== 'wall'],
    ['--idle', raw.idle === true],
    ['--thread', raw.thread !== undefined],
    ['--include', raw.include !== undefined],
    ['--exclude', raw.exclude !== undefined],
    ['--no-stdlib', !raw.stdlib],
    ['--functions', raw.functions === true],
    ['--modules', raw.modules === true],
  ]
  const names = given.filter(([, isGiven]) => isGiven).map(([name]) => name)
  if (names.length === 0) return
  throw usageError(
    `${names.join(' and ')} ${names.length === 1 ? 'says' : 'say'} nothing about a recording.`,
    'A .pyprof file holds all that was recorded; what is shown of it is chosen when it is converted.',
    hint(names[0]!),
  )
}
