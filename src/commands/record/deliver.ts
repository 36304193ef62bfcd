import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { EXIT, PyprofError } from '../../errors.ts'
import type { FormatOptions } from '../../formats/index.ts'
import { stepText } from '../../formats/summary.ts'
import { formatTime, visible } from '../../formats/text.ts'
import { type Choice, chosen } from '../../profile/choice.ts'
import { type ModeOptions, viewInMode } from '../../profile/modes.ts'
import type { Profile } from '../../profile/profile.ts'
import { type Summary, summarize } from '../../profile/summary.ts'
import { weightTotals } from '../../profile/views.ts'
import { unmatchedTexts } from '../choice.ts'
import type { CommandContext } from '../context.ts'
import { counted } from '../numbers.ts'
import { errorCode, errorText } from '../stdio.ts'
import type { Captured } from './capture.ts'
import type { Output } from './outputs.ts'
import { WritingProgress } from './progress.ts'
import { endSentence, type RecordSummary, reportLines } from './report.ts'
import { type Written, writeNew, writeOutput } from './write-output.ts'

export interface DeliverOptions extends ModeOptions {
  readonly pid: number
  readonly launched: boolean
  readonly format: FormatOptions
  readonly choice: Choice
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
  const recorded = captured.profile
  const isEmpty = weightTotals(recorded).python === 0
  const inMode = isEmpty
    ? { profile: recorded, removed: { samples: 0, timeNs: 0 } }
    : viewInMode(recorded, options)
  const { pid, launched, json } = options
  const { profile, unmatched } = chosen(inMode.profile, options.choice)
  const summary = summarize(profile, recorded, inMode.removed)
  const base = { ...summary, pid, launched, signal: captured.signal, unmatched }
  if (summary.timeNs.python === 0) {
    const empty = { ...base, outputs: [] }
    if (json) showJson(empty, context)
    context.report(
      isEmpty
        ? nothingCaptured(empty, captured.failure)
        : weightTotals(inMode.profile).python === 0
          ? nothingInMode(summary, recorded.samples.length)
          : nothingChosen(captured, outputs[0]!, empty, options),
    )
    return EXIT.nothing
  }
  const errors: PyprofError[] = []
  const bugs: unknown[] = []
  const written: RecordSummary['outputs'][number][] = []
  const progress = writingProgress(recorded, launched, context)
  for (const output of outputs) {
    const format = output.format.name
    const pieces = () => output.format.write(profile, formatOptions(output, options, context))
    const watched = () => {
      if (!progress || output.place.kind === 'stdout') return pieces()
      return progress.watch(
        `${format} to ${visible(output.path)}`,
        profile.samples.length,
        pieces(),
      )
    }
    try {
      written.push({ ...writeOutput(output, watched(), context.writeOut), format })
    } catch (error) {
      if (errorCode(error) === '') bugs.push(error)
      else errors.push(rescue(output, pieces, error))
    }
  }
  const full = { ...base, outputs: written }
  if (json) errors.push(...showJson(full, context))
  else context.writeErr(`${reportLines(full).join('\n')}\n`)
  for (const error of errors) context.report(error)
  // A defect of one format must not cost the others their files.
  if (bugs.length > 0) throw bugs[0]
  return errors.length === 0 ? EXIT.done : EXIT.nothing
}

/** A command that goes on has the terminal for itself. */
function writingProgress(
  { meta }: Profile,
  launched: boolean,
  context: CommandContext,
): WritingProgress | undefined {
  if (!context.drawsProgress || (launched && meta.endReason !== 'exited')) return undefined
  return new WritingProgress((text) => context.writeErr(text))
}

/** A table on the terminal is made as wide as the terminal is. */
function formatOptions(
  { place }: Output,
  { format }: DeliverOptions,
  context: CommandContext,
): FormatOptions {
  const columns = place.kind === 'stdout' ? context.columns?.() : undefined
  return columns === undefined ? format : { ...format, columns }
}

function showJson(summary: RecordSummary, context: CommandContext): PyprofError[] {
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

/** A slip in a pattern must not cost the recording: all of it is saved in the temporary folder. */
function nothingChosen(
  { profile }: Captured,
  output: Output,
  { view, unmatched }: RecordSummary,
  options: DeliverOptions,
): PyprofError {
  let saved: string
  try {
    saved = `saved as ${saveElsewhere(output, output.format.write(profile, options.format)).path}`
  } catch (error) {
    if (errorCode(error) === '') throw error
    saved = `lost: ${errorText(error)}`
  }
  const [why, near] = unmatched[0]
    ? unmatchedTexts(unmatched[0])
    : [`${view.steps.map(stepText).join('; ')}.`, '']
  return new PyprofError({
    code: 'nothing-chosen',
    what: 'The filters leave nothing of the recording, and no output was written.',
    why,
    hint: `${near} The whole recording, without filters, was ${saved}.`.trim(),
    exitCode: EXIT.nothing,
  })
}

function nothingInMode({ mode }: Summary, samples: number): PyprofError {
  const did = { wall: '', ...MODE_VERBS }[mode]
  return new PyprofError({
    code: 'nothing-in-mode',
    what: `Nothing was captured in mode ${mode}, and no file was written.`,
    why: `In none of ${counted(samples, 'sample')} did Python code ${did}.`,
    hint: 'See what the threads did with --mode wall, or record for longer: --duration.',
    exitCode: EXIT.nothing,
  })
}

const MODE_VERBS = {
  cpu: 'run on a processor, with CPU time that could be measured',
  gil: 'hold the GIL',
  exception: 'handle an exception',
} as const

function nothingCaptured(summary: RecordSummary, failure: PyprofError | undefined): PyprofError {
  const what = 'Nothing was captured, and no file was written.'
  const common = { code: 'nothing-captured', what, exitCode: EXIT.nothing }
  if (failure && summary.descendants === '') {
    return new PyprofError({ ...common, why: `${failure.what} ${failure.why}`, hint: failure.hint })
  }
  const unreadable = summary.processes.find((process) => process.unreadable !== '')
  if (unreadable) {
    return new PyprofError({
      ...common,
      why: `Process ${unreadable.pid} (${unreadable.command}) could not be read. ${unreadable.unreadable}`,
      hint: 'What pyprof found of every process: pyprof record --json … | jq .processes',
    })
  }
  if (summary.endReason === 'never-python') {
    return new PyprofError({
      ...common,
      why: 'The command ended before it ran any Python that pyprof reads.',
      hint:
        summary.descendants === ''
          ? 'When it starts Python as a child, follow it: pyprof record --subprocesses …'
          : 'When it ran Python for moments only, look more often: pyprof record --rate 1khz …',
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
