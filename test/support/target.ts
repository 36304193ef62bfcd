import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { type Minor, python } from './pythons.ts'

/** Where the target programs are. */
export const TARGETS = join(import.meta.dirname, '..', 'targets')

/** Nothing that a target does before it is in position takes near this long. */
const READY_TIMEOUT_MS = 30_000

export interface TargetOptions {
  readonly args?: readonly string[]
  /** Added to the environment, which holds no PYTHON… of its own. */
  readonly env?: Readonly<Record<string, string>>
  /** The process to look at when it is not the spawned one; for a command that forks. */
  readonly pidOf?: (spawned: number) => number
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running program of the tests. It talks in lines: a word, then facts as JSON. */
export class Target {
  readonly spawned: number
  readonly exited: Promise<Exit>
  #pid: number
  readonly #child: ChildProcess
  readonly #lines: string[] = []
  #wake: () => void = () => {}
  #stderr = ''
  #closed = false

  constructor(command: string, options: TargetOptions = {}) {
    const child = spawn(command, options.args ?? [], { env: environment(options.env) })
    // Without a handler a command that cannot be run would end the test run instead of the test.
    child.on('error', (error) => {
      this.#stderr += error.message
    })
    this.#child = child
    this.spawned = child.pid ?? 0
    this.#pid = this.spawned
    // Not 'close': what the program forked may keep its stdout open. A command that cannot be run
    // has only 'close'.
    this.exited = Promise.race([once(child, 'exit'), once(child, 'close')]).then(
      ([code, signal]) => ({ code, signal }),
    )
    child.on('close', () => {
      this.#closed = true
      this.#wake()
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    child.stdin.on('error', () => {}) // a target may end without reading what it was sent
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#lines.push(line)
      this.#wake()
    })
  }

  get pid(): number {
    return this.#pid
  }

  /**
   * Waits for the next line, which must begin with `word`.
   *
   * @returns the facts that follow the word
   * @throws Error with the program's stderr when it says something else, ends or says nothing
   */
  async says<Facts = Record<string, never>>(word: string): Promise<Facts> {
    const line = await this.#line(word)
    const space = line.indexOf(' ')
    if (line.slice(0, space < 0 ? line.length : space) !== word) {
      throw new Error(`The target said '${line}' instead of '${word}'. ${this.#stderr}`)
    }
    return (space < 0 ? {} : JSON.parse(line.slice(space))) as Facts
  }

  /** Sends a line to the program's stdin. */
  send(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal)
  }

  /** Ends the program for sure and waits for that. */
  async kill(): Promise<void> {
    if (!this.#closed && this.spawned !== 0) {
      for (const pid of new Set([this.#pid, this.spawned])) killQuietly(pid)
      this.#child.stdout?.resume()
      await this.exited
    }
  }

  /** Called once the program is in position, since before that its fork may not be there. */
  findPid(pidOf: (spawned: number) => number): void {
    this.#pid = pidOf(this.spawned)
  }

  async #line(word: string): Promise<string> {
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#wake()
    }, READY_TIMEOUT_MS)
    try {
      while (this.#lines.length === 0) {
        if (this.#closed) throw new Error(`The target ended before '${word}'. ${this.#stderr}`)
        if (late) throw new Error(`The target never said '${word}'. ${this.#stderr}`)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
      return this.#lines.shift()!
    } finally {
      clearTimeout(timer)
    }
  }
}

/** A target and what it said when it was in position. */
export interface Ready<Facts> {
  readonly target: Target
  readonly facts: Facts
}

/** Starts a program and waits until it says `ready`; the end of the test kills it. */
export async function startTarget<Facts = Record<string, never>>(
  command: string,
  options: TargetOptions = {},
): Promise<Ready<Facts>> {
  const target = new Target(command, options)
  onTestFinished(() => target.kill())
  const facts = await target.says<Facts>('ready')
  if (options.pidOf) target.findPid(options.pidOf)
  return { target, facts }
}

/** Interpreter options of a target: no site packages, no compiled files left in the checkout. */
export const PYTHON_OPTIONS = ['-S', '-B'] as const

/** Arguments that make an interpreter run one of the target programs. */
export function programArgs(program: string, args: readonly string[] = []): string[] {
  return [...PYTHON_OPTIONS, join(TARGETS, program), ...args]
}

/** Starts a target program on a minor and waits until it says `ready`. */
export function startPython<Facts = Record<string, never>>(
  minor: Minor,
  program: string,
  args: readonly string[] = [],
): Promise<Ready<Facts>> {
  return startTarget<Facts>(python(minor), { args: programArgs(program, args) })
}

function environment(added: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PYTHON'))
  return { ...Object.fromEntries(own), PYTHONUTF8: '1', ...added }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}
