import type { DumpedTask } from './dump.ts'

/** A task below one that awaits it. */
export interface TaskNode {
  readonly task: DumpedTask
  /** What it awaits. */
  readonly children: readonly TaskNode[]
  /** It awaits, or is awaited, elsewhere in the forest, where all of it is. */
  readonly isRepeated: boolean
}

/** Deeper ones stand below the root again: a chain of awaiting tasks has no bound of its own. */
const MAX_DEPTH = 200

/**
 * The tasks as trees: whoever awaits stands above what it awaits, and at the top stands what
 * nobody awaits. A task that several await is whole at the first one; tasks that await each other
 * in a circle begin with one of them.
 */
export function taskForest(tasks: readonly DumpedTask[]): TaskNode[] {
  const awaits = new Map<string, DumpedTask[]>()
  for (const task of tasks) {
    for (const awaiter of task.awaitedBy) {
      const list = awaits.get(awaiter)
      if (list) list.push(task)
      else awaits.set(awaiter, [task])
    }
  }
  const shown = new Set<string>()
  const node = (task: DumpedTask, depth: number): TaskNode => {
    if (shown.has(task.address)) return { task, children: [], isRepeated: true }
    shown.add(task.address)
    const below = depth >= MAX_DEPTH ? [] : (awaits.get(task.address) ?? [])
    return { task, children: below.map((child) => node(child, depth + 1)), isRepeated: false }
  }
  const roots = tasks.filter(({ awaitedBy }) => awaitedBy.length === 0)
  const forest = roots.map((task) => node(task, 0))
  for (const task of tasks) {
    if (!shown.has(task.address)) forest.push(node(task, 0))
  }
  return forest
}
