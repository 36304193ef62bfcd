import { type Command, Option } from 'commander'
import { type CompareOptions, compare } from '../diff/compare.ts'
import { githubAnnotations } from '../diff/reports/github.ts'
import { diffMarkdown } from '../diff/reports/markdown.ts'
import type { ReportOptions } from '../diff/reports/report.ts'
import { diffTable } from '../diff/reports/table.ts'
import type { DiffResult } from '../diff/result.ts'
import { runOf } from '../diff/run.ts'
import { EXIT } from '../errors.ts'
import { MODES } from '../profile/profile.ts'
import { addChoiceOptions } from './choice.ts'
import type { CommandContext } from './context.ts'
import {
  type DiffOptions,
  diffOptions,
  parseGateOption,
  parsePercent,
  parseRename,
  parseSame,
  type RawDiffOptions,
  requireApart,
  several,
} from './diff/options.ts'
import { planDiffOutputs, writeDiffOutputs } from './diff/outputs.ts'
import { filesOf, readRuns } from './diff/read-runs.ts'
import { parseTop } from './format-options.ts'
import { parseRate } from './parse.ts'
import { show, showJson } from './show.ts'
import { currentFolder } from './stdio.ts'

const EXAMPLES = `
Examples:
  pyprof diff main-*.pyprof --vs branch-*.pyprof
  pyprof diff main/ --vs branch/ --fail-on 'total>5%' --fail-on 'self:shop.orders.price>10%'
  pyprof diff before.pyprof --vs after.pyprof -o diff.svg
  pyprof diff main/ --vs branch/ --markdown >> "$GITHUB_STEP_SUMMARY"

The exit code is 0, or 1 when a --fail-on is proven to be exceeded, or 4 when the runs cannot be compared.
`

export function registerDiff(program: Command, context: CommandContext): void {
  const command = program
    .command('diff')
    .summary('compare two sets of runs')
    .description(
      'Tells what got slower between two sets of runs, where, and how sure that is; fails when ' +
        'something is proven to be slower than allowed.',
    )
    .argument('<base...>', 'profiles of the runs to compare with, or folders of them')
    .requiredOption('--vs <head...>', 'profiles of the runs to judge, or folders of them')
    .helpOption('-h, --help', 'show this help')
    .option(
      '--fail-on <gate>',
      "what may not grow: 'total>5%', 'self:pkg.module.func>10%', 'total:FUNCTION>10%', 'any>20%'; " +
        'may be given several times',
      several(parseGateOption),
    )
    .addOption(
      new Option('--inconclusive <how>', 'what a --fail-on comes to that these runs cannot decide')
        .choices(['pass', 'fail'])
        .default('pass'),
    )
    .option('--same-work', 'all runs did the same work, although their files do not tell so')
    .option(
      '--confidence <percent>',
      'of all intervals, and of findings that are right',
      parsePercent(50, 99.999),
      0.95,
    )
    .option(
      '--min-share <percent>',
      'do not test what takes less of all time',
      parsePercent(0, 50),
      0.005,
    )
    .option('--min-change <percent>', 'smaller changes do not count', parsePercent(0, 1000), 0.02)
    .option(
      '--allow-different <what>',
      'compare although this differs: mode, rate, reading, python, machine, view',
      several(parseSame),
    )
    .option(
      '--rename <old=new>',
      'what a file, folder or function of base is called now; may be given several times',
      several(parseRename),
    )
    .addOption(new Option('--mode <mode>', 'which time counts').choices(MODES))
    .option(
      '-r, --rate <rate>',
      'how many samples a second were taken, for inputs that count samples without saying it',
      parseRate,
    )
  addChoiceOptions(command)
    .option('--top <count>', 'how many rows of each table', parseTop, 20)
    .option('--title <text>', 'what the flame graph calls itself')
    .option(
      '-o, --output <file>',
      'write .svg (flame graph), .html, .md, .json, .xml (JUnit) or .txt; may be given several times',
      several((path: string) => path),
    )
    .addOption(new Option('--json', 'print the result as JSON').conflicts(['markdown', 'github']))
    .addOption(
      new Option('--markdown', 'print the result as Markdown').conflicts(['json', 'github']),
    )
    .addOption(
      new Option('--github', 'print annotations for GitHub Actions too').conflicts([
        'json',
        'markdown',
      ]),
    )
    .addHelpText('after', EXAMPLES)
    .action((base: readonly string[], raw: RawDiffOptions) => {
      context.finish(diff(diffOptions(base, raw), context))
    })
}

/**
 * Reads, compares, writes and prints.
 * @returns the exit code
 * @throws PyprofError
 */
export function diff(options: DiffOptions, context: CommandContext): number {
  const outputs = planDiffOutputs(options.outputs)
  const [base, head] = [filesOf(options.base), filesOf(options.head)]
  requireApart(base, head)
  const isSingle = base.length === 1 && head.length === 1
  const read = (files: readonly string[]) =>
    Array.from(readRuns(files, options, isSingle, context), (input) => runOf(input, isSingle))
  const sets = { base: read(base), head: read(head) }
  const compareOptions: CompareOptions = { exporter: context.exporter, ...options.compare }
  const comparison = compare(sets, compareOptions)
  const columns = context.columns?.()
  const report: ReportOptions = {
    top: options.top,
    ...(columns === undefined ? {} : { columns }),
    folder: currentFolder() ?? '/',
    failsInconclusive: options.failsInconclusive,
  }
  const { result } = comparison
  const errors = writeDiffOutputs(comparison, outputs, options.title, report, context)
  print(result, options, report, context)
  for (const error of errors) context.report(error)
  const exitCode = exitCodeOf(result, options.failsInconclusive)
  return exitCode === EXIT.done && errors.length > 0 ? EXIT.nothing : exitCode
}

function print(
  result: DiffResult,
  { prints }: DiffOptions,
  report: ReportOptions,
  context: CommandContext,
): void {
  if (prints === 'json') showJson(result, context)
  else if (prints === 'markdown') show(diffMarkdown(result, report), context)
  else {
    show([...diffTable(result, report)].join(''), context)
    if (prints === 'github') show(githubAnnotations(result, report).join(''), context)
  }
}

/** What cannot be decided is no proven regression: asked for, it is a result that is of no use. */
function exitCodeOf({ outcome, gates }: DiffResult, failsInconclusive: boolean): number {
  if (outcome === 'regression') return EXIT.regression
  const isOpen = gates.length > 0 && outcome === 'inconclusive'
  return isOpen && failsInconclusive ? EXIT.nothing : EXIT.done
}
