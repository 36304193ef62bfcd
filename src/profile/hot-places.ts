import { BLOCKS, type Interval, shareInterval, togetherness } from './intervals.ts'
import type { PlaceIndex } from './place-view.ts'
import { NO_STACK, NO_TIME, type Profile, QUALITY } from './profile.ts'
import { compareText, placeTotals, rowsByThread } from './views.ts'

const MISSED: number = QUALITY.indexOf('missed')

/** A time, its share of all sampled time, and how far chance may have moved it. */
export interface Estimate {
  readonly ns: number
  /** 0 to 1. */
  readonly share: number
  /** 95 % confidence; null when what was seen is too little to judge by. */
  readonly interval: Interval | null
}

/** A place and its time. */
export interface HotPlace {
  readonly qualname: string
  /** '' for a marker. */
  readonly file: string
  /** 0 when unknown. */
  readonly line: number
  readonly self: Estimate
  readonly total: Estimate
}

export interface HotPlaces {
  /** Sampled time of all threads, ns: what shares are of. */
  readonly all: number
  readonly rows: readonly HotPlace[]
  /** Places beyond the limit, and the time that they have as leaves, ns. */
  readonly more: { readonly places: number; readonly self: number }
}

/** The places with the most time, each with what chance may have done to it. */
export function hotPlaces(
  profile: Profile,
  { limit, by }: { readonly limit: number; readonly by: 'self' | 'total' },
): HotPlaces {
  const { places, self, total } = placeTotals(profile)
  const [first, second] = by === 'self' ? [self, total] : [total, self]
  const order = Array.from({ length: places.length }, (_, place) => place)
    .filter((place) => total[place]! > 0)
    .sort(
      (a, b) =>
        first[b]! - first[a]! ||
        second[b]! - second[a]! ||
        compareText(places.qualname[a]!, places.qualname[b]!) ||
        compareText(places.file[a]!, places.file[b]!) ||
        places.line[a]! - places.line[b]!,
    )
  const chance = new Chance(profile)
  const placeOf = (stack: number) => places.ofFrame[profile.stacks.frame[stack]!]!
  const estimate = (ns: number, shows: Uint8Array): Estimate => {
    const share = chance.all === 0 ? 0 : ns / chance.all
    return { ns, share, interval: chance.interval(share, shows) ?? null }
  }
  const row = (place: PlaceIndex): HotPlace => {
    const { length, parent } = profile.stacks
    const leaf = new Uint8Array(length)
    const any = new Uint8Array(length)
    for (let stack = 0; stack < length; stack++) {
      leaf[stack] = Number(placeOf(stack) === place)
      any[stack] = parent[stack] === NO_STACK ? leaf[stack]! : leaf[stack]! | any[parent[stack]!]!
    }
    return {
      qualname: places.qualname[place]!,
      file: places.file[place]!,
      line: places.line[place]!,
      self: estimate(self[place]!, leaf),
      total: estimate(total[place]!, any),
    }
  }
  const left = order.slice(limit)
  return {
    all: chance.all,
    rows: order.slice(0, limit).map(row),
    more: { places: left.length, self: left.reduce((sum, place) => sum + self[place]!, 0) },
  }
}

/** Slices of time that blocks are put together from, so that they hold about equal sampled time. */
const SLICES = 1000

/**
 * The samples of a profile by thread and block, for one question after the other. Rows without a time
 * count for the shares, and those that have one tell how far chance may have moved them.
 */
class Chance {
  /** ns of all samples. */
  readonly all: number
  readonly #profile: Profile
  readonly #allTime = new Float64Array(BLOCKS)
  /** Of threads. */
  #samples = 0
  readonly #blockOf: Uint8Array
  /** The instant of each sample, and the samples of threads at each. */
  readonly #instantOf: Uint32Array
  readonly #samplesAt: Uint32Array
  readonly #byThread: ReturnType<typeof rowsByThread>

  constructor(profile: Profile) {
    this.#profile = profile
    this.#byThread = rowsByThread(profile)
    this.#blockOf = blocks(profile)
    const { threads, samples } = profile
    const { instantOf, count } = instants(profile)
    this.#instantOf = instantOf
    this.#samplesAt = new Uint32Array(count)
    let all = 0
    for (let row = 0; row < samples.length; row++) {
      if (threads[samples.thread[row]!]!.waitingTasks) continue
      all += samples.weight[row]!
      if (samples.time[row] === NO_TIME) continue
      this.#samplesAt[instantOf[row]!]!++
      this.#allTime[this.#blockOf[row]!]! += samples.weight[row]!
      this.#samples++
    }
    this.all = all
  }

  /**
   * @param share of what is asked for
   * @param shows 1 for the stacks that show it
   */
  interval(share: number, shows: Uint8Array): Interval | undefined {
    const { samples, threads } = this.#profile
    const { time, stack, quality, weight } = samples
    const { start, order } = this.#byThread
    const hitTime = new Float64Array(BLOCKS)
    const hitsAt = new Uint32Array(this.#samplesAt.length)
    let hits = 0
    let stays = 0
    for (let thread = 0; thread < threads.length; thread++) {
      if (threads[thread]!.waitingTasks) continue
      let was = 0
      for (let at = start[thread]!; at < start[thread + 1]!; at++) {
        const row = order[at]!
        if (time[row] === NO_TIME) continue
        const leaf = stack[row]!
        const is = leaf === NO_STACK || quality[row] === MISSED ? 0 : shows[leaf]!
        if (is === 1) {
          hits++
          hitsAt[this.#instantOf[row]!]!++
          if (was === 0) stays++
          hitTime[this.#blockOf[row]!]! += weight[row]!
        }
        was = is
      }
    }
    return shareInterval({
      share,
      samples: this.#samples,
      hits,
      stays,
      together: togetherness(hitsAt, this.#samplesAt),
      hitTime,
      allTime: this.#allTime,
    })
  }
}

/** The instant of each sample. Those of one, which a tick dates alike, follow each other. */
function instants({ samples: { time, length } }: Profile) {
  const instantOf = new Uint32Array(length)
  let count = length === 0 ? 0 : 1
  for (let row = 1; row < length; row++) {
    if (time[row] !== time[row - 1]) count++
    instantOf[row] = count - 1
  }
  return { instantOf, count }
}

/** The block of each sample: spans of time one after the other with about equal sampled time. */
function blocks({ samples }: Profile): Uint8Array {
  const { time, weight, length } = samples
  let [first, last, all] = [Number.POSITIVE_INFINITY, 0, 0]
  for (let row = 0; row < length; row++) {
    if (time[row] === NO_TIME) continue
    first = Math.min(first, time[row]!)
    last = Math.max(last, time[row]!)
    all += weight[row]!
  }
  const sliceOf = (row: number) =>
    Math.min(SLICES - 1, Math.floor(((time[row]! - first) / (last - first || 1)) * SLICES))
  const sliceTime = new Float64Array(SLICES)
  for (let row = 0; row < length; row++) {
    if (time[row] !== NO_TIME) sliceTime[sliceOf(row)]! += weight[row]!
  }
  const blockOfSlice = new Uint8Array(SLICES)
  let before = 0
  for (let slice = 0; slice < SLICES; slice++) {
    const middle = before + sliceTime[slice]! / 2
    blockOfSlice[slice] = Math.min(BLOCKS - 1, Math.floor((middle / (all || 1)) * BLOCKS))
    before += sliceTime[slice]!
  }
  const blockOf = new Uint8Array(length)
  for (let row = 0; row < length; row++) {
    if (time[row] !== NO_TIME) blockOf[row] = blockOfSlice[sliceOf(row)]!
  }
  return blockOf
}
