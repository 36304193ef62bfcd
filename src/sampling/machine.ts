import { cpus } from 'node:os'
import {
  FIRST_USER_NAMESPACE,
  hasPtraceCapability,
  hidesProcesses,
  SYS_PTRACE,
  yamaScope,
} from './permission.ts'
import { isOwnProc, type Proc, type ProcessStatus, readStatus } from './proc.ts'

/** CAP_PERFMON in the kernel's include/uapi/linux/capability.h. */
const PERFMON = 1n << 38n
/** PROC_PID_INIT_INO in include/linux/proc_ns.h. */
const FIRST_PID_NAMESPACE = 'pid:[4026531836]'

/** Whether a namespace is the one that the machine started with; null: it cannot be seen. */
type IsFirst = boolean | null

/** What the system lets pyprof do, as far as /proc tells. */
export interface Machine {
  /** `6.18.44`; '' when it cannot be read. */
  readonly kernel: string
  /** As Node names it: `x64`, `arm64`. */
  readonly architecture: string
  /** Effective user id. */
  readonly uid: number
  readonly ptraceCapability: boolean
  readonly perfmonCapability: boolean
  /** Whether sudo, or another program that gives the capability, still could. */
  readonly ptraceWithinReach: boolean
  readonly noNewPrivileges: boolean
  /** 0: none, 1: strict, 2: a filter. */
  readonly seccomp: number
  /** kernel.yama.ptrace_scope; null: a kernel without Yama. */
  readonly ptraceScope: number | null
  /** kernel.perf_event_paranoid; null: a kernel without perf events. */
  readonly perfEventParanoid: number | null
  readonly firstUserNamespace: IsFirst
  readonly firstPidNamespace: IsFirst
  /** Whether /proc shows pyprof's own pid namespace. */
  readonly ownProc: boolean
  /** Whether /proc hides other users' processes. */
  readonly hidesProcesses: boolean
  /** Whether the kernel counts the runs of a thread, by which `exact` proves its samples. */
  readonly countsRuns: boolean
}

/** What runs of one program have to have in common: `4 × AMD EPYC 7B13`. */
export function machineKind(): string {
  const all = cpus()
  return `${all.length} × ${all[0]?.model.trim() || process.arch}`
}

/** Reads the facts of this machine and this process. Pure over the folder that stands for /proc. */
export function readMachine(
  proc: Proc,
  pid: number = process.pid,
  architecture: string = process.arch,
): Machine {
  const self = readStatus(proc, 'self')
  const paranoid = proc.read('sys', 'kernel', 'perf_event_paranoid')?.trim()
  return {
    kernel: /^[\d.]*\d/.exec(proc.read('sys', 'kernel', 'osrelease') ?? '')?.[0] ?? '',
    architecture,
    uid: self?.uids[1] ?? -1,
    ptraceCapability: self !== undefined && hasPtraceCapability(self),
    perfmonCapability: self !== undefined && (self.effectiveCapabilities & PERFMON) !== 0n,
    ptraceWithinReach: self !== undefined && canGainCapability(self),
    noNewPrivileges: self?.noNewPrivileges ?? false,
    seccomp: self?.seccomp ?? 0,
    ptraceScope: yamaScope(proc) ?? null,
    perfEventParanoid: paranoid === undefined ? null : Number(paranoid),
    firstUserNamespace: isFirst(proc, 'user', FIRST_USER_NAMESPACE),
    firstPidNamespace: isFirst(proc, 'pid', FIRST_PID_NAMESPACE),
    ownProc: isOwnProc(proc, pid),
    hidesProcesses: hidesProcesses(proc),
    countsRuns: Number(proc.read('self', 'schedstat')?.trim().split(' ')[2] ?? 0) > 0,
  }
}

function canGainCapability(self: ProcessStatus): boolean {
  return (self.boundingCapabilities & SYS_PTRACE) !== 0n && !self.noNewPrivileges
}

function isFirst(proc: Proc, kind: 'user' | 'pid', first: string): IsFirst {
  const link = proc.link('self', 'ns', kind)
  return link === undefined ? null : link === first
}
