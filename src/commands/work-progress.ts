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
    for (const piece of pieces) {
      done += piece.length
      this.#update(doing, done, total)
      yield piece
    }
  }

  erase(): void {
    this.#line?.erase()
  }

  #update(doing: string, done: number, total: number | undefined): void {
    const now = this.#now()
    if (!this.#line || now - this.#begun < PATIENCE_MS) return
    const of = total === undefined ? '' : ` of ${formatSize(total)}, ${formatShare(done / total)}`
    this.#line.update(() => `${visible(doing)}   ${formatSize(done)}${of}`, now)
  }
}
