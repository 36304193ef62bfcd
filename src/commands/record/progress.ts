import { formatCount, formatTime } from '../../formats/text.ts'
import type { SamplerStatus } from '../../sampling/addon.ts'
import { formatRate } from '../numbers.ts'
import { StatusLine } from '../status-line.ts'

/** How far a recording is, on the terminal while it runs. */
export class Progress {
  readonly #line: StatusLine

  constructor(write: (text: string) => void, isInForeground?: () => boolean) {
    this.#line = new StatusLine(write, isInForeground)
  }

  /** @param now ms of a clock that only goes forward */
  update(status: SamplerStatus, samples: number, duration: number, now: number): void {
    this.#line.update(() => progressLine(status, samples, duration), now)
  }

  erase(): void {
    this.#line.erase()
  }
}

/** @param duration ns asked for, 0 without limit */
export function progressLine(status: SamplerStatus, samples: number, duration: number): string {
  const { elapsed, ticks } = status
  const limit = duration > 0 ? ` of ${formatTime(duration)}` : ''
  const actual = elapsed > 0 ? formatRate(ticks / (elapsed / 1e9)) : '–'
  return `${formatTime(elapsed)}${limit}   ${formatCount(samples)} samples   ${actual}   Ctrl-C ends`
}
