import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Cores that this process may run on, from the kernel's list such as `0-3,8`. */
function allowedCores(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8')
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? ''
  return list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, at) => first + at)
  })
}

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const cores = hasTaskset() ? allowedCores() : []

/** Whether target and sampler can be given a core each. */
export const CAN_PIN = cores.length >= 2

/** Where a process runs: the target's core, the sampler's core, or where the kernel likes. */
export type Core = 'target' | 'sampler' | 'any'

/** The command, put on a core; taskset replaces itself, so the process id is the command's. */
export function onCore(core: Core, command: readonly string[]): string[] {
  if (core === 'any' || !CAN_PIN) return [...command]
  return ['taskset', '-c', String(core === 'target' ? cores[0] : cores[1]), ...command]
}
