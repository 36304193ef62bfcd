import { type Proc, type ProcessStatus, readStatus } from './proc.ts'
import { CONTAINERS_PAGE, type Obstacle, sudoRecord } from './remedies.ts'

/** CAP_SYS_PTRACE in the kernel's include/uapi/linux/capability.h. */
export const SYS_PTRACE: bigint = 1n << 19n
/** PR_SET_SECCOMP filter mode, as shown in /proc/PID/status. */
const SECCOMP_FILTER = 2

/** Whether a process may read others whatever user, dumpable state and Yama below 3 say. */
export function hasPtraceCapability(status: ProcessStatus): boolean {
  return (status.effectiveCapabilities & SYS_PTRACE) !== 0n
}

/** Whether /proc hides other users' processes from us (proc(5), `hidepid`). */
export function hidesProcesses(proc: Proc): boolean {
  const self = readStatus(proc, 'self')
  const isMounted = /^proc \/proc proc \S*hidepid=(?!0|off)/m.test(
    proc.read('self', 'mounts') ?? '',
  )
  return isMounted && !(self !== undefined && hasPtraceCapability(self))
}

/** Which rule forbids reading a process, and what lifts it. */
export interface Denial {
  /** A few words for a table. */
  readonly brief: string
  readonly why: string
  readonly hint: string
  /** What to mend; undefined where nothing that pyprof knows helps. */
  readonly obstacle: Obstacle | undefined
}

/** The kernel's `kernel.yama.ptrace_scope`; undefined: a kernel without Yama. */
export function yamaScope(proc: Proc): number | undefined {
  const text = proc.read('sys', 'kernel', 'yama', 'ptrace_scope')?.trim()
  return text === undefined ? undefined : Number(text)
}

/**
 * Finds the rule by which the kernel refused to let this process read another, in the order in
 * which the kernel asks (ptrace(2), "Ptrace access mode checking"). Reads /proc only.
 * @param detail what failed, as the native part says it
 */
export function explainDenial(proc: Proc, pid: number, detail: string): Denial {
  const self = readStatus(proc, 'self')
  const target = readStatus(proc, pid)
  if (detail.includes('not implemented')) return notImplemented(detail)
  if (!self || !target) return unknownRule(self, pid, detail)
  const yama = yamaScope(proc)
  if (yama === 3) return yamaForbidsAll()
  if (hasPtraceCapability(self)) {
    const likelihood = otherUserNamespace(proc, pid)
    return likelihood === 'no'
      ? unknownRule(self, pid, detail)
      : userNamespaceForbids(pid, likelihood)
  }
  const uid = self.uids[1] ?? -1
  const obstacle = 'capability'
  const hint = howToGetCapability(uid, pid)
  const missing = 'pyprof has no CAP_SYS_PTRACE'
  if (target.uids.slice(0, 3).some((other) => other !== uid)) {
    const why = `It belongs to user ${target.uids[0]}, pyprof runs as user ${uid}, and ${missing}.`
    return { brief: `it belongs to user ${target.uids[0]}`, why, hint, obstacle }
  }
  if ((target.permittedCapabilities & ~self.permittedCapabilities) !== 0n) {
    const why = `It has capabilities that pyprof has not, and ${missing}.`
    return { brief: 'it has more capabilities than pyprof', why, hint, obstacle }
  }
  if (isUndumpable(proc, pid, uid)) {
    const why = `It is not dumpable (set-user-id, file capabilities or prctl), and ${missing}.`
    return { brief: 'it is not dumpable', why, hint, obstacle }
  }
  if (yama === 2) {
    const why = `kernel.yama.ptrace_scope is 2: only CAP_SYS_PTRACE may read, and ${missing}.`
    return { brief: 'kernel.yama.ptrace_scope is 2', why, hint, obstacle }
  }
  if (yama === 1) {
    return {
      brief: 'kernel.yama.ptrace_scope is 1',
      why: `kernel.yama.ptrace_scope is 1: only a process's ancestors may read it, and ${missing}.`,
      hint: `${hint} Or start the program with: pyprof record -- command …`,
      obstacle: 'yama-1',
    }
  }
  return unknownRule(self, pid, detail)
}

function notImplemented(detail: string): Denial {
  return {
    brief: 'no process_vm_readv in this sandbox',
    why: `${detail}: a sandbox such as gVisor runs this container.`,
    hint: 'Run pyprof on a host or in a container with the ordinary Linux kernel.',
    obstacle: undefined,
  }
}

function yamaForbidsAll(): Denial {
  return {
    brief: 'kernel.yama.ptrace_scope is 3',
    why: 'kernel.yama.ptrace_scope is 3: nobody may read other processes until the next boot.',
    hint: 'Set kernel.yama.ptrace_scope = 1 in /etc/sysctl.d and reboot.',
    obstacle: 'yama-3',
  }
}

/** The owner of a process's files in /proc is root when it is not dumpable (proc(5)). */
function isUndumpable(proc: Proc, pid: number, uid: number): boolean {
  const owner = proc.owner(pid, 'maps')
  return uid !== 0 && owner === 0
}

/** The first user namespace: PROC_USER_INIT_INO in the kernel's include/linux/proc_ns.h. */
export const FIRST_USER_NAMESPACE = 'user:[4026531837]'

/**
 * Whether a process that we may not read although we have CAP_SYS_PTRACE is in another user namespace.
 * The link is closed where the process is. Its map of users is open to all, and tells when it
 * differs; of two namespaces side by side it can be the same. But only in the first namespace does
 * the capability count for every process.
 */
function otherUserNamespace(proc: Proc, pid: number): 'yes' | 'probably' | 'no' {
  const [theirs, ours] = [proc.link(pid, 'ns', 'user'), proc.link('self', 'ns', 'user')]
  if (theirs !== undefined) return theirs === ours ? 'no' : 'yes'
  if (proc.read(pid, 'uid_map') !== proc.read('self', 'uid_map')) return 'yes'
  return ours === undefined || ours === FIRST_USER_NAMESPACE ? 'no' : 'probably'
}

function userNamespaceForbids(pid: number, likelihood: 'yes' | 'probably'): Denial {
  const lives = likelihood === 'yes' ? 'lives' : 'probably lives'
  return {
    brief: `it ${lives} in another user namespace`,
    why: `It ${lives} in another user namespace, where pyprof's CAP_SYS_PTRACE does not count.`,
    hint: `Run as root on the host, with the pid as the host sees it: ${sudoRecord(pid)}`,
    obstacle: 'user-namespace',
  }
}

function unknownRule(self: ProcessStatus | undefined, pid: number, detail: string): Denial {
  if (self?.seccomp === SECCOMP_FILTER) {
    return {
      brief: 'refused, perhaps by a seccomp filter',
      why: `The kernel refused ${detail}; pyprof runs under a seccomp filter, which may forbid it.`,
      hint:
        'In Docker: docker run --cap-add=SYS_PTRACE --security-opt seccomp=unconfined … ' +
        `(others: ${CONTAINERS_PAGE})`,
      obstacle: 'seccomp',
    }
  }
  const isRoot = self?.uids[1] === 0
  return {
    brief: 'refused by a rule that is not known',
    why: `The kernel refused ${detail}; no usual rule explains it, so AppArmor or SELinux may.`,
    hint: `Look for a denial of ptrace in: dmesg${isRoot ? '' : `, or try: ${sudoRecord(pid)}`}`,
    obstacle: undefined,
  }
}

function howToGetCapability(uid: number, pid: number): string {
  return uid === 0
    ? `Grant it to the container: docker run --cap-add=SYS_PTRACE … (others: ${CONTAINERS_PAGE})`
    : `Run: ${sudoRecord(pid)}`
}
