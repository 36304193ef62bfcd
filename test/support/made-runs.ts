import type { CompareOptions } from '../../src/diff/compare.ts'
import { parseGate } from '../../src/diff/gates.ts'
import { type RunInput, runOf } from '../../src/diff/run.ts'
import type { Meta, Profile } from '../../src/profile/profile.ts'
import { type DraftFrame, type DraftSample, MS, profileOf } from './ascii-profile.ts'
import { normal, random } from './synthetic-runs.ts'

/** Samples of a made-up run by their stacks, root first: `main;load:3`. */
export type Counts = Readonly<Record<string, number>>

export interface MadeRun {
  readonly counts: Counts
  /** Files by function; default /srv/app.py. */
  readonly files?: Readonly<Record<string, string>>
  /** Lines of the `def` by function; default 1. */
  readonly firstLines?: Readonly<Record<string, number>>
  readonly meta?: Partial<Meta>
}

/** A profile of 10 ms samples; each stack comes in turns, spread over the run. */
export function madeProfile({ counts, files, firstLines, meta }: MadeRun): Profile {
  const stacks = Object.entries(counts).map(([text, count]) => ({ stack: framesOf(text), count }))
  const drafts: (DraftSample & { at: number })[] = stacks.flatMap(({ stack, count }) =>
    Array.from({ length: Math.round(count) }, (_, at) => ({ stack, at: (at + 0.5) / count })),
  )
  drafts.sort((a, b) => a.at - b.at)
  return profileOf(drafts, {
    meta: { endReason: 'exited', states: ['cpu'], machine: '2 × Test', ...meta },
  })

  function framesOf(text: string): DraftFrame[] {
    return text.split(';').map((frame) => {
      const [name = '', line] = frame.split(':')
      const file = files?.[name]
      return {
        name,
        line: Number(line ?? 1),
        firstLine: firstLines?.[name] ?? 1,
        ...(file === undefined ? {} : { file }),
      }
    })
  }
}

/** Several runs of the same, each stack with noise of its own; names are `base-1.pyprof`, …. */
export function madeRuns(
  name: string,
  run: MadeRun,
  count: number,
  noise = 0.01,
  seed = 1,
): RunInput[] {
  const next = random(seed + name.length * 1000)
  return Array.from({ length: count }, (_, at) => {
    const counts = Object.fromEntries(
      Object.entries(run.counts).map(([stack, samples]) => [
        stack,
        samples * Math.exp(noise * normal(next)),
      ]),
    )
    const startedAt = 1_700_000_000_000 + 2000 * at + (name === 'head' ? 1000 : 0)
    const meta = { startedAt, ...run.meta }
    return {
      name: `${name}-${at + 1}.pyprof`,
      profile: madeProfile({ ...run, counts, meta }),
      isTimed: true,
    }
  })
}

const FACTS = { cpu: 'Test', governor: '', load: 0, kernel: '', revision: '', isDirty: false }

/** The runs of a side as a bench makes them: the first is of the first pair, and so on. */
export function inPairs(runs: readonly RunInput[], bench = 'a bench'): RunInput[] {
  return runs.map((run, at) => {
    const facts = { ...FACTS, pair: { bench, number: at + 1 } }
    return { ...run, profile: { ...run.profile, meta: { ...run.profile.meta, run: facts } } }
  })
}

/** The runs with the machine slower from run to run, by the factor given for each. */
export function slowed(runs: readonly RunInput[], factors: readonly number[]): RunInput[] {
  return runs.map((run, at) => {
    const factor = factors[at]!
    const { samples, meta } = run.profile
    const weight = Array.from(samples.weight, (each) => each * factor)
    const slower = { ...meta, duration: meta.duration * factor }
    return { ...run, profile: { ...run.profile, samples: { ...samples, weight }, meta: slower } }
  })
}

export function setsOf(base: readonly RunInput[], head: readonly RunInput[]) {
  const isSingle = base.length === 1 && head.length === 1
  return {
    base: base.map((input) => runOf(input, isSingle)),
    head: head.map((input) => runOf(input, isSingle)),
  }
}

export function optionsOf(
  gates: readonly string[] = [],
  more: Partial<CompareOptions> = {},
): CompareOptions {
  return {
    exporter: 'pyprof@0.0.0-test',
    confidence: 0.95,
    minShare: 0.005,
    minChange: 0.02,
    allowed: [],
    renames: [],
    isSameWork: false,
    gates: gates.map(parseGate),
    ...more,
  }
}

/** One sample's time. */
export const SAMPLE: number = 10 * MS
