import type { Peer } from './peers.ts'

/** What a case gets to work with. */
export interface Run {
  /** A smoke test of the case: few and short rounds; its numbers mean little. */
  readonly quick: boolean
  /** How often each side is measured, given what suits the case. */
  rounds(usual: number): number
  readonly peers: readonly Peer[]
  readonly minutes: number
  /** Prints a line or a table to stdout. */
  say(text: string): void
}

/** One question, answered by a table. */
export interface Case {
  readonly name: string
  readonly question: string
  /** Only run when named. */
  readonly long?: boolean
  run(run: Run): Promise<void>
}
