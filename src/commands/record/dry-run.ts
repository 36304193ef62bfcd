import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { durationText } from '../../duration.ts'
import { visible } from '../../formats/text.ts'
import type { Guard, Intent } from '../../policy/guard.ts'
import type { Addon } from '../../sampling/addon.ts'
import { explainAttachFailure } from '../../sampling/attach-failure.ts'
import { commandText, quoteCommand } from '../../sampling/proc.ts'
import type { CommandContext } from '../context.ts'
import { formatRate } from '../numbers.ts'
import { show, showJson } from '../show.ts'
import type { RecordOptions } from './options.ts'
import { type Output, planOutputs } from './outputs.ts'
import { SPOOL_SUFFIX } from './spool.ts'

/** What a recording would do: printed, and the same object as JSON. */
export interface RecordPlan {
  readonly exporter: string
  readonly dryRun: true
  readonly actions: Intent['actions']
  /** null: a command that would be started. */
  readonly pid: number | null
  readonly command: string
  /** '' where it is not known yet. */
  readonly pythonVersion: string
  readonly read: RecordOptions['read']
  readonly rateHz: number
  /** 0: until it ends. */
  readonly durationNs: number
  readonly subprocesses: boolean
  /** Whether threads of the target would be stopped for moments. */
  readonly stopsTarget: boolean
  /** Recording writes nothing into a target. */
  readonly writesIntoTarget: false
  readonly outputs: readonly { readonly path: string; readonly format: string }[]
  /** The recording that is kept until the outputs are written; null where an output is one. */
  readonly safetyCopy: string | null
  readonly auditLogs: readonly string[]
  readonly policies: readonly string[]
}

/**
 * Says what a recording would do, after asking the policies and the kernel whether it may. Nothing
 * is recorded, started or logged; whether the target can be read is tried.
 * @throws PyprofError code `forbidden`, or as a recording would
 */
export function planRun(
  options: RecordOptions,
  intent: Intent,
  guard: Guard,
  addon: Addon,
  context: CommandContext,
): void {
  guard.require(intent)
  const { target, read, rate, subprocesses, outputs, json } = options
  const plan: RecordPlan = {
    exporter: context.exporter,
    dryRun: true,
    actions: intent.actions,
    pid: intent.target.pid,
    command:
      target.kind === 'launch'
        ? quoteCommand(guard.redactor.arguments(target.command))
        : commandText(intent.target.arguments ?? [], guard.redactor),
    pythonVersion: target.kind === 'attach' ? tried(target.pid, subprocesses, addon) : '',
    read,
    rateHz: rate,
    durationNs: intent.duration ?? 0,
    subprocesses,
    stopsTarget: intent.actions.includes('stop'),
    writesIntoTarget: false,
    outputs: outputs.map(({ path, format }) => ({ path, format: format.name })),
    safetyCopy: safetyCopyOf(planOutputs(outputs)),
    auditLogs: guard.auditLogs,
    policies: guard.policies.map(({ file }) => file),
  }
  if (json) showJson(plan, context)
  else show(`${planLines(plan).join('\n')}\n`, context)
}

/** As `planRecording` arranges it. */
function safetyCopyOf(outputs: readonly Output[]): string | null {
  const files = outputs.flatMap(({ place, format }) => {
    return place.kind === 'new' || place.kind === 'replace' ? [{ path: place.path, format }] : []
  })
  if (files.some(({ format }) => format.name === 'pyprof')) return null
  return files[0] ? files[0].path + SPOOL_SUFFIX : join(tmpdir(), `pyprof-*/*${SPOOL_SUFFIX}`)
}

/** The version of the Python in a process. A process whose children are followed needs none. */
function tried(pid: number, subprocesses: boolean, addon: Addon): string {
  const probe = addon.probe(pid)
  if (probe.ok) return probe.version
  if (subprocesses && (probe.code === 'not-python' || probe.code === 'not-started')) return ''
  throw explainAttachFailure({ pid, ...probe })
}

function planLines(plan: RecordPlan): string[] {
  const { pid, command, pythonVersion, durationNs, policies, auditLogs, outputs, safetyCopy } = plan
  const version = pythonVersion === '' ? '' : ` (Python ${pythonVersion})`
  const row = (name: string, text: string) => `  ${name.padEnd(9)}${visible(text)}`
  const written = outputs.map(({ path, format }) => {
    return `${path === '-' ? 'stdout' : path} (${format})`
  })
  return [
    pid === null
      ? `Would start and record: ${visible(command)}`
      : `Would record process ${pid}: ${visible(command)}${version}`,
    row(
      'reads',
      `its memory, and files in /proc, ${formatRate(plan.rateHz)}, as --read ${plan.read}`,
    ),
    row('stops', plan.stopsTarget ? 'all its threads, by ptrace, for every sample' : 'nothing'),
    row('into it', 'nothing is written'),
    row('tree', plan.subprocesses ? 'also all Pythons that it starts' : 'this process alone'),
    row(
      'ends',
      durationNs === 0 ? 'when it ends, or at Ctrl-C' : `after ${durationText(durationNs)}`,
    ),
    row('writes', written.join(', ')),
    ...(safetyCopy === null ? [] : [row('', `until then ${safetyCopy}`)]),
    row('logs', auditLogs.length === 0 ? 'nothing: no policy asks for it' : auditLogs.join(', ')),
    row('allowed', policies.length === 0 ? 'no policy applies' : `by ${policies.join(', ')}`),
    'Nothing of this was done.',
  ]
}
