import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT } from './root.ts'

function git(...args: string[]): string {
  try {
    return execFileSync('git', ['-C', ROOT, ...args], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

/** What a run has to say of itself, one line each. */
export function describeRun(args: readonly string[]): string[] {
  const cores = cpus()
  const changed = git('status', '--porcelain', '--untracked-files=no', 'src', 'native') !== ''
  return [
    `npm run bench${args.length > 0 ? ` -- ${args.join(' ')}` : ''}`,
    `${new Date().toISOString().slice(0, 16)}Z, commit ${git('rev-parse', '--short', 'HEAD')}` +
      (changed ? ' with changes that are not committed' : ''),
    `${cores.length} × ${cores[0]?.model ?? 'unknown'}, Linux ${release()}, Node ${process.version}`,
  ]
}

/** Cores in use by anybody, and cores' worth of time that the host gave to other machines. */
function times(): { busy: number; steal: number; all: number } {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.trim().split(/\s+/)
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = fields
    .slice(1)
    .map(Number)
  const busy = user + nice + system + irq + soft
  return { busy, steal, all: busy + idle + wait + steal }
}

const LOOK_MS = 1000

/** What others do on the machine while this run does nothing, measured for a second. */
export async function background(): Promise<string> {
  const from = times()
  await sleep(LOOK_MS)
  const to = times()
  const cores = cpus().length / (to.all - from.all)
  const busy = ((to.busy - from.busy) * cores).toFixed(2)
  return `${busy} cores busy with other work, ${((to.steal - from.steal) * cores).toFixed(2)} stolen`
}
