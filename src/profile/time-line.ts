import type { Profile, SampleTable } from './profile.ts'
import { SampleColumns, sampleAt } from './sample-columns.ts'

/** Each sample of a profile by itself, however it holds them; a table is valid until the next one. */
export function sampleTables({ samples, timeline }: Profile): Iterable<SampleTable> {
  return timeline ? timeline.tables() : [samples]
}

/**
 * The profile with its samples changed, each for itself.
 * @param change makes of rows other ones, or fewer; called for what is held first, and then for
 *   samples that come again
 */
export function mapSamples(
  profile: Profile,
  change: (samples: SampleTable) => SampleTable,
): Profile {
  const { timeline } = profile
  const samples = change(profile.samples)
  if (!timeline) return { ...profile, samples }
  const tables = () => eachTable(timeline.tables(), change)
  return { ...profile, samples, timeline: { ...timeline, tables } }
}

/**
 * The profile with its samples changed, where sums do not tell what becomes of them.
 * @param change makes of all samples other ones; called anew whenever they come again
 */
export function remadeSamples(
  profile: Profile,
  change: (tables: Iterable<SampleTable>) => Iterable<SampleTable>,
): Profile {
  const { timeline } = profile
  if (!timeline) return { ...profile, samples: collected(change([profile.samples])) }
  const tables = () => change(timeline.tables())
  return { ...profile, samples: timeline.hold(tables()), timeline: { ...timeline, tables } }
}

export function* eachTable(
  tables: Iterable<SampleTable>,
  change: (samples: SampleTable) => SampleTable,
): Generator<SampleTable> {
  for (const table of tables) yield change(table)
}

/** All rows of some tables in one. */
export function collected(tables: Iterable<SampleTable>): SampleTable {
  const all = new SampleColumns()
  for (const table of tables) {
    for (let row = 0; row < table.length; row++) all.push(sampleAt(table, row))
  }
  return all.view()
}
