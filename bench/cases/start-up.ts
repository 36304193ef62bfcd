import type { Case, Run } from '../lib/case.ts'
import { measure } from '../lib/measured.ts'
import { PYPROF } from '../lib/pyprof.ts'
import { ratios, spread } from '../lib/stats.ts'
import { table } from '../lib/table.ts'

const COMMANDS: readonly (readonly [string, readonly string[]])[] = [
  ['node -e 0', [process.execPath, '-e', '0']],
  ['pyprof --version', [...PYPROF, '--version']],
  ['pyprof help record', [...PYPROF, 'help', 'record']],
]

async function run({ rounds, say }: Run): Promise<void> {
  const found = COMMANDS.map(([name, command]) => ({
    name,
    command,
    wall: [] as number[],
    cpu: [] as number[],
  }))
  for (let round = 0; round < rounds(25); round++) {
    for (const { command, wall, cpu } of found) {
      const usage = await measure(command, 'sampler')
      wall.push(usage.wall * 1000)
      cpu.push(usage.cpu * 1000)
    }
  }
  const base = found[0]!
  say(
    table(
      ['command', 'CPU ÷ bare node', 'CPU, ms', 'elapsed, ms'],
      found.map(({ name, wall, cpu }) => [
        name,
        name === base.name ? '1' : spread(ratios(cpu, base.cpu)),
        spread(cpu),
        spread(wall),
      ]),
    ),
  )
}

export const startUp: Case = {
  name: 'start-up',
  question: 'How long does the program take to start, beside Node itself?',
  run,
}
