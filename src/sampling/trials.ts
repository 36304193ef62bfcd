import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Addon, Probe } from './addon.ts'

/** What came of reading a process: '' when its memory was read, else what the kernel refused. */
export type Trial = string

/** The two processes that pyprof may always try itself on. */
export interface Trials {
  /** pyprof's own memory. */
  readonly own: Trial
  /** A command that pyprof has started. */
  readonly launched: Trial
}

/** Reads pyprof's own memory and that of a process which it starts for this, and ends. */
export async function tryReading(addon: Addon): Promise<Trials> {
  const own = trialOf(addon.probeMany([process.pid])[0])
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  try {
    if (child.pid === undefined) {
      const [error] = await once(child, 'error')
      return { own, launched: `no process could be started (${String(error)})` }
    }
    return { own, launched: trialOf(addon.probeMany([child.pid])[0]) }
  } finally {
    if (child.pid !== undefined) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
}

/** Whoever learns that a process is no Python has read it. */
function trialOf(probe: Probe | undefined): Trial {
  if (probe === undefined || probe.ok) return ''
  if (probe.code === 'permission') return probe.detail
  return probe.code === 'no-such-process' ? 'process_vm_readv: no such process' : ''
}
