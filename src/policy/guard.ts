import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { EXIT, PyprofError } from '../errors.ts'
import type { Redactor } from '../redaction/redactor.ts'
import { commandText } from '../sampling/proc.ts'
import type { Action } from './actions.ts'
import { AuditLog } from './audit-log.ts'
import { containerLabel } from './containers.ts'
import type { Policy } from './policy.ts'
import type { PolicyTarget } from './target.ts'
import type { Invoker, UserNames } from './users.ts'
import { type Refusal, refusalOf } from './verdict.ts'

/** What a command wants to do to a target. */
export interface Intent {
  /** One or several, all of which are needed: `record` and `stop`. */
  readonly actions: readonly Action[]
  readonly target: PolicyTarget
  /** Whether the same is to be done to what the target starts. Default: no. */
  readonly subprocesses?: boolean
  /** How long it will take, ns, where it goes on for a time; 0 for no end. */
  readonly duration?: number
  /** What else the audit log should tell: what is written where. No secrets. */
  readonly details?: Readonly<Record<string, string | number | boolean>>
}

/** How something ended that was allowed. */
export interface Ending {
  readonly result: 'done' | 'failed'
  /** A code or a few words; '' for nothing to say. */
  readonly reason: string
}

/** Leave to do what was asked for. Its beginning stands in the audit log; whoever has it ends it. */
export interface Permission {
  /** How long it may take, ns; 0 for no limit. */
  readonly timeLimit: number
  /**
   * Writes the ending to the audit log. Only the first call counts.
   * @throws PyprofError code `audit-failed`, exit code 4
   */
  end(ending: Ending): void
}

export interface GuardInit {
  readonly policies: readonly Policy[]
  /** For what is said here, and for the audit log. */
  readonly redactor: Redactor
  /** For profiles, which may go elsewhere; the same where paths are shown. */
  readonly profileRedactor: Redactor
  readonly invoker: Invoker
  readonly namesOf: UserNames
  /** `pyprof@version`. */
  readonly exporter: string
  /** The arguments of pyprof itself. */
  readonly argv: readonly string[]
}

/** Stands between the commands and their targets: asks the policies, and writes the audit log. */
export class Guard {
  /** For what is said here: secrets are left out, paths are shown. */
  readonly redactor: Redactor
  /** For profiles and what is made of them. */
  readonly profileRedactor: Redactor
  readonly policies: readonly Policy[]
  /** The strictest limit of all policies, ns; 0 for none. */
  readonly timeLimit: number
  readonly #init: GuardInit

  constructor(init: GuardInit) {
    this.#init = init
    this.redactor = init.redactor
    this.profileRedactor = init.profileRedactor
    this.policies = init.policies
    const limits = init.policies.map(({ timeLimit }) => timeLimit).filter((limit) => limit > 0)
    this.timeLimit = limits.length > 0 ? Math.min(...limits) : 0
  }

  /** Files that will be written to, by what the policies ask for. */
  get auditLogs(): readonly string[] {
    const files = this.policies.flatMap(({ auditLog }) => auditLog ?? [])
    const own = files.map((file) => file.replaceAll('{uid}', String(this.#init.invoker.uid)))
    return [...new Set(own)]
  }

  /** Why the policies refuse an intent; undefined: they do not. Writes nothing. */
  refusal({ actions, target, subprocesses = false, duration }: Intent): Refusal | undefined {
    const { policies, invoker, namesOf } = this.#init
    const request = { actions, target, subprocesses, duration, invoker }
    return refusalOf(policies, request, namesOf)
  }

  /** @throws PyprofError code `forbidden` when a policy refuses. Writes nothing. */
  require(intent: Intent): void {
    const refusal = this.refusal(intent)
    if (refusal) throw forbidden(intent, refusal)
  }

  /**
   * Asks the policies for leave, and notes the answer in the audit log before anything is done.
   * @throws PyprofError code `forbidden` when a policy refuses, exit code 3
   * @throws PyprofError code `audit-failed` when the log cannot be written, exit code 2
   */
  authorize(intent: Intent): Permission {
    const refusal = this.refusal(intent)
    const logs = this.#openLogs()
    const id = randomBytes(8).toString('hex')
    try {
      const begin = this.#entry(id, intent)
      const answer = refusal ? 'refused' : 'allowed'
      const reason = refusal ? `${refusal.file}:${refusal.line}: ${refusal.why}` : ''
      for (const log of logs) log.append({ ...begin, result: answer, reason }, EXIT.usage)
      if (refusal) throw forbidden(intent, refusal)
    } catch (error) {
      for (const log of logs) log.close()
      throw error
    }
    return new GrantedPermission(this.timeLimit, logs, (ending) => ({
      time: new Date().toISOString(),
      id,
      event: 'end',
      actions: intent.actions,
      pid: intent.target.pid,
      ...ending,
    }))
  }

  #openLogs(): AuditLog[] {
    const logs: AuditLog[] = []
    try {
      for (const file of this.auditLogs) logs.push(new AuditLog(file))
    } catch (error) {
      for (const log of logs) log.close()
      throw error
    }
    return logs
  }

  /** A line of the log; docs/production.md has its fields. */
  #entry(id: string, { actions, target, subprocesses = false, duration, details }: Intent): object {
    const { invoker, redactor, exporter, argv } = this.#init
    const { pid, uids, arguments: args, executable, container } = target
    return {
      time: new Date().toISOString(),
      id,
      event: 'begin',
      actions,
      pid,
      command: args === undefined ? null : commandText(args, redactor),
      executable: executable ?? null,
      targetUid: uids?.[0] ?? null,
      container: container === undefined ? null : containerLabel(container),
      uid: invoker.uid,
      user: invoker.name,
      login: invoker.person ? invoker.person.name || invoker.person.uid : '',
      subprocesses,
      durationNs: duration ?? null,
      details: details ?? {},
      invocation: commandText(['pyprof', ...argv], redactor),
      profiler: process.pid,
      exporter,
      host: hostname(),
      policies: this.policies.map(({ file }) => file),
    }
  }
}

class GrantedPermission implements Permission {
  readonly timeLimit: number
  readonly #logs: readonly AuditLog[]
  readonly #entry: (ending: Ending) => object
  #isOver = false

  constructor(timeLimit: number, logs: readonly AuditLog[], entry: (ending: Ending) => object) {
    this.timeLimit = timeLimit
    this.#logs = logs
    this.#entry = entry
  }

  end(ending: Ending): void {
    if (this.#isOver) return
    this.#isOver = true
    const entry = this.#entry(ending)
    const errors: unknown[] = []
    for (const log of this.#logs) {
      try {
        log.append(entry, EXIT.nothing)
      } catch (error) {
        errors.push(error)
      }
      log.close()
    }
    if (errors.length > 0) throw errors[0]
  }
}

/**
 * Does what a permission is for and ends it: with `done`, or with the code of what was thrown.
 * @param work its result tells what to note; '' for nothing
 */
export async function underPermission<T>(
  permission: Permission,
  work: () => Promise<T>,
  note: (result: T) => Ending = () => ({ result: 'done', reason: '' }),
): Promise<T> {
  let result: T
  try {
    result = await work()
  } catch (error) {
    endFailed(permission, error)
    throw error
  }
  permission.end(note(result))
  return result
}

/** Who learns that the log failed has to learn what failed before, too. */
function endFailed(permission: Permission, cause: unknown): void {
  try {
    permission.end({ result: 'failed', reason: failureCode(cause) })
  } catch (error) {
    if (!(error instanceof PyprofError && cause instanceof PyprofError)) throw error
    const { code, what, hint, exitCode } = error
    const why = `${error.why} It ended so: ${cause.what} ${cause.why}`
    throw new PyprofError({ code, what, why, hint, exitCode, cause })
  }
}

function failureCode(error: unknown): string {
  if (error instanceof PyprofError) return error.code
  return error instanceof Error ? error.name : 'unknown'
}

function forbidden({ actions, target }: Intent, { file, line, why, hint }: Refusal): PyprofError {
  const what = actions.join(' and ')
  const whom = target.pid === null ? '' : ` of process ${target.pid}`
  return new PyprofError({
    code: 'forbidden',
    what: `A policy forbids it: ${what}${whom}.`,
    why: `${file}, line ${line}: ${why}.`,
    hint,
    exitCode: EXIT.target,
  })
}
