import type { CommandContext } from '../../src/commands/context.ts'
import { buildProgram } from '../../src/commands/program.ts'
import type { PyprofError } from '../../src/errors.ts'
import type { Addon } from '../../src/sampling/addon.ts'
import { FakeAddon } from './fake-addon.ts'

export interface CommandOutcome {
  readonly exitCode: number | undefined
  readonly out: Buffer
  /** What was said, with the first line of every error. */
  readonly err: string
  readonly reports: readonly PyprofError[]
}

/** Runs a command line against a fake addon, from its arguments to its exit code. */
export async function runCommand(
  argv: readonly string[],
  addon: Addon | (() => Addon) = new FakeAddon([]),
): Promise<CommandOutcome> {
  const out: Uint8Array[] = []
  const err: string[] = []
  const reports: PyprofError[] = []
  let exitCode: number | undefined
  const context: CommandContext = {
    argv,
    exporter: 'pyprof@0.0.0-test',
    drawsProgress: false,
    loadAddon: typeof addon === 'function' ? addon : () => addon,
    writeOut: (data) => out.push(Buffer.from(data as Uint8Array)),
    writeErr: (text) => err.push(text),
    report: (error) => reports.push(error),
    finish: (code) => {
      exitCode = code
    },
  }
  await buildProgram(context, '0.0.0-test').parseAsync(argv, { from: 'user' })
  return { exitCode, out: Buffer.concat(out), err: err.join(''), reports }
}
