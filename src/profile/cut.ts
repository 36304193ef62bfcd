import { NO_TIME, type Profile, type SampleTable, type TimeRange } from './profile.ts'
import { pickSamples, RowList } from './sample-columns.ts'

/**
 * The samples of a part of the time, as a profile that begins where the part does. A sample belongs
 * to the instant at which it was taken and keeps its whole weight. Ticks and gaps are those of the
 * part, and ticks took as long as those of the whole in the mean; what else the sampler counted is
 * not known by time and stays that of the whole. Of samples that are folded, a reader has left out
 * those of other times before.
 */
export function cutProfile(profile: Profile, { from, to }: TimeRange): Profile {
  const { samples, accounting } = profile
  // Iterations and pauses were counted in the whole, and a part is not all the work that the program did.
  const { iterations: _, control: __, ...meta } = profile.meta
  if (from <= 0 && to > meta.duration) return profile
  const end = Math.min(to, Math.max(from, meta.duration + 1))
  const { kept, ticks } = taken(samples, from, to)
  const gaps = profile.gaps
    .map(({ start, duration, missedTicks }) => {
      const begin = Math.max(start, from)
      return { start: begin - from, duration: Math.min(start + duration, end) - begin, missedTicks }
    })
    .filter(({ duration }) => duration > 0)
  const time = new Float64Array(kept.length)
  for (let row = 0; row < time.length; row++) {
    const at = kept.time[row]!
    time[row] = at === NO_TIME ? NO_TIME : at - from
  }
  const within = (instant: number) => Math.min(Math.max(instant, from), end) - from
  return {
    ...profile,
    processes: profile.processes.map((process) => ({
      ...process,
      start: within(process.start),
      end: within(process.end),
    })),
    samples: { ...kept, time },
    gaps,
    meta: {
      ...meta,
      endReason: meta.endReason === 'exited' ? 'unknown' : meta.endReason,
      startedAt: meta.startedAt === 0 ? 0 : meta.startedAt + from / 1e6,
      duration: Math.min(to, meta.duration) - Math.min(from, meta.duration),
    },
    accounting: {
      ...accounting,
      // Who never counted ticks has samples that are none.
      ticks: accounting.ticks === 0 ? 0 : ticks,
      tickTime:
        accounting.ticks === 0 ? 0 : Math.round((accounting.tickTime * ticks) / accounting.ticks),
      missedTicks: gaps.reduce((sum, gap) => sum + gap.missedTicks, 0),
      gapTime: gaps.reduce((sum, gap) => sum + gap.duration, 0),
    },
  }
}

/** The samples taken in a part of the time, and at how many instants. */
function taken(samples: SampleTable, from: number, to: number) {
  if (samples.instants !== undefined) return { kept: samples, ticks: samples.instants }
  const rows = new RowList(samples.length)
  let ticks = 0
  let last: number | undefined
  for (let row = 0; row < samples.length; row++) {
    const at = samples.time[row]!
    if (at < from || at >= to) continue
    if (at !== last) ticks++
    last = at
    rows.push(row)
  }
  // A reader has mostly left out the others before.
  const kept = rows.length === samples.length ? samples : pickSamples(samples, rows.view())
  return { kept, ticks }
}
