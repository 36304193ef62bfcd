import { readdirSync, readFileSync } from 'node:fs'
import { until } from './wait.ts'

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // the process or thread has ended
  }
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((tid) => `/proc/${pid}/task/${tid}`)
  } catch {
    return []
  }
}

/** The thread of pyprof that samples; undefined before it has started. */
export function samplerThread(pid: number): number | undefined {
  const found = threadsOf(pid).find((task) => read(`${task}/comm`).trim() === 'pyprof-sampler')
  return found === undefined ? undefined : Number(found.split('/').at(-1))
}

/** Times that the threads of a process have waited. */
function waits(pid: number): number {
  let sum = 0
  for (const task of threadsOf(pid)) {
    sum += Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(read(`${task}/status`))?.[1] ?? 0)
  }
  return sum
}

/** Enough waits between two looks for a profiler at this rate, and more than any start has. */
const WAITS_OF_RATE = 0.5
const LOOK_MS = 100

/** Waits until a profiler is sampling: until it sleeps about as often as its rate in Hz says. */
export async function untilSampling(pid: number, rate: number): Promise<void> {
  let before = waits(pid)
  let at = performance.now()
  const enough = () => {
    const now = performance.now()
    const since = now - at
    if (since < LOOK_MS) return false
    const waited = waits(pid) - before
    before += waited
    at = now
    return waited > (since / 1000) * rate * WAITS_OF_RATE
  }
  await until(`process ${pid} to sample`, enough)
}
