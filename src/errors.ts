/** Exit codes of the program; also documented in docs/cli.md. */
export const EXIT = {
  done: 0,
  regression: 1,
  usage: 2,
  target: 3,
  nothing: 4,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export interface PyprofErrorInit {
  /** Stable, kebab-case; scripts may test for it. */
  readonly code: string
  /** One line each: what happened, why, what to do (with the exact command where there is one). */
  readonly what: string
  readonly why: string
  readonly hint: string
  readonly exitCode: ExitCode
  readonly cause?: unknown
}

/** An error that a user can act on. Everything else that reaches the top is a bug. */
export class PyprofError extends Error {
  readonly code: string
  readonly what: string
  readonly why: string
  readonly hint: string
  readonly exitCode: ExitCode

  constructor(init: PyprofErrorInit) {
    super(`${init.what} ${init.why}`, { cause: init.cause })
    this.name = 'PyprofError'
    this.code = init.code
    this.what = init.what
    this.why = init.why
    this.hint = init.hint
    this.exitCode = init.exitCode
  }
}

/** A wrong option or argument; exit code 2. */
export function usageError(what: string, why: string, hint: string): PyprofError {
  return new PyprofError({ code: 'usage', what, why, hint, exitCode: EXIT.usage })
}
