import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** The program as a user starts it: `node PYPROF record …`. */
export const PYPROF = join(import.meta.dirname, '..', '..', 'bin', 'pyprof.js')

const PATIENCE_MS = 40_000
const POLL_MS = 10
/** So many sleeps of the sampling thread mean that it has read the target. */
const SLEEPS_OF_A_SAMPLER = 20

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** A command that runs pyprof: `setpriv …`, `unshare …`. */
  readonly prefix?: readonly string[]
  /** Default PYPROF. */
  readonly program?: string
  /** Given to stdin, which then ends; without it stdin stays open for `type` and `endInput`. */
  readonly input?: string
}

export interface Outcome {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

/** A program with its streams in pipes, in a session of its own, so without a terminal. */
export class Program {
  readonly pid: number
  readonly ended: Promise<Outcome>
  out = ''
  err = ''
  readonly #child: ChildProcess
  #isOver = false

  constructor(argv: readonly string[], options: RunOptions = {}) {
    const child = spawn(argv[0]!, argv.slice(1), {
      cwd: options.cwd,
      detached: true,
      env: environment(options.env),
    })
    this.#child = child
    this.pid = child.pid ?? 0
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.err += text
    })
    child.stdin.on('error', () => {}) // a program may end without reading what it was sent
    if (options.input !== undefined) child.stdin.end(options.input)
    this.ended = once(child, 'close').then(([status, signal]) => {
      this.#isOver = true
      return { status, signal, out: this.out, err: this.err }
    })
    // The wait for the end is where a program that cannot be run is reported.
    this.ended.catch(() => {})
    onTestFinished(() => this.kill())
  }

  type(text: string): void {
    this.#child.stdin?.write(text)
  }

  endInput(): void {
    this.#child.stdin?.end()
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal)
  }

  /** Stops reading its stdout: from then on its writes fail. */
  closeOutput(): void {
    this.#child.stdout?.destroy()
  }

  /** Waits until the text has come on stdout. @throws Error when it does not come */
  async prints(text: string): Promise<void> {
    await this.#until(`it prints '${text}'`, () => this.out.includes(text))
  }

  /** Waits until the text has come on stderr. @throws Error when it does not come */
  async tells(text: string): Promise<void> {
    await this.#until(`it tells '${text}'`, () => this.err.includes(text))
  }

  /**
   * Waits until pyprof handles signals and its sampler has slept so often, from now on, that it has
   * read a target that is there to be read.
   *
   * @param pid of pyprof, where this program is not pyprof itself
   */
  async samples(pid = this.pid): Promise<void> {
    const before = samplerSleeps(pid)
    await this.#until('it samples', () => {
      const sleeps = samplerSleeps(pid) - before
      return sleeps >= SLEEPS_OF_A_SAMPLER && handlesHangup(pid)
    })
  }

  /** Ends it and what it has started, for sure. */
  async kill(): Promise<void> {
    if (this.pid === 0) return
    try {
      process.kill(-this.pid, 'SIGKILL')
    } catch {
      // All of its group have ended.
    }
    if (!this.#isOver) await this.ended
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    const giveUp = Date.now() + PATIENCE_MS
    while (!holds()) {
      if (this.#isOver || Date.now() > giveUp) {
        throw new Error(`Waited in vain until ${what}. It said: ${this.out}\n${this.err}`)
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}

/** Starts `pyprof` with arguments; the end of the test kills it and what it has started. */
export function startPyprof(args: readonly string[], options: RunOptions = {}): Program {
  const { prefix = [], program = PYPROF } = options
  return new Program([...prefix, process.execPath, program, ...args], options)
}

/** Runs `pyprof` to its end, with nothing on stdin. */
export function pyprof(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return startPyprof(args, { input: '', ...options }).ended
}

/** Runs `pyprof record`, which must end with 0. */
export async function record(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const outcome = await pyprof(['record', ...args], options)
  if (outcome.status !== 0) {
    throw new Error(`pyprof ended with ${outcome.status ?? outcome.signal}: ${outcome.err}`)
  }
  return outcome
}

/** The summary of --json, as far as the tests look at it. */
export interface SummaryJson {
  readonly exporter: string
  readonly pid: number
  readonly command: string
  readonly pythonVersion: string
  readonly launched: boolean
  readonly mode: string
  readonly read: string
  readonly readChange: string
  readonly startedAt: string
  readonly durationNs: number
  readonly endReason: string
  readonly signal: string | null
  readonly rate: { readonly requested: number; readonly actual: number }
  readonly ticks: number
  readonly samples: number
  readonly quality: Readonly<
    Record<string, { samples: number; weight: number; reasons: Readonly<Record<string, number>> }>
  >
  readonly uncertain: number
  readonly isUncertain: boolean
  readonly timeNs: { total: number; python: number; empty: number; missed: number }
  readonly gaps: { count: number; missedTicks: number; timeNs: number }
  readonly droppedSamples: number
  readonly lateTicks: number
  readonly execs: number
  readonly profilerCpuNs: number
  readonly tasks?: {
    scope: string
    loopSeen: boolean
    waiting: { samples: number; timeNs: number }
  }
  readonly states: readonly string[]
  readonly activity: { shares: Readonly<Record<string, number>>; cpuNs?: number }
  readonly removed: { samples: number; timeNs: number }
  readonly threads: readonly {
    nativeId: number
    isMain: boolean
    samples: number
    activity: { shares: Readonly<Record<string, number>>; cpuNs?: number }
  }[]
  readonly hottest: readonly { function: string; file: string; self: number; total: number }[]
  readonly outputs: readonly { path: string; format: string; bytes: number }[]
}

/** The only thing on stdout is the summary. */
export function summaryOf({ out }: Pick<Outcome, 'out'>): SummaryJson {
  return JSON.parse(out) as SummaryJson
}

/** A line of collapsed stacks. */
export interface CollapsedLine {
  /** Root first. */
  readonly frames: readonly string[]
  /** µs. */
  readonly weight: number
}

/** Reads collapsed stacks as strictly as any reader does. @throws Error when a line is none */
export function collapsedLines(text: string): CollapsedLine[] {
  if (!text.endsWith('\n')) throw new Error(`Collapsed stacks must end a line: '${text}'`)
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => {
      const match = /^(\S(?:.*\S)?) (\d+)$/.exec(line)
      const frames = match?.[1]?.split(';') ?? ['']
      if (frames.some((frame) => frame === '' || /\s\d+$/.test(frame))) {
        throw new Error(`No line of collapsed stacks: '${line}'`)
      }
      return { frames, weight: Number(match![2]) }
    })
}

/** `busy (/srv/app.py:3)` is `busy`. */
export function functionName(frame: string): string {
  return frame.replace(/ \(.*\)$/, '')
}

/** The names of all functions in the lines. */
export function functionNames(lines: readonly CollapsedLine[]): Set<string> {
  return new Set(lines.flatMap(({ frames }) => frames.map(functionName)))
}

/** µs in which one of the functions was innermost. */
export function selfTime(lines: readonly CollapsedLine[], ...names: readonly string[]): number {
  const own = lines.filter(({ frames }) => names.includes(functionName(frames.at(-1)!)))
  return own.reduce((sum, { weight }) => sum + weight, 0)
}

function environment(added: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PYTHON'))
  return { ...Object.fromEntries(own), PYTHONUTF8: '1', ...added }
}

/** Node itself handles SIGINT and SIGTERM, but SIGHUP only once the program does. */
function handlesHangup(pid: number): boolean {
  const mask = field(`/proc/${pid}/status`, 'SigCgt')
  return ((BigInt(`0x${mask}`) >> BigInt(constants.signals.SIGHUP - 1)) & 1n) === 1n
}

function samplerSleeps(pid: number): number {
  const sampler = tasks(pid).find((task) => read(`${task}/comm`) === 'pyprof-sampler\n')
  return sampler === undefined ? 0 : Number(field(`${sampler}/status`, 'voluntary_ctxt_switches'))
}

function tasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}`)
  } catch {
    return []
  }
}

function field(file: string, name: string): string {
  return new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(read(file))?.[1] ?? '0'
}

/** '' when the process has ended. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
