import { expect, test } from 'vitest'
import type { DumpedTask } from '../../../src/dump/dump.ts'
import { type TaskNode, taskForest } from '../../../src/dump/task-tree.ts'

function task(address: string, ...awaitedBy: string[]): DumpedTask {
  const rest = { state: 'suspended', thread: 1, partial: false, frames: [] } as const
  return { ...rest, address, name: address, awaitedBy }
}

/** `a(b c(d))`, a repeated one with a star. */
function drawn(nodes: readonly TaskNode[]): string {
  return nodes
    .map(({ task, children, isRepeated }) => {
      const below = children.length === 0 ? '' : `(${drawn(children)})`
      return `${task.name}${isRepeated ? '*' : ''}${below}`
    })
    .join(' ')
}

test.each([
  ['', []],
  ['a b', [task('a'), task('b')]],
  ['a(b(c) d)', [task('c', 'b'), task('b', 'a'), task('a'), task('d', 'a')]],
  ['a(c) b(c*)', [task('a'), task('b'), task('c', 'a', 'b')]],
  ['a(b(a*))', [task('a', 'b'), task('b', 'a')]],
  ['a(a*)', [task('a', 'a')]],
  // One that awaits and is not in the list.
  ['b', [task('b', 'gone')]],
])('%s', (expected, tasks) => {
  expect(drawn(taskForest(tasks))).toBe(expected)
})

test('a chain of any length ends', () => {
  const chain = Array.from({ length: 20_000 }, (_, i) =>
    task(`t${i}`, ...(i > 0 ? [`t${i - 1}`] : [])),
  )
  let count = 0
  const visit = (nodes: readonly TaskNode[]) => {
    for (const node of nodes) {
      if (!node.isRepeated) count++
      visit(node.children)
    }
  }
  visit(taskForest(chain))
  expect(count).toBe(20_000)
})
