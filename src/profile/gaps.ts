import type { Gap } from './profile.ts'

/** So many take a few MB; a sampler that never runs in time makes them in minutes. */
const MOST = 1 << 16

/** How many gaps all rows stand for. */
export function gapCount(gaps: readonly Gap[]): number {
  return gaps.reduce((sum, { count = 1 }) => sum + count, 0)
}

/**
 * A list of gaps that stays short, however many there are: when it is full, every two neighbours
 * become one row. Sums stay what they are.
 */
export class GapList {
  readonly #most: number
  #gaps: Gap[] = []

  constructor(most: number = MOST) {
    this.#most = most
  }

  push(gap: Gap): void {
    if (this.#gaps.length >= this.#most) this.#join()
    this.#gaps.push(gap)
  }

  view(): readonly Gap[] {
    return this.#gaps
  }

  #join(): void {
    const joined: Gap[] = []
    for (let at = 0; at < this.#gaps.length; at += 2) {
      const [first, second] = [this.#gaps[at]!, this.#gaps[at + 1]]
      joined.push(
        second
          ? {
              start: first.start,
              duration: first.duration + second.duration,
              missedTicks: first.missedTicks + second.missedTicks,
              count: gapCount([first, second]),
            }
          : first,
      )
    }
    this.#gaps = joined
  }
}
