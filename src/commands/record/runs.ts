import { mkdirSync, readdirSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { EXIT, usageError } from '../../errors.ts'
import { formatTime, visible } from '../../formats/text.ts'
import type { RunPair } from '../../profile/profile.ts'
import { readRunFacts } from '../../sampling/run-facts.ts'
import type { CommandContext } from '../context.ts'
import { counted } from '../numbers.ts'
import { guardOf } from '../policy.ts'
import { showJson } from '../show.ts'
import { currentFolder } from '../stdio.ts'
import { type RawRecordOptions, recordOptions } from './options.ts'
import type { RecordSummary } from './report.ts'
import { record } from './run.ts'

/** One run of a set. */
export interface RunResult {
  /** What a shell would show; a run that does not end with 0 is the last one. */
  readonly status: number
  /** Undefined when nothing could be recorded. */
  readonly summary: RecordSummary | undefined
}

/**
 * Runs a command several times and records each run apart.
 * @param command undefined when there is none
 * @returns the exit code: that of the first run that failed
 * @throws PyprofError code `usage`
 */
export async function recordRuns(
  raw: RawRecordOptions,
  command: readonly string[] | undefined,
  context: CommandContext,
): Promise<number> {
  const [folder, ...others] = raw.output ?? []
  if (!command || command.length === 0 || raw.pid !== undefined) {
    throw usageError(
      '--runs needs a command.',
      'Only what pyprof starts can be started again.',
      'Run: pyprof record --runs 10 -o DIR/ -- python3 bench.py',
    )
  }
  if (folder === undefined || others.length > 0 || raw.format || raw.rotate) {
    throw usageError(
      '--runs needs one folder as its output.',
      'Each run is a recording of its own in it.',
      'Run: pyprof record --runs 10 -o DIR/ -- python3 bench.py',
    )
  }
  if (raw.dryRun) {
    throw usageError(
      '--runs and --dry-run do not go together.',
      'A dry run tells of one recording.',
      'Leave --runs out.',
    )
  }
  makeFolder(folder)
  const runs = raw.runs ?? 1
  const results: RunResult[] = []
  for (let run = 1; run <= runs; run++) {
    const path = runPath(folder, run)
    const result = await recordRun(raw, command, path, raw.json ?? false, context)
    results.push(result)
    context.writeErr(runLine(`run ${run} of ${runs}`, result))
    if (result.status !== EXIT.done) break
  }
  if (raw.json) showJson({ folder, runs: results }, context)
  return results.at(-1)?.status ?? EXIT.done
}

/** Makes a folder for a set of runs. @throws PyprofError code `usage` when it holds something */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
    if (readdirSync(folder).length === 0) return
  } catch (error) {
    throw usageError(
      `The folder ${folder} cannot be made.`,
      error instanceof Error ? error.message : String(error),
      'Name another one: -o DIR/',
    )
  }
  throw usageError(
    `The folder ${folder} is not empty.`,
    'Runs of another time would be taken for runs of this set.',
    'Name another one: -o DIR/',
  )
}

export function runPath(folder: string, run: number): string {
  return join(folder, `run-${String(run).padStart(3, '0')}.pyprof`)
}

/**
 * Records one run of a set, with the facts of the machine in its file. It is read live unless told
 * otherwise: `auto` may choose another reading for each run, and then they cannot be compared.
 * A run that does not end with 0 goes to the folder `failed` beside the others, where it is compared
 * with nothing.
 * @param isTalk what the command prints goes to stderr
 * @param pair the pair that it belongs to, where runs take turns
 */
export async function recordRun(
  raw: RawRecordOptions,
  command: readonly string[],
  path: string,
  isTalk: boolean,
  context: CommandContext,
  pair?: RunPair,
): Promise<RunResult> {
  const read = raw.read === 'auto' ? 'live' : raw.read
  const options = recordOptions({ ...raw, read, output: [path], json: true }, command, [])
  const printed: string[] = []
  const quiet: CommandContext = { ...context, writeOut: (data) => void printed.push(String(data)) }
  const guard = guardOf(raw, context, currentFolder())
  const status = await record(
    { ...options, run: { ...readRunFacts(), ...(pair && { pair }) }, isTalk },
    guard,
    quiet,
  )
  const summary: RecordSummary | undefined =
    printed.length > 0 ? JSON.parse(printed.join('')) : undefined
  return { status, summary: status === EXIT.done ? summary : withFailed(summary) }
}

function withFailed(summary: RecordSummary | undefined): RecordSummary | undefined {
  if (!summary) return undefined
  const outputs = summary.outputs.map((output) => {
    const folder = join(dirname(output.path), 'failed')
    const path = join(folder, basename(output.path))
    mkdirSync(folder, { recursive: true })
    renameSync(output.path, path)
    return { ...output, path }
  })
  return { ...summary, outputs }
}

/** A run in one line. */
export function runLine(name: string, { status, summary }: RunResult): string {
  const took = summary ? formatTime(summary.durationNs) : 'nothing recorded'
  const samples = summary ? `, ${counted(summary.samples, 'sample')}` : ''
  const careful = summary?.isUncertain ? ', many of them uncertain' : ''
  const path = summary?.outputs[0]?.path ?? ''
  const end = status === EXIT.done ? '' : `; ended with ${status}, so no more runs follow`
  return `${name}: ${took}${samples}${careful}  ${visible(path)}${end}\n`
}
