import { isUtf8 } from 'node:buffer'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isatty } from 'node:tty'
import { type Command, CommanderError } from 'commander'
import type { CommandContext } from './commands/context.ts'
import { buildProgram } from './commands/program.ts'
import { STDERR, STDIN, STDOUT, terminalColumns, writeAll } from './commands/stdio.ts'
import { EXIT, PyprofError, usageError } from './errors.ts'
import { visible } from './formats/text.ts'
import { PACKAGE_ROOT } from './package-root.ts'
import { redactorFor } from './redaction/redactor.ts'
import { loadAddon } from './sampling/addon.ts'

/** EX_SOFTWARE of sysexits.h: a defect of pyprof itself, apart from every exit code with a meaning. */
const EXIT_BUG = 70

/** Runs pyprof with its arguments and returns its exit code. */
async function main(argv: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.done
  const version = ownVersion()
  const context: CommandContext = {
    argv,
    exporter: `pyprof@${version}`,
    drawsProgress: isatty(STDERR) && process.env.TERM !== 'dumb',
    loadAddon,
    columns: () => (isatty(STDOUT) ? terminalColumns(STDOUT) : undefined),
    writeOut: (data) => writeAll(STDOUT, data),
    writeErr: talk,
    report: printError,
    finish: (code) => {
      exitCode = code
    },
  }
  const program = buildProgram(context, version)
  try {
    mustBeText(argv)
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.done
      // The help that answers a missing command has been shown already.
      if (error.code !== 'commander.help') {
        const command = program.commands.find((each) => each.name() === argv[0])
        const message = valueGiven(error, argv, command) ?? error.message
        talk(`pyprof: ${usageLine(message, command?.name())}\n`)
      }
      return EXIT.usage
    }
    if (error instanceof PyprofError) {
      printError(error)
      return error.exitCode
    }
    return printBug(error)
  }
}

function ownVersion(): string {
  const text = readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/**
 * Node makes texts of the bytes of arguments, and another one of those that are no UTF-8: the file or command of
 * that name would be another one.
 * @throws PyprofError code `usage`
 */
function mustBeText(argv: readonly string[]): void {
  const odd = argv.find((each) => each.includes('\ufffd'))
  if (odd === undefined || isUtf8(readFileSync('/proc/self/cmdline'))) return
  throw usageError(
    `The argument '${odd}' is no UTF-8.`,
    'Node.js, which runs pyprof, hands on only UTF-8, so this would name another file or command.',
    'Give it a name of UTF-8, for example a link: ln -s OLD NEW',
  )
}

/** Who has closed stderr, or hung up, does not want to hear more. */
function talk(text: string): void {
  try {
    writeAll(STDERR, text)
  } catch {}
}

/**
 * What is wrong when an option got a value that takes none; undefined when it is something else. Commander
 * takes the `-s` of `-s=yes` and calls the rest an unknown option `-=yes`; of `--json=yes` the whole.
 */
function valueGiven(
  { code, message }: CommanderError,
  argv: readonly string[],
  command: Command | undefined,
): string | undefined {
  const unknown = /'-(-.+)?=.*'/s.exec(message)?.[0].slice(1, -1)
  if (code !== 'commander.unknownOption' || unknown === undefined) return undefined
  const isLong = unknown.startsWith('--')
  const typed = argv.find((each) =>
    isLong ? each === unknown : /^-\w+=/.test(each) && each.endsWith(unknown.slice(1)),
  )
  const flags = typed?.slice(0, typed.indexOf('='))
  const flag = isLong ? flags : `-${flags?.at(-1)}`
  const option = command?.options.find(({ long, short }) => long === flag || short === flag)
  return option && `option '${option.flags}' takes no value, but there is one in '${typed}'`
}

/** Commander's message as one line, with the help that says more. */
function usageLine(message: string, command: string | undefined): string {
  const line = message
    .replace(/^error: /, '')
    .replace(/\n\(Did (.*)\)$/, ' (did $1)')
    .replaceAll('\n', ' ')
    .replace(/\.?$/, '.')
  return `${visible(redactorFor().text(line))} See: pyprof ${command ? `${command} ` : ''}--help`
}

/** One line of what happened, one of why, one of what to do. */
function printError({ what, why, hint }: PyprofError): void {
  talk([`pyprof: ${what}`, why, hint].map(visible).join('\n        ').concat('\n'))
}

function printBug(error: unknown): number {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  talk(
    `${stack}\npyprof: This is a defect of pyprof, not of your program.\n` +
      '        Please report it, with the lines above, the command, and what these say:\n' +
      '        pyprof --version; node --version; uname -srm\n',
  )
  return EXIT_BUG
}

/**
 * Exits without touching the terminal. Node would set it back to the modes it had at the start, which
 * disturbs the shell when pyprof runs in the background, undoes what a launched command has set on
 * purpose, and in Node 20 ends in a crash when the terminal has hung up. It leaves streams alone that
 * are not those of the start.
 */
function exit(exitCode: number): never {
  for (const fd of [STDIN, STDOUT, STDERR]) {
    try {
      closeSync(fd)
      openSync('/dev/null', 'r+')
    } catch {}
  }
  process.exit(exitCode)
}

process.on('uncaughtException', (error) => exit(printBug(error)))
// Without a handler Node opens a debugger, and once the last one is gone the signal ends it.
process.on('SIGUSR1', () => {})
// Everything has been written synchronously; a launched command that is left behind must not hold.
exit(await main(process.argv.slice(2)))
