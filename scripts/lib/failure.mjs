/** A failure that a developer can act on: what happened, why, what to do. Printed as three lines. */
export class ScriptFailure extends Error {
  /**
   * @param {string} what
   * @param {string} why
   * @param {string} hint
   */
  constructor(what, why, hint) {
    super(what)
    this.name = 'ScriptFailure'
    this.what = what
    this.why = why
    this.hint = hint
  }
}

/**
 * Runs a script's main function; a ScriptFailure is printed as its three lines and exits 1, anything
 * else is a bug and keeps its stack trace.
 *
 * @param {() => Promise<number | void>} main resolves to the exit code, 0 when void
 */
export async function runScript(main) {
  try {
    process.exitCode = (await main()) ?? 0
  } catch (error) {
    if (!(error instanceof ScriptFailure)) throw error
    printFailure(error)
    process.exitCode = 1
  }
}

/** @param {ScriptFailure} failure */
export function printFailure({ what, why, hint }) {
  process.stderr.write(`error: ${what}\n  why: ${why}\n  do:  ${hint}\n`)
}
