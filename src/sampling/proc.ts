import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Redactor } from '../redaction/redactor.ts'

/** Read-only access to a proc file system; what cannot be read is undefined. Tests give a folder. */
export interface Proc {
  read(...path: (string | number)[]): string | undefined
  /** A file as it is. */
  bytes(...path: (string | number)[]): Buffer | undefined
  link(...path: (string | number)[]): string | undefined
  /** Names in a folder. */
  list(...path: (string | number)[]): readonly string[] | undefined
  /** User id that owns a file. */
  owner(...path: (string | number)[]): number | undefined
}

export function procAt(root: string): Proc {
  const at = (path: (string | number)[]) => join(root, ...path.map(String))
  return {
    read: (...path) => attempt(() => readFileSync(at(path), 'utf8')),
    bytes: (...path) => attempt(() => readFileSync(at(path))),
    link: (...path) => attempt(() => readlinkSync(at(path))),
    list: (...path) => attempt(() => readdirSync(at(path))),
    owner: (...path) => attempt(() => statSync(at(path)).uid),
  }
}

export const PROC: Proc = procAt('/proc')

function attempt<T>(get: () => T): T | undefined {
  try {
    return get()
  } catch {
    return undefined
  }
}

export interface ProcessStatus {
  readonly name: string
  /** One letter, as in ps: R, S, Z, … */
  readonly state: string
  /** Process that this task belongs to; differs from the pid asked for when that is a thread's. */
  readonly tgid: number
  /** Real, effective, saved and file system user id. */
  readonly uids: readonly number[]
  /** Real, effective, saved and file system group id. */
  readonly gids: readonly number[]
  /** Supplementary groups. */
  readonly groups: readonly number[]
  readonly threads: number
  readonly effectiveCapabilities: bigint
  readonly permittedCapabilities: bigint
  /** What neither sudo nor any other program can bring back is not in here. */
  readonly boundingCapabilities: bigint
  /** Whether set-user-id programs such as sudo give nothing any more. */
  readonly noNewPrivileges: boolean
  /** 0: none, 1: strict, 2: a filter. */
  readonly seccomp: number
  /** Process that debugs this one; 0: none. */
  readonly tracer: number
  /** Its ids in the pid namespaces that it is in, from that of this /proc inwards. */
  readonly namespacePids: readonly number[]
  /** As the kernel writes it: `0-3,8`. */
  readonly processors: string
}

/** Whether /proc is there and shows the pid namespace of this very process. */
export function isOwnProc(proc: Proc, pid: number = process.pid): boolean {
  return readStatus(proc, 'self')?.tgid === pid
}

/** Ids of all processes in sight, ascending. */
export function pids(proc: Proc): number[] {
  const names = proc.list() ?? []
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
}

/** `/proc/PID/status`, or undefined when there is no such process (or it is hidden). */
export function readStatus(proc: Proc, pid: number | 'self'): ProcessStatus | undefined {
  const text = proc.read(pid, 'status')
  return text === undefined ? undefined : parseStatus(text)
}

/** The `status` file of a process or of one of its threads. */
export function parseStatus(text: string): ProcessStatus {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  const number = (name: string) => Number(fields.get(name) ?? 0)
  const numbers = (name: string) =>
    (fields.get(name) ?? '').split(/\s+/).filter(Boolean).map(Number)
  const mask = (name: string) => BigInt(`0x${fields.get(name) || '0'}`)
  return {
    name: fields.get('Name') ?? '',
    state: fields.get('State')?.[0] ?? '',
    tgid: number('Tgid'),
    uids: numbers('Uid'),
    gids: numbers('Gid'),
    groups: numbers('Groups'),
    threads: number('Threads'),
    effectiveCapabilities: mask('CapEff'),
    permittedCapabilities: mask('CapPrm'),
    boundingCapabilities: mask('CapBnd'),
    noNewPrivileges: number('NoNewPrivs') === 1,
    seccomp: number('Seccomp'),
    tracer: number('TracerPid'),
    namespacePids: numbers('NSpid'),
    processors: fields.get('Cpus_allowed_list') ?? '',
  }
}

/** Fields of `/proc/PID/stat` behind the name, which may itself contain spaces and brackets. */
function statFields(proc: Proc, pid: number | 'self'): readonly string[] {
  const text = proc.read(pid, 'stat') ?? ''
  return text
    .slice(text.lastIndexOf(')') + 2)
    .trim()
    .split(' ')
}

/** PF_KTHREAD in the kernel's include/linux/sched.h. */
const KERNEL_THREAD_FLAG = 0x0020_0000

export function isKernelThread(proc: Proc, pid: number): boolean {
  return (Number(statFields(proc, pid)[6] ?? 0) & KERNEL_THREAD_FLAG) !== 0
}

/** Every process in sight with its parent. */
export function parentsOf(proc: Proc): [pid: number, parent: number][] {
  return pids(proc).map((pid) => [pid, Number(statFields(proc, pid)[1] ?? 0)])
}

/** USER_HZ: what the clock ticks of /proc are on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/**
 * When a process was started, in seconds since the boot, as `os.uptime` counts them; undefined when
 * there is no such process. With its id it names a process for good.
 */
export function startOf(proc: Proc, pid: number): number | undefined {
  const ticks = statFields(proc, pid)[19]
  return ticks === undefined ? undefined : Number(ticks) / TICKS_PER_SECOND
}

/** When a process began, ms since the epoch, to a tick or two; Infinity when it is not known. */
export function startTime(proc: Proc, pid: number, now: number = Date.now()): number {
  const uptime = Number(proc.read('uptime')?.split(' ')[0] ?? Number.NaN)
  const start = now + ((startOf(proc, pid) ?? Number.NaN) - uptime) * 1000
  return Number.isFinite(start) ? start : Number.POSITIVE_INFINITY
}

/** Whether this process is in the foreground of its terminal, so that Ctrl-C reaches its group. */
export function isForeground(proc: Proc = PROC): boolean {
  const fields = statFields(proc, 'self')
  const [group, terminal, foregroundGroup] = [fields[2], fields[4], fields[5]]
  return terminal !== undefined && terminal !== '0' && group === foregroundGroup
}

/** Longer command lines are cut, visibly: they end up in titles and in every output file. */
const MAX_COMMAND_LENGTH = 4096

/** A command line for people: quoted where a shell would need it, '…' where it was cut. */
export function quoteCommand(argv: readonly string[]): string {
  const quoted = argv.map((arg) => {
    return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`
  })
  return cut(quoted.join(' '))
}

function cut(line: string): string {
  return line.length > MAX_COMMAND_LENGTH ? `${line.slice(0, MAX_COMMAND_LENGTH)}…` : line
}

/** Arguments of a process; none for a kernel thread, a zombie, or when they cannot be read. */
export function argumentsOf(proc: Proc, pid: number): readonly string[] {
  return argumentsIn(proc.read(pid, 'cmdline') ?? '')
}

/** What a process was started as; its name in brackets when it has no command line. */
export function commandOf(proc: Proc, pid: number, redactor: Redactor): string {
  const text = proc.read(pid, 'cmdline') ?? ''
  return text === '' ? `[${readStatus(proc, pid)?.name ?? pid}]` : commandIn(text, redactor)
}

/** The command that the text of a /proc/PID/cmdline tells, without its secrets. */
export function commandIn(text: string, redactor: Redactor): string {
  return commandText(argumentsIn(text), redactor)
}

/** A command line for people, without its secrets. */
export function commandText(argv: readonly string[], redactor: Redactor): string {
  const shown = redactor.arguments(argv)
  // One text may be what a process has written over its arguments: no word to quote.
  return shown.length === 1 ? cut(shown[0] ?? '') : quoteCommand(shown)
}

/** A process may overwrite its command line with one string without a NUL at the end. */
function argumentsIn(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\0+$/, '').split('\0')
}
