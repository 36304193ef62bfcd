import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  CONTAINERS_PAGE,
  type Obstacle,
  PLACES,
  remediesFor,
} from '../../../src/sampling/remedies.ts'

const OBSTACLES: readonly Obstacle[] = [
  'capability',
  'yama-1',
  'yama-3',
  'user-namespace',
  'pid-namespace',
  'hidepid',
  'seccomp',
  'processors',
  'version',
]
const page = readFileSync(join(import.meta.dirname, '..', '..', '..', CONTAINERS_PAGE), 'utf8')

test.each(OBSTACLES)('every line against %s is on the page that hints name', (obstacle) => {
  const remedies = remediesFor(obstacle, 42)
  expect(remedies.length).toBeGreaterThan(0)
  for (const { line } of remedies) {
    expect(page.includes(line) || page.includes(line.replace('42', 'PID')), line).toBe(true)
  }
})

test.each<Obstacle>(['capability', 'yama-1', 'user-namespace'])(
  'against %s there is a line for every place',
  (obstacle) => {
    const places = remediesFor(obstacle).map(({ place }) => place)
    expect([...new Set(places)]).toEqual(PLACES)
  },
)

test('the process is named where the line needs one', () => {
  const [shell] = remediesFor('capability', 42)
  expect(shell?.line).toBe('sudo env "PATH=$PATH" pyprof record --pid 42')
})
