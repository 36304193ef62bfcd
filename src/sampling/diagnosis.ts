import type { Machine } from './machine.ts'
import { formatProcessors } from './processors.ts'
import { needsSudoHere, type Obstacle, type Remedy, remediesFor } from './remedies.ts'
import type { Trials } from './trials.ts'

/** `note`: a fact that is neither good nor bad; `unknown`: it cannot be told from here. */
export type Verdict = 'yes' | 'no' | 'unknown' | 'note'

/** One thing that works or does not. */
export interface Check {
  /** Stable, kebab-case; scripts may look for it. */
  readonly id: string
  readonly verdict: Verdict
  /** Whether `pyprof record` cannot do its work without. */
  readonly needed: boolean
  /** One line. */
  readonly text: string
  /** The exact lines that turn a `no` into a `yes`; none where nobody can. */
  readonly remedies: readonly Remedy[]
}

/** Whether everything that `pyprof record` needs works. */
export function canRecord(checks: readonly Check[]): boolean {
  return !checks.some(({ needed, verdict }) => needed && verdict === 'no')
}

/** A check that mends nothing and hinders nothing unless it says so. */
export function check(
  id: string,
  verdict: Verdict,
  text: string,
  parts: { readonly needed?: boolean; readonly remedies?: readonly Remedy[] } = {},
): Check {
  return { id, verdict, text, needed: parts.needed ?? false, remedies: parts.remedies ?? [] }
}

/** Remedies as far as they can work here: sudo is none where it could not give the capability. */
export function usableRemedies(
  machine: Machine,
  obstacle: Obstacle,
  pid: number | 'PID' = 'PID',
): readonly Remedy[] {
  return remediesFor(obstacle, pid).filter(
    ({ line }) => machine.ptraceWithinReach || !needsSudoHere(line),
  )
}

/** What holds for every process: the platform, the kernel's facts, and what was tried. */
export function systemChecks(machine: Machine, own: Trials['own']): Check[] {
  return [
    platform(machine),
    ...(machine.ownProc ? [] : [foreignProc()]),
    memory(machine, own),
    check('user', 'note', user(machine)),
    check('ptrace-scope', 'note', yama(machine)),
    check('seccomp', 'note', seccomp(machine, own)),
    userNamespace(machine),
    pidNamespace(machine),
    ...(machine.hidesProcesses ? [hidden(machine)] : []),
    runCounts(machine),
    check('perf-events', 'note', perfEvents(machine)),
  ]
}

/** What pyprof may read when no process is named. */
export function reachChecks(
  machine: Machine,
  launched: Trials['launched'],
  processors: readonly number[],
): Check[] {
  return [launch(machine, launched), attach(machine), otherUsers(machine), reach(processors)]
}

function platform({ kernel, architecture }: Machine): Check {
  const text = `Linux ${kernel} on ${architecture}`
  if (architecture === 'x64') return check('platform', 'yes', text, { needed: true })
  if (architecture === 'arm64') {
    return check(
      'platform',
      'unknown',
      `${text}: pyprof is written for it, but was not tried on it`,
    )
  }
  return check('platform', 'no', `${text}: pyprof is for x86-64`, { needed: true })
}

function foreignProc(): Check {
  return check('proc', 'no', "/proc is missing, or shows another pid namespace than pyprof's own", {
    needed: true,
    remedies: [{ place: 'shell', line: 'mount -t proc proc /proc' }],
  })
}

function memory(machine: Machine, own: string): Check {
  const needed = true
  if (own === '') return check('process-vm-readv', 'yes', 'process_vm_readv works', { needed })
  const remedies = machine.seccomp === 0 ? [] : usableRemedies(machine, 'seccomp')
  const text = own.includes('not implemented')
    ? `${own}: a sandbox such as gVisor, which an ordinary kernel must replace`
    : `${own} is refused even for pyprof's own memory`
  return check('process-vm-readv', 'no', text, { needed, remedies })
}

function user(machine: Machine): string {
  const { uid, ptraceCapability, perfmonCapability, ptraceWithinReach, noNewPrivileges } = machine
  const has = (held: boolean, name: string) => `${held ? 'with' : 'without'} ${name}`
  const capabilities = `${has(ptraceCapability, 'CAP_SYS_PTRACE')}, ${has(perfmonCapability, 'CAP_PERFMON')}`
  const reach =
    ptraceCapability || ptraceWithinReach
      ? ''
      : noNewPrivileges
        ? '; sudo cannot give it either (no_new_privs)'
        : '; sudo cannot give it either (not in the bounding set)'
  return `pyprof runs as user ${uid}, ${capabilities}${reach}`
}

function yama({ ptraceScope, ptraceCapability }: Machine): string {
  if (ptraceScope === null) return 'a kernel without Yama: a user may read all of their processes'
  const meaning =
    {
      0: 'a user may read all of their processes',
      1: 'a process may be read by its ancestors',
      2: 'only CAP_SYS_PTRACE may read',
      3: 'nobody may read other processes until the next boot',
    }[ptraceScope] ?? 'a value that pyprof does not know'
  const overruled = ptraceCapability && (ptraceScope === 1 || ptraceScope === 2)
  const by = overruled ? ', and by CAP_SYS_PTRACE, which pyprof has' : ''
  return `kernel.yama.ptrace_scope is ${ptraceScope}: ${meaning}${by}`
}

function seccomp({ seccomp }: Machine, own: string): string {
  if (seccomp === 0) return 'no seccomp filter'
  const passes = own === '' ? 'it lets process_vm_readv pass' : 'it may be what refuses the read'
  return `pyprof runs under a seccomp ${seccomp === 2 ? 'filter' : 'sandbox'}; ${passes}`
}

function userNamespace(machine: Machine): Check {
  const id = 'user-namespace'
  if (machine.firstUserNamespace === null) {
    return check(id, 'unknown', 'the user namespace cannot be seen')
  }
  if (machine.firstUserNamespace) return check(id, 'yes', "the host's user namespace")
  const text = 'a user namespace of its own: capabilities count for the processes in it alone'
  return check(id, 'no', text, { remedies: usableRemedies(machine, 'user-namespace') })
}

function pidNamespace(machine: Machine): Check {
  const id = 'pid-namespace'
  if (machine.firstPidNamespace === null) {
    return check(id, 'unknown', 'the pid namespace cannot be seen')
  }
  if (machine.firstPidNamespace) return check(id, 'yes', "the host's processes are in sight")
  const text = 'a pid namespace of its own (a container): only processes in it are in sight'
  return check(id, 'no', text, { remedies: usableRemedies(machine, 'pid-namespace') })
}

function hidden(machine: Machine): Check {
  const text = "/proc hides other users' processes (hidepid)"
  return check('hidepid', 'no', text, { remedies: usableRemedies(machine, 'hidepid') })
}

function runCounts({ countsRuns }: Machine): Check {
  const id = 'run-counts'
  if (countsRuns) return check(id, 'yes', 'the kernel counts the runs of threads, as exact needs')
  const text = 'no run counts in /proc/self/schedstat (CONFIG_SCHED_INFO): live instead of exact'
  return check(id, 'no', text)
}

function perfEvents({ perfEventParanoid }: Machine): string {
  if (perfEventParanoid === null) return 'a kernel without perf events; pyprof does not use them'
  return `kernel.perf_event_paranoid is ${perfEventParanoid}; pyprof does not use perf events`
}

function launch(machine: Machine, launched: string): Check {
  const id = 'launched-commands'
  const needed = true
  if (launched === '') {
    return check(id, 'yes', 'a command that pyprof starts can be read (tried)', { needed })
  }
  const text = `a command that pyprof starts could not be read: ${launched}`
  const obstacle = machine.ptraceScope === 3 ? 'yama-3' : 'capability'
  return check(id, 'no', text, { needed, remedies: usableRemedies(machine, obstacle) })
}

/** By the rules in ptrace(2); what AppArmor or SELinux adds cannot be seen from here. */
function attach(machine: Machine): Check {
  const id = 'own-processes'
  const needed = true
  const { ptraceScope, ptraceCapability, uid } = machine
  const what = `processes of user ${uid} that run already`
  if (ptraceScope === 3) {
    const remedies = usableRemedies(machine, 'yama-3')
    return check(id, 'no', `${what}: kernel.yama.ptrace_scope is 3`, { needed, remedies })
  }
  if (ptraceCapability || ptraceScope === null || ptraceScope === 0) {
    return check(id, 'yes', `${what} may be read`, { needed })
  }
  const text = `${what}: kernel.yama.ptrace_scope is ${ptraceScope}, and pyprof has no CAP_SYS_PTRACE`
  const remedies = usableRemedies(machine, ptraceScope === 1 ? 'yama-1' : 'capability')
  return check(id, 'no', text, { needed, remedies })
}

function otherUsers(machine: Machine): Check {
  const id = 'other-users'
  if (machine.ptraceScope === 3) {
    return check(id, 'no', "other users' processes: kernel.yama.ptrace_scope is 3")
  }
  if (!machine.ptraceCapability) {
    const remedies = usableRemedies(machine, 'capability')
    return check(id, 'no', "other users' processes: pyprof has no CAP_SYS_PTRACE", { remedies })
  }
  const where = machine.firstUserNamespace === false ? ' of this user namespace' : ''
  return check(id, 'yes', `other users' processes${where} may be read`)
}

function reach(processors: readonly number[]): Check {
  const id = 'processors'
  if (processors.length === 0) {
    const text = 'the kernel does not let pyprof choose its processor: live instead of exact'
    return check(id, 'no', text)
  }
  return check(id, 'yes', `exact may share processors ${formatProcessors(processors)}`)
}
