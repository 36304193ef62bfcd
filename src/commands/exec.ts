import { type Command, InvalidArgumentError } from 'commander'
import { EXIT, usageError } from '../errors.ts'
import { visible } from '../formats/text.ts'
import { type Intent, underPermission } from '../policy/guard.ts'
import { runningTarget } from '../policy/target.ts'
import { ACTIONS, type Action, actionNamed, scriptValue } from '../remote-exec/actions.ts'
import { withNativeRanges } from '../remote-exec/perf-map.ts'
import { type ExecRequest, planExec, remoteExec } from '../remote-exec/remote-exec.ts'
import { openExecTarget } from '../remote-exec/target.ts'
import { PROC } from '../sampling/proc.ts'
import type { CommandContext } from './context.ts'
import { jsonOf, planJson, planLines, resultLines, talkLines } from './exec/report.ts'
import { parseDuration, parsePid } from './parse.ts'
import { addPolicyOptions, guardOf, type RawPolicyOptions } from './policy.ts'
import { endOnSignal } from './record/signals.ts'
import { show, showJson } from './show.ts'

const DEFAULT_TIMEOUT_NS = 10e9
const DEFAULT_TOP = 40

const NAME_WIDTH = 18

const ACTION_HELP = `
Options, which without a value (or with status) only tell how they are set:
${actionLines('option')}

Dumps:
${actionLines('dump')}

Examples:
  pyprof exec 42 threads
  pyprof exec 42 gc off
  pyprof exec 42 perf-trampoline on
  pyprof exec 42 object-types --json | jq '.rows[0]'
  pyprof exec 42 gc freeze --dry-run

Every script that may run is listed in docs/remote-exec.md. Needs Python 3.14 or later.
`

function actionLines(kind: Action['kind']): string {
  return ACTIONS.filter((action) => action.kind === kind)
    .map(({ name, summary, values }) => {
      const text = values === null ? summary : `${summary} (${values.text})`
      return `  ${name.padEnd(NAME_WIDTH)}${text}`
    })
    .join('\n')
}

interface ExecCommandOptions extends RawPolicyOptions {
  readonly timeout: number
  readonly thread?: number
  readonly top: number
  readonly dryRun?: boolean
  readonly json?: boolean
}

export function registerExec(program: Command, context: CommandContext): void {
  const command = program
    .command('exec')
    .summary('change an option of a running Python, or have it dump something')
    .description(
      'Asks a running Python (3.14 or later, PEP 768) to run one of the scripts that ship with ' +
        'pyprof: to change an option of the interpreter, or to tell what only it can tell. This ' +
        'writes into the process; nothing else in pyprof does.',
    )
    .usage('[options] PID ACTION [VALUE]')
    .helpOption('-h, --help', 'show this help')
    .argument('<pid>', 'process to ask', parsePid)
    .argument('<action>', 'what it should do, see below')
    .argument('[value]', 'new value of an option')
    .option('--timeout <time>', 'how long to wait for it (default: 10s)', parseDuration)
    .option('--thread <tid>', 'ask this thread (default: the first that gets there)', parsePid)
    .option('--top <rows>', 'show so many rows of a dump (default: 40; JSON has all)', parseRows)
    .option('--dry-run', 'only tell what would be written where')
    .option('--json', 'print the result as JSON')
  addPolicyOptions(command)
    .allowExcessArguments(false)
    .addHelpText('after', ACTION_HELP)
    .action(
      async (
        pid: number,
        name: string,
        value: string | undefined,
        raw: Partial<ExecCommandOptions>,
      ) => {
        const options = { timeout: DEFAULT_TIMEOUT_NS, top: DEFAULT_TOP, ...raw }
        await exec(pid, requestFor(name, value, options), options, context)
        context.finish(EXIT.done)
      },
    )
}

function parseRows(text: string): number {
  const rows = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (rows < 1) throw new InvalidArgumentError('Expected a number of rows, 1 or more.')
  return rows
}

function requestFor(
  name: string,
  text: string | undefined,
  { timeout, thread }: ExecCommandOptions,
): ExecRequest {
  const action = actionNamed(name)
  if (action === undefined) {
    throw usageError(
      `There is no action '${visible(name)}'.`,
      `There are: ${ACTIONS.map((each) => each.name).join(', ')}.`,
      'See: pyprof exec --help',
    )
  }
  const value = scriptValue(action, text)
  if (value === undefined) {
    const expected =
      action.values === null ? 'It takes no value' : `It takes ${action.values.text}, or status`
    throw usageError(
      `'${visible(text ?? '')}' is no value for ${action.name}.`,
      `${expected}.`,
      'See: pyprof exec --help',
    )
  }
  return { action, value, timeoutMs: timeout / 1e6, ...(thread !== undefined && { tid: thread }) }
}

async function exec(
  pid: number,
  request: ExecRequest,
  options: ExecCommandOptions,
  context: CommandContext,
): Promise<void> {
  const guard = guardOf(options, context)
  const target = openExecTarget(context.loadAddon(), pid, guard.redactor)
  const intent: Intent = {
    actions: [`exec:${request.action.name}`],
    target: runningTarget(PROC, pid),
    details: { value: request.value ?? '' },
  }
  if (options.dryRun) {
    guard.require(intent)
    const plan = planExec(target, request)
    if (options.json) showJson(planJson(context.exporter, target, request, plan), context)
    else show(`${planLines(target, request, plan).join('\n')}\n`, context)
    return
  }
  const permission = guard.authorize(intent)
  const limitMs = permission.timeLimit / 1e6
  const timeoutMs = limitMs === 0 ? request.timeoutMs : Math.min(limitMs, request.timeoutMs)
  const cancel = new AbortController()
  const release = endOnSignal(() => cancel.abort())
  try {
    const outcome = await underPermission(permission, () =>
      remoteExec(
        target,
        { ...request, timeoutMs },
        {
          cancelled: cancel.signal,
          onWait: (reason) => context.writeErr(`Waiting: the thread ${visible(reason)}.\n`),
        },
      ),
    )
    const result =
      request.action.name === 'symbols' && 'rows' in outcome.result
        ? withNativeRanges(outcome.result, target)
        : outcome.result
    const whole = { ...outcome, result }
    if (options.json) {
      showJson(jsonOf(context.exporter, target, request, whole), context)
    } else {
      show(`${resultLines(target, request, whole, options.top).join('\n')}\n`, context)
      context.writeErr(`${talkLines(target, whole).join('\n')}\n`)
    }
  } finally {
    release()
  }
}
