import { type Command, InvalidArgumentError, Option } from 'commander'
import { dumpLines } from '../dump/print.ts'
import { type DumpRequest, dumpCore, dumpProcesses } from '../dump/take.ts'
import { EXIT, usageError } from '../errors.ts'
import type { Action } from '../policy/actions.ts'
import type { Guard } from '../policy/guard.ts'
import { runningTarget, UNKNOWN_TARGET } from '../policy/target.ts'
import { PatternError, type ThreadPattern, threadPattern } from '../profile/pattern.ts'
import type { ValueLimits } from '../sampling/dump-addon.ts'
import { PROC } from '../sampling/proc.ts'
import type { CommandContext } from './context.ts'
import { parsePid } from './parse.ts'
import { addPolicyOptions, guardOf, type RawPolicyOptions } from './policy.ts'
import { show, showJson } from './show.ts'

const EXAMPLES = `
Examples:
  pyprof dump 42
  pyprof dump 42 --locals --thread MainThread --frame 0
  pyprof dump 42 --async
  pyprof dump -s 42 --json | jq '.processes[].threads[] | select(.activity == "waits-for-gil")'
  pyprof dump --core core.42

Values are read from memory; no code runs in the process, and it is not stopped unless --read stop.
`

/** What fits on a few screens. */
const DEFAULT_LIMITS: ValueLimits = { depth: 3, items: 20, text: 200, bytes: 1 << 20 }
/** Bounds of native/values/value.h. */
const MOST: ValueLimits = { depth: 16, items: 10_000, text: 1 << 20, bytes: 64 << 20 }
const MOST_FRAMES = 1 << 22
/** Some lines of a terminal: what is longer hides the other variables. */
const MOST_CHARACTERS = 500

interface DumpOptions extends RawPolicyOptions {
  readonly pid?: number
  readonly core?: string
  readonly executable?: string
  readonly read: 'live' | 'exact' | 'stop'
  readonly subprocesses?: boolean
  readonly async?: boolean
  readonly locals?: boolean
  readonly depth?: number
  readonly items?: number
  readonly text?: number
  readonly maxBytes?: number
  readonly thread?: readonly ThreadPattern[]
  readonly frame?: number
  readonly wide?: boolean
  readonly json?: boolean
}

export function registerDump(program: Command, context: CommandContext): void {
  const command = program
    .command('dump')
    .summary('show what every thread of a process does now')
    .description(
      'Shows one snapshot of a process, or of a core file: all threads with their state, their ' +
        'stacks with source lines, asyncio tasks as a tree, and the variables of each frame.',
    )
    .usage('[options] PID\n       pyprof dump [options] --core FILE')
    .helpOption('-h, --help', 'show this help')
    .argument('[pid]', 'process to look at', parsePid)
    .option('-p, --pid <pid>', 'the same, as in pyprof record', parsePid)
    .option('--core <file>', 'read a core file instead of a process')
    .option('--executable <file>', 'with --core: the program, when it is not where it was')
    .addOption(
      new Option('--read <how>', 'how the process is read')
        .choices(['exact', 'live', 'stop'])
        .default('exact'),
    )
    .option('-s, --subprocesses', 'show the Python processes below it too')
    .option('--async', 'show asyncio tasks as a tree of what awaits what')
    .option('-l, --locals', 'show arguments and local variables')
    .option('--depth <n>', limitHelp('depth', 'containers in containers'), limit('depth'))
    .option('--items <n>', limitHelp('items', 'items of a container'), limit('items'))
    .option('--text <n>', limitHelp('text', 'characters of a value'), limit('text'))
    .option('--max-bytes <n>', limitHelp('bytes', 'size of all values together'), limit('bytes'))
    .option(
      '--thread <name>',
      'only this thread: its name with * and ? as wildcards, /REGEX/, or its id; may be repeated',
      addThread,
    )
    .option(
      '--frame <n>',
      'only this frame, counted from the innermost one, 0, with the lines around it',
      (text) => wholeNumber(text, 0, MOST_FRAMES),
    )
    .option('-w, --wide', `show values and lines of more than ${MOST_CHARACTERS} characters whole`)
  addPolicyOptions(command)
    .option('--json', 'print the dump as JSON')
    .allowExcessArguments(false)
    .addHelpText('after', EXAMPLES)
    .action((operand: number | undefined, options: DumpOptions) => {
      const pid = checked(operand, options)
      const request = requestOf(options, pid, guardOf(options, context), context)
      const addon = context.loadAddon()
      const dump =
        pid === undefined
          ? dumpCore(addon, options.core ?? '', options.executable ?? '', request)
          : dumpProcesses(addon, PROC, pid, options.subprocesses ?? false, request)
      if (options.json) showJson(dump, context)
      else show(`${dumpLines(dump, mostCharacters(options)).join('\n')}\n`, context)
      context.finish(EXIT.done)
    })
}

/** How long a value may be as text; who asks for a longer text wants to see it. */
function mostCharacters({ wide, text = 0 }: DumpOptions): number {
  return wide ? Number.POSITIVE_INFINITY : Math.max(MOST_CHARACTERS, 2 * text)
}

/** The process that is meant; undefined: the core file. */
function checked(operand: number | undefined, options: DumpOptions): number | undefined {
  const { core, executable, read, subprocesses } = options
  const pid = operand ?? options.pid
  if (operand !== undefined && options.pid !== undefined && operand !== options.pid) {
    throw usageError(
      `Two processes are given, ${operand} and ${options.pid}.`,
      'pyprof dump looks at one, and with --subprocesses at those below it.',
      `Choose one: pyprof dump ${operand}`,
    )
  }
  if (core !== undefined && pid !== undefined) {
    throw usageError(
      'Both a process and a core file are given.',
      'A dump is of one of them.',
      `Choose one: pyprof dump ${pid}`,
    )
  }
  if (core === undefined && pid === undefined) {
    throw usageError(
      'There is nothing to dump.',
      'A process id or --core FILE is needed.',
      'Find the process: pyprof ps',
    )
  }
  if (core !== undefined && (subprocesses || read !== 'exact')) {
    throw usageError(
      `--${subprocesses ? 'subprocesses' : 'read'} does not go with --core.`,
      'A core file holds one process, which stands still.',
      `Run: pyprof dump --core ${core}`,
    )
  }
  if (core === undefined && executable !== undefined) {
    throw usageError(
      '--executable is only for --core.',
      'The program of a live process is known.',
      `Run: pyprof dump ${pid}`,
    )
  }
  const extra = (['depth', 'items', 'text', 'maxBytes'] as const).find(
    (name) => options[name] !== undefined,
  )
  if (extra !== undefined && !options.locals) {
    const option = extra === 'maxBytes' ? '--max-bytes' : `--${extra}`
    throw usageError(
      `${option} is given without --locals.`,
      'It limits the values of variables, which are not shown.',
      `Add it: pyprof dump --locals ${option} ${options[extra]} ${core ? `--core ${core}` : pid}`,
    )
  }
  return pid
}

function requestOf(
  options: DumpOptions,
  pid: number | undefined,
  guard: Guard,
  context: CommandContext,
): DumpRequest {
  const { depth, items, text, maxBytes, locals, thread = [], frame, core, read } = options
  const limits: ValueLimits = {
    depth: depth ?? DEFAULT_LIMITS.depth,
    items: items ?? DEFAULT_LIMITS.items,
    text: text ?? DEFAULT_LIMITS.text,
    bytes: maxBytes ?? DEFAULT_LIMITS.bytes,
  }
  const actions: Action[] = ['dump']
  if (locals) actions.push('dump-locals')
  if (read === 'stop') actions.push('stop')
  return {
    exporter: context.exporter,
    read: options.read,
    tasks: options.async ?? false,
    limits: locals ? limits : undefined,
    threads: thread,
    frame,
    redactor: guard.redactor,
    permit: (each) => {
      const target = pid === undefined ? UNKNOWN_TARGET : runningTarget(PROC, each)
      const details = core === undefined ? {} : { core }
      return guard.authorize({ actions, target, details })
    },
  }
}

function limitHelp(name: keyof ValueLimits, what: string): string {
  return `with --locals: ${what} (default: ${DEFAULT_LIMITS[name]})`
}

function limit(name: keyof ValueLimits): (text: string) => number {
  return (text) => wholeNumber(text, name === 'bytes' ? 1 : 0, MOST[name])
}

function wholeNumber(text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : -1
  if (number < least || number > most) {
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
  }
  return number
}

function addThread(text: string, before: readonly ThreadPattern[] = []): ThreadPattern[] {
  try {
    return [...before, threadPattern(text)]
  } catch (error) {
    if (error instanceof PatternError) throw new InvalidArgumentError(error.message)
    throw error
  }
}
