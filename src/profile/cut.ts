import { ALL_TIME, NO_TIME, type Profile, type SampleTable, type TimeRange } from './profile.ts'
import { rowsWhere } from './sample-columns.ts'
import { eachTable, mapSamples, remadeSamples } from './time-line.ts'

/**
 * The samples of a part of the time, as a profile that begins where the part does. A sample belongs
 * to the instant at which it was taken and keeps its whole weight. Ticks and gaps are those of the
 * part, and ticks took as long as those of the whole in the mean; what else the sampler counted is
 * not known by time and stays that of the whole. Of samples that are folded, a reader has left out
 * those of other times before.
 */
export function cutProfile(profile: Profile, { from, to }: TimeRange): Profile {
  const { accounting } = profile
  // Iterations and pauses were counted in the whole, and a part is not all the work that the program did.
  const { iterations: _, control: __, ...meta } = profile.meta
  if (from <= 0 && to > meta.duration) return profile
  const end = Math.min(to, Math.max(from, meta.duration + 1))
  const { taken, ticks } = takenOf(profile, { from, to })
  const gaps = profile.gaps
    .map(({ start, duration, ...gap }) => {
      const begin = Math.max(start, from)
      return { ...gap, start: begin - from, duration: Math.min(start + duration, end) - begin }
    })
    .filter(({ duration }) => duration > 0)
  const shifted = mapSamples(taken, (kept) => {
    const time = new Float64Array(kept.length)
    for (let row = 0; row < time.length; row++) {
      const at = kept.time[row]!
      time[row] = at === NO_TIME ? NO_TIME : at - from
    }
    return { ...kept, time }
  })
  const moved = (instant: number) => Math.min(Math.max(instant, from), end) - from
  return {
    ...shifted,
    ...(shifted.timeline && { timeline: { ...shifted.timeline, range: ALL_TIME } }),
    processes: profile.processes.map((process) => ({
      ...process,
      start: moved(process.start),
      end: moved(process.end),
    })),
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
function takenOf(profile: Profile, range: TimeRange) {
  const taken = within(profile, range)
  const { instants, time, length } = taken.samples
  if (instants !== undefined) return { taken, ticks: instants }
  let ticks = length === 0 ? 0 : 1
  for (let row = 1; row < length; row++) if (time[row] !== time[row - 1]) ticks++
  return { taken, ticks }
}

function within(profile: Profile, { from, to }: TimeRange): Profile {
  const { samples, timeline } = profile
  const cut = (table: SampleTable) =>
    rowsWhere(table, (row) => table.time[row]! >= from && table.time[row]! < to)
  if (!timeline) return samples.instants === undefined ? mapSamples(profile, cut) : profile
  if (timeline.range.from >= from && timeline.range.to <= to) return profile
  return remadeSamples(profile, (tables) => eachTable(tables, cut))
}
