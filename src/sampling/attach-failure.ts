import { EXIT, PyprofError } from '../errors.ts'
import type { AttachErrorCode, NativeProcess } from './addon.ts'
import { explainDenial, hidesProcesses } from './permission.ts'
import { isKernelThread, PROC, type Proc, readStatus } from './proc.ts'

export const SUPPORTED_VERSIONS = 'CPython 3.13, 3.14 and 3.15'

/** What the native part says of a process that it could not attach to. */
export interface AttachFailure {
  readonly pid: number
  readonly code: AttachErrorCode
  readonly detail: string
}

const CODES: ReadonlySet<string> = new Set<AttachErrorCode>([
  'no-such-process',
  'permission',
  'not-python',
  'unsupported-version',
  'bad-layout',
  'not-started',
  'no-task-table',
])

/** The attach failure in an error thrown by the addon; undefined when it is another error. */
export function attachFailureOf(pid: number, error: unknown): AttachFailure | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  const { code, message } = error
  if (typeof code !== 'string' || !CODES.has(code)) return undefined
  return { pid, code: code as AttachErrorCode, detail: message }
}

/** Says what is wrong with the target, why, and what to do about it. Reads /proc only. */
export function explainAttachFailure(failure: AttachFailure, proc: Proc = PROC): PyprofError {
  const { pid, code, detail } = failure
  // Whoever has read a version has read a Python, even if it is gone by now.
  const isRead = ['unsupported-version', 'bad-layout', 'no-task-table'].includes(code)
  const state = isRead ? undefined : explainState(pid, proc)
  if (state) return state
  const target = nameOf(proc, pid)
  switch (code) {
    case 'no-such-process':
      return ended(pid)
    case 'permission': {
      const denial = explainDenial(proc, pid, detail)
      return targetError('permission', `${target} may not be read.`, denial)
    }
    case 'unsupported-version':
      return targetError('unsupported-version', `${target} runs ${pythonNamed(detail)}.`, {
        why: `pyprof reads ${SUPPORTED_VERSIONS}.`,
        hint: 'Run the program with one of these versions.',
      })
    case 'no-task-table':
      return targetError(
        'no-task-table',
        `${target} runs Python ${detail}, which shows no tasks.`,
        {
          why: 'CPython tells where its asyncio tasks are from 3.14 on.',
          hint: 'Leave --async out, or run the program with Python 3.14 or later.',
        },
      )
    case 'bad-layout':
      return targetError('bad-layout', `${target} cannot be understood.`, {
        why: `The table that its Python publishes about itself does not hold together: ${detail}.`,
        hint: 'Please report it, with the output of `python -VV` and where that Python comes from.',
      })
    case 'not-started':
      return targetError('not-started', `${target} runs no Python code.`, {
        why: 'Its interpreter has not started yet, or has ended already.',
        hint: 'Try again in a moment, or start the program with: pyprof record -- command …',
      })
    case 'not-python':
      return targetError('not-python', `${target} is not a Python.`, {
        why: `No file or memory of it holds a Python that pyprof reads (${SUPPORTED_VERSIONS}).`,
        hint: `A launcher or a shell has its Python as a child: pyprof record --subprocesses --pid ${pid}`,
      })
  }
}

/** Why a followed process cannot be read, in one line; '' when it can. Reads /proc only. */
export function whyUnreadable(process: NativeProcess, proc: Proc = PROC): string {
  const { pid, unreadable: code, detail } = process
  switch (code) {
    case '':
      return ''
    case 'unsupported-version':
      return `It runs ${pythonNamed(detail)}; pyprof reads ${SUPPORTED_VERSIONS}.`
    case 'no-task-table':
      return `It runs Python ${detail}; CPython tells where its asyncio tasks are from 3.14 on.`
    case 'permission': {
      // Of one that has ended meanwhile nothing more can be known.
      const error = explainAttachFailure({ pid, code, detail }, proc)
      return error.code === 'permission' ? error.why : 'It may not be read.'
    }
    case 'not-started':
      return "It was forked without telling Python: its threads cannot be told from its parent's."
    default:
      return explainAttachFailure({ pid, code, detail }, proc).why
  }
}

/** An old version is told by its number, another implementation by its name. */
function pythonNamed(detail: string): string {
  return /^\d/.test(detail) ? `Python ${detail}` : detail
}

/** States in which nothing can be read, whatever Python it was. */
function explainState(pid: number, proc: Proc): PyprofError | undefined {
  const status = readStatus(proc, pid)
  if (!status) return missing(pid, proc)
  if (status.tgid !== pid && status.tgid > 0) {
    return targetError('not-a-process', `${pid} is a thread, not a process.`, {
      why: `It is a thread of process ${status.tgid}.`,
      hint: `Run: pyprof record --pid ${status.tgid}`,
    })
  }
  if (status.state === 'Z' || status.state === 'X') {
    return targetError('zombie', `Process ${pid} (${status.name}) has ended.`, {
      why: 'It is a zombie: only its exit status is left, for its parent to collect.',
      hint: 'Choose a running process: pyprof ps',
    })
  }
  if (isKernelThread(proc, pid)) {
    return targetError('kernel-thread', `${pid} (${status.name}) is a kernel thread.`, {
      why: 'It belongs to Linux itself and runs no program.',
      hint: 'Choose a Python process: pyprof ps',
    })
  }
  return undefined
}

function missing(pid: number, proc: Proc): PyprofError {
  const hidden = hidesProcesses(proc)
  return targetError('no-such-process', `There is no process ${pid}.`, {
    why: hidden
      ? "It has ended, or /proc hides other users' processes from you (hidepid)."
      : 'It has ended, or the number is one of another container or machine.',
    hint: hidden
      ? `Run: sudo env "PATH=$PATH" pyprof record --pid ${pid}`
      : 'Find the process: pyprof ps',
  })
}

function ended(pid: number): PyprofError {
  return targetError('no-such-process', `Process ${pid} ended before it could be read.`, {
    why: 'It was there a moment ago and could not be read any more.',
    hint: 'Start the program with: pyprof record -- command …',
  })
}

/** The process with its program's file, as far as that may be known, else with its own name. */
function nameOf(proc: Proc, pid: number): string {
  const program = proc.link(pid, 'exe') ?? readStatus(proc, pid)?.name
  return program === undefined ? `Process ${pid}` : `Process ${pid} (${program})`
}

function targetError(code: string, what: string, text: { why: string; hint: string }): PyprofError {
  return new PyprofError({ code, what, why: text.why, hint: text.hint, exitCode: EXIT.target })
}
