import { statSync } from 'node:fs'
import { constants } from 'node:os'
import { EXIT, PyprofError } from '../errors.ts'
import { visible } from '../formats/text.ts'
import type { Permission } from '../policy/guard.ts'
import type { ThreadPattern } from '../profile/pattern.ts'
import type { Redactor } from '../redaction/redactor.ts'
import { redactValue } from '../redaction/values.ts'
import type { Addon } from '../sampling/addon.ts'
import { type AttachFailure, explainAttachFailure } from '../sampling/attach-failure.ts'
import type {
  NativeDumpFailure,
  NativeDumpOptions,
  NativeDumpTaken,
  NativeDumpThread,
  ValueLimits,
} from '../sampling/dump-addon.ts'
import { commandOf, type Proc, parentsOf, readStatus, startTime } from '../sampling/proc.ts'
import { readerOf } from '../sampling/read-source.ts'
import type { Value } from '../sampling/value.ts'
import { buildDump } from './build.ts'
import type { Dump, DumpedProcess } from './dump.ts'
import { SourceFiles } from './sources.ts'

export interface DumpRequest {
  readonly exporter: string
  readonly read: 'live' | 'exact' | 'stop'
  readonly tasks: boolean
  /** undefined: no values. */
  readonly limits: ValueLimits | undefined
  /** Any of them; all threads when there is none. */
  readonly threads: readonly ThreadPattern[]
  readonly frame: number | undefined
  /** Leaves secrets out of values, command lines and source lines. */
  readonly redactor: Redactor
  /** Asked before each process is read. @throws PyprofError code `forbidden` */
  readonly permit: (pid: number) => Permission
}

const NOTHING = {
  command: '',
  pythonVersion: '',
  readChange: '',
  proved: false,
  attempts: 0,
  states: [],
  threads: [],
  threadCount: 0,
  locals: null,
} as const

/**
 * Takes a dump of a process, and with `descendants` of the Pythons below it, one after the other.
 * @throws PyprofError when nothing could be read, or nothing is what was asked for
 */
export function dumpProcesses(
  addon: Addon,
  proc: Proc,
  pid: number,
  descendants: boolean,
  request: DumpRequest,
): Dump {
  const takenAt = new Date().toISOString()
  const pids = descendants ? [pid, ...descendantsOf(proc, pid)] : [pid]
  const processes: DumpedProcess[] = []
  let first: PyprofError | undefined
  for (const each of pids) {
    const result = dumpPermitted(addon, proc, each, request)
    if (result instanceof PyprofError) {
      first ??= result
      // What is no Python has no place here; what has ended meanwhile is no error.
      if (['not-python', 'no-such-process', 'zombie'].includes(result.code)) continue
      const { code, what, why, hint } = result
      const error = { code, what, why, hint }
      const command = commandOf(proc, each, request.redactor)
      processes.push({ ...NOTHING, pid: each, command, read: request.read, error })
    } else {
      processes.push(result)
    }
  }
  if (first && processes.every(({ error }) => error !== null)) throw first
  checkChoice(processes, request)
  return { exporter: request.exporter, takenAt, processes }
}

function dumpPermitted(
  addon: Addon,
  proc: Proc,
  pid: number,
  request: DumpRequest,
): DumpedProcess | PyprofError {
  let permission: Permission
  try {
    permission = request.permit(pid)
  } catch (error) {
    if (error instanceof PyprofError && error.code === 'forbidden') return error
    throw error
  }
  return under(permission, () => dumpOne(addon, proc, pid, request))
}

/** Reads under a permission, and ends that with what came of it. */
function under<T>(permission: Permission, work: () => T): T {
  let code = 'unknown'
  try {
    const result = work()
    code = result instanceof PyprofError ? result.code : ''
    return result
  } catch (error) {
    if (error instanceof PyprofError) code = error.code
    throw error
  } finally {
    permission.end({ result: code === '' ? 'done' : 'failed', reason: code })
  }
}

function dumpOne(
  addon: Addon,
  proc: Proc,
  pid: number,
  request: DumpRequest,
): DumpedProcess | PyprofError {
  const startedAt = startTime(proc, pid)
  const status = readStatus(proc, pid)
  const take = (part: Partial<NativeDumpOptions>) =>
    addon.dump({ ...optionsOf(request), pid, ...part })
  const native = takeWithThreads(take, request)
  if (!native.ok) return forDump(explainAttachFailure(failureOf(pid, native), proc))
  if (request.tasks && !native.hasTaskTable) {
    return forDump(
      explainAttachFailure({ pid, code: 'no-task-table', detail: native.version }, proc),
    )
  }
  const root = `/proc/${pid}/root`
  const reader = status && readerOf(status)
  const sources = new SourceFiles({ root, reader, startedAt }, request.redactor)
  return {
    ...shownOf(native, request, sources),
    pid,
    command: commandOf(proc, pid, request.redactor),
    read: native.read,
  }
}

/**
 * Takes a dump of a core file.
 * @throws PyprofError
 */
export function dumpCore(
  addon: Addon,
  file: string,
  executable: string,
  request: DumpRequest,
): Dump {
  return under(request.permit(0), () => dumpOneCore(addon, file, executable, request))
}

function dumpOneCore(addon: Addon, file: string, executable: string, request: DumpRequest): Dump {
  const take = (part: Partial<NativeDumpOptions>) =>
    addon.dump({ ...optionsOf(request), pid: 0, core: file, executable, ...part })
  const native = takeWithThreads(take, request)
  if (!native.ok) throw coreError(file, native)
  const { core } = native
  // Names of classes are in the program's file: without it nothing can be told from anything else.
  if (core?.missing.length && native.threads.every(({ frames }) => frames.length === 0)) {
    throw coreError(file, { ok: false, code: 'not-python', detail: '', core })
  }
  if (request.tasks && !native.hasTaskTable) {
    throw coreProblem(
      'no-task-table',
      `${file} is of Python ${native.version}, which shows no tasks.`,
      {
        why: 'CPython tells where its asyncio tasks are from 3.14 on.',
        hint: 'Leave --async out.',
      },
    )
  }
  // The process ended when the core was written: what was written to a file later is not its own.
  const sources = new SourceFiles({ root: '/', startedAt: modified(file) }, request.redactor)
  const shown = shownOf(native, request, sources)
  const dumped: DumpedProcess = {
    ...shown,
    pid: core?.pid ?? 0,
    command: request.redactor.line(core?.command ?? ''),
    read: 'core',
    core: {
      file,
      executable: core?.executable ?? '',
      signal: signalName(core?.signal ?? 0),
      missing: core?.missing ?? [],
    },
  }
  checkChoice([dumped], request)
  return { exporter: request.exporter, takenAt: new Date().toISOString(), processes: [dumped] }
}

function optionsOf({
  read,
  tasks,
  limits,
  frame = -1,
}: DumpRequest): Omit<NativeDumpOptions, 'pid'> {
  return {
    read,
    tasks,
    executable: '',
    threads: [],
    frame,
    ...(limits ? { values: limits } : {}),
  }
}

/** Values of some threads only: a look without values tells which these are. */
function takeWithThreads(
  take: (part: Partial<NativeDumpOptions>) => NativeDumpTaken | NativeDumpFailure,
  { threads, limits }: DumpRequest,
): NativeDumpTaken | NativeDumpFailure {
  if (limits === undefined || threads.length === 0) return take({})
  const look = take({ values: undefined })
  if (!look.ok) return look
  const ids = look.threads.filter((thread) => isMeant(thread, threads)).map((each) => each.nativeId)
  return ids.length === 0 ? look : take({ threads: ids })
}

function isMeant(thread: NativeDumpThread, patterns: readonly ThreadPattern[]): boolean {
  if (patterns.length === 0) return true
  const { nativeId, outerId, interpreter, name, isMain } = thread
  return [nativeId, outerId].some((id) =>
    patterns.some((each) => each.matches({ process: 0, nativeId: id, interpreter, name, isMain })),
  )
}

function shownOf(
  native: NativeDumpTaken,
  request: DumpRequest,
  sources: SourceFiles,
): Omit<DumpedProcess, 'pid' | 'command' | 'read'> {
  const { threads, frame, redactor, tasks, limits } = request
  const redact = (name: string, value: Value): Value => redactValue(name, value, redactor)
  const keeps = (thread: NativeDumpThread) => isMeant(thread, threads)
  const shown = buildDump(native, { sources, redact, keeps, frame, tasks })
  const { version, readChange, proved, attempts, limitReached } = native
  const locals = limits === undefined ? null : { proved: areProved(native), limitReached }
  return { ...shown, pythonVersion: version, readChange, proved, attempts, locals, error: null }
}

/** Values hold as far as nobody could change them: threads under another GIL can, unless stopped. */
function areProved({ proved, read, threads }: NativeDumpTaken): boolean {
  return proved && (read === 'stop' || threads.every(({ mainGil }) => mainGil))
}

/** @throws PyprofError when no thread or frame is what was asked for */
function checkChoice(processes: readonly DumpedProcess[], request: DumpRequest): void {
  const read = processes.filter(({ error }) => error === null)
  const threads = read.flatMap((process) => process.threads)
  const asked = request.threads.map(({ text }) => visible(text)).join(', ')
  if (threads.length === 0) {
    const none = read.every(({ threadCount }) => threadCount === 0)
    throw new PyprofError({
      code: none ? 'no-threads' : 'no-such-thread',
      what: none ? 'There are no Python threads.' : `No thread is ${asked}.`,
      why: none
        ? 'The interpreter has none, or is about to end.'
        : 'A thread is meant by its whole name, with * and ? as wildcards, by /REGEX/ or by its id.',
      hint: none ? 'Try again in a moment.' : 'Leave --thread out to see all of them.',
      exitCode: EXIT.nothing,
    })
  }
  if (request.frame === undefined || threads.some(({ frames }) => frames.length > 0)) return
  const most = Math.max(...threads.map(({ frameCount }) => frameCount))
  throw new PyprofError({
    code: 'no-such-frame',
    what: `There is no frame ${request.frame}.`,
    why:
      most === 0
        ? 'There are no Python frames.'
        : `Frames are counted from the innermost one, 0; the longest stack ends with ${most - 1}.`,
    hint: 'Leave --frame out to see all of them.',
    exitCode: EXIT.nothing,
  })
}

/** An error of recording, whose hint is a command for it, said of a dump. */
function forDump({ code, what, why, hint, exitCode, cause }: PyprofError): PyprofError {
  const command = hint.replace(/pyprof record (--subprocesses )?--pid (\d+)/, 'pyprof dump $1$2')
  return new PyprofError({ code, what, why, hint: command, exitCode, cause })
}

/** Those below a process, each behind its parent. */
function descendantsOf(proc: Proc, pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const [child, parent] of parentsOf(proc)) {
    children.set(parent, [...(children.get(parent) ?? []), child])
  }
  const found: number[] = []
  const seen = new Set([pid])
  const visit = (parent: number) => {
    for (const child of children.get(parent) ?? []) {
      // pyprof itself may stand below what it looks at, as in a shell of the target.
      if (seen.has(child) || child === process.pid) continue
      seen.add(child)
      found.push(child)
      visit(child)
    }
  }
  visit(pid)
  return found
}

function failureOf(pid: number, { code, detail }: NativeDumpFailure): AttachFailure {
  return { pid, code: code as AttachFailure['code'], detail }
}

function modified(file: string): number {
  try {
    return statSync(file).mtimeMs
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

function signalName(number: number): string {
  if (number === 0) return ''
  const found = Object.entries(constants.signals).find(([, value]) => value === number)
  return found?.[0] ?? `signal ${number}`
}

function coreError(file: string, { code, detail, core }: NativeDumpFailure): PyprofError {
  switch (code) {
    case 'core-unreadable':
      return coreProblem(code, `${file} cannot be read.`, {
        why: 'There is no such file, it is no regular file, or it may not be read.',
        hint: 'Cores are often kept by the system: coredumpctl dump -o core PID',
      })
    case 'not-a-core':
      return coreProblem(code, `${file} is no core file.`, {
        why: 'It does not begin as an ELF core does, or is damaged.',
        hint: 'Make one of a running process with: gcore PID',
      })
    case 'other-machine':
      return coreProblem(code, `${file} is of another kind of machine.`, {
        why: 'pyprof reads cores of 64-bit little-endian machines.',
        hint: 'Use the debugger of that machine.',
      })
    case 'unsupported-version':
      return coreProblem(code, `${file} is of Python ${detail}.`, {
        why: 'pyprof reads CPython 3.13, 3.14 and 3.15.',
        hint: 'Run the program with one of these versions.',
      })
    default: {
      const missing = core?.missing[0]
      const named = core?.executable || 'the program'
      return coreProblem(code, `No Python could be read in ${file}.`, {
        why: missing
          ? `${missing.path}, which was mapped, ${missing.replaced ? 'is another file by now' : 'is not there'}.`
          : `Neither its memory nor ${named} holds a Python that is read here.`,
        hint: `Name the program that ran: pyprof dump --core ${file} --executable FILE`,
      })
    }
  }
}

function coreProblem(code: string, what: string, text: { why: string; hint: string }): PyprofError {
  return new PyprofError({ code, what, ...text, exitCode: EXIT.target })
}
