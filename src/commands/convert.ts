import type { Command } from 'commander'
import { EXIT, PyprofError, usageError } from '../errors.ts'
import { FORMATS, type Format } from '../formats/index.ts'
import { INPUTS } from '../formats/inputs/index.ts'
import { formatTime } from '../formats/text.ts'
import { cutProfile } from '../profile/cut.ts'
import { mergeProfiles } from '../profile/merge.ts'
import type { TimeRange } from '../profile/profile.ts'
import { summarize } from '../profile/summary.ts'
import type { CommandContext } from './context.ts'
import { type ReadFile, readProfile } from './convert/read-profile.ts'
import { counted } from './numbers.ts'
import { parseInstant, parseRate } from './parse.ts'
import { showJson } from './record/deliver.ts'
import { outputRequests } from './record/options.ts'
import { planOutputs, STDOUT_PATH } from './record/outputs.ts'
import { resultLines, row, target, type WrittenSummary } from './record/report.ts'
import { writeOutputs } from './record/save-outputs.ts'
import { formatLine, parseFormat } from './record.ts'

const EXAMPLES = `
Inputs, known by what is in them:
${INPUTS.map(({ name, describe }) => `  ${name.padEnd(12)}${describe}`).join('\n')}

Formats:
${FORMATS.map(formatLine).join('\n')}

Examples:
  pyprof convert run.pyprof -o run.svg -o run.speedscope.json
  pyprof convert run.pyprof --from 10s --to 1m -o minute.svg
  pyprof convert run-*.pyprof -o whole.pyprof
  pyprof convert out.svg.unfinished.pyprof -o out.svg
  py-spy record -p 42 -f raw -o - | pyprof convert --rate 100 - -o out.svg
`

interface RawConvertOptions {
  readonly output?: readonly string[]
  readonly format?: Format
  readonly threads?: boolean
  readonly function?: boolean
  readonly from?: number
  readonly to?: number
  readonly rate?: number
  readonly json?: boolean
}

/** A summary and where it came from: printed, and the same object as JSON. */
interface ConvertSummary extends WrittenSummary {
  readonly inputs: readonly Omit<ReadFile, 'profile'>[]
}

export function registerConvert(program: Command, context: CommandContext): void {
  program
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
      (path: string, paths: readonly string[] = []) => [...paths, path],
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
    .option('-t, --threads', 'show every thread as a root frame of its own')
    .option('-F, --function', 'merge the lines of a function into one frame')
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
  const outputs = planOutputs(outputRequests(raw.output ?? [], raw.format))
  const isCut = raw.from !== undefined || raw.to !== undefined
  // The time of several inputs begins with the earliest one, which is known when all are read.
  const readRange = paths.length === 1 ? range : { from: 0, to: Number.POSITIVE_INFINITY }
  const files = paths.map((path) => readProfile(path, { range: readRange, rate: raw.rate }))
  const whole = mergeProfiles(files.map((file) => file.profile))
  const profile = isCut ? cutProfile(whole, range) : whole
  if (profile.samples.length === 0) throw nothingLeft(whole.meta.duration, isCut)
  const formatOptions = { threads: raw.threads ?? false, functions: raw.function ?? false }
  const { written, errors, bugs } = writeOutputs(profile, outputs, formatOptions, context)
  const summary: ConvertSummary = {
    ...summarize(profile),
    inputs: files.map(({ profile: _, ...rest }) => rest),
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
