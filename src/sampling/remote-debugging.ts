import type { Proc } from './proc.ts'
import { remoteDebuggingSwitch } from './python-options.ts'

/** Whether a Python takes scripts from a debugger (PEP 768), and what decides that. */
export interface RemoteDebugging {
  /** `never`: its version has no such interface; `unknown`: it could not be read. */
  readonly state: 'on' | 'off' | 'never' | 'unknown'
  /**
   * `-X disable-remote-debug`, `PYTHON_DISABLE_REMOTE_DEBUG`, `--without-remote-debug`, or `''`. Of an
   * unknown state: what would turn it off.
   */
  readonly by: string
  /** The same in words, to stand behind a comma. */
  readonly cause: string
}

/** What is known of one Python. */
export interface PythonFacts {
  readonly pid: number
  /** '' when it could not be read. */
  readonly version: string
  /** null: it could not be read. */
  readonly enabled: boolean | null
  /** Hex; '' when it could not be read. */
  readonly runtimeAddress: string
}

/** In every build that can run such scripts, as the name of the audit event (Python/ceval_gil.c). */
const MARK = 'cpython.remote_debugger_script'

/** Finds out what turned remote debugging on or off, as far as it can be seen from outside. */
export function remoteDebuggingOf(facts: PythonFacts, proc: Proc): RemoteDebugging {
  const { pid, version, enabled } = facts
  if (version.startsWith('3.13.')) {
    return { state: 'never', by: '', cause: 'it came with Python 3.14' }
  }
  if (enabled === true) return { state: 'on', by: '', cause: '' }
  const by = remoteDebuggingSwitch(proc, pid)
  if (enabled === null) {
    const cause = by === '' ? 'it cannot be seen' : `it cannot be seen, but ${by} would turn it off`
    return { state: 'unknown', by, cause }
  }
  if (by !== '') return { state: 'off', by, cause: `by ${by}` }
  const isBuiltIn = runtimeFile(facts, proc)?.includes(MARK)
  if (isBuiltIn === false) {
    return {
      state: 'off',
      by: '--without-remote-debug',
      cause: 'its Python was built with --without-remote-debug',
    }
  }
  const known = 'neither its arguments nor its environment tell why'
  const cause = isBuiltIn ? `${known}: a program that embeds Python may have done it` : known
  return { state: 'off', by: '', cause }
}

/** The program or library that holds the runtime, as the target sees it. */
function runtimeFile({ pid, runtimeAddress }: PythonFacts, proc: Proc): Buffer | undefined {
  if (runtimeAddress === '') return undefined
  const address = BigInt(runtimeAddress)
  for (const line of (proc.read(pid, 'maps') ?? '').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \d+\s+(\/.*)$/.exec(line)
    if (match === null) continue
    const [, start = '0', end = '0', path = ''] = match
    if (address < BigInt(`0x${start}`) || address >= BigInt(`0x${end}`)) continue
    return (
      proc.bytes(pid, 'map_files', `${unpadded(start)}-${unpadded(end)}`) ??
      (path.endsWith(' (deleted)') ? proc.bytes(pid, 'exe') : proc.bytes(pid, 'root', path))
    )
  }
  return undefined
}

/** `maps` writes at least eight digits, `map_files` as many as there are. */
function unpadded(hex: string): string {
  return hex.replace(/^0+(?=.)/, '')
}
