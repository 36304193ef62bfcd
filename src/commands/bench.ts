import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import type { Gate } from '../diff/gates.ts'
import type { Side } from '../diff/run.ts'
import { turns } from '../diff/turns.ts'
import { EXIT } from '../errors.ts'
import type { CommandContext } from './context.ts'
import { diffOptions, parseGateOption, several } from './diff/options.ts'
import { diff } from './diff.ts'
import { DEFAULT_OVERHEAD, parseRate, parseRuns } from './parse.ts'
import { addPolicyOptions, type RawPolicyOptions } from './policy.ts'
import { type ControlFifos, parseControl } from './record/control.ts'
import { type RawRecordOptions, requireControl } from './record/options.ts'
import { makeFolder, recordRun, runLine, runPath } from './record/runs.ts'

interface RawBenchOptions extends RawPolicyOptions {
  readonly runs: number
  readonly output: string
  readonly rate: number
  readonly read: RawRecordOptions['read']
  readonly control?: ControlFifos
  readonly controlStart?: 'enabled' | 'disabled'
  readonly failOn?: readonly Gate[]
  readonly inconclusive: 'pass' | 'fail'
  readonly json?: boolean
  readonly markdown?: boolean
}

const EXAMPLES = `
Examples:
  pyprof bench 'python3 old/bench.py' 'python3 new/bench.py' --runs 10 -o runs/
  pyprof bench 'cd base && pytest bench/' 'cd head && pytest bench/' -o runs/ --fail-on 'total>5%'

The exit code is that of pyprof diff, or that of the first run that failed.
`

export function registerBench(program: Command, context: CommandContext): void {
  const command = program
    .command('bench')
    .summary('run two commands by turns, record both, and compare them')
    .description(
      'Runs two commands by turns on this machine, records each run, with all Pythons that it ' +
        'starts, and tells what got slower from the first to the second.',
    )
    .argument('<base>', 'shell command of the runs to compare with')
    .argument('<head>', 'shell command of the runs to judge')
    .helpOption('-h, --help', 'show this help')
    .option('--runs <count>', 'runs of each side', parseRuns, 10)
    .requiredOption('-o, --output <folder>', 'folder for the recordings, in base/ and head/')
    .option('-r, --rate <rate>', 'samples a second: 100, 0.5, 250hz, 1khz', parseRate, 100)
    .addOption(
      new Option('--read <how>', 'as for pyprof record')
        .choices(['exact', 'live', 'stop'])
        .default('live'),
    )
    .option('--control <fifos>', 'as for pyprof record, of every run', parseControl)
    .addOption(
      new Option('--control-start <state>', 'as for pyprof record').choices([
        'enabled',
        'disabled',
      ]),
    )
    .option(
      '--fail-on <gate>',
      "what may not grow, as for pyprof diff: 'total>5%'; may be given several times",
      several(parseGateOption),
    )
    .addOption(
      new Option('--inconclusive <how>', 'what a --fail-on comes to that these runs cannot decide')
        .choices(['pass', 'fail'])
        .default('pass'),
    )
  addPolicyOptions(command)
    .addOption(new Option('--json', 'print the comparison as JSON').conflicts('markdown'))
    .option('--markdown', 'print the comparison as Markdown')
    .addHelpText('after', EXAMPLES)
    .action(async (base: string, head: string, raw: RawBenchOptions) => {
      context.finish(await bench({ base, head }, raw, context))
    })
}

async function bench(
  commands: Readonly<Record<Side, string>>,
  raw: RawBenchOptions,
  context: CommandContext,
): Promise<number> {
  const { runs, output, rate, read, control, controlStart } = raw
  requireControl(raw)
  const folders = { base: join(output, 'base'), head: join(output, 'head') }
  makeFolder(folders.base)
  makeFolder(folders.head)
  const id = randomUUID()
  for (const { side, pair } of turns(runs)) {
    const path = runPath(folders[side], pair)
    const command = ['/bin/sh', '-c', commands[side]]
    const policy = {
      ...(raw.policy && { policy: raw.policy }),
      ...(raw.redact !== undefined && { redact: raw.redact }),
    }
    const controlled = { ...(control && { control }), ...(controlStart && { controlStart }) }
    const sampling = { rate, read, maxOverhead: DEFAULT_OVERHEAD, subprocesses: true, stdlib: true }
    const options = { ...sampling, ...controlled, ...policy }
    const result = await recordRun(options, command, path, true, context, {
      bench: id,
      number: pair,
    })
    context.writeErr(runLine(`${side} ${pair} of ${runs}`, result))
    if (result.status !== EXIT.done) return result.status
  }
  const compared = diffOptions([folders.base], {
    vs: [folders.head],
    inconclusive: raw.inconclusive,
    confidence: 0.95,
    minShare: 0.005,
    minChange: 0.02,
    top: 20,
    stdlib: true,
    ...(raw.failOn && { failOn: raw.failOn }),
    ...(raw.json && { json: true }),
    ...(raw.markdown && { markdown: true }),
  })
  return diff(compared, context)
}
