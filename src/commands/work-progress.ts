import { visible } from '../formats/text.ts'
import type { CommandContext } from './context.ts'
import { formatShare, formatSize } from './numbers.ts'
import { StatusLine } from './status-line.ts'

/** What is done sooner needs no word. */
const PATIENCE_MS = 1000

/** How far reading and writing are, on the terminal once they take longer than a second. */
export class WorkProgress {
  readonly #line: StatusLine | undefined
  readonly #now: () => number
  readonly #begun: number

  constructor(
    { drawsProgress, writeErr }: Pick<CommandContext, 'drawsProgress' | 'writeErr'>,
    now: () => number = () => performance.now(),
    isInForeground?: () => boolean,
  ) {
    const line = drawsProgress ? new StatusLine(writeErr, isInForeground) : undefined
    this.#line = line
    this.#now = now
    this.#begun = now()
  }

  /**
   * Passes pieces on and tells how many bytes that were.
   * @param doing `Reading run.pyprof`
   * @param total bytes; undefined when that is not known
   */
  *through<Piece extends string | Uint8Array>(
    pieces: Iterable<Piece>,
    doing: string,
    total?: number,
  ): Generator<Piece> {
    let done = 0
    this.#begin(doing)
    for (const piece of pieces) {
      done += piece.length
      this.#update(doing, done, total)
      yield piece
    }
  }

  /** Tells what is done, of which nobody knows how far it is. */
  during<Result>(doing: string, work: () => Result): Result {
    this.#begin(doing)
    try {
      return work()
    } finally {
      this.erase()
    }
  }

  erase(): void {
    this.#line?.erase()
  }

  #begin(doing: string): void {
    this.#draw(() => visible(doing))
  }

  #update(doing: string, done: number, total: number | undefined): void {
    this.#draw(() => {
      const of = total === undefined ? '' : ` of ${formatSize(total)}, ${formatShare(done / total)}`
      return `${visible(doing)}   ${formatSize(done)}${of}`
    })
  }

  #draw(text: () => string): void {
    const now = this.#now()
    if (this.#line && now - this.#begun >= PATIENCE_MS) this.#line.update(text, now)
  }
}
