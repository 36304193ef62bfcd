import { formatCount, formatTime } from '../../formats/text.ts'
import type { SamplerStatus } from '../../sampling/addon.ts'
import { isForeground } from '../../sampling/proc.ts'
import { formatRate } from '../numbers.ts'

const REDRAW_MS = 250
const ERASE_LINE = '\r\x1b[K'

/** One line on the terminal that is drawn again and again while a recording runs. */
export class Progress {
  readonly #write: (text: string) => void
  readonly #isForeground: () => boolean
  #drawnAt = Number.NEGATIVE_INFINITY
  #isDrawn = false

  constructor(write: (text: string) => void, isInForeground: () => boolean = isForeground) {
    this.#write = write
    this.#isForeground = isInForeground
  }

  /** @param now ms of a clock that only goes forward */
  update(status: SamplerStatus, samples: number, duration: number, now: number): void {
    if (now - this.#drawnAt < REDRAW_MS) return
    this.#drawnAt = now
    // A job in the background would scribble over what its owner types.
    if (!this.#isForeground()) return
    this.#write(ERASE_LINE + progressLine(status, samples, duration))
    this.#isDrawn = true
  }

  erase(): void {
    if (this.#isDrawn) this.#write(ERASE_LINE)
    this.#isDrawn = false
  }
}

/** @param duration ns asked for, 0 without limit */
export function progressLine(status: SamplerStatus, samples: number, duration: number): string {
  const { elapsed, ticks } = status
  const limit = duration > 0 ? ` of ${formatTime(duration)}` : ''
  const actual = elapsed > 0 ? formatRate(ticks / (elapsed / 1e9)) : '–'
  return `${formatTime(elapsed)}${limit}   ${formatCount(samples)} samples   ${actual}   Ctrl-C ends`
}
