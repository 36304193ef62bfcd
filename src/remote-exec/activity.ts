import type { Proc } from '../sampling/proc.ts'

/** What the kernel tells of a thread at one moment. */
export interface Activity {
  /** One letter, as in ps; '' when the thread is not there. */
  readonly state: string
  /** Time on a processor so far, ns. */
  readonly ran: number
  /** How often it was put on a processor. */
  readonly runs: number
  /** The system call that it sleeps in; '' when it is in none or that cannot be told. */
  readonly call: string
}

/** Calls in which threads wait for long; numbers of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl). */
const CALLS: Readonly<Record<number, string>> = {
  0: 'read',
  1: 'write',
  7: 'poll',
  8: 'lseek',
  17: 'pread64',
  20: 'writev',
  23: 'select',
  34: 'pause',
  35: 'nanosleep',
  42: 'connect',
  43: 'accept',
  44: 'sendto',
  45: 'recvfrom',
  46: 'sendmsg',
  47: 'recvmsg',
  61: 'wait4',
  73: 'flock',
  72: 'fcntl',
  128: 'rt_sigtimedwait',
  130: 'rt_sigsuspend',
  202: 'futex',
  230: 'clock_nanosleep',
  232: 'epoll_wait',
  247: 'waitid',
  270: 'pselect6',
  271: 'ppoll',
  281: 'epoll_pwait',
  288: 'accept4',
  441: 'epoll_pwait2',
}

/** Reads /proc only. */
export function activityOf(proc: Proc, pid: number, tid: number): Activity {
  const stat = proc.read(pid, 'task', tid, 'stat') ?? ''
  const [ran = 0, , runs = 0] = (proc.read(pid, 'task', tid, 'schedstat') ?? '')
    .split(' ')
    .map(Number)
  const state = stat.slice(stat.lastIndexOf(')') + 2)[0] ?? ''
  return { state, ran, runs, call: state === 'S' || state === 'D' ? callOf(proc, pid, tid) : '' }
}

function callOf(proc: Proc, pid: number, tid: number): string {
  const number = Number((proc.read(pid, 'task', tid, 'syscall') ?? '').split(' ')[0] || Number.NaN)
  if (process.arch === 'x64' && CALLS[number] !== undefined) return CALLS[number]
  const place = proc.read(pid, 'task', tid, 'wchan') ?? ''
  return /^[a-z]\w+$/i.test(place) ? place : ''
}

/**
 * Why a thread has not looked at a request, and when it will: the end of a sentence that begins with
 * the thread.
 */
export function whyItWaits(before: Activity, now: Activity): string {
  if (now.state === '' || now.state === 'Z' || now.state === 'X') return 'has ended'
  if (now.state === 'T') return 'is stopped by a signal; it goes on after SIGCONT'
  if (now.state === 't') return 'is stopped by a debugger'
  if (now.state === 'D') return `waits in the kernel${inCall(now)} and cannot be reached`
  const hasRun = now.ran > before.ran || now.runs > before.runs
  if (now.state === 'R' || (hasRun && now.ran - before.ran > 1e6)) {
    return 'runs C code without coming back to Python; the script runs when that call ends'
  }
  if (hasRun && now.call === 'futex') {
    return 'waits for the GIL, which a thread in C code keeps; the script runs when that lets it go'
  }
  return `sleeps${inCall(now)}; the script runs when it wakes up`
}

function inCall({ call }: Activity): string {
  return call === '' ? '' : ` in ${call}`
}
