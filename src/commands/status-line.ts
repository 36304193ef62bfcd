import { isForeground } from '../sampling/proc.ts'

const REDRAW_MS = 250
const ERASE_LINE = '\r\x1b[K'

/** One line on the terminal that is drawn again and again while something goes on. */
export class StatusLine {
  readonly #write: (text: string) => void
  readonly #isForeground: () => boolean
  #drawnAt = Number.NEGATIVE_INFINITY
  #isDrawn = false

  constructor(write: (text: string) => void, isInForeground: () => boolean = isForeground) {
    this.#write = write
    this.#isForeground = isInForeground
  }

  /**
   * Draws the line, unless that was done a moment ago.
   * @param now ms of a clock that only goes forward
   */
  update(text: () => string, now: number): void {
    if (now - this.#drawnAt < REDRAW_MS) return
    this.#drawnAt = now
    // A job in the background would scribble over what its owner types.
    if (!this.#isForeground()) return
    this.#write(ERASE_LINE + text())
    this.#isDrawn = true
  }

  /** What is drawn next is drawn at once. */
  erase(): void {
    if (this.#isDrawn) this.#write(ERASE_LINE)
    this.#isDrawn = false
    this.#drawnAt = Number.NEGATIVE_INFINITY
  }
}
