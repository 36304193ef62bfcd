import { type Command, InvalidArgumentError } from 'commander'
import { durationText } from '../duration.ts'
import { usageError } from '../errors.ts'
import { Guard } from '../policy/guard.ts'
import { loadPolicies } from '../policy/sources.ts'
import { runningTarget } from '../policy/target.ts'
import { invokerOf, systemUserNames } from '../policy/users.ts'
import { NO_REDACTION, redactorFor } from '../redaction/redactor.ts'
import { isNameStem } from '../redaction/secret-names.ts'
import { type Check, check } from '../sampling/diagnosis.ts'
import { PROC } from '../sampling/proc.ts'
import type { CommandContext } from './context.ts'

/** Options of policy and redaction as commander gives them. */
export interface RawPolicyOptions {
  readonly policy?: readonly string[]
  /** Parts of names of secrets; false: show everything. */
  readonly redact?: readonly string[] | boolean
  readonly redactPaths?: boolean
}

/** Adds the options of whatever looks at processes. */
export function addPolicyOptions(command: Command): Command {
  return command
    .option(
      '--policy <file>',
      'a policy that applies besides the others; may be given several times',
      (path: string, paths: readonly string[] = []) => [...paths, path],
    )
    .option(
      '--redact <name>',
      'hide also the values of names with this in them; may be given several times',
      (name: string, before: readonly string[] | boolean = []) => {
        if (!isNameStem(name)) {
          throw new InvalidArgumentError(
            'Expected a part of a name, two letters or digits at least.',
          )
        }
        return [...(Array.isArray(before) ? before : []), name]
      },
    )
    .option('--no-redact', 'hide nothing; not where a policy applies')
}

/**
 * What the policies that apply allow, and how secrets are left out.
 * @param program folder that the target runs in, for short names of its files
 * @throws PyprofError code `bad-policy`, or `usage` for --no-redact where a policy applies
 */
export function guardOf(raw: RawPolicyOptions, context: CommandContext, program?: string): Guard {
  const policies = loadPolicies(raw.policy ?? [])
  const isOff = raw.redact === false
  if (isOff && policies[0]) {
    throw usageError(
      '--no-redact cannot be used here.',
      `A policy applies, ${policies[0].file}, and secrets are hidden wherever one does.`,
      'Leave it out.',
    )
  }
  const names = [
    ...(Array.isArray(raw.redact) ? (raw.redact as readonly string[]) : []),
    ...policies.flatMap(({ secretNames }) => secretNames),
  ]
  const paths = (raw.redactPaths ?? false) || policies.some(({ redactPaths }) => redactPaths)
  const namesOf = systemUserNames()
  return new Guard({
    policies,
    redactor: isOff ? NO_REDACTION : redactorFor({ names }),
    profileRedactor: redactorFor({ names, paths, program, secrets: !isOff }),
    invoker: invokerOf(PROC, namesOf),
    namesOf,
    exporter: context.exporter,
    argv: context.argv,
  })
}

/** What the policies that apply mean for recording: on this machine, or of one process. */
export function policyChecks(guard: Guard, pid: number | undefined): Check[] {
  const { policies, timeLimit, auditLogs } = guard
  if (policies.length === 0) return []
  const files = policies.map(({ file }) => file).join(', ')
  const limit = timeLimit === 0 ? '' : `; nothing may take longer than ${durationText(timeLimit)}`
  const log = auditLogs.length === 0 ? '' : `; what is done is logged to ${auditLogs.join(', ')}`
  const note = check('policy', 'note', `a policy applies: ${files}${limit}${log}`)
  if (pid === undefined) return [note]
  const refusal = guard.refusal({ actions: ['record'], target: runningTarget(PROC, pid) })
  const allowed = refusal
    ? check(
        'allowed',
        'no',
        `${refusal.file}, line ${refusal.line}: ${refusal.why}. ${refusal.hint}`,
        { needed: true },
      )
    : check('allowed', 'yes', 'policies allow to record it', { needed: true })
  return [note, allowed]
}
