import { usageError } from '../../errors.ts'
import { type Format, type FormatOptions, formatFor, suits } from '../../formats/index.ts'
import { speedscope } from '../../formats/speedscope.ts'
import type { Choice } from '../../profile/choice.ts'
import type { Mode, Reading, RunFacts, TaskScope } from '../../profile/profile.ts'
import { redactorFor } from '../../redaction/redactor.ts'
import { choiceOf, type RawChoice } from '../choice.ts'
import { formatNames, formatOptionsOf, type RawFormatOptions } from '../format-options.ts'
import { modeOf, type RawMode, requireViewable } from '../mode.ts'
import type { RotationLimit } from '../parse.ts'
import type { RawPolicyOptions } from '../policy.ts'
import type { ControlFifos } from './control.ts'
import { defaultPath, folderError, isFolder, type OutputRequest, STDOUT_PATH } from './outputs.ts'
import type { Rotation } from './streamed-output.ts'

export type Target =
  | { readonly kind: 'attach'; readonly pid: number }
  | { readonly kind: 'launch'; readonly command: readonly string[] }

export interface RecordOptions {
  readonly target: Target
  /** ns, 0 for no limit. */
  readonly duration: number
  /** Hz. */
  readonly rate: number
  readonly read: Reading | 'auto'
  /** Share of a core that 'auto' may take from the target. */
  readonly maxOverhead: number
  readonly mode: Mode
  /** Show idle threads as such, and in every mode. */
  readonly idle: boolean
  readonly nativeMarkers: boolean
  /** Record the target's descendants too. */
  readonly subprocesses: boolean
  /** Stacks by asyncio task, and of which; undefined: by thread. */
  readonly tasks: TaskScope | undefined
  readonly outputs: readonly OutputRequest[]
  readonly format: FormatOptions
  readonly choice: Choice
  /** Only say what would be done. */
  readonly dryRun: boolean
  readonly rotation: Rotation | undefined
  /** Who is measured switches sampling by these. */
  readonly control: ControlFifos | undefined
  readonly startsDisabled: boolean
  /** Of a set of runs, the facts that go with each. */
  readonly run?: RunFacts
  /** What a command prints goes to stderr: stdout is for what pyprof says of all runs. */
  readonly isTalk?: boolean
  readonly json: boolean
}

/** Options as commander gives them: each value is checked, what goes together is not. */
export interface RawRecordOptions extends RawChoice, RawMode, RawFormatOptions, RawPolicyOptions {
  readonly pid?: number
  readonly duration?: number
  readonly rate: number
  readonly read: Reading | 'auto'
  readonly maxOverhead: number
  readonly nativeMarkers?: boolean
  readonly subprocesses?: boolean
  /** true: given without a value. */
  readonly async?: TaskScope | true
  readonly output?: readonly string[]
  readonly format?: Format
  readonly dryRun?: boolean
  readonly rotate?: RotationLimit
  readonly runs?: number
  readonly keep?: number
  readonly control?: ControlFifos
  readonly controlStart?: 'enabled' | 'disabled'
  readonly json?: boolean
}

/**
 * @param command what follows `--`; undefined when there is no `--`
 * @param stray arguments that belong to no option and no command
 * @throws PyprofError code `usage`
 */
export function recordOptions(
  raw: RawRecordOptions,
  command: readonly string[] | undefined,
  stray: readonly string[],
): RecordOptions {
  const target = chooseTarget(raw.pid, command, stray)
  const outputs = chooseOutputs(raw.output ?? [], raw.format, target)
  if (raw.json && outputs.some((output) => output.path === STDOUT_PATH)) {
    throw usageError(
      '--json and -o - both write to stdout.',
      'The summary and the profile would be mixed.',
      'Give the profile a file: pyprof record --json -o FILE …',
    )
  }
  const rotation = chooseRotation(raw, outputs)
  requireControl(raw)
  const formats = outputs.map(({ format }) => format)
  requireViewable(
    raw,
    formats,
    (option) => `Leave it out, and run afterwards: pyprof convert FILE ${option} … -o out.svg`,
  )
  return {
    target,
    duration: raw.duration ?? 0,
    rate: raw.rate,
    read: raw.read,
    maxOverhead: raw.maxOverhead,
    mode: modeOf(raw) ?? 'wall',
    idle: raw.idle ?? false,
    nativeMarkers: raw.nativeMarkers ?? false,
    subprocesses: raw.subprocesses ?? false,
    tasks: raw.async === true ? 'running' : raw.async,
    outputs,
    rotation,
    format: formatOptionsOf(raw, formats),
    choice: choiceOf(raw),
    control: raw.control,
    startsDisabled: raw.controlStart === 'disabled',
    dryRun: raw.dryRun ?? false,
    json: raw.json ?? false,
  }
}

function chooseRotation(
  { rotate, keep }: RawRecordOptions,
  outputs: readonly OutputRequest[],
): Rotation | undefined {
  if (!rotate) {
    if (keep === undefined) return undefined
    throw usageError(
      '--keep is given without --rotate.',
      'There is one file, which is kept.',
      'Say when a new one begins: --rotate 5m or --rotate 100MB',
    )
  }
  const [output] = outputs
  if (outputs.length === 1 && output?.format.name === 'pyprof' && output.path !== STDOUT_PATH) {
    return { time: rotate.time, size: rotate.size, keep: keep ?? Number.POSITIVE_INFINITY }
  }
  throw usageError(
    '--rotate needs one .pyprof file as its output.',
    'Other formats are written once, at the end.',
    'Run: pyprof record --rotate 5m -o run.pyprof …',
  )
}

/** @throws PyprofError code `usage` */
export function requireControl({
  control,
  controlStart,
  rotate,
}: Pick<RawRecordOptions, 'control' | 'controlStart' | 'rotate'>): void {
  if (controlStart && !control) {
    throw usageError(
      '--control-start is given without --control.',
      'Nobody could switch sampling on.',
      'Run: pyprof record --control fifo:/tmp/ctl,/tmp/ack --control-start disabled …',
    )
  }
  if (control && rotate) {
    throw usageError(
      '--control and --rotate do not go together.',
      'Marks and pauses are added up over one recording, not by file.',
      'Leave one of them out.',
    )
  }
}

function chooseTarget(
  pid: number | undefined,
  command: readonly string[] | undefined,
  stray: readonly string[],
): Target {
  const first = stray[0]
  if (first !== undefined) {
    const isPid = /^\d+$/.test(first)
    throw usageError(
      `'${first}' is not expected here.`,
      `A ${isPid ? 'process id is given with --pid' : 'command to start goes behind --'}.`,
      `Run: pyprof record ${isPid ? `--pid ${first}` : `-- ${redactorFor().arguments(stray).join(' ')}`}`,
    )
  }
  if (pid !== undefined && command) {
    throw usageError(
      'Both --pid and a command are given.',
      'One recording has one target.',
      'Leave one of them out.',
    )
  }
  if (pid !== undefined) return { kind: 'attach', pid }
  if (command?.[0]) return { kind: 'launch', command }
  throw usageError(
    command ? 'There is no command behind --.' : 'There is nothing to record.',
    'A recording needs a running process or a command to start.',
    'Run: pyprof record --pid PID, or: pyprof record -- python3 app.py',
  )
}

function chooseOutputs(
  paths: readonly string[],
  format: Format | undefined,
  target: Target,
): OutputRequest[] {
  if (paths.length === 0) {
    const chosen = format ?? speedscope
    const name = target.kind === 'attach' ? String(target.pid) : (target.command[0] ?? '')
    return [{ path: defaultPath(name, chosen, new Date()), format: chosen, isDefault: true }]
  }
  return outputRequests(paths, format)
}

/**
 * The format of each output, by its suffix or else as the user says it.
 * @throws PyprofError code `usage`
 */
export function outputRequests(
  paths: readonly string[],
  format: Format | undefined,
): OutputRequest[] {
  // A suffix says what one output is, --format what all others are; with one output it must agree.
  const guessed = paths.map((path) => ({
    path,
    guess: format && suits(format, path) ? format : formatFor(path),
  }))
  if (format && guessed.every(({ guess }) => guess !== undefined && guess !== format)) {
    const { path, guess } = guessed[0]!
    throw usageError(
      `--format ${format.name} does not fit ${path}.`,
      `Its suffix means ${guess?.name}.`,
      `Leave --format out, or name the file with ${format.suffixes.join(' or ')}.`,
    )
  }
  return guessed.map(({ path, guess }) => {
    const chosen = guess ?? format
    if (chosen) return { path, format: chosen, isDefault: false }
    if (isFolder(path)) throw folderError(path)
    throw usageError(
      `The format of ${path === STDOUT_PATH ? 'stdout (-o -)' : path} is not known.`,
      path === STDOUT_PATH ? 'It has no suffix to guess it from.' : 'Its suffix means none.',
      `Say it with --format ${formatNames('or')}.`,
    )
  })
}
