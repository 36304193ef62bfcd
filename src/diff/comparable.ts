import { EXIT, PyprofError } from '../errors.ts'
import type { RunSets } from './measure.ts'
import type { Run } from './run.ts'

/** What has to be the same in all runs, unless a user says otherwise. */
export const SAME = ['mode', 'rate', 'reading', 'python', 'machine', 'view'] as const
export type Same = (typeof SAME)[number]

/** Something that is not the same in all runs. */
export interface Difference {
  readonly what: Same
  /** The different values, and a run that has each. */
  readonly values: readonly { readonly value: string; readonly run: string }[]
}

const MEANING: Readonly<Record<Same, readonly [noun: string, why: string]>> = {
  mode: ['mode', 'Time that passed and CPU time are two different things.'],
  rate: ['rate', 'The cost of sampling and the finest time that can be seen go with the rate.'],
  reading: [
    'reading',
    'Each reading costs the target another amount, and guarantees other things.',
  ],
  python: ['minor version of Python', 'Every minor version of Python has another speed.'],
  machine: ['kind of machine', 'Another machine has another speed.'],
  view: ['choice of samples', 'What was filtered or merged differently holds different things.'],
}

/** The value of a run, as text; '' when it is unknown. */
const VALUE: Readonly<Record<Same, (run: Run) => string>> = {
  mode: ({ mode }) => mode,
  rate: ({ rate }) => (rate === 0 ? '' : `${Number(rate.toPrecision(3))} Hz`),
  reading: ({ read }) => (read === 'unknown' ? '' : read),
  python: ({ pythonVersion }) => /^\d+\.\d+/.exec(pythonVersion)?.[0] ?? '',
  machine: ({ machine }) => machine,
  view: ({ view }) => view,
}

/** What it is called in a sentence. */
export function nounOf(what: Same): string {
  return MEANING[what][0]
}

/** What differs among the runs; unknown values differ from none. */
export function differencesOf({ base, head }: RunSets): Difference[] {
  return SAME.flatMap((what) => {
    const values = new Map<string, string>()
    for (const run of [...base, ...head]) {
      const value = VALUE[what](run)
      if (value !== '' && !values.has(value)) values.set(value, run.name)
    }
    if (values.size < 2) return []
    return [{ what, values: [...values].map(([value, run]) => ({ value, run })) }]
  })
}

/** Of what nothing can be said, because some runs do not tell. */
export function unknownOf({ base, head }: RunSets): Same[] {
  return SAME.filter((what) => [...base, ...head].some((run) => VALUE[what](run) === ''))
}

/**
 * @param allowed differences that the user accepts
 * @throws PyprofError code `not-comparable`
 */
export function requireComparable(
  differences: readonly Difference[],
  allowed: readonly Same[],
): void {
  const refused = differences.filter(({ what }) => !allowed.includes(what))
  const [first] = refused
  if (!first) return
  const [noun, why] = MEANING[first.what]
  // What `auto` chooses depends on how busy the machine is.
  const isReading = refused.some(({ what }) => what === 'reading')
  const alike = isReading ? 'alike, with --read live' : 'alike'
  const values = first.values.map(({ value, run }) => `${value} (${run})`).join(', ')
  throw new PyprofError({
    code: 'not-comparable',
    what: `The runs differ in their ${noun}: ${values}.`,
    why,
    hint: `Record them ${alike}, or compare all the same: ${refused
      .map(({ what }) => `--allow-different ${what}`)
      .join(' ')}`,
    exitCode: EXIT.nothing,
  })
}
