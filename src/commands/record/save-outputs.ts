import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { EXIT, PyprofError } from '../../errors.ts'
import type { Format, FormatOptions } from '../../formats/index.ts'
import { formatTime, visible } from '../../formats/text.ts'
import type { Profile } from '../../profile/profile.ts'
import { type ViewOptions, viewed } from '../../profile/viewed.ts'
import { weightTotals } from '../../profile/views.ts'
import { quoteCommand } from '../../sampling/proc.ts'
import type { CommandContext } from '../context.ts'
import { errorCode, errorText } from '../stdio.ts'
import { viewerWarning } from '../viewer-memory.ts'
import { WorkProgress } from '../work-progress.ts'
import type { Output } from './outputs.ts'
import { readBack } from './read-back.ts'
import type { RecordingPlan } from './recorder.ts'
import type { WrittenSummary } from './report.ts'
import type { StreamedOutput } from './streamed-output.ts'
import { type Written, writeNew, writeOutput } from './write-output.ts'

/** What became of the outputs: each was written, or has an error that says where it is saved. */
export interface Delivered {
  readonly written: WrittenSummary['outputs'][number][]
  readonly errors: PyprofError[]
  /** Defects of formats. */
  readonly bugs: unknown[]
}

/** Of an error: the output is nowhere. */
export const OUTPUT_LOST = 'output-lost'

/** What is written: recordings hold all of it, other formats what is shown of it. */
export interface Content {
  readonly recorded: Profile
  readonly shown: Profile
}

/**
 * Writes as many of the outputs as can be written.
 * @param keep leaves a recording to convert where an output is lost, and gives its path
 * @param progress of the work that this is a part of
 */
export function writeOutputs(
  content: Content,
  outputs: readonly Output[],
  options: FormatOptions,
  context: CommandContext,
  keep: () => string | undefined = () => undefined,
  progress: WorkProgress = new WorkProgress(context),
): Delivered {
  const delivered: Delivered = { written: [], errors: [], bugs: [] }
  for (const output of outputs) {
    const pieces = () => piecesOf(output, content, options, context)
    const warning = viewerWarning(output.format, content.shown)
    if (warning !== '') context.writeErr(`${visible(output.path)}: ${warning}\n`)
    try {
      // What goes to stdout may be on the same terminal.
      const isShown = output.place.kind !== 'stdout'
      const told = isShown ? progress.through(pieces(), `Writing ${output.path}`) : pieces()
      const { path, bytes } = writeOutput(output, told, context.writeOut)
      delivered.written.push({ path, bytes, format: output.format.name })
    } catch (error) {
      if (errorCode(error) === '') delivered.bugs.push(error)
      else delivered.errors.push(rescue(output, pieces, error, keep))
    } finally {
      progress.erase()
    }
  }
  return delivered
}

function piecesOf(
  { format, place }: Output,
  { recorded, shown }: Content,
  options: FormatOptions,
  context: CommandContext,
): Iterable<string | Uint8Array> {
  // A table on the terminal is made as wide as the terminal is.
  const columns = place.kind === 'stdout' ? context.columns?.() : undefined
  const own = columns === undefined ? options : { ...options, columns }
  return format.write(format.isRecording ? recorded : shown, own)
}

/** Saves in the system's temporary folder what could not be written where it was wanted. */
function rescue(
  output: Output,
  pieces: () => Iterable<string | Uint8Array>,
  error: unknown,
  keep: () => string | undefined,
): PyprofError {
  const what = `${output.path === '-' ? 'stdout' : output.path} could not be written.`
  try {
    const saved = saveElsewhere(output, pieces())
    const hint = `The ${output.format.name} output was saved as ${saved.path} instead.`
    return outputError(what, error, hint)
  } catch (second) {
    if (errorCode(second) === '') throw second
    const spool = keep()
    const rest =
      spool === undefined
        ? 'make room and record again.'
        : `the recording is kept: ${convertCommand(spool, output.format)}`
    const hint = `${tmpdir()} does not take it either (${errorText(second)}): ${rest}`
    return outputError(what, error, hint, OUTPUT_LOST)
  }
}

/** What to type to get an output out of a recording. */
function convertCommand(path: string, format?: Format): string {
  return `pyprof convert ${quoteCommand([path])} -o FILE${format?.suffixes[0] ?? '.svg'}`
}

/** Completes the output that was written all the time, or says how far it goes. */
export function finishStreamed(
  streamed: StreamedOutput,
  written: Delivered['written'],
  errors: PyprofError[],
): void {
  const format = streamed.output.format.name
  const describe = (files: readonly Written[]) => files.map((file) => ({ ...file, format }))
  try {
    written.push(...describe(streamed.finish()))
  } catch (error) {
    if (errorCode(error) === '') throw error
    written.push(...describe(streamed.complete))
    const path = streamed.current ?? streamed.output.path
    const what = `${path} could not be written to its end.`
    try {
      const saved = streamed.rescue().map((file) => file.path)
      const hint = `The whole recording was saved as ${saved.join(', ')} instead.`
      errors.push(outputError(what, error, hint))
    } catch (second) {
      if (errorCode(second) === '') throw second
      const there =
        streamed.current === undefined
          ? 'make room and record again.'
          : `what is there can be read: ${convertCommand(streamed.current)}`
      const hint = `${tmpdir()} does not take it either (${errorText(second)}): ${there}`
      errors.push(outputError(what, error, hint, OUTPUT_LOST))
    }
  }
}

/**
 * Writes what there is so far to the outputs that can be written more than once.
 * @param profile what its recorder has taken; only its samples are asked of that one
 * @returns the plan to go on with: a new file is replaced the next time
 */
export function deliverSoFar(
  profile: Profile | undefined,
  plan: RecordingPlan,
  options: ViewOptions & { readonly format: FormatOptions },
  context: CommandContext,
): RecordingPlan {
  const duration = profile?.meta.duration ?? 0
  const say = (text: string) => context.writeErr(`So far, ${formatTime(duration)}: ${text}\n`)
  if (!profile || profile.stacks.length === 0) {
    say('nothing was captured yet.')
    return plan
  }
  const { streamed, recorder } = plan
  if (streamed?.current !== undefined) say(`${visible(streamed.current)} holds it.`)
  const isOnce = ({ place }: Output) => place.kind === 'stdout' || place.kind === 'direct'
  const formats = plan.atEnd.filter((output) => !isOnce(output)).map(({ format }) => format)
  let recorded: Profile | undefined
  try {
    const progress = new WorkProgress({ ...context, drawsProgress: false })
    if (formats.length > 0) recorded = readBack(recorder, formats, options.mode, progress)
  } catch (error) {
    if (!(error instanceof PyprofError)) throw error
    context.report(error)
    return plan
  }
  const shown = recorded && shownSoFar(recorded, formats, options, context)
  const atEnd = plan.atEnd.map((output): Output => {
    const { place, format } = output
    const name = output.path === '-' ? 'stdout' : output.path
    if (isOnce(output)) {
      say(`${visible(name)} can be written only once, at the end.`)
      return output
    }
    if (!recorded || (!shown && !format.isRecording)) return output
    const content = { recorded, shown: shown ?? recorded }
    try {
      const pieces = piecesOf(output, content, options.format, context)
      const { path } = writeOutput(output, pieces, context.writeOut)
      say(`wrote ${format.name} to ${visible(path)}`)
      if (place.kind === 'replace') return output
      return { path, format, place: { kind: 'replace', path: resolve(path), old: undefined } }
    } catch (error) {
      if (errorCode(error) === '') throw error
      const what = `${name} could not be written so far.`
      context.report(outputError(what, error, 'The recording goes on.'))
      return output
    }
  })
  return { ...plan, atEnd }
}

/** What is shown of what there is so far; undefined, and said why, when that is nothing. */
function shownSoFar(
  profile: Profile,
  formats: readonly Format[],
  options: ViewOptions,
  context: CommandContext,
): Profile | undefined {
  if (formats.every((format) => format.isRecording)) return undefined
  try {
    const { profile: shown } = viewed(profile, options)
    if (weightTotals(shown).python > 0) return shown
    context.writeErr('So far, the mode and the filters leave nothing of it.\n')
  } catch (error) {
    if (!(error instanceof PyprofError)) throw error
    context.report(error)
  }
  return undefined
}

/** The recording of all that is captured, left where it is; undefined when there is none. */
export function keptPath({ spool, streamed }: RecordingPlan): string | undefined {
  return spool?.keep() ?? streamed?.current
}

/** Where a recording is that a defect of pyprof has ended; '' when there is none. */
export function keptLine(plan: RecordingPlan): string {
  const path = keptPath(plan)
  return path === undefined ? '' : `What was recorded is kept: ${convertCommand(path)}\n`
}

export function outputError(
  what: string,
  cause: unknown,
  hint: string,
  code = 'output-failed',
): PyprofError {
  const why = `The system says: ${errorText(cause)}.`
  return new PyprofError({ code, what, why, hint, exitCode: EXIT.nothing, cause })
}

export function saveElsewhere(
  { path, place, format }: Output,
  pieces: Iterable<string | Uint8Array>,
): Written {
  const folder = mkdtempSync(join(tmpdir(), 'pyprof-'))
  // The name of a stream or device, such as 63 or full, does not say what is in the file.
  const isNamed = place.kind === 'new' || place.kind === 'replace'
  return writeNew(join(folder, isNamed ? basename(path) : `profile${format.suffixes[0]}`), pieces)
}
