import type { Command } from 'commander'
import { EXIT } from '../errors.ts'
import { formatCount } from '../formats/text.ts'
import type { Guard } from '../policy/guard.ts'
import { runningTarget } from '../policy/target.ts'
import { PROC } from '../sampling/proc.ts'
import { type PythonProcess, pythonProcesses } from '../sampling/python-processes.ts'
import type { CommandContext } from './context.ts'
import { addPolicyOptions, guardOf, type RawPolicyOptions } from './policy.ts'
import { processTable } from './ps/table.ts'
import { show, showJson } from './show.ts'

const EXAMPLES = `
Examples:
  pyprof ps
  sudo env "PATH=$PATH" pyprof ps
  pyprof ps --json | jq '.processes[] | select(.readable) | .pid'

Processes of other users can often not be looked at: those with Python in their name are listed with
the reason, the others are counted, and listed with --all.
`

interface PsOptions extends RawPolicyOptions {
  readonly all?: boolean
  readonly wide?: boolean
  readonly json?: boolean
}

export function registerPs(program: Command, context: CommandContext): void {
  const command = program
    .command('ps')
    .summary('list the Python processes')
    .description(
      'Lists the Python processes here: their version, threads and container, and whether pyprof ' +
        'can read them, or why not. Nothing is stopped or changed.',
    )
    .helpOption('-h, --help', 'show this help')
    .option(
      '-a, --all',
      'also list processes that cannot be looked at, so may or may not be Python',
    )
    .option('-w, --wide', 'show whole command lines and container ids')
  addPolicyOptions(command)
    .option('--json', 'print the list as JSON')
    .allowExcessArguments(false)
    .addHelpText('after', EXAMPLES)
    .action((options: PsOptions) => {
      const { all = false, wide = false } = options
      const guard = guardOf(options, context)
      const found = pythonProcesses(context.loadAddon(), PROC, all, guard.redactor)
      const result = { ...found, processes: found.processes.map((each) => judged(each, guard)) }
      if (options.json) {
        showJson(result, context)
      } else {
        const { processes, unknown, othersHidden } = result
        if (processes.length > 0) show(`${processTable(processes, wide).join('\n')}\n`, context)
        else context.writeErr('There are no Python processes in sight.\n')
        if (unknown > 0 && !all) {
          const count = `${formatCount(unknown)} more could not be looked at`
          context.writeErr(`${count}, Python or not; --all lists them.\n`)
        }
        if (othersHidden) {
          context.writeErr("/proc hides other users' processes (hidepid): they are not counted.\n")
        }
      }
      context.finish(EXIT.done)
    })
}

/** A process that may be read, but that a policy forbids to record, cannot be recorded. */
function judged(process: PythonProcess, guard: Guard): PythonProcess {
  if (!process.readable) return process
  const refusal = guard.refusal({ actions: ['record'], target: runningTarget(PROC, process.pid) })
  if (!refusal) return process
  return { ...process, readable: false, code: 'forbidden', reason: 'a policy forbids it' }
}
