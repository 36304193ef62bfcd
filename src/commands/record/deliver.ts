import { EXIT, PyprofError } from '../../errors.ts'
import type { FormatOptions } from '../../formats/index.ts'
import { stepText } from '../../formats/summary.ts'
import { formatTime } from '../../formats/text.ts'
import type { Profile } from '../../profile/profile.ts'
import { summarize } from '../../profile/summary.ts'
import { unviewed, type ViewOptions, viewed } from '../../profile/viewed.ts'
import { weightTotals } from '../../profile/views.ts'
import { unmatchedTexts } from '../choice.ts'
import type { CommandContext } from '../context.ts'
import { counted } from '../numbers.ts'
import { errorCode, errorText } from '../stdio.ts'
import { WorkProgress } from '../work-progress.ts'
import type { Captured } from './capture.ts'
import type { Output } from './outputs.ts'
import { readBack } from './read-back.ts'
import type { RecordingPlan } from './recorder.ts'
import { endSentence, type RecordSummary, reportLines, type WrittenSummary } from './report.ts'
import {
  finishStreamed,
  keptPath,
  OUTPUT_LOST,
  outputError,
  saveElsewhere,
  writeOutputs,
} from './save-outputs.ts'

export interface DeliverOptions extends ViewOptions {
  readonly pid: number
  readonly launched: boolean
  readonly format: FormatOptions
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
  const { recorder, streamed, spool, atEnd } = plan
  const { sums, signal, failure } = captured
  const { pid, launched, json, format } = options
  const isEmpty = sums.time.python === 0
  // Where a recording is the only output, all is shown.
  const isWhole = isEmpty || atEnd.length === 0
  // A launched command that goes on has the terminal.
  const quiet = { ...context, drawsProgress: context.drawsProgress && !launched }
  const progress = new WorkProgress(quiet)
  const formats = atEnd.map((output) => output.format)
  if (!isWhole) recorder.end()
  const recorded = isWhole ? captured.profile : readBack(recorder, formats, options.mode, progress)
  const { profile, inMode, removed, unmatched } = isWhole
    ? unviewed(recorded)
    : viewed(recorded, options)
  const summary = isWhole
    ? summarize(recorded, recorded, removed, sums)
    : summarize(profile, recorded, removed)
  const base = { ...summary, pid, launched, signal, unmatched }
  if (isEmpty) {
    streamed?.discard()
    spool?.discard()
    const empty = { ...base, outputs: [] }
    if (json) showJson(empty, context)
    context.report(nothingCaptured(empty, failure))
    return EXIT.nothing
  }
  const isNothingShown = summary.timeNs.python === 0
  const outputs = isNothingShown ? atEnd.filter((output) => output.format.isRecording) : atEnd
  const content = { recorded, shown: profile }
  const { written, errors, bugs } = writeOutputs(
    content,
    outputs,
    format,
    quiet,
    () => keptPath(plan),
    progress,
  )
  if (streamed) finishStreamed(streamed, written, errors)
  const full = { ...base, outputs: written }
  if (isNothingShown) {
    errors.unshift(
      weightTotals(inMode).python === 0
        ? nothingInMode(full, sums.samples)
        : nothingChosen(recorded, atEnd[0]!, full, options),
    )
  }
  const isLost = errors.some(({ code }) => code === OUTPUT_LOST) || bugs.length > 0
  if (!isLost) spool?.discard()
  if (json) errors.push(...showJson(full, context))
  else if (!isNothingShown) context.writeErr(`${reportLines(full).join('\n')}\n`)
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

/** A slip in a pattern must not cost the recording: all of it is saved in the temporary folder. */
function nothingChosen(
  recorded: Profile,
  output: Output,
  { view, unmatched, outputs }: RecordSummary,
  { format }: DeliverOptions,
): PyprofError {
  let whole: string
  try {
    const saved = outputs[0] ?? saveElsewhere(output, output.format.write(recorded, format))
    whole = `was saved as ${saved.path}`
  } catch (error) {
    if (errorCode(error) === '') throw error
    whole = `was lost: ${errorText(error)}`
  }
  const [why, near] = unmatched[0]
    ? unmatchedTexts(unmatched[0])
    : [`${view.steps.map(stepText).join('; ')}.`, '']
  return new PyprofError({
    code: 'nothing-chosen',
    what: `The filters leave nothing of the recording, and ${notWritten('output', outputs)}.`,
    why,
    hint: `${near} The whole recording, without filters, ${whole}.`.trim(),
    exitCode: EXIT.nothing,
  })
}

/** A recording is written whatever is shown of it. */
function notWritten(noun: string, outputs: RecordSummary['outputs']): string {
  const [recording] = outputs
  if (!recording) return `no ${noun} was written`
  return `nothing was written but the recording, ${recording.path}`
}

function nothingInMode({ mode, outputs }: RecordSummary, samples: number): PyprofError {
  const did = { wall: '', ...MODE_VERBS }[mode]
  return new PyprofError({
    code: 'nothing-in-mode',
    what: `Nothing was captured in mode ${mode}, and ${notWritten('file', outputs)}.`,
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

const FOLLOW_CHILDREN =
  'When it starts Python as a child, follow it: pyprof record --subprocesses …'
const LOOK_MORE_OFTEN =
  'When it ran Python for moments only, look more often: pyprof record --rate 1khz …'

function nothingCaptured(summary: RecordSummary, failure: PyprofError | undefined): PyprofError {
  const what = 'Nothing was captured, and no file was written.'
  const common = { code: 'nothing-captured', what, exitCode: EXIT.nothing }
  const { control } = summary
  if (
    control &&
    control.pauses > 0 &&
    control.pausedTime >= summary.durationNs &&
    summary.ticks === 0
  ) {
    return new PyprofError({
      ...common,
      why: 'Sampling was disabled from the start, and nobody enabled it by --control.',
      hint: 'Write to the FIFO: echo enable > CTL. Or begin enabled: leave --control-start out',
    })
  }
  if (failure && summary.descendants === '') {
    // A command that pyprof has started has ended by now.
    const hint = summary.launched && failure.code === 'not-python' ? FOLLOW_CHILDREN : failure.hint
    return new PyprofError({ ...common, why: `${failure.what} ${failure.why}`, hint })
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
      hint: summary.descendants === '' ? FOLLOW_CHILDREN : LOOK_MORE_OFTEN,
    })
  }
  const when =
    summary.ticks > 0 ? `After ${formatTime(summary.durationNs)}` : 'Before its first tick'
  const end = `${when} the recording ended: ${endSentence(summary)}.`
  if (summary.samples === 0) {
    return new PyprofError({
      ...common,
      why: `${end} There was no thread to sample until then.`,
      hint:
        summary.launched && summary.endReason === 'exited'
          ? LOOK_MORE_OFTEN
          : 'Record for longer, or at a higher rate: --duration, --rate.',
    })
  }
  return new PyprofError({
    ...common,
    why: `${end} ${counted(summary.samples, 'sample')} had no Python frame that could be read.`,
    hint: 'See why with --json: its "quality" counts the reasons.',
  })
}
