import { readdirSync, rmSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import { loadAddon } from '../../src/sampling/addon.ts'
import { type Outcome, Program, pyprof, type RunOptions } from './cli.ts'
import { type Minor, python } from './pythons.ts'
import { programArgs } from './target.ts'

/** The minors that take scripts. */
export const EXEC_MINORS = ['3.14', '3.15'] as const satisfies readonly Minor[]

const PATIENCE_MS = 40_000
const POLL_MS = 2

/** What exec.py tells of itself. */
export interface Facts {
  readonly modules: readonly string[]
  readonly garbage: number
  readonly files: readonly string[]
  readonly names: readonly string[]
  readonly gc: boolean
  readonly frozen: number
  readonly gcDebug: number
  readonly interval: number
  readonly limit: number
  readonly trampoline: boolean
}

/** A Python of test/targets/exec.py whose output is looked at, too. */
export class ExecProgram extends Program {
  #read = 0
  #isOver = false

  constructor(argv: readonly string[], options: RunOptions = {}) {
    super(argv, options)
    const over = () => {
      this.#isOver = true
    }
    this.ended.then(over, over)
  }

  /** Waits for its next line, which must begin with `word`; the facts behind it. */
  async says<T = Record<string, never>>(word: string): Promise<T> {
    await until(
      `it says '${word}'`,
      () => {
        if (this.#isOver) throw new Error(`It ended before '${word}'. ${this.err}`)
        return this.out.includes('\n', this.#read)
      },
      () => this.err,
    )
    const end = this.out.indexOf('\n', this.#read)
    const line = this.out.slice(this.#read, end)
    this.#read = end + 1
    const space = line.indexOf(' ')
    const first = space < 0 ? line : line.slice(0, space)
    if (first !== word) throw new Error(`It said '${line}' instead of '${word}'. ${this.err}`)
    return (space < 0 ? {} : JSON.parse(line.slice(space))) as T
  }

  async facts(): Promise<Facts> {
    this.type('tell\n')
    return this.says<Facts>('facts')
  }
}

/** Starts exec.py on a minor and waits until it is ready; the end of the test kills it. */
export async function startExec(
  minor: Minor,
  args: readonly string[],
  options: RunOptions & { readonly interpreter?: readonly string[] } = {},
): Promise<ExecProgram> {
  const { prefix = [], interpreter = [] } = options
  const command = [...prefix, python(minor), ...interpreter, ...programArgs('exec.py', args)]
  const program = new ExecProgram(command, options)
  // Python leaves it when its trampolines were on.
  onTestFinished(() => rmSync(`/tmp/perf-${program.pid}.map`, { force: true }))
  await program.says('ready')
  return program
}

/** What `pyprof exec --json` prints, as far as the tests look at it. */
export interface ExecJson {
  readonly pid: number
  readonly action: string
  readonly thread: { readonly tid: number; readonly isMain: boolean }
  readonly waitedNs: number
  readonly scriptNs: number
  readonly left: string | null
  readonly old: string
  readonly new: string
  readonly undo: string | null
  readonly note: string
  readonly rows: readonly Readonly<Record<string, string | number | boolean | null | string[]>>[]
  readonly facts: Readonly<Record<string, string | number | boolean | null>>
}

/** Runs `pyprof exec --json`, which must end with 0. */
export async function exec(
  pid: number,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ExecJson> {
  const outcome = await refused(pid, [...args, '--json'], options)
  if (outcome.status !== 0) throw new Error(`It ended with ${outcome.status}: ${outcome.err}`)
  return JSON.parse(outcome.out) as ExecJson
}

/** Runs `pyprof exec` to its end, whatever that is. */
export function refused(
  pid: number,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  return pyprof(['exec', `${pid}`, ...args], options)
}

/** Whether a request waits in any thread. */
export function isPending(pid: number): boolean {
  return loadAddon()
    .openExec(pid)
    .threads()
    .some(({ pending }) => pending)
}

/** Names that pyprof has left in a folder; '.' for the folder of the script. */
export function leftIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.startsWith('pyprof-'),
  )
}

/** Polls until something holds. @throws Error when it does not come to hold */
export async function until(
  what: string,
  holds: () => boolean,
  more: () => string = () => '',
): Promise<void> {
  const end = Date.now() + PATIENCE_MS
  while (!holds()) {
    if (Date.now() > end) throw new Error(`Waited in vain until ${what}. ${more()}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
