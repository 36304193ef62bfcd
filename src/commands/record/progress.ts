import { formatCount, formatTime } from '../../formats/text.ts'
import type { SamplerStatus } from '../../sampling/addon.ts'
import { isForeground } from '../../sampling/proc.ts'
import { formatRate, formatSize } from '../numbers.ts'

const REDRAW_MS = 250
const ERASE_LINE = '\r\x1b[K'

/** What takes longer is worth a line on the terminal. */
const LONG_MS = 1000
/** Writing so many samples takes longer in most formats, and some begin with a long calculation. */
const MANY_SAMPLES = 500_000

/**
 * A line on the terminal while an output that takes long is made from its pieces: how much of it
 * there is. How much it will be nobody knows before its end.
 */
export class WritingProgress {
  readonly #write: (text: string) => void
  readonly #isForeground: () => boolean
  readonly #now: () => number

  constructor(
    write: (text: string) => void,
    isInForeground: () => boolean = isForeground,
    now: () => number = () => performance.now(),
  ) {
    this.#write = write
    this.#isForeground = isInForeground
    this.#now = now
  }

  /** The same pieces. @param what is made of them, for example `flamegraph to out.svg` */
  *watch<Piece extends string | Uint8Array>(
    what: string,
    samples: number,
    pieces: Iterable<Piece>,
  ): Iterable<Piece> {
    const canDraw = this.#isForeground()
    let drawAt = samples >= MANY_SAMPLES ? Number.NEGATIVE_INFINITY : this.#now() + LONG_MS
    let isDrawn = false
    let length = 0
    const draw = () => {
      const now = this.#now()
      if (!canDraw || now < drawAt) return
      drawAt = now + REDRAW_MS
      this.#write(`${ERASE_LINE}Writing ${what}   ${formatSize(length)}`)
      isDrawn = true
    }
    try {
      draw()
      for (const piece of pieces) {
        length += piece.length
        draw()
        yield piece
      }
    } finally {
      if (isDrawn) this.#write(ERASE_LINE)
    }
  }
}

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
