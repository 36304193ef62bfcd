import { type Profile, QUALITY, REASONS, STATES, type State } from '../../profile/profile.ts'
import type { Span } from '../threads.ts'
import { type CategoryName, category } from './categories.ts'

/** How the viewer shows a marker's data. */
interface MarkerSchema {
  /** The data's type. */
  readonly name: string
  readonly fields: readonly {
    readonly key: string
    readonly label: string
    readonly format: string
  }[]
  readonly display: readonly string[]
  readonly tooltipLabel: string
  readonly tableLabel: string
  readonly chartLabel: string
}

const SAMPLES = { key: 'samples', label: 'Samples', format: 'integer' }
const REASON = { key: 'reason', label: 'Reason', format: 'string', searchable: true }
const MISSED_TICKS = { key: 'missedTicks', label: 'Missed ticks', format: 'integer' }

export const MARKER_SCHEMA: readonly MarkerSchema[] = [
  { name: 'pyprof-state', fields: [SAMPLES] },
  { name: 'pyprof-quality', fields: [SAMPLES, REASON] },
  { name: 'pyprof-gap', fields: [MISSED_TICKS] },
].map((schema) => ({
  ...schema,
  display: ['marker-chart', 'marker-table', 'timeline-overview'],
  tooltipLabel: '{marker.name}',
  tableLabel: '{marker.name}',
  chartLabel: '{marker.name}',
}))

const STATE_MARKERS: Readonly<Record<State, { name: string; category: CategoryName }>> = {
  cpu: { name: 'On CPU', category: 'CPU' },
  gil: { name: 'Holds GIL', category: 'GIL' },
  'gil-wait': { name: 'Waits for GIL', category: 'GIL' },
  gc: { name: 'Collects garbage', category: 'GC' },
  exception: { name: 'Handles exception', category: 'Exception' },
}

/** An interval on a thread's time line, ns. */
export interface Marker {
  readonly name: string
  readonly category: number
  readonly start: number
  readonly end: number
  readonly data: Readonly<Record<string, string | number>>
}

/**
 * The intervals in which a thread was in a state that the recording knows, and those whose samples
 * are not exact: consecutive samples that are alike make one. Others are put among them, by time.
 */
export function threadMarkers(
  profile: Profile,
  spans: Iterable<Span>,
  others: readonly Marker[],
): Marker[] {
  const known = STATES.map((state, bit) => ({ state, bit })).filter(({ state }) =>
    profile.meta.states.includes(state),
  )
  const markers = [...others]
  const intervals = new Intervals(markers)
  for (const span of spans) {
    const { state, quality, reason } = span.samples
    const holding: Kind[] = known
      .filter(({ bit }) => ((state[span.row]! >> bit) & 1) === 1)
      .map(({ state }) => ({ key: state, ...STATE_MARKERS[state], data: { type: 'pyprof-state' } }))
    const [how, why] = [QUALITY[quality[span.row]!]!, REASONS[reason[span.row]!]!]
    if (how !== 'exact') {
      const data = { type: 'pyprof-quality', reason: why }
      holding.push({ key: `${how} ${why}`, name: how, category: 'Quality', data })
    }
    intervals.add(span, holding)
  }
  intervals.close()
  return markers.sort((a, b) => a.start - b.start || b.end - a.end)
}

/** Times in which the profiler itself did not run. */
export function gapMarkers({ gaps }: Profile): Marker[] {
  return gaps.map(({ start, duration, missedTicks }) => ({
    name: 'Gap',
    category: category('Quality'),
    start,
    end: start + duration,
    data: { type: 'pyprof-gap', missedTicks },
  }))
}

interface Kind {
  readonly key: string
  readonly name: string
  readonly category: CategoryName
  readonly data: Readonly<Record<string, string | number>>
}

interface Open {
  readonly kind: Kind
  readonly start: number
  end: number
  samples: number
}

/** Joins spans of the same kind that follow one another. */
class Intervals {
  readonly #markers: Marker[]
  #open = new Map<string, Open>()

  constructor(markers: Marker[]) {
    this.#markers = markers
  }

  add({ start, end }: Span, kinds: readonly Kind[]): void {
    const before = this.#open
    this.#open = new Map()
    for (const kind of kinds) {
      const open = before.get(kind.key)
      if (open?.end === start) {
        before.delete(kind.key)
        open.end = end
        open.samples++
        this.#open.set(kind.key, open)
      } else {
        this.#open.set(kind.key, { kind, start, end, samples: 1 })
      }
    }
    for (const open of before.values()) this.#finish(open)
  }

  close(): void {
    for (const open of this.#open.values()) this.#finish(open)
    this.#open.clear()
  }

  #finish({ kind, start, end, samples }: Open): void {
    const { name, data } = kind
    this.#markers.push({
      name,
      category: category(kind.category),
      start,
      end,
      data: { ...data, samples },
    })
  }
}
