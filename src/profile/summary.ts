import {
  type EndReason,
  type Profile,
  QUALITY,
  type Quality,
  type Reading,
  type ReadingChange,
  type Reason,
  type Thread,
} from './profile.ts'
import type { QualityCount } from './quality-view.ts'
import { type SampleSums, sumSamples } from './sample-sums.ts'
import { hottest, type WeightTotals } from './views.ts'

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

export interface ThreadSummary extends Thread {
  readonly samples: number
}

/** What a profile holds, how good it is and what it cost. The same object is printed and --json. */
export interface Summary {
  readonly exporter: string
  readonly command: string
  readonly pythonVersion: string
  readonly mode: 'wall'
  readonly read: Reading | 'unknown'
  /** Why it is not the reading asked for; '' when it is. */
  readonly readChange: ReadingChange
  /** ISO 8601; '' when it is not known. */
  readonly startedAt: string
  readonly durationNs: number
  readonly endReason: EndReason
  /** Hz; `actual` is ticks over the duration. */
  readonly rate: { readonly requested: number; readonly actual: number }
  readonly ticks: number
  /** Threads seen at those ticks: one sample is one thread at one tick. */
  readonly samples: number
  readonly quality: Readonly<Record<Quality, QualityCount>>
  /** Share of the samples that are partial or missed, 0 to 1. */
  readonly uncertain: number
  readonly isUncertain: boolean
  readonly timeNs: WeightTotals
  readonly gaps: { readonly count: number; readonly missedTicks: number; readonly timeNs: number }
  readonly droppedSamples: number
  /** Ticks at which sharing the core was asked for and the core came late. */
  readonly lateTicks: number
  readonly execs: number
  readonly profilerCpuNs: number
  readonly threads: readonly ThreadSummary[]
  /** By self time, the most first. */
  readonly hottest: readonly HotShare[]
}

/** @param sums of all samples, where the profile does not hold them any more */
export function summarize(profile: Profile, sums: SampleSums = sumSamples(profile)): Summary {
  const { meta, accounting } = profile
  const { samples, quality, time } = sums
  const uncertainSamples = quality.partial.samples + quality.missed.samples
  const uncertain = samples === 0 ? 0 : uncertainSamples / samples
  const share = (ns: number) => (time.total === 0 ? 0 : ns / time.total)
  return {
    exporter: meta.exporter,
    command: meta.command,
    pythonVersion: meta.pythonVersion,
    mode: meta.mode,
    read: meta.read,
    readChange: meta.readChange,
    startedAt: meta.startedAt === 0 ? '' : new Date(meta.startedAt).toISOString(),
    durationNs: meta.duration,
    endReason: meta.endReason,
    rate: {
      requested: meta.rate,
      actual: meta.duration === 0 ? 0 : accounting.ticks / (meta.duration / 1e9),
    },
    ticks: accounting.ticks,
    samples,
    quality,
    uncertain,
    isUncertain: uncertain > UNCERTAIN_LIMIT,
    timeNs: time,
    gaps: {
      count: sums.gaps,
      missedTicks: accounting.missedTicks,
      timeNs: accounting.gapTime,
    },
    droppedSamples: accounting.droppedSamples,
    lateTicks: accounting.lateTicks,
    execs: accounting.execs,
    profilerCpuNs: accounting.profilerCpu,
    threads: profile.threads.map((thread, index) => ({
      ...thread,
      samples: sums.ofThread[index] ?? 0,
    })),
    hottest: hottest(profile, HOTTEST_FUNCTIONS, sums.ofStack).map((row) => ({
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
