import type { PyprofError } from '../errors.ts'
import type { Addon } from '../sampling/addon.ts'

/** What a command may use of the world; the program gives the real one, a test a fake one. */
export interface CommandContext {
  /** The arguments of the program, without node and script. */
  readonly argv: readonly string[]
  /** `pyprof@version`, as written into every output. */
  readonly exporter: string
  /** Whether stderr is a terminal on which a line can be drawn again and again. */
  readonly drawsProgress: boolean
  /** @throws PyprofError code `addon-missing` */
  loadAddon(): Addon
  /** Width of the terminal that stdout is; undefined when it is none. */
  columns?(): number | undefined
  /** Data, to stdout. @throws a system error, EPIPE when nobody reads any more */
  writeOut(data: string | Uint8Array): void
  /** Talk, to stderr. Never fails: who hung up does not want to hear more. */
  writeErr(text: string): void
  /** Shows an error and goes on; a thrown one ends the command. */
  report(error: PyprofError): void
  /** Exit code of the program when the command has come to its end. */
  finish(exitCode: number): void
}
