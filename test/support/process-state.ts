import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const SAMPLER_THREAD = 'pyprof-sampler'
const PATIENCE_MS = 20_000

/**
 * Waits until all threads of a process sleep. A target says that it is in position just before it
 * blocks; until it has, its stack is what it should be, but may be read in motion.
 */
export async function still(pid: number): Promise<void> {
  const giveUp = Date.now() + PATIENCE_MS
  while (threadStates(pid).some((state) => state !== 'S')) {
    if (Date.now() > giveUp) throw new Error(`Process ${pid} never came to rest.`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** The state letter of each thread: S sleeps, R runs or wants to, T is stopped, Z has ended. */
export function threadStates(pid: number): string[] {
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks).map((task) => stateIn(join(tasks, task, 'stat')))
}

function stateIn(stat: string): string {
  // The name before the state stands in parentheses and may hold anything.
  return readFileSync(stat, 'utf8').split(') ').at(-1)!.charAt(0)
}

/**
 * How long this process's sampling thread was ready to run and had no core, ns. What a busy machine
 * costs is not the sampler's fault. Only while it runs.
 */
export function waitedForCore(): number {
  const [task, ...others] = samplerTasks()
  if (task === undefined || others.length > 0) throw new Error('There is not one sampling thread.')
  // schedstat: time on a core, time waited for one, times run.
  return Number(readFileSync(join(task, 'schedstat'), 'utf8').split(' ')[1])
}

/** Whether this process's sampling thread has begun to wait for a tick. */
export function samplerSleeps(): boolean {
  const task = samplerTasks()[0] // it may not have its name yet
  return task !== undefined && stateIn(join(task, 'stat')) === 'S'
}

function samplerTasks(): string[] {
  const tasks = readdirSync('/proc/self/task').map((task) => join('/proc/self/task', task))
  return tasks.filter((task) => {
    return readFileSync(join(task, 'comm'), 'utf8').trim() === SAMPLER_THREAD
  })
}
