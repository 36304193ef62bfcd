import type { Command } from 'commander'
import { EXIT } from '../errors.ts'
import { formatCount } from '../formats/text.ts'
import { PROC } from '../sampling/proc.ts'
import { pythonProcesses } from '../sampling/python-processes.ts'
import type { CommandContext } from './context.ts'
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

interface PsOptions {
  readonly all?: boolean
  readonly wide?: boolean
  readonly json?: boolean
}

export function registerPs(program: Command, context: CommandContext): void {
  program
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
    .option('--json', 'print the list as JSON')
    .allowExcessArguments(false)
    .addHelpText('after', EXAMPLES)
    .action((options: PsOptions) => {
      const { all = false, wide = false } = options
      const result = pythonProcesses(context.loadAddon(), PROC, all)
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
