import { EXIT, PyprofError } from '../errors.ts'
import type { Redactor } from '../redaction/redactor.ts'
import type { Addon, NativeExec } from '../sampling/addon.ts'
import { attachFailureOf, explainAttachFailure } from '../sampling/attach-failure.ts'
import { commandOf, PROC, type Proc, readStatus } from '../sampling/proc.ts'
import { remoteDebuggingOf } from '../sampling/remote-debugging.ts'
import { type Owner, ownerOf } from './owner.ts'

/** A process that can be asked to run a script. */
export interface ExecTarget {
  readonly pid: number
  readonly command: string
  readonly pythonVersion: string
  /** The pid that it sees itself. */
  readonly innerPid: number
  /** As whom it opens files. */
  readonly owner: Owner
  readonly native: NativeExec
  readonly proc: Proc
}

/**
 * Opens a process for scripts. Reads only.
 * @throws PyprofError when it cannot be read, or takes no scripts, with what decides that
 */
export function openExecTarget(
  addon: Addon,
  pid: number,
  redactor: Redactor,
  proc: Proc = PROC,
): ExecTarget {
  const native = openNative(addon, pid, proc)
  const status = readStatus(proc, pid)
  if (status === undefined) {
    throw explainAttachFailure({ pid, code: 'no-such-process', detail: '' }, proc)
  }
  const target: ExecTarget = {
    pid,
    command: commandOf(proc, pid, redactor),
    pythonVersion: native.version,
    innerPid: status.namespacePids.at(-1) ?? pid,
    owner: ownerOf(status),
    native,
    proc,
  }
  mustTakeScripts(target)
  return target
}

function openNative(addon: Addon, pid: number, proc: Proc): NativeExec {
  try {
    return addon.openExec(pid)
  } catch (error) {
    const failure = attachFailureOf(pid, error)
    if (failure === undefined) throw error
    const { code, what, why, hint, exitCode } = explainAttachFailure(failure, proc)
    const forExec =
      code === 'not-python'
        ? 'Choose a Python process: pyprof ps'
        : hint.replace(`pyprof record --pid ${pid}`, `pyprof exec ${pid} …`)
    throw new PyprofError({ code, what, why, hint: forExec, exitCode, cause: error })
  }
}

/** @throws PyprofError code `remote-debugging-never`, `-off` or `-unknown` */
export function mustTakeScripts({ pid, native, proc }: ExecTarget): void {
  const state = native.state()
  if (state === 'on') return
  const facts = {
    pid,
    version: native.version,
    enabled: state === 'off' ? false : null,
    runtimeAddress: native.runtimeAddress,
  }
  const found = remoteDebuggingOf(facts, proc)
  const why = {
    on: '',
    never: `It runs Python ${native.version}, and remote debugging (PEP 768) came with Python 3.14.`,
    off: `Remote debugging is off: ${found.cause}.`,
    unknown: `Whether remote debugging is on could not be told: ${found.cause}.`,
  }[found.state]
  const change = {
    '-X disable-remote-debug': 'Start the program without -X disable-remote-debug.',
    PYTHON_DISABLE_REMOTE_DEBUG: 'Start the program without PYTHON_DISABLE_REMOTE_DEBUG.',
    '--without-remote-debug': 'Run the program with another build of Python.',
  }[found.by]
  const rest = `Sampling works all the same: pyprof record --pid ${pid}`
  throw new PyprofError({
    code: `remote-debugging-${found.state}`,
    what: `Process ${pid} takes no scripts.`,
    why,
    hint: change === undefined ? rest : `${change} ${rest}`,
    exitCode: EXIT.target,
  })
}

/** The script's file and that of its answer. */
const NEEDED_FILES = 2

/**
 * A program that can open no more files could not open the script, and would be told so on its stderr.
 * @throws PyprofError code `no-descriptors`
 */
export function mustHaveRoom({ pid, proc }: ExecTarget): void {
  const limit = /^Max open files\s+(\d+)/m.exec(proc.read(pid, 'limits') ?? '')?.[1]
  const open = proc.list(pid, 'fd')?.length ?? 0
  if (limit === undefined || open + NEEDED_FILES <= Number(limit)) return
  throw new PyprofError({
    code: 'no-descriptors',
    what: `Process ${pid} can open no more files, so it could not open a script.`,
    why: `It has ${open} open, and its limit is ${limit}.`,
    hint: `Raise the limit: prlimit --pid ${pid} --nofile=${2 * Number(limit)}`,
    exitCode: EXIT.target,
  })
}
