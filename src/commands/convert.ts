import type { Command } from 'commander'
import { EXIT, PyprofError, usageError } from '../errors.ts'
import { FORMATS, type Format } from '../formats/index.ts'
import { INPUTS } from '../formats/inputs/index.ts'
import { stepText } from '../formats/summary.ts'
import { formatTime } from '../formats/text.ts'
import type { Unmatched } from '../profile/choice.ts'
import { cutProfile } from '../profile/cut.ts'
import { mergeProfiles } from '../profile/merge.ts'
import type { TimeRange } from '../profile/profile.ts'
import { redactedProfile } from '../profile/redacted.ts'
import { type Summary, summarize } from '../profile/summary.ts'
import { unviewed, viewed } from '../profile/viewed.ts'
import { weightTotals } from '../profile/views.ts'
import { redactorFor } from '../redaction/redactor.ts'
import { Sources } from '../sampling/sources.ts'
import { addChoiceOptions, choiceOf, type RawChoice, unmatchedTexts } from './choice.ts'
import type { CommandContext } from './context.ts'
import { neededOf } from './convert/needed.ts'
import { type ReadFile, readProfile } from './convert/read-profile.ts'
import {
  addFormatOptions,
  formatOptionsOf,
  parseFormat,
  type RawFormatOptions,
} from './format-options.ts'
import { addModeOptions, modeOf, type RawMode, requireViewable } from './mode.ts'
import { counted } from './numbers.ts'
import { parseInstant, parsePaths, parseRate } from './parse.ts'
import { showJson } from './record/deliver.ts'
import { outputRequests } from './record/options.ts'
import { planOutputs, STDOUT_PATH } from './record/outputs.ts'
import { resultLines, row, target, type WrittenSummary } from './record/report.ts'
import { writeOutputs } from './record/save-outputs.ts'
import { formatLine } from './record.ts'
import { WorkProgress } from './work-progress.ts'

const EXAMPLES = `
Inputs, known by what is in them:
${INPUTS.map(({ name, describe }) => `  ${name.padEnd(12)}${describe}`).join('\n')}

Formats:
${FORMATS.map(formatLine).join('\n')}

Examples:
  pyprof convert run.pyprof -o run.svg -o run.speedscope.json
  pyprof convert run.pyprof --from 10s --to 1m -o minute.svg
  pyprof convert run.pyprof --mode cpu --include function:serve -f table -o -
  pyprof convert run-*.pyprof -o whole.pyprof
  pyprof convert out.svg.unfinished.pyprof -o out.svg
  py-spy record -p 42 -f raw -o - | pyprof convert --rate 100 - -o out.svg
`

interface RawConvertOptions extends RawChoice, RawMode, RawFormatOptions {
  readonly output?: readonly string[]
  readonly format?: Format
  readonly from?: number
  readonly to?: number
  readonly rate?: number
  readonly redactPaths?: boolean
  readonly json?: boolean
}

/** A summary and where it came from: printed, and the same object as JSON. */
interface ConvertSummary extends WrittenSummary {
  readonly inputs: readonly Omit<ReadFile, 'profile' | 'close'>[]
}

export function registerConvert(program: Command, context: CommandContext): void {
  const command = program
    .command('convert')
    .summary('turn a recording or a profile into another format')
    .description(
      'Reads recordings and profiles, also of other profilers and several at once, and writes ' +
        'them in other formats.',
    )
    .argument('<file...>', 'file to read, or - for stdin; several are merged into one profile')
    .helpOption('-h, --help', 'show this help')
    .option(
      '-o, --output <file>',
      'file to write, or - for stdout; may be given several times',
      parsePaths,
    )
    .option('-f, --format <format>', 'format of outputs whose suffix does not say it', parseFormat)
    .option(
      '--from <time>',
      'leave out what was before: 10s, 1.5, 5m after the start',
      parseInstant,
    )
    .option('--to <time>', 'leave out what was from then on', parseInstant)
    .option(
      '-r, --rate <rate>',
      'how many samples a second were taken, for inputs that count samples without saying it',
      parseRate,
    )
  addFormatOptions(addChoiceOptions(addModeOptions(command)))
    .option(
      '--redact-paths',
      'leave folders out of the names of files, and secrets out of commands',
    )
    .option('--json', 'print the summary as JSON to stdout, instead of as text to stderr')
    .addHelpText('after', EXAMPLES)
    .action((inputs: readonly string[], raw: RawConvertOptions) => {
      context.finish(convert(inputs, raw, context))
    })
}

/**
 * Reads, merges, cuts and writes.
 * @returns the exit code
 * @throws PyprofError when an input cannot be read or nothing is left of it
 */
function convert(
  paths: readonly string[],
  raw: RawConvertOptions,
  context: CommandContext,
): number {
  const range: TimeRange = { from: raw.from ?? 0, to: raw.to ?? Number.POSITIVE_INFINITY }
  checkOptions(paths, raw, range)
  const requests = outputRequests(raw.output ?? [], raw.format)
  const formats = requests.map(({ format }) => format)
  requireViewable(
    raw,
    formats,
    () => 'Leave it out, or add an output of another format: -o out.svg',
  )
  const mode = modeOf(raw)
  const sources = new Sources(raw.sourceRoot, redactorFor({ paths: raw.redactPaths ?? false }))
  const formatOptions = {
    ...formatOptionsOf(raw, formats),
    findSource: sources.find.bind(sources),
  }
  const outputs = planOutputs(requests)
  const isCut = raw.from !== undefined || raw.to !== undefined
  // The time of several inputs begins with the earliest one, which is known when all are read.
  const readRange = paths.length === 1 ? range : { from: 0, to: Number.POSITIVE_INFINITY }
  // CPU time belongs to samples that follow each other, and instants of several inputs may lie apart.
  const isApart = mode === 'cpu' || (paths.length > 1 && isCut)
  const needed = neededOf(formats, paths.length === 1, isApart)
  const progress = new WorkProgress(context)
  const files = paths.map((path) =>
    readProfile(path, { range: readRange, rate: raw.rate, ...needed }, progress),
  )
  const { recorded, profile, summed, unmatched } = progress.during('Adding up', () => {
    const whole = mergeProfiles(files.map((file) => file.profile))
    const all = isCut ? cutProfile(whole, range) : whole
    const recorded = raw.redactPaths ? redactedProfile(all, redactorFor({ paths: true })) : all
    if (recorded.samples.length === 0) throw nothingLeft(whole.meta.duration, isCut)
    const isWhole = formats.every((format) => format.isRecording)
    const { profile, removed, unmatched } = isWhole
      ? unviewed(recorded)
      : viewed(recorded, {
          // A file that holds one mode only is shown in that mode.
          mode: mode ?? recorded.meta.mode,
          idle: raw.idle ?? false,
          choice: choiceOf(raw),
        })
    const summed = summarize(profile, recorded, removed)
    if (summed.timeNs.python === 0 && weightTotals(recorded).python > 0) {
      throw nothingShown(summed, unmatched)
    }
    return { recorded, profile, summed, unmatched }
  })
  const content = { recorded, shown: profile }
  const { written, errors, bugs } = writeOutputs(
    content,
    outputs,
    formatOptions,
    context,
    undefined,
    progress,
  )
  for (const file of files) file.close?.()
  const summary: ConvertSummary = {
    ...summed,
    unmatched,
    inputs: files.map(({ profile: _, close: __, ...rest }) => rest),
    outputs: written,
  }
  if (raw.json) errors.push(...showJson(summary, context))
  else context.writeErr(`${reportLines(summary).join('\n')}\n`)
  for (const error of errors) context.report(error)
  if (bugs.length > 0) throw bugs[0]
  return errors.length === 0 ? EXIT.done : EXIT.nothing
}

function checkOptions(paths: readonly string[], raw: RawConvertOptions, range: TimeRange): void {
  const first = paths[0]!
  if (raw.output === undefined) {
    throw usageError(
      'There is nowhere to write to.',
      'A conversion needs an output.',
      `Run: pyprof convert ${paths.join(' ')} -o ${first.replace(/(\.[a-z]+)+$/, '')}.svg`,
    )
  }
  if (range.from >= range.to) {
    throw usageError(
      '--from is not before --to.',
      'No time is between them.',
      'Both are times since the start of the recording: --from 10s --to 1m',
    )
  }
  if (paths.filter((path) => path === STDOUT_PATH).length > 1) {
    throw usageError(
      'stdin is named twice.',
      'It can be read only once.',
      'Give it once: pyprof convert - -o out.svg',
    )
  }
  if (raw.json && raw.output.includes(STDOUT_PATH)) {
    throw usageError(
      '--json and -o - both write to stdout.',
      'The summary and the profile would be mixed.',
      'Give the profile a file: pyprof convert --json -o FILE …',
    )
  }
}

function nothingLeft(duration: number, isCut: boolean): PyprofError {
  const common = { code: 'nothing-left', exitCode: EXIT.nothing }
  if (!isCut) {
    return new PyprofError({
      ...common,
      what: 'There is nothing to convert, and no file was written.',
      why: 'The input has no samples.',
      hint: 'Take another recording: pyprof record',
    })
  }
  return new PyprofError({
    ...common,
    what: 'No samples are left, and no file was written.',
    why: `None is between --from and --to; the input lasts ${formatTime(duration)}.`,
    hint: 'Both are times since the start of the recording: --from 0 --to 10s',
  })
}

function nothingShown({ mode, view }: Summary, unmatched: readonly Unmatched[]): PyprofError {
  const [why, near] = unmatched[0]
    ? unmatchedTexts(unmatched[0])
    : [view.steps.map((step) => `${stepText(step)}.`).join(' '), '']
  return new PyprofError({
    code: 'nothing-left',
    what: 'Nothing is left to show, and no file was written.',
    why: why || `Python code has no time in mode ${mode}.`,
    hint: near || 'See all there is, without a mode and without filters.',
    exitCode: EXIT.nothing,
  })
}

function reportLines(summary: ConvertSummary): string[] {
  const { inputs, durationNs, exporter } = summary
  const [first] = inputs
  const read =
    inputs.length === 1 && first
      ? `${first.path === STDOUT_PATH ? 'stdin' : first.path} (${first.format})`
      : counted(inputs.length, 'input')
  const what = target(summary)
  const notes = inputs.flatMap(({ path, notes }) => notes.map((note) => `${path}: ${note}`))
  return [
    `Read ${formatTime(durationNs)} from ${read}${what === '' ? '' : `: ${what}`}`,
    ...(exporter === '' ? [] : [row('taken by', exporter)]),
    ...resultLines(summary, notes),
  ]
}
