import {
  type Control,
  type EndReason,
  type Mode,
  NO_CPU,
  NO_STACK,
  type Profile,
  QUALITY,
  type Reading,
  type RunPair,
} from '../profile/profile.ts'
import { summarize } from '../profile/summary.ts'
import { sumByStack } from '../profile/views.ts'

/** Which set of runs one belongs to: what was, and what is to be judged. */
export const SIDES = ['base', 'head'] as const
export type Side = (typeof SIDES)[number]

/** One run of the program, as it was read from a file. */
export interface RunInput {
  /** The file's name. */
  readonly name: string
  readonly profile: Profile
  /** Whether its samples have their own times, in order; false where the file adds them up. */
  readonly isTimed: boolean
}

/** What can be said of a run without its samples. */
export interface RunFacts {
  readonly name: string
  readonly command: string
  readonly pythonVersion: string
  readonly mode: Mode
  readonly read: Reading | 'unknown'
  /** Requested rate in Hz; 0 when unknown. */
  readonly rate: number
  /** What kind of machine it was; '' when that was not recorded. */
  readonly machine: string
  /** Milliseconds since the epoch; 0 when unknown. */
  readonly startedAt: number
  /** The run of the other side that was made beside it has the same; undefined when unknown. */
  readonly pair: RunPair | undefined
  readonly endReason: EndReason
  /** How often the program did what is measured, by its marks; undefined when nobody counted. */
  readonly iterations: number | undefined
  /** All that its marks count, as text; '' without marks. */
  readonly work: string
  /** How samples were chosen and merged, in words. */
  readonly view: string
  /** Whether some of the samples were left out. */
  readonly isFiltered: boolean
  /** Length of the recording, ns. */
  readonly durationNs: number
  /** Time of all threads, ns: what was sampled, and gaps as if they were like the rest. */
  readonly sampledNs: number
  /** Time in which pyprof itself did not run, ns; 0 where time is counted by the kernel. */
  readonly gapNs: number
  readonly samples: number
  /** Time that a sample stands for, ns: how finely times are known. */
  readonly intervalNs: number
  /** Share of the samples that are partial or missed, 0 to 1. */
  readonly uncertain: number
  readonly isUncertain: boolean
  readonly droppedSamples: number
  readonly isTimed: boolean
}

/** A run as comparisons need it: its profile holds one row a stack, of threads only. */
export interface Run extends RunFacts {
  readonly profile: Profile
  /** All samples; only kept where a run is compared with a single other one. */
  readonly whole: Profile | undefined
}

/**
 * Condenses a profile to what runs are compared by.
 * @param keepsWhole whether its samples are kept too
 */
export function runOf({ name, profile, isTimed }: RunInput, keepsWhole = false): Run {
  const { meta, accounting } = profile
  const summary = summarize(profile)
  const waiting = summary.tasks?.waiting.samples ?? 0
  const samples = summary.samples - waiting
  // The kernel counts CPU time in gaps too. Of all other time the rest of the run has to tell.
  const gapNs = meta.mode === 'cpu' ? 0 : Math.min(accounting.gapTime, meta.duration)
  const scale = gapNs < meta.duration ? meta.duration / (meta.duration - gapNs) : 1
  const sampledNs = summary.timeNs.total * scale
  const asked = meta.rate > 0 ? 1e9 / meta.rate : sampledNs / Math.max(1, samples)
  const ticked =
    accounting.ticks > 0 ? (meta.duration - (meta.control?.pausedTime ?? 0)) / accounting.ticks : 0
  return {
    name,
    command: meta.command,
    pythonVersion: meta.pythonVersion,
    mode: meta.mode,
    read: meta.read,
    rate: meta.rate,
    machine: meta.machine ?? '',
    startedAt: meta.startedAt,
    pair: meta.run?.pair,
    endReason: meta.endReason,
    iterations: meta.iterations,
    work: workText(meta.control),
    view: viewText(profile),
    isFiltered: (meta.view?.steps ?? []).some(({ effect }) => effect === 'removed'),
    // What was not recorded on purpose is no part of what is measured.
    durationNs: meta.duration - (meta.control?.pausedTime ?? 0),
    sampledNs,
    gapNs,
    samples,
    intervalNs: Math.max(asked, ticked),
    uncertain: summary.uncertain,
    isUncertain: summary.isUncertain,
    droppedSamples: accounting.droppedSamples,
    isTimed,
    profile: condensed(profile, scale),
    whole: keepsWhole ? profile : undefined,
  }
}

function workText(control: Control | undefined): string {
  const counts = (control?.marks ?? []).map(({ name, count }) => `${name}: ${count}`)
  return counts.sort().join(', ')
}

function viewText({ meta }: Profile): string {
  const { granularity, steps } = meta.view ?? { granularity: 'lines', steps: [] }
  return [
    ...(meta.tasks ? [`tasks ${meta.tasks.scope}`] : []),
    granularity,
    ...steps.map(({ option, patterns }) => [option, ...patterns].join(' ')),
  ].join(', ')
}

const EXACT = QUALITY.indexOf('exact')
const MISSED = QUALITY.indexOf('missed')

/** The profile with its samples added up by stack and scaled; those of waiting tasks are left out. */
function condensed(profile: Profile, scale: number): Profile {
  const sums = sumByStack(profile)
  const rows = [
    ...sums.used.map((stack) => ({ stack, weight: sums.weight[stack]!, quality: EXACT })),
    { stack: NO_STACK, weight: sums.empty.weight, quality: EXACT },
    { stack: NO_STACK, weight: sums.missed.weight, quality: MISSED },
  ].filter(({ weight }) => weight > 0)
  const none = new Uint8Array(rows.length)
  const thread = { process: 0, nativeId: 0, interpreter: 0, name: '', isMain: true }
  return {
    ...profile,
    threads: [thread],
    samples: {
      length: rows.length,
      time: new Float64Array(rows.length),
      weight: rows.map(({ weight }) => weight * scale),
      thread: none,
      stack: rows.map(({ stack }) => stack),
      quality: rows.map(({ quality }) => quality),
      reason: none,
      state: none,
      cpu: new Float64Array(rows.length).fill(NO_CPU),
    },
  }
}

/** A run without its samples. */
export function factsOf({ profile: _, whole: __, ...facts }: Run): RunFacts {
  return facts
}
