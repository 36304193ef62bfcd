import type { Command } from 'commander'
import { EXIT, PyprofError, usageError } from '../errors.ts'
import type { Guard } from '../policy/guard.ts'
import type { Addon } from '../sampling/addon.ts'
import { type Check, canRecord, check, reachChecks, systemChecks } from '../sampling/diagnosis.ts'
import { type Machine, readMachine } from '../sampling/machine.ts'
import { PROC } from '../sampling/proc.ts'
import { diagnoseTarget, type TargetFacts } from '../sampling/target-checks.ts'
import { tryReading } from '../sampling/trials.ts'
import type { CommandContext } from './context.ts'
import { reportLines } from './doctor/report.ts'
import { parsePid } from './parse.ts'
import { addPolicyOptions, guardOf, policyChecks, type RawPolicyOptions } from './policy.ts'
import { show, showJson } from './show.ts'

const EXAMPLES = `
Examples:
  pyprof doctor
  pyprof doctor 42
  pyprof doctor --json | jq '.checks[] | select(.verdict == "no")'

It ends with 0 when everything that pyprof record needs works, else with 3.
`

/** What works and what does not: printed, and the same object as JSON. */
export interface Diagnosis {
  readonly exporter: string
  /** null: the machine as a whole. */
  readonly pid: number | null
  readonly canRecord: boolean
  readonly machine: Machine
  /** null: no process was asked for, or there is no such process. */
  readonly target: TargetFacts | null
  readonly checks: readonly Check[]
}

interface DoctorOptions extends RawPolicyOptions {
  readonly pid?: number
  readonly json?: boolean
}

export function registerDoctor(program: Command, context: CommandContext): void {
  const command = program
    .command('doctor')
    .summary('tell what works here, or on a process, and what to do about the rest')
    .description(
      'Tells what pyprof can do on this machine, or on one process, and for what it cannot the ' +
        'exact line that helps: for a shell, systemd, docker, compose and Kubernetes. Changes nothing.',
    )
    .usage('[options] [PID]')
    .helpOption('-h, --help', 'show this help')
    .argument('[pid]', 'process to look at (default: the machine as a whole)', parsePid)
    .option('-p, --pid <pid>', 'the same, as in pyprof record', parsePid)
  addPolicyOptions(command)
    .option('--json', 'print the diagnosis as JSON')
    .allowExcessArguments(false)
    .addHelpText('after', EXAMPLES)
    .action(async (operand: number | undefined, options: DoctorOptions) => {
      const pid = choosePid(operand, options.pid)
      const diagnosis = await diagnose(pid, guardOf(options, context), context)
      if (options.json) showJson(diagnosis, context)
      else show(`${reportLines(diagnosis).join('\n')}\n`, context)
      context.finish(diagnosis.canRecord ? EXIT.done : EXIT.target)
    })
}

function choosePid(operand: number | undefined, option: number | undefined): number | undefined {
  if (operand === undefined || option === undefined || operand === option) return operand ?? option
  throw usageError(
    `Two processes are given, ${operand} and ${option}.`,
    'pyprof doctor looks at one at a time.',
    `Choose one: pyprof doctor ${operand}`,
  )
}

async function diagnose(
  pid: number | undefined,
  guard: Guard,
  context: CommandContext,
): Promise<Diagnosis> {
  const machine = readMachine(PROC)
  const addon = loadOrExplain(context)
  const base = { exporter: context.exporter, pid: pid ?? null, machine }
  if (!('probe' in addon)) {
    return { ...base, canRecord: canRecord([addon]), target: null, checks: [addon] }
  }
  const { own, launched } = await tryReading(addon)
  const native = check('native-part', 'yes', 'the native part is loaded', { needed: true })
  const system = [native, ...systemChecks(machine, own), ...policyChecks(guard, pid)]
  if (pid === undefined) {
    const checks = [...system, ...reachChecks(machine, launched, addon.reachableProcessors())]
    return { ...base, canRecord: canRecord(checks), target: null, checks }
  }
  const { target, checks: onTarget } = diagnoseTarget(pid, machine, addon, PROC, guard.redactor)
  const checks = [...system, ...onTarget]
  return { ...base, canRecord: canRecord(checks), target, checks }
}

/** The addon, or the check that says why it is missing. */
function loadOrExplain(context: CommandContext): Addon | Check {
  try {
    return context.loadAddon()
  } catch (error) {
    if (!(error instanceof PyprofError)) throw error
    return check('native-part', 'no', `${error.what} ${error.why}`, {
      needed: true,
      remedies: [{ place: 'shell', line: 'npm ci && npm run build' }],
    })
  }
}
