import { FORMATS } from '../../src/formats/index.ts'
import type { Profile } from '../../src/profile/profile.ts'
import type { Case, Run } from '../lib/case.ts'
import { ratios, spread } from '../lib/stats.ts'
import { syntheticProfile } from '../lib/synthetic.ts'
import { table } from '../lib/table.ts'

/** The plainest text that holds each sample's stack and weight: what any export has to do at least. */
function plain({ samples }: Profile): number {
  const stacks = JSON.stringify(Array.from(samples.stack))
  return stacks.length + JSON.stringify(Array.from(samples.weight)).length
}

/** Milliseconds that the work took, and the bytes that it made. */
function timed(work: () => number): { ms: number; bytes: number } {
  const from = performance.now()
  const bytes = work()
  return { ms: performance.now() - from, bytes }
}

async function run({ rounds, quick, say }: Run): Promise<void> {
  const profile = syntheticProfile(quick ? 100_000 : 1_000_000)
  const count = rounds(9)
  const sides = FORMATS.map((format) => ({
    format,
    ms: [] as number[],
    base: [] as number[],
    bytes: 0,
  }))
  for (let round = 0; round < count; round++) {
    for (const side of sides) {
      side.base.push(timed(() => plain(profile)).ms)
      const made = timed(() => {
        let bytes = 0
        for (const piece of side.format.write(profile, { threads: false })) {
          bytes += Buffer.byteLength(piece)
        }
        return bytes
      })
      side.ms.push(made.ms)
      side.bytes = made.bytes
    }
  }
  say(
    table(
      ['format', 'time ÷ plain JSON', 'million samples/s', 'time, ms', 'output, kB'],
      sides.map(({ format, ms, base, bytes }) => [
        format.name,
        spread(ratios(ms, base)),
        spread(ms.map((each) => profile.samples.length / each / 1000)),
        spread(ms),
        (bytes / 1000).toFixed(0),
      ]),
    ),
  )
  say(
    `${profile.samples.length} samples, ${profile.stacks.length} stacks of ` +
      `${profile.functions.length} functions, ${profile.threads.length} threads. ` +
      'Plain JSON: JSON.stringify of the stack and the weight of every sample.',
  )
}

export const exportCase: Case = {
  name: 'export',
  question: 'How fast do the formats write a million samples, beside plain JSON of them?',
  run,
}
