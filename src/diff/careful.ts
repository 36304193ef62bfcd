import { formatCount } from '../formats/text.ts'
import { nounOf, unknownOf } from './comparable.ts'
import type { RunSets } from './measure.ts'
import type { Basis, Pairing } from './result.ts'
import type { Run } from './run.ts'

/** What to know before believing a comparison, a sentence each. */
export function carefulNotes(
  { base, head }: RunSets,
  basis: Basis,
  { leftOut }: Pairing,
): string[] {
  const runs = [...base, ...head]
  const notes: string[] = []
  if (base.length === 1 || head.length === 1) {
    notes.push(
      'One run of a side says nothing about how much runs differ: nothing here is a verdict. ' +
        'Give several runs a side, ten are good.',
    )
  } else if (isOneAfterTheOther(base, head)) {
    notes.push(
      'All runs of one side were recorded before those of the other, so that a drift of the machine ' +
        'looks like a change. Let the sides take turns.',
    )
  }
  tell(notes, leftOut, 'no partner, so that only whole pairs are compared')
  count(notes, runs, ({ isUncertain }) => isUncertain, 'more than 2 % partial or missed samples')
  count(
    notes,
    runs,
    ({ gapNs, durationNs }) => gapNs > MOST_GAPS * durationNs,
    'gaps of more than 2 % of the time, for which the rest stands',
  )
  count(notes, runs, ({ droppedSamples }) => droppedSamples > 0, 'dropped samples')
  count(notes, runs, ({ samples }) => samples < FEW, `fewer than ${FEW} samples`)
  if (basis.kind === 'time') {
    count(notes, runs, ({ endReason }) => endReason !== 'exited', 'no end of the program')
  }
  const unknown = unknownOf({ base, head }).map(nounOf)
  if (unknown.length > 0) {
    notes.push(`Some files do not tell their ${unknown.join(', ')}: it may differ.`)
  }
  return notes
}

/** With longer gaps, as a share of the time, it matters that nobody knows what was in them. */
const MOST_GAPS = 0.02

/** With fewer samples shares are too coarse for anything. */
const FEW = 100

function count(
  notes: string[],
  runs: readonly Run[],
  has: (run: Run) => boolean,
  what: string,
): void {
  tell(
    notes,
    runs.filter(has).map(({ name }) => name),
    what,
  )
}

function tell(notes: string[], names: readonly string[], what: string): void {
  const [first] = names
  if (first === undefined) return
  const more = names.length === 1 ? '' : ` and ${formatCount(names.length - 1)} more`
  notes.push(`${first}${more} ${names.length === 1 ? 'has' : 'have'} ${what}.`)
}

function isOneAfterTheOther(base: readonly Run[], head: readonly Run[]): boolean {
  const starts = (runs: readonly Run[]) => runs.map(({ startedAt }) => startedAt)
  const [before, after] = [starts(base), starts(head)]
  if ([...before, ...after].some((time) => time === 0)) return false
  return Math.max(...before) < Math.min(...after) || Math.max(...after) < Math.min(...before)
}
