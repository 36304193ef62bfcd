import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import { EXIT, PyprofError } from '../errors.ts'

/**
 * A file to which lines are appended. Each line is one write to its end, so that lines of several
 * programs never mix.
 */
export class AuditLog {
  readonly file: string
  readonly #fd: number

  /**
   * Opens the log, or makes it with mode 0600.
   * @throws PyprofError code `audit-failed`
   */
  constructor(file: string, user: number = process.geteuid?.() ?? -1) {
    this.file = file
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants
    const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
    try {
      this.#fd = openSync(file, flags, 0o600)
    } catch (error) {
      throw auditError(file, `The system says: ${(error as Error).message}.`, EXIT.usage, error)
    }
    const why = unfit(this.#fd, user)
    if (why === '') return
    closeSync(this.#fd)
    throw auditError(file, why, EXIT.usage)
  }

  /**
   * @param exitCode of the error: usage before something is done, nothing where it has been done
   * @throws PyprofError code `audit-failed`
   */
  append(entry: object, exitCode: typeof EXIT.usage | typeof EXIT.nothing): void {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`)
    let written: number
    try {
      written = writeSync(this.#fd, line)
    } catch (error) {
      throw auditError(this.file, `The system says: ${(error as Error).message}.`, exitCode, error)
    }
    if (written === line.length) return
    throw auditError(this.file, 'Only a part of the line could be written.', exitCode)
  }

  close(): void {
    closeSync(this.#fd)
  }
}

/**
 * What others have put where the log should be is no log: what is written into it could be lost, or
 * do harm elsewhere. '' for a regular file of root or the user with one name.
 */
function unfit(fd: number, user: number): string {
  const stats = fstatSync(fd)
  if (!stats.isFile()) return 'It is not a regular file.'
  if (stats.uid !== 0 && stats.uid !== user) return `It belongs to user ${stats.uid}.`
  return stats.nlink === 1 ? '' : 'It has several names (hard links), or none any more.'
}

function auditError(
  file: string,
  why: string,
  exitCode: typeof EXIT.usage | typeof EXIT.nothing,
  cause?: unknown,
): PyprofError {
  const isBefore = exitCode === EXIT.usage
  return new PyprofError({
    code: 'audit-failed',
    what: isBefore
      ? `The audit log ${file} cannot be written, so nothing was done.`
      : `How it ended could not be written to the audit log ${file}.`,
    why,
    hint: 'A policy asks for this log ([audit] file): make it writable, or ask who keeps the policy.',
    exitCode,
    cause,
  })
}
