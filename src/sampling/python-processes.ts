import { EXIT, PyprofError } from '../errors.ts'
import type { Redactor } from '../redaction/redactor.ts'
import { type Addon, type AttachErrorCode, NOT_SEARCHED, type Probe } from './addon.ts'
import { type Container, containerOf } from './containers.ts'
import { explainDenial, hidesProcesses } from './permission.ts'
import {
  argumentsOf,
  commandOf,
  isKernelThread,
  isOwnProc,
  type Proc,
  pids,
  readStatus,
} from './proc.ts'

/**
 * How sure it is that a process is a Python: its memory says so; it cannot be looked at, but its
 * name says so; it cannot be looked at, and nothing says so.
 */
export type Certainty = 'python' | 'looks-like-python' | 'unknown'

export interface PythonProcess {
  readonly pid: number
  readonly certainty: Certainty
  /** `3.14.10`, `3.12 or older`, `PyPy`; '' when it could not be read. */
  readonly pythonVersion: string
  /** Threads as the kernel counts them, those without Python code too. */
  readonly threads: number
  /** Real user id. */
  readonly uid: number
  readonly container: Container | null
  readonly readable: boolean
  /** Why it cannot be read, as in the errors of `record`; '' when it can. */
  readonly code: AttachErrorCode | 'forbidden' | ''
  /** The same in a few words. */
  readonly reason: string
  readonly command: string
}

export interface PythonProcesses {
  /** By pid, those of certainty `unknown` only when asked for. */
  readonly processes: readonly PythonProcess[]
  /** Processes that could not be looked at and whose name does not say Python. */
  readonly unknown: number
  /** Whether /proc hides other users' processes, so that they are not even counted. */
  readonly othersHidden: boolean
}

/**
 * The Python processes in sight. Costs some 0.1 ms a process: by files that are mapped, each looked
 * at once; only what looks like Python and cannot be told by its files has its memory searched.
 * @throws PyprofError code `foreign-proc`
 */
export function pythonProcesses(
  addon: Addon,
  proc: Proc,
  all: boolean,
  redactor: Redactor,
): PythonProcesses {
  checkProc(proc)
  const candidates = pids(proc).filter((pid) => pid !== process.pid)
  const found: PythonProcess[] = []
  let unknown = 0
  for (const [at, quick] of addon.probeMany(candidates).entries()) {
    const pid = candidates[at] ?? 0
    const row = pythonProcess(addon, proc, pid, quick, redactor)
    if (row?.certainty === 'unknown') unknown++
    if (row !== undefined && (all || row.certainty !== 'unknown')) found.push(row)
  }
  return { processes: found, unknown, othersHidden: hidesProcesses(proc) }
}

/**
 * Process ids of /proc must mean the same as in system calls.
 * @throws PyprofError code `foreign-proc`
 */
function checkProc(proc: Proc): void {
  if (isOwnProc(proc)) return
  throw new PyprofError({
    code: 'foreign-proc',
    what: 'The processes here cannot be listed.',
    why: '/proc is missing, or shows another pid namespace than the one that pyprof runs in.',
    hint: 'Mount it: mount -t proc proc /proc, or start the namespace with: unshare --mount-proc',
    exitCode: EXIT.target,
  })
}

/** undefined: it is no Python, or has ended meanwhile. */
function pythonProcess(
  addon: Addon,
  proc: Proc,
  pid: number,
  quick: Probe,
  redactor: Redactor,
): PythonProcess | undefined {
  const mustSearch = !quick.ok && quick.detail === NOT_SEARCHED && looksLikePython(proc, pid)
  const probe = mustSearch ? addon.probe(pid) : quick
  if (!probe.ok && (probe.code === 'not-python' || probe.code === 'no-such-process')) {
    return undefined
  }
  const status = readStatus(proc, pid)
  const isOver = status === undefined || status.state === 'Z' || status.state === 'X'
  if (isOver || (!probe.ok && isKernelThread(proc, pid))) return undefined
  return {
    pid,
    certainty: certaintyOf(probe, proc, pid),
    pythonVersion: versionOf(probe),
    threads: status.threads,
    uid: status.uids[0] ?? -1,
    container: containerOf(proc, pid) ?? null,
    readable: probe.ok,
    code: probe.ok ? '' : probe.code,
    reason: probe.ok ? '' : reasonOf(probe, proc, pid),
    command: commandOf(proc, pid, redactor),
  }
}

type Refusal = Extract<Probe, { readonly ok: false }>

function certaintyOf(probe: Probe, proc: Proc, pid: number): Certainty {
  if (probe.ok || probe.code !== 'permission') return 'python'
  return looksLikePython(proc, pid) ? 'looks-like-python' : 'unknown'
}

function versionOf(probe: Probe): string {
  if (probe.ok) return probe.version
  return probe.code === 'unsupported-version' ? probe.detail : ''
}

function reasonOf({ code, detail }: Refusal, proc: Proc, pid: number): string {
  switch (code) {
    case 'permission':
      return explainDenial(proc, pid, detail).brief
    case 'unsupported-version':
      return 'this version is not supported'
    case 'bad-layout':
      return `its own table is damaged: ${detail}`
    case 'not-started':
      return 'no interpreter runs in it'
    case 'not-python':
    case 'no-such-process':
    case 'no-task-table': // a probe asks for no tasks
      return ''
  }
}

/** In the last part of a path: a folder's name says nothing of the programs in it. */
const NAME = /(?:python|pypy)[^/\n]*$/im

/** By its name, its program, its first argument and the files it maps, as far as one may see them. */
function looksLikePython(proc: Proc, pid: number): boolean {
  const [program = ''] = argumentsOf(proc, pid)
  return (
    NAME.test(readStatus(proc, pid)?.name ?? '') ||
    NAME.test(program) ||
    NAME.test(proc.link(pid, 'exe') ?? '') ||
    NAME.test(proc.read(pid, 'maps') ?? '')
  )
}
