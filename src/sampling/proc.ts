import { readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Read-only access to a proc file system; what cannot be read is undefined. Tests give a folder. */
export interface Proc {
  read(...path: (string | number)[]): string | undefined
  link(...path: (string | number)[]): string | undefined
  /** User id that owns a file. */
  owner(...path: (string | number)[]): number | undefined
}

export function procAt(root: string): Proc {
  const at = (path: (string | number)[]) => join(root, ...path.map(String))
  return {
    read: (...path) => attempt(() => readFileSync(at(path), 'utf8')),
    link: (...path) => attempt(() => readlinkSync(at(path))),
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
  readonly threads: number
  readonly effectiveCapabilities: bigint
  readonly permittedCapabilities: bigint
  /** 0: none, 1: strict, 2: a filter. */
  readonly seccomp: number
}

/** `/proc/PID/status`, or undefined when there is no such process (or it is hidden). */
export function readStatus(proc: Proc, pid: number | 'self'): ProcessStatus | undefined {
  const text = proc.read(pid, 'status')
  if (text === undefined) return undefined
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  const number = (name: string) => Number(fields.get(name) ?? 0)
  const mask = (name: string) => BigInt(`0x${fields.get(name) || '0'}`)
  return {
    name: fields.get('Name') ?? '',
    state: fields.get('State')?.[0] ?? '',
    tgid: number('Tgid'),
    uids: (fields.get('Uid') ?? '').split(/\s+/).filter(Boolean).map(Number),
    threads: number('Threads'),
    effectiveCapabilities: mask('CapEff'),
    permittedCapabilities: mask('CapPrm'),
    seccomp: number('Seccomp'),
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
  const line = quoted.join(' ')
  return line.length > MAX_COMMAND_LENGTH ? `${line.slice(0, MAX_COMMAND_LENGTH)}…` : line
}

/** What a process was started as; its name in brackets when it has no command line. */
export function commandOf(proc: Proc, pid: number): string {
  const text = proc.read(pid, 'cmdline') ?? ''
  return text === '' ? `[${readStatus(proc, pid)?.name ?? pid}]` : commandIn(text)
}

/** The command that the text of a /proc/PID/cmdline tells. */
export function commandIn(text: string): string {
  // A process may overwrite its command line with one string without a NUL at the end.
  const argv = text.replace(/\0+$/, '').split('\0')
  return argv.length === 1 ? (argv[0] ?? '') : quoteCommand(argv)
}
