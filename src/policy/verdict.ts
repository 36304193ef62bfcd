import { durationText } from '../duration.ts'
import type { Action } from './actions.ts'
import { containerMatches } from './containers.ts'
import { globMatches } from './glob.ts'
import type { Policy, Rule } from './policy.ts'
import { type PolicyTarget, UNKNOWN_TARGET } from './target.ts'
import type { Invoker, UserNames } from './users.ts'

/** What is to be done, by whom, and to what. */
export interface Request {
  /** All of them are needed. */
  readonly actions: readonly Action[]
  readonly invoker: Invoker
  readonly target: PolicyTarget
  /** Whether the same is to be done to what the target starts, which nobody knows yet. */
  readonly subprocesses: boolean
  /** ns; 0 for no end, undefined where it is a matter of a moment. */
  readonly duration: number | undefined
}

/** Why a request is refused. */
export interface Refusal {
  /** The file of the policy. */
  readonly file: string
  /** Line of the rule that forbids it; 0 where nothing allows it. */
  readonly line: number
  readonly why: string
  readonly hint: string
}

/**
 * The first reason for which any of the policies refuses a request; undefined: all of them allow it.
 * What is not known of a target counts against the request: as if it were what a forbidding rule
 * means, and were not what an allowing one means.
 */
export function refusalOf(
  policies: readonly Policy[],
  request: Request,
  namesOf: UserNames,
): Refusal | undefined {
  for (const policy of policies) {
    const refusal = new Judge(policy, request, namesOf).refusal()
    if (refusal) return refusal
  }
  return undefined
}

/** Whether a condition holds. */
type Holds = 'yes' | 'no' | 'unknown'

const ASK = 'Ask whoever keeps this policy'

class Judge {
  readonly #policy: Policy
  readonly #request: Request
  readonly #namesOf: UserNames

  constructor(policy: Policy, request: Request, namesOf: UserNames) {
    this.#policy = policy
    this.#request = request
    this.#namesOf = namesOf
  }

  refusal(): Refusal | undefined {
    const { actions, subprocesses } = this.#request
    for (const action of actions) {
      const found =
        this.#locals(action) ??
        this.#forbidden(action, this.#request.target) ??
        this.#notAllowed(action) ??
        (subprocesses ? this.#subprocesses(action) : undefined)
      if (found) return found
    }
    return this.#tooLong()
  }

  #locals(action: Action): Refusal | undefined {
    if (action !== 'dump-locals' || this.#policy.locals) return undefined
    const why = 'It forbids to read the values of variables (locals = false)'
    return this.#refusal(['locals'], why, 'Leave --locals out.')
  }

  #forbidden(action: Action, target: PolicyTarget): Refusal | undefined {
    for (const [at, rule] of this.#policy.deny.entries()) {
      const holds = this.#matches(rule, action, target)
      if (holds === 'no') continue
      const what = holds === 'yes' ? `It forbids ${action}` : `It may forbid ${action}`
      const doubt = holds === 'yes' ? '' : ', and not all that it asks for can be seen'
      return this.#refusal(['deny', at], `${what} here${doubt}${because(rule)}`)
    }
    return undefined
  }

  #notAllowed(action: Action): Refusal | undefined {
    const { allow } = this.#policy
    if (allow === undefined) return undefined
    const matches = allow.map((rule) => this.#matches(rule, action, this.#request.target))
    if (matches.includes('yes')) return undefined
    const doubt = matches.includes('unknown')
      ? '; one may be meant, but not all that it asks for can be seen'
      : ''
    return this.#refusal(['allow'], `None of its rules allows ${action} here${doubt}`)
  }

  /** Of what will be started nothing is known, so only rules that ask for nothing let it pass. */
  #subprocesses(action: Action): Refusal | undefined {
    const { allow, deny } = this.#policy
    const reach = `${action} of what the target starts`
    const hint = 'Leave --subprocesses out.'
    const at = deny.findIndex((rule) => this.#matches(rule, action, UNKNOWN_TARGET) !== 'no')
    if (at >= 0) return this.#refusal(['deny', at], `It may forbid ${reach}`, hint)
    const isAllowed = allow?.some((rule) => {
      const target = rule.subprocesses ? this.#request.target : UNKNOWN_TARGET
      return this.#matches(rule, action, target) === 'yes'
    })
    if (isAllowed !== false) return undefined
    const why = `None of its rules allows ${reach} (subprocesses = true)`
    return this.#refusal(['allow'], why, hint)
  }

  #tooLong(): Refusal | undefined {
    const { duration } = this.#request
    const { timeLimit } = this.#policy
    if (duration === undefined || timeLimit === 0) return undefined
    if (duration > 0 && duration <= timeLimit) return undefined
    const limit = durationText(timeLimit)
    return this.#refusal(['time-limit'], `It allows ${limit} at most`, `Add: --duration ${limit}`)
  }

  #refusal(path: readonly (string | number)[], why: string, hint?: string): Refusal {
    const { file, lineOf } = this.#policy
    return { file, line: lineOf(path), why, hint: hint ?? `${ASK}: ${file}` }
  }

  #matches(rule: Rule, action: Action, target: PolicyTarget): Holds {
    const { invoker } = this.#request
    return every([
      any(rule.actions, (each) => each === action),
      this.#isUser(rule.users, [invoker.uid, ...(invoker.person ? [invoker.person.uid] : [])]),
      this.#belongsTo(rule.targetUsers, target.uids),
      anyKnown(rule.commands, target.arguments?.join(' '), globMatches),
      anyKnown(rule.executables, target.executable, globMatches),
      anyKnown(rule.containers, target.container, containerMatches),
    ])
  }

  /** Whether any of the ids is one of the users; a name that cannot be looked up is not known. */
  #isUser(users: Rule['users'], uids: readonly number[]): Holds {
    if (users === undefined) return 'yes'
    const found = uids.map((uid): Holds => {
      if (users.includes(uid)) return 'yes'
      if (users.every((user) => typeof user === 'number')) return 'no'
      const names = this.#namesOf(uid)
      if (names === undefined) return 'unknown'
      return names.some((name) => users.includes(name)) ? 'yes' : 'no'
    })
    return found.find((each) => each === 'yes') ?? found.find((each) => each === 'unknown') ?? 'no'
  }

  /** A process with several ids belongs to a user only as far as all of them do. */
  #belongsTo(users: Rule['targetUsers'], uids: readonly number[] | undefined): Holds {
    if (users === undefined) return 'yes'
    if (uids === undefined) return 'unknown'
    const found = new Set(uids.map((uid) => this.#isUser(users, [uid])))
    return found.size === 1 ? [...found][0]! : 'unknown'
  }
}

function because({ reason }: Rule): string {
  return reason === '' ? '' : `: ${reason}`
}

function any<T>(list: readonly T[] | undefined, fits: (each: T) => boolean): Holds {
  return list === undefined || list.some(fits) ? 'yes' : 'no'
}

/** Whether a fact fits one of the patterns; it holds without patterns, and is unknown without fact. */
function anyKnown<Fact>(
  patterns: readonly string[] | undefined,
  fact: Fact | undefined,
  matches: (pattern: string, fact: Fact) => boolean,
): Holds {
  if (patterns === undefined) return 'yes'
  return fact === undefined ? 'unknown' : any(patterns, (pattern) => matches(pattern, fact))
}

function every(holds: readonly Holds[]): Holds {
  if (holds.includes('no')) return 'no'
  return holds.includes('unknown') ? 'unknown' : 'yes'
}
