import type { Action } from './actions.ts'

/** Conditions of a rule; all that are there must hold. Each is a list of which one must fit. */
export interface Rule {
  readonly actions?: readonly Action[]
  /** Who runs pyprof: names and user ids. */
  readonly users?: readonly (string | number)[]
  /** Whose process it is. */
  readonly targetUsers?: readonly (string | number)[]
  /** Patterns of the whole command line, its arguments joined by spaces. */
  readonly commands?: readonly string[]
  /** Patterns of the path of its program, as the target sees it. */
  readonly executables?: readonly string[]
  /** `none`, or patterns of what `containerNames` tells. */
  readonly containers?: readonly string[]
  /** Of an allowing rule: whether what the target starts may be recorded as well. */
  readonly subprocesses: boolean
  /** What to tell who is refused; '' for nothing. */
  readonly reason: string
}

/** A policy file. Whatever stands in it forbids something; none of it can allow more. */
export interface Policy {
  readonly file: string
  /** Where it is there, nothing is allowed that none of these matches. */
  readonly allow: readonly Rule[] | undefined
  readonly deny: readonly Rule[]
  /** The longest time that anything may take, ns; 0 for no limit. */
  readonly timeLimit: number
  /** Whether values of variables may be read. */
  readonly locals: boolean
  /** Parts of names, besides pyprof's own, whose values are not shown. */
  readonly secretNames: readonly string[]
  /** Whether folders are left out of paths. */
  readonly redactPaths: boolean
  /** Where to log; `{uid}` is filled in. undefined: nowhere. */
  readonly auditLog: string | undefined
  /** The line in which something begins: `['deny', 0]`, `['time-limit']`. */
  lineOf(path: readonly (string | number)[]): number
}
