import { EXIT, PyprofError } from '../../errors.ts'
import { formatTime } from '../../formats/text.ts'
import { summarize } from '../../profile/summary.ts'
import type { CommandContext } from '../context.ts'
import { counted } from '../numbers.ts'
import { errorCode } from '../stdio.ts'
import type { Captured } from './capture.ts'
import type { RecordingPlan } from './recorder.ts'
import { endSentence, type RecordSummary, reportLines, type WrittenSummary } from './report.ts'
import { finishStreamed, keptPath, OUTPUT_LOST, outputError, writeOutputs } from './save-outputs.ts'

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
  plan: RecordingPlan,
  options: DeliverOptions,
  context: CommandContext,
): number {
  const { streamed, spool, atEnd } = plan
  const summary = summarize(captured.profile, captured.sums)
  const { pid, launched, json } = options
  const base = { ...summary, pid, launched, signal: captured.signal }
  if (summary.timeNs.python === 0) {
    streamed?.discard()
    spool?.discard()
    const empty = { ...base, outputs: [] }
    if (json) showJson(empty, context)
    context.report(nothingCaptured(empty, captured.failure))
    return EXIT.nothing
  }
  const { written, errors, bugs } = writeOutputs(captured.profile, atEnd, options, context, () =>
    keptPath(plan),
  )
  if (streamed) finishStreamed(streamed, written, errors)
  const isLost = errors.some(({ code }) => code === OUTPUT_LOST) || bugs.length > 0
  if (!isLost) spool?.discard()
  const full = { ...base, outputs: written }
  if (json) errors.push(...showJson(full, context))
  else context.writeErr(`${reportLines(full).join('\n')}\n`)
  for (const error of errors) context.report(error)
  // A defect of one format must not cost the others their files.
  if (bugs.length > 0) throw bugs[0]
  return errors.length === 0 ? EXIT.done : EXIT.nothing
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
