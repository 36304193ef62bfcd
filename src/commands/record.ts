import { type Command, Option } from 'commander'
import { FORMATS, type Format } from '../formats/index.ts'
import { TASK_SCOPES } from '../profile/profile.ts'
import { PROC } from '../sampling/proc.ts'
import { addChoiceOptions } from './choice.ts'
import type { CommandContext } from './context.ts'
import { addFormatOptions, formatNames, parseFormat } from './format-options.ts'
import { addModeOptions } from './mode.ts'
import {
  DEFAULT_OVERHEAD,
  parseDuration,
  parseKeep,
  parseOverhead,
  parsePaths,
  parsePid,
  parseRate,
  parseRotation,
  parseRuns,
} from './parse.ts'
import { addPolicyOptions, guardOf } from './policy.ts'
import { parseControl } from './record/control.ts'
import { type RawRecordOptions, recordOptions } from './record/options.ts'
import { record } from './record/run.ts'
import { recordRuns } from './record/runs.ts'
import { currentFolder } from './stdio.ts'

const EXAMPLES = `
Formats:
${FORMATS.map(formatLine).join('\n')}

Examples:
  pyprof record --pid 42 --duration 30 --output out.svg
  pyprof record --rate 1khz -o out.speedscope.json -- python3 app.py --port 8000
  pyprof record --pid 42 --duration 5m --threads -o out.svg -o out.collapsed
  pyprof record --pid 42 -d 10 -f collapsed -o - | sort -k2 -n
  pyprof record --pid 42 -d 30 --include function:serve --no-stdlib -o out.svg
  pyprof record --pid 42 -r 5khz --read live -d 10 -o out.svg
  pyprof record --subprocesses --threads -o out.svg -- gunicorn -w 4 app:app
  pyprof record --pid 42 --async -d 10 -o out.svg
  pyprof record --pid 42 -d 10 --json | jq '.hottest'
  pyprof record --pid 42 --rotate 5m --keep 12 -o run.pyprof

Ctrl-C, SIGTERM and SIGHUP end the recording of a process; the files are written all the same.
SIGUSR1 writes what there is so far, and the recording goes on.
A launched command gets these signals itself, and pyprof exits with its status.
`

export function registerRecord(program: Command, context: CommandContext): void {
  const command = program
    .command('record')
    .summary('record where a Python program spends its time')
    .description(
      'Records where a running Python program spends its time, without stopping or changing it, ' +
        'and writes what to look at: a flame graph, a file for one of many viewers, or a recording ' +
        'to convert later.',
    )
    .usage('[options] --pid PID\n       pyprof record [options] -- COMMAND [ARGUMENT…]')
    .argument('[command...]', 'command to start and record, behind --')
    .passThroughOptions()
    .helpOption('-h, --help', 'show this help')
    .option('-p, --pid <pid>', 'process to record', parsePid)
    .option(
      '-d, --duration <time>',
      'how long: 30, 1.5, 500ms, 30s, 5m, 1h (default: until it ends or Ctrl-C)',
      parseDuration,
    )
    .option('-r, --rate <rate>', 'samples a second: 100, 0.5, 250hz, 1khz', parseRate, 100)
    .addOption(
      new Option(
        '--read <how>',
        'exact: sharing the core of the running thread, each sample proved; live: from another ' +
          'core; stop: with the target stopped for each sample; auto: exact as long as it keeps ' +
          'within --max-overhead, else live',
      )
        .choices(['auto', 'exact', 'live', 'stop'])
        .default('auto'),
    )
    .addOption(
      new Option(
        '--max-overhead <share>',
        'share of one core that auto may take from the target: 0.5%, 2%',
      )
        .argParser(parseOverhead)
        .default(DEFAULT_OVERHEAD, '0.5%'),
    )
    .option('-s, --subprocesses', 'record all Pythons that it starts, too, in one profile')
    .addOption(
      new Option(
        '--async [tasks]',
        'stacks by asyncio task, under the tasks that await it (Python 3.14 and later): running, ' +
          'or all for the suspended ones too (default without a value: running)',
      ).choices(TASK_SCOPES),
    )
    .option(
      '-o, --output <file>',
      'file to write, or - for stdout; may be given several times ' +
        '(default: pyprof-TARGET-TIME.speedscope.json in this folder)',
      parsePaths,
    )
    .option(
      '-f, --format <format>',
      `format of outputs whose suffix does not say it: ${formatNames('or')}`,
      parseFormat,
    )
    .option(
      '--rotate <limit>',
      'begin a new .pyprof file after a time or a size: 5m, 1h, 100MB',
      parseRotation,
    )
    .option('--keep <files>', 'with --rotate: keep only so many of the newest files', parseKeep)
    .option(
      '--runs <count>',
      'run the command so many times, each into a recording of its own in the folder of -o',
      parseRuns,
    )
    .option(
      '--control <fifos>',
      'let who is measured switch sampling and count its iterations: fifo:CTL or fifo:CTL,ACK',
      parseControl,
    )
    .addOption(
      new Option('--control-start <state>', 'with --control: begin disabled, or enabled').choices([
        'enabled',
        'disabled',
      ]),
    )
  addModeOptions(command).option(
    '--native-markers',
    'mark with <native> where C code has called Python code',
  )
  addPolicyOptions(addFormatOptions(addChoiceOptions(command)))
    .option('--redact-paths', 'leave the folders of this machine out of the names of files')
    .option('--dry-run', 'say what would be done, and do nothing of it')
    .option('--json', 'print the summary as JSON to stdout, instead of as text to stderr')
    .addHelpText('after', EXAMPLES)
    .action(async (operands: readonly string[], raw: RawRecordOptions) => {
      // Commander drops the `--`; it stood right before the operands, if it was there.
      const isCommand = context.argv[context.argv.length - operands.length - 1] === '--'
      if (raw.runs !== undefined) {
        context.finish(await recordRuns(raw, isCommand ? operands : undefined, context))
        return
      }
      const options = isCommand
        ? recordOptions(raw, operands, [])
        : recordOptions(raw, undefined, operands)
      const { target } = options
      const folder = target.kind === 'attach' ? PROC.link(target.pid, 'cwd') : currentFolder()
      context.finish(await record(options, guardOf(raw, context, folder), context))
    })
}

/** A format as a line of help. */
export function formatLine(format: Format): string {
  const prefixes = (format.prefixes ?? []).map((prefix) => `${prefix}*`)
  const names = [...format.suffixes, ...prefixes].join(', ')
  return `  ${format.name.padEnd(12)}${format.describe} (${names})`
}
