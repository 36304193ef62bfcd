import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Minor, python, venv } from '../../test/support/pythons.ts'
import { measure, type Usage } from './measured.ts'
import { ROOT } from './root.ts'
import { temporary } from './temporary.ts'

/**
 * What `--install-peers` installs; later versions of austin need glibc 2.38. austin-python has the
 * converters of austin's text; before 2 it leaves out samples that austin calls invalid.
 */
const PACKAGES = ['py-spy==0.4.3', 'austin-dist==3.7.0', 'austin-python==2.4.0']
/** The minor of their environment. */
const VENV_MINOR: Minor = '3.14'

/** Another sampling profiler that attaches to a running process. */
export interface Peer {
  readonly name: string
  /** Minors of the targets that it reads. */
  readonly minors: readonly Minor[]
  /** How it is called. */
  readonly program: readonly string[]
  /** Records a process and writes what it found to a file, collapsed where it can. */
  command(pid: number, rate: number, seconds: number, more?: readonly string[]): string[]
  /** The same with the output that it makes when it is not asked for one, where that is another. */
  usualCommand?(pid: number, rate: number, seconds: number, more?: readonly string[]): string[]
  /** Samples (each of all threads) that a run says it took; undefined when it does not say. */
  samples(usage: Usage): number | undefined
  /** The same a second. */
  rate(usage: Usage): number | undefined
}

/** What CPython's sampler says at the end. */
function captured({ stdout, stderr }: Usage): { samples: number; seconds: number } | undefined {
  const said = /Captured ([\d,]+) samples in ([\d.]+) seconds/.exec(stdout + stderr)
  return said
    ? { samples: Number(said[1]!.replaceAll(',', '')), seconds: Number(said[2]) }
    : undefined
}

function cpython(): Peer {
  const program = [python('3.15', ROOT), '-m', 'profiling.sampling']
  const writing =
    (output: readonly string[]): Peer['command'] =>
    (pid, rate, seconds, more = []) => [
      ...[...program, 'attach', '-r', String(rate), '-d', String(seconds), ...more],
      ...[...output, '-o', temporary('cpython.out'), String(pid)],
    ]
  return {
    name: "CPython 3.15's sampler",
    minors: ['3.15'],
    program,
    command: writing(['--collapsed']),
    usualCommand: writing(['--pstats']),
    samples: (usage) => captured(usage)?.samples,
    rate: (usage) => {
      const said = captured(usage)
      return said && said.samples / said.seconds
    },
  }
}

function pySpy(program: string, minors: readonly Minor[]): Peer {
  return {
    name: 'py-spy',
    minors,
    program: [program],
    command: (pid, rate, seconds, more = []) => [
      ...[program, 'record', '-r', String(rate), '-d', String(seconds), '-f', 'raw', '-i'],
      ...[...more, '-o', temporary('py-spy.collapsed'), '-p', String(pid)],
    ],
    samples: () => undefined,
    rate: () => undefined,
  }
}

function austin(program: string, minors: readonly Minor[]): Peer {
  return {
    name: 'austin',
    minors,
    program: [program],
    command: (pid, rate, seconds, more = []) => [
      ...[program, '-i', `${Math.round(1e6 / rate)}us`, '-x', String(seconds), ...more],
      ...['-o', temporary('austin.out'), '-p', String(pid)],
    ],
    samples: () => undefined,
    rate: () => undefined,
  }
}

/** A program among what `--install-peers` installed, else in PATH. */
export function findProgram(name: string): string | undefined {
  const own = join(ROOT, '.venvs', `bench-peers-${VENV_MINOR}`, 'bin')
  for (const folder of [own, ...(process.env.PATH ?? '').split(delimiter)]) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}

/** Installs py-spy and austin into a virtual environment of the checkout. */
export function installPeers(): void {
  venv(VENV_MINOR, 'bench-peers', PACKAGES, ROOT)
}

export interface PeersFound {
  readonly peers: readonly Peer[]
  /** One line each: which was found where, or not found. */
  readonly report: readonly string[]
}

/** Looks for the other profilers, and tries each on a process of every minor that is given. */
export async function findPeers(
  targets: readonly { readonly minor: Minor; readonly pid: number }[],
): Promise<PeersFound> {
  const candidates: [string, ((minors: readonly Minor[]) => Peer) | undefined][] = [
    ["CPython 3.15's sampler", () => cpython()],
    ...(['py-spy', 'austin'] as const).map((name): (typeof candidates)[number] => {
      const program = findProgram(name)
      const make = name === 'py-spy' ? pySpy : austin
      return [name, program === undefined ? undefined : (minors) => make(program, minors)]
    }),
  ]
  const peers: Peer[] = []
  const report: string[] = []
  for (const [name, make] of candidates) {
    if (make === undefined) {
      report.push(`${name}: not found (npm run bench -- --install-peers)`)
      continue
    }
    const readable: Minor[] = []
    let why = ''
    for (const { minor, pid } of targets) {
      const peer = make([minor])
      if (!peer.minors.includes(minor)) continue
      try {
        await measure(peer.command(pid, 100, 1), 'any')
        readable.push(minor)
      } catch (error) {
        why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
      }
    }
    if (readable.length > 0) peers.push(make(readable))
    report.push(
      readable.length > 0
        ? `${name}: reads ${readable.join(', ')}`
        : `${name}: reads none (${why})`,
    )
  }
  return { peers, report }
}
