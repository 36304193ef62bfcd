import type { Removed } from './modes.ts'
import {
  type Control,
  type DescendantSource,
  type EndReason,
  type Mode,
  type Process,
  type Profile,
  QUALITY,
  type Quality,
  type Reading,
  type ReadingChange,
  type Reason,
  type RunFacts,
  type State,
  type TaskScope,
  type Thread,
  type View,
} from './profile.ts'
import type { QualityCount } from './quality-view.ts'
import { type SampleSums, stackSamples, sumSamples } from './sample-sums.ts'
import { type Activity, type ActivityTimes, activityTimes } from './state-view.ts'
import { hottest, type Sum, type WeightTotals } from './views.ts'

const HOTTEST_FUNCTIONS = 5

/** Above this share of samples that are partial or missed, a summary warns in words. */
const UNCERTAIN_LIMIT = 0.02

/** A function and its share (0 to 1) of all sampled time. */
export interface HotShare {
  readonly function: string
  readonly file: string
  /** Line of the `def`; 0 when unknown. */
  readonly line: number
  readonly self: number
  readonly total: number
  readonly selfNs: number
  readonly totalNs: number
}

/** What threads did, as shares (0 to 1) of their sampled time; one sample may count for several. */
export interface ActivitySummary {
  /** Only what the recording knows. */
  readonly shares: Readonly<Partial<Record<Activity, number>>>
  /** Measured CPU time; absent when none was measured. */
  readonly cpuNs?: number
}

export interface ProcessSummary extends Omit<Process, 'start' | 'end'> {
  /** When it was first and last seen, since the start of the recording. */
  readonly startNs: number
  readonly endNs: number
  readonly samples: number
}

export interface ThreadSummary extends Thread {
  readonly samples: number
  readonly activity: ActivitySummary
}

/** What a profile holds, how good it is and what it cost. The same object is printed and --json. */
export interface Summary {
  readonly exporter: string
  readonly command: string
  readonly pythonVersion: string
  readonly mode: Mode
  /** What of the recording the mode leaves out. */
  readonly removed: Removed
  readonly read: Reading | 'unknown'
  /** Why it is not the reading asked for; '' when it is. */
  readonly readChange: ReadingChange
  /** ISO 8601; '' when it is not known. */
  readonly startedAt: string
  /** Stacks by asyncio task; without it they are those of threads. */
  readonly tasks?: {
    readonly scope: TaskScope
    /** Whether any thread ran an event loop. */
    readonly loopSeen: boolean
    /** Samples of suspended tasks, which are in `samples` too, and the sum of the time they waited. */
    readonly waiting: { readonly samples: number; readonly timeNs: number }
  }
  readonly durationNs: number
  /** What was done by --control; absent without it. */
  readonly control?: Control
  /** How often the program did what is measured, when it said so under one name. */
  readonly iterations?: number
  /** The machine and the source, where a set of runs was recorded. */
  readonly run?: RunFacts
  readonly endReason: EndReason
  /** Hz; `actual` is ticks over the duration. */
  readonly rate: { readonly requested: number; readonly actual: number }
  readonly ticks: number
  /** Threads seen at those ticks, and waiting tasks: one sample is one of them at one tick. */
  readonly samples: number
  readonly quality: Readonly<Record<Quality, QualityCount>>
  /** What was chosen of the recording; the counts above and the times below are of what is left. */
  readonly view: View
  /** Share of the samples that are partial or missed, 0 to 1; those that a filter removed too. */
  readonly uncertain: number
  readonly isUncertain: boolean
  readonly timeNs: WeightTotals
  /** The states that were recorded. */
  readonly states: readonly State[]
  /** Of all threads and the whole recording, whatever the mode. */
  readonly activity: ActivitySummary
  readonly gaps: { readonly count: number; readonly missedTicks: number; readonly timeNs: number }
  readonly droppedSamples: number
  /** Ticks at which sharing the core was asked for and the core came late. */
  readonly lateTicks: number
  readonly execs: number
  readonly profilerCpuNs: number
  /** Mean length of a tick, in which every process is read, ns. */
  readonly tickNs: number
  /** How descendants were found; '' when they were not followed. */
  readonly descendants: DescendantSource
  /** The target first; the others are its descendants. */
  readonly processes: readonly ProcessSummary[]
  readonly threads: readonly ThreadSummary[]
  /** By self time, the most first. */
  readonly hottest: readonly HotShare[]
}

/**
 * @param recorded the recording that the profile is a view of, when it is one, and what of it the
 *   view leaves out
 * @param sums of all samples, where the profile does not hold them any more
 */
export function summarize(
  profile: Profile,
  recorded: Profile = profile,
  removed: Removed = { samples: 0, timeNs: 0 },
  sums: SampleSums = sumSamples(profile),
): Summary {
  const { meta, accounting } = profile
  const { samples, quality, time } = sums
  const view = meta.view ?? { granularity: 'lines', steps: [] }
  // Of a missed sample nobody knows whether a filter should have kept it.
  const lost = view.steps.reduce((sum, step) => sum + step.missed, 0)
  const uncertainSamples = quality.partial.samples + quality.missed.samples + lost
  const uncertain = uncertainSamples === 0 ? 0 : uncertainSamples / (samples + lost)
  const activity = recorded === profile ? sums.activity.times(meta.states) : activityTimes(recorded)
  const enabled = meta.duration - (meta.control?.pausedTime ?? 0)
  const share = (ns: number) => (time.total === 0 ? 0 : ns / time.total)
  return {
    exporter: meta.exporter,
    command: meta.command,
    pythonVersion: meta.pythonVersion,
    mode: meta.mode,
    removed,
    read: meta.read,
    readChange: meta.readChange,
    startedAt: meta.startedAt === 0 ? '' : new Date(meta.startedAt).toISOString(),
    ...(meta.tasks && { tasks: { ...meta.tasks, waiting: waiting(sums.waiting) } }),
    durationNs: meta.duration,
    ...(meta.control && { control: meta.control }),
    ...(meta.iterations !== undefined && { iterations: meta.iterations }),
    ...(meta.run && { run: meta.run }),
    endReason: meta.endReason,
    rate: {
      requested: meta.rate,
      actual: enabled <= 0 ? 0 : accounting.ticks / (enabled / 1e9),
    },
    ticks: accounting.ticks,
    samples,
    quality,
    view,
    uncertain,
    isUncertain: uncertain > UNCERTAIN_LIMIT,
    timeNs: time,
    states: meta.states,
    activity: activitySummary(activity.all),
    gaps: {
      count: sums.gaps,
      missedTicks: accounting.missedTicks,
      timeNs: accounting.gapTime,
    },
    droppedSamples: accounting.droppedSamples,
    lateTicks: accounting.lateTicks,
    execs: accounting.execs,
    profilerCpuNs: accounting.profilerCpu,
    tickNs: accounting.ticks === 0 ? 0 : accounting.tickTime / accounting.ticks,
    descendants: meta.descendants,
    processes: processSummaries(profile, sums),
    threads: profile.threads.map((thread, index) => ({
      ...thread,
      samples: sums.ofThread[index] ?? 0,
      activity: activitySummary(activity.threads[index]!),
    })),
    hottest: hottest(stackSamples(profile, sums), HOTTEST_FUNCTIONS).map((row) => ({
      function: row.qualname,
      file: row.file,
      line: row.firstLine,
      self: share(row.self),
      total: share(row.total),
      selfNs: row.self,
      totalNs: row.total,
    })),
  }
}

function waiting({ samples, weight }: Sum) {
  return { samples, timeNs: weight }
}

/** Why samples are not exact, over all qualities, the most frequent first. */
export function reasonCounts(summary: Summary): [reason: Reason, samples: number][] {
  const counts = new Map<Reason, number>()
  for (const quality of QUALITY) {
    const entries = Object.entries(summary.quality[quality].reasons) as [Reason, number][]
    for (const [reason, samples] of entries) {
      counts.set(reason, (counts.get(reason) ?? 0) + samples)
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1])
}

function activitySummary({ total, timeNs, cpuNs }: ActivityTimes): ActivitySummary {
  const entries = Object.entries(timeNs).map(([name, ns]) => [name, total === 0 ? 0 : ns / total])
  return { shares: Object.fromEntries(entries), ...(cpuNs === undefined ? {} : { cpuNs }) }
}

function processSummaries(profile: Profile, { ofThread }: SampleSums): ProcessSummary[] {
  const counts = new Float64Array(profile.processes.length)
  profile.threads.forEach(({ process }, index) => {
    counts[process]! += ofThread[index] ?? 0
  })
  return profile.processes.map(({ start, end, ...process }, index) => ({
    ...process,
    startNs: start,
    endNs: end,
    samples: counts[index]!,
  }))
}
