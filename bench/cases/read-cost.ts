import { MINORS } from '../../test/support/pythons.ts'
import type { Case, Run } from '../lib/case.ts'
import { readerBench } from '../lib/reader-bench.ts'
import { ratios, spread } from '../lib/stats.ts'
import { percent, table } from '../lib/table.ts'
import { withFrames } from '../lib/target.ts'

interface Shape {
  readonly depth: number
  readonly threads: number
  /** The ratio to reach; none was set for many threads. */
  readonly reach?: number
}

const SHAPES: readonly Shape[] = [
  { depth: 10, threads: 1, reach: 1.25 },
  { depth: 50, threads: 1, reach: 1.25 },
  { depth: 200, threads: 1, reach: 1.3 },
  { depth: 1000, threads: 1, reach: 1.5 },
  { depth: 50, threads: 10 },
  { depth: 50, threads: 100 },
]

async function run({ quick, say }: Run): Promise<void> {
  const rows: string[][] = []
  for (const shape of SHAPES) {
    for (const minor of MINORS) {
      for (const busy of [0, 1]) {
        const found = await withFrames({ ...shape, minor, busy }, ({ pid }) =>
          readerBench(pid, quick ? 5 : 41, quick ? 5 : 20),
        )
        rows.push([
          `${shape.threads} × ${shape.depth}`,
          minor,
          busy ? 'one busy' : 'idle',
          spread(ratios(found.ours, found.bare)),
          shape.reach === undefined ? '' : `≤ ${shape.reach}`,
          spread(found.ours.map((ns) => ns / 1000)),
          spread(found.bare.map((ns) => ns / 1000)),
          found.readsPerSample.toFixed(3),
          String(found.ranges),
          percent(found.exact, 1),
        ])
      }
    }
  }
  say(
    table(
      [
        'threads × frames',
        'Python',
        'target',
        'ours ÷ bare read',
        'to reach',
        'ours, µs CPU',
        'bare, µs CPU',
        'reads a sample',
        'ranges',
        'exact',
      ],
      rows,
    ),
  )
}

export const readCost: Case = {
  name: 'read-cost',
  question: 'What does a live sample cost beside the bare system call that copies the same bytes?',
  run,
}
