import type { EndReason } from '../profile/profile.ts'
import type { RunSets } from './measure.ts'
import type { Basis } from './result.ts'
import type { Run } from './run.ts'

/** How the times of each run become what is compared; all by run, base first. */
export interface Scale {
  readonly kind: Basis['kind']
  readonly baseRuns: number
  /** Whether each run of base has the run of head at the same place for its partner. */
  readonly isPaired: boolean
  /** What times are divided by: 1 or iterations for time, all sampled ns for shares. */
  readonly divisor: readonly number[]
  /** ns that a sample stands for. */
  readonly interval: readonly number[]
  /** All sampled time, ns. */
  readonly sampled: readonly number[]
}

const ENDED: Readonly<Record<EndReason, string>> = {
  duration: 'lasted as long as was asked for',
  exited: 'ended with its program',
  interrupted: 'was interrupted',
  'lost-access': 'ended when the process could not be read any more',
  'never-python': 'never met Python',
  'not-python-after-exec': 'ended when the process became another program',
  rotated: 'goes on in another file',
  unfinished: 'has no end',
  unknown: 'does not tell why it ended',
}

/**
 * Whether runs can be compared by time. They can when each did the same work: the program ran to its
 * end and its marks do not tell otherwise, or its iterations were counted, or the user says so. Else a
 * run is as long as somebody wanted, and only shares of it mean anything.
 */
export function basisOf({ base, head }: RunSets, isSameWork: boolean): Basis {
  const runs = [...base, ...head]
  if (runs.every(({ iterations }) => iterations !== undefined && iterations > 0)) {
    return { kind: 'time', perIteration: true, reason: 'The iterations of each run are counted.' }
  }
  const time = { kind: 'time', perIteration: false } as const
  if (isSameWork) return { ...time, reason: 'All runs did the same work, by --same-work.' }
  const cut = runs.find(({ endReason }) => endReason !== 'exited')
  const [first] = runs
  const other = runs.find(({ work }) => work !== first?.work)
  if (!cut && !other) return { ...time, reason: 'Each program ran to its end.' }
  const why = cut
    ? `${cut.name} ${ENDED[cut.endReason]}, so its time says nothing about its work`
    : `${first?.name} and ${other?.name} did not do the same work, by their marks`
  return {
    kind: 'share',
    perIteration: false,
    reason: `${why}: only shares are compared. What grows makes the shares of all else shrink.`,
  }
}

/**
 * @param basis by which the runs are compared
 * @param isPaired whether runs at the same place of both sides are partners
 */
export function scaleOf({ base, head }: RunSets, basis: Basis, isPaired: boolean): Scale {
  const runs = [...base, ...head]
  const divisor = (run: Run) => {
    if (basis.kind === 'share') return run.sampledNs
    return basis.perIteration ? run.iterations! : 1
  }
  return {
    kind: basis.kind,
    baseRuns: base.length,
    isPaired,
    divisor: runs.map(divisor),
    interval: runs.map(({ intervalNs }) => intervalNs),
    sampled: runs.map(({ sampledNs }) => sampledNs),
  }
}
