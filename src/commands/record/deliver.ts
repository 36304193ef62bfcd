import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { EXIT, PyprofError } from '../../errors.ts'
import type { FormatOptions } from '../../formats/index.ts'
import { formatTime } from '../../formats/text.ts'
import type { Profile } from '../../profile/profile.ts'
import { summarize } from '../../profile/summary.ts'
import type { CommandContext } from '../context.ts'
import { counted } from '../numbers.ts'
import { errorCode, errorText } from '../stdio.ts'
import type { Captured } from './capture.ts'
import type { Output } from './outputs.ts'
import { endSentence, type RecordSummary, reportLines, type WrittenSummary } from './report.ts'
import { type Written, writeNew, writeOutput } from './write-output.ts'

export interface DeliverOptions {
  readonly pid: number
  readonly launched: boolean
  readonly threads: boolean
  readonly functions: boolean
  readonly json: boolean
}

/**
 * Writes all outputs, as many as can be written, and shows the summary.
 * @returns the exit code: done, or nothing when there is no usable result or not all of it
 */
export function deliver(
  captured: Captured,
  outputs: readonly Output[],
  options: DeliverOptions,
  context: CommandContext,
): number {
  const summary = summarize(captured.profile)
  const { pid, launched, json } = options
  const base = { ...summary, pid, launched, signal: captured.signal }
  if (summary.timeNs.python === 0) {
    const empty = { ...base, outputs: [] }
    if (json) showJson(empty, context)
    context.report(nothingCaptured(empty, captured.failure))
    return EXIT.nothing
  }
  const { written, errors, bugs } = writeOutputs(captured.profile, outputs, options, context)
  const full = { ...base, outputs: written }
  if (json) errors.push(...showJson(full, context))
  else context.writeErr(`${reportLines(full).join('\n')}\n`)
  for (const error of errors) context.report(error)
  // A defect of one format must not cost the others their files.
  if (bugs.length > 0) throw bugs[0]
  return errors.length === 0 ? EXIT.done : EXIT.nothing
}

/** What became of the outputs: each was written, or has an error that says where it is saved. */
export interface Delivered {
  readonly written: WrittenSummary['outputs'][number][]
  readonly errors: PyprofError[]
  /** Defects of formats. */
  readonly bugs: unknown[]
}

/** Writes as many of the outputs as can be written. */
export function writeOutputs(
  profile: Profile,
  outputs: readonly Output[],
  options: FormatOptions,
  context: CommandContext,
): Delivered {
  const delivered: Delivered = { written: [], errors: [], bugs: [] }
  for (const output of outputs) {
    const pieces = () => output.format.write(profile, options)
    try {
      const { path, bytes } = writeOutput(output, pieces(), context.writeOut)
      delivered.written.push({ path, bytes, format: output.format.name })
    } catch (error) {
      if (errorCode(error) === '') delivered.bugs.push(error)
      else delivered.errors.push(rescue(output, pieces, error))
    }
  }
  return delivered
}

/** Prints the result of a command as JSON. @returns an error when stdout does not take it */
export function showJson(summary: WrittenSummary, context: CommandContext): PyprofError[] {
  try {
    context.writeOut(`${JSON.stringify(summary, null, 2)}\n`)
  } catch (error) {
    // A reader such as head may stop reading.
    if (errorCode(error) === 'EPIPE') return []
    if (errorCode(error) === '') throw error
    const hint = 'The summary is lost; without --json it goes to stderr.'
    return [outputError('The summary could not be written to stdout.', error, hint)]
  }
  return []
}

/** Saves in the system's temporary folder what could not be written where it was wanted. */
function rescue(
  output: Output,
  pieces: () => Iterable<string | Uint8Array>,
  error: unknown,
): PyprofError {
  const what = `${output.path === '-' ? 'stdout' : output.path} could not be written.`
  let hint: string
  try {
    const saved = saveElsewhere(output, pieces())
    hint = `The ${output.format.name} output was saved as ${saved.path} instead.`
  } catch (second) {
    if (errorCode(second) === '') throw second
    hint = `${tmpdir()} does not take it either (${errorText(second)}): make room and record again.`
  }
  return outputError(what, error, hint)
}

function outputError(what: string, cause: unknown, hint: string): PyprofError {
  const why = `The system says: ${errorText(cause)}.`
  return new PyprofError({ code: 'output-failed', what, why, hint, exitCode: EXIT.nothing, cause })
}

function saveElsewhere(
  { path, place, format }: Output,
  pieces: Iterable<string | Uint8Array>,
): Written {
  const folder = mkdtempSync(join(tmpdir(), 'pyprof-'))
  // The name of a stream or device, such as 63 or full, does not say what is in the file.
  const isNamed = place.kind === 'new' || place.kind === 'replace'
  return writeNew(join(folder, isNamed ? basename(path) : `profile${format.suffixes[0]}`), pieces)
}

function nothingCaptured(summary: RecordSummary, failure: PyprofError | undefined): PyprofError {
  const what = 'Nothing was captured, and no file was written.'
  const common = { code: 'nothing-captured', what, exitCode: EXIT.nothing }
  if (failure) {
    return new PyprofError({ ...common, why: `${failure.what} ${failure.why}`, hint: failure.hint })
  }
  if (summary.endReason === 'never-python') {
    return new PyprofError({
      ...common,
      why: 'The command ended before it ran any Python that pyprof reads.',
      hint: 'When it starts Python as a child, record that Python itself: pyprof record --pid PID',
    })
  }
  const when =
    summary.ticks > 0 ? `After ${formatTime(summary.durationNs)}` : 'Before its first tick'
  const end = `${when} the recording ended: ${endSentence(summary)}.`
  if (summary.samples === 0) {
    return new PyprofError({
      ...common,
      why: `${end} There was no thread to sample until then.`,
      hint: 'Record for longer, or at a higher rate: --duration, --rate.',
    })
  }
  return new PyprofError({
    ...common,
    why: `${end} ${counted(summary.samples, 'sample')} had no Python frame that could be read.`,
    hint: 'See why with --json: its "quality" counts the reasons.',
  })
}
