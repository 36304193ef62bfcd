import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'
import { join } from 'node:path'
import type { RunFacts } from '../profile/profile.ts'

const CPUFREQ = '/sys/devices/system/cpu/cpufreq'

/** What a run depends on besides its program. What cannot be found out is ''. */
export function readRunFacts(): RunFacts {
  return {
    cpu: cpus()[0]?.model.trim() ?? '',
    governor: governors(),
    load: loadavg()[0] ?? 0,
    kernel: release(),
    revision: git('rev-parse', 'HEAD'),
    isDirty: git('--no-optional-locks', 'status', '--porcelain', '--untracked-files=no') !== '',
  }
}

/** Documentation/admin-guide/pm/cpufreq.rst of the kernel: one folder a policy. */
function governors(): string {
  try {
    const found = readdirSync(CPUFREQ)
      .filter((name) => name.startsWith('policy'))
      .map((name) => readFileSync(join(CPUFREQ, name, 'scaling_governor'), 'utf8').trim())
    return [...new Set(found)].sort().join(', ')
  } catch {
    // Virtual machines have none.
    return ''
  }
}

function git(...args: readonly string[]): string {
  const { status, stdout } = spawnSync('git', args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : ''
}
