import { Command } from 'commander'
import { registerBench } from './bench.ts'
import type { CommandContext } from './context.ts'
import { registerConvert } from './convert.ts'
import { registerDiff } from './diff.ts'
import { registerDoctor } from './doctor.ts'
import { registerDump } from './dump.ts'
import { registerExec } from './exec.ts'
import { registerPs } from './ps.ts'
import { registerRecord } from './record.ts'
import { show } from './show.ts'
import { registerView } from './view.ts'

/** The whole command line. Wrong usage throws a CommanderError and prints nothing. */
export function buildProgram(context: CommandContext, version: string): Command {
  const program = new Command('pyprof')
    .description('A sampling profiler for CPython 3.13 and later that never stops its target.')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => show(text, context),
      writeErr: (text) => context.writeErr(text),
      outputError: () => {},
    })
  registerRecord(program, context)
  registerBench(program, context)
  registerDump(program, context)
  registerConvert(program, context)
  registerDiff(program, context)
  registerView(program, context)
  registerPs(program, context)
  registerDoctor(program, context)
  registerExec(program, context)
  return program
}
