import { type Command, InvalidArgumentError } from 'commander'
import { EXIT, usageError } from '../errors.ts'
import { visible } from '../formats/text.ts'
import type { CommandContext } from './context.ts'
import { parseText } from './parse.ts'
import { endOnSignal } from './record/signals.ts'
import { errorCode, errorText } from './stdio.ts'
import { hasScreen, openBrowser } from './view/browser.ts'
import { type PageServer, servePage } from './view/server.ts'
import { readSource, type Source } from './view/source.ts'
import { WorkProgress } from './work-progress.ts'

const EXAMPLES = `
Examples:
  pyprof view out.html
  pyprof view run.pyprof
  pyprof view out.speedscope.json --no-open --port 8123

The page is served on 127.0.0.1 only, behind a random token, until Ctrl-C, SIGTERM or SIGHUP.
From another machine: ssh -L 8123:127.0.0.1:8123 HOST, and open the address that pyprof prints there.
`

interface RawViewOptions {
  readonly open: boolean
  readonly port: number
  readonly json?: boolean
}

export function registerView(program: Command, context: CommandContext): void {
  program
    .command('view')
    .summary('show a profile in the browser')
    .description(
      'Serves a profile on this machine with speedscope around it, and opens the browser. Nothing ' +
        'is fetched from the network. FILE is an HTML page of pyprof, a recording, or any profile that ' +
        'pyprof convert reads.',
    )
    .argument('<file>', 'page, recording or profile', parseText)
    .helpOption('-h, --help', 'show this help')
    .option('--no-open', 'only print the address')
    .option('--port <port>', 'port to serve on (default: a free one)', parsePort, 0)
    .option('--json', 'print the address as JSON to stdout')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: RawViewOptions) => {
      context.finish(await view(file, options, context))
    })
}

async function view(
  file: string,
  { open, port, json }: RawViewOptions,
  context: CommandContext,
): Promise<number> {
  const { source, notes } = readSource(file, context.exporter, new WorkProgress(context))
  for (const note of notes) context.writeErr(`${visible(file)}: ${visible(note)}\n`)
  let stop: () => void = () => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const release = endOnSignal(() => stop())
  let server: PageServer | undefined
  let forget: (() => void) | undefined
  try {
    server = await listen(source, port)
    if (json) context.writeOut(`${JSON.stringify({ url: server.url })}\n`)
    context.writeErr(`${visible(file)} is at ${server.url}\nCtrl-C ends it.\n`)
    if (open && hasScreen()) forget = openBrowser(server.url)
    await stopped
  } finally {
    release()
    server?.close()
    forget?.()
  }
  return EXIT.done
}

async function listen(source: Source, port: number): Promise<PageServer> {
  try {
    return await servePage(source, port)
  } catch (error) {
    if (errorCode(error) === '') throw error
    throw usageError(
      `Port ${port} cannot be served on.`,
      `The system says: ${errorText(error)}.`,
      'Name another, or none for any that is free: pyprof view FILE',
    )
  }
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) {
    throw new InvalidArgumentError('Expected a port, a number from 1 to 65535.')
  }
  return port
}
