import {
  type Control,
  type DescendantSource,
  type EndReason,
  GRANULARITIES,
  type Meta,
  MODES,
  type Mode,
  type Reading,
  type ReadingChange,
  type RunFacts,
  type RunPair,
  STATES,
  type State,
  TASK_SCOPES,
  type View,
  type ViewStep,
} from '../profile/profile.ts'
import { DamageError } from './bytes.ts'

type Check<T> = (value: unknown) => value is T

const READINGS: Readonly<Record<Reading | 'unknown', true>> = {
  live: true,
  exact: true,
  stop: true,
  unknown: true,
}
const CHANGES: Readonly<Record<ReadingChange, true>> = {
  '': true,
  'over-budget': true,
  'no-gil': true,
  'core-not-allowed': true,
  'no-run-count': true,
  'several-processes': true,
}
const SOURCES: Readonly<Record<DescendantSource, true>> = { '': true, events: true, polling: true }
const ENDS: Readonly<Record<EndReason, true>> = {
  duration: true,
  exited: true,
  interrupted: true,
  'lost-access': true,
  'never-python': true,
  'not-python-after-exec': true,
  rotated: true,
  unfinished: true,
  unknown: true,
}

/** A date beyond this cannot be told (ECMAScript's time range, ms). */
const MAX_DATE = 8.64e15

const isText: Check<string> = (value): value is string => typeof value === 'string'
const oneOf =
  <T extends string>(names: Readonly<Record<T, true>>): Check<T> =>
  (value): value is T =>
    typeof value === 'string' && Object.hasOwn(names, value)
const isAtMost =
  (limit: number): Check<number> =>
  (value): value is number =>
    typeof value === 'number' && value >= 0 && value <= limit

/** What a recording says of itself in JSON; its duration is one of the counters. */
export type StoredMeta = Omit<Meta, 'duration'>

/** Options name themselves in summaries as they are. */
const OPTION = /^--[a-z-]{1,20}$/

function isStep(value: unknown): value is ViewStep {
  if (typeof value !== 'object' || value === null) return false
  const { option, patterns, effect, samples, weight, missed } = value as Record<string, unknown>
  return (
    isText(option) &&
    OPTION.test(option) &&
    Array.isArray(patterns) &&
    patterns.every(isText) &&
    (effect === 'removed' || effect === 'folded') &&
    [samples, weight, missed].every(isAtMost(Number.MAX_SAFE_INTEGER))
  )
}

/** Whether this is what `Meta.view` may be. */
export function isView(value: unknown): value is View {
  if (typeof value !== 'object' || value === null) return false
  const { granularity, steps } = value as Record<string, unknown>
  const isKnown = GRANULARITIES.some((each) => each === granularity)
  return isKnown && Array.isArray(steps) && steps.every(isStep)
}

function isTasks(value: unknown): value is NonNullable<Meta['tasks']> {
  if (typeof value !== 'object' || value === null) return false
  const { scope, loopSeen } = value as Record<string, unknown>
  return TASK_SCOPES.some((each) => each === scope) && typeof loopSeen === 'boolean'
}

const isWhole = isAtMost(Number.MAX_SAFE_INTEGER)

function isControl(value: unknown): value is Control {
  if (typeof value !== 'object' || value === null) return false
  const { pausedTime, pauses, marks } = value as Record<string, unknown>
  return isWhole(pausedTime) && isWhole(pauses) && Array.isArray(marks) && marks.every(isMark)
}

function isMark(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { name, first, last, count } = value as Record<string, unknown>
  return isText(name) && [first, last, count].every(isWhole)
}

function isRunFacts(value: unknown): value is RunFacts {
  if (typeof value !== 'object' || value === null) return false
  const { cpu, governor, load, kernel, revision, isDirty, pair } = value as Record<string, unknown>
  return (
    [cpu, governor, kernel, revision].every(isText) &&
    isAtMost(Number.MAX_VALUE)(load) &&
    typeof isDirty === 'boolean' &&
    (pair === undefined || isPair(pair))
  )
}

function isPair(value: unknown): value is RunPair {
  if (typeof value !== 'object' || value === null) return false
  const { bench, number } = value as Record<string, unknown>
  return isText(bench) && Number.isSafeInteger(number) && isWhole(number)
}

const CHECKS: { readonly [K in keyof StoredMeta]-?: Check<StoredMeta[K]> } = {
  exporter: isText,
  command: isText,
  pythonVersion: isText,
  mode: (value): value is Mode => MODES.some((mode) => mode === value),
  states: (value): value is State[] =>
    Array.isArray(value) && value.every((state) => STATES.includes(state)),
  read: oneOf(READINGS),
  readChange: oneOf(CHANGES),
  descendants: oneOf(SOURCES),
  tasks: (value): value is Meta['tasks'] => value === undefined || isTasks(value),
  rate: isAtMost(Number.MAX_VALUE),
  startedAt: isAtMost(MAX_DATE),
  endReason: oneOf(ENDS),
  view: (value): value is View | undefined => value === undefined || isView(value),
  machine: (value): value is string | undefined => value === undefined || isText(value),
  iterations: (value): value is number | undefined =>
    value === undefined || isAtMost(Number.MAX_SAFE_INTEGER)(value),
  control: (value): value is Control | undefined => value === undefined || isControl(value),
  run: (value): value is RunFacts | undefined => value === undefined || isRunFacts(value),
}

/** @throws DamageError when a field is missing or has no value that it may have */
export function parseMeta(text: string): StoredMeta {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new DamageError('what it says of itself is no JSON')
  }
  const found = checkMeta(value)
  if (!found) throw new DamageError('what it says of itself makes no sense')
  return found
}

/** The fields of a meta in foreign JSON, and none but these; undefined when one is not right. */
export function checkMeta(value: unknown): StoredMeta | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const entries = Object.entries(CHECKS).map(([name, check]): [string, unknown, boolean] => {
    const field: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
    return [name, field, check(field)]
  })
  if (!entries.every(([, , isRight]) => isRight)) return undefined
  const held = entries.filter(([, field]) => field !== undefined)
  return Object.fromEntries(held) as unknown as StoredMeta
}
