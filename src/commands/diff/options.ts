import { InvalidArgumentError } from 'commander'
import { SAME, type Same } from '../../diff/comparable.ts'
import type { CompareOptions } from '../../diff/compare.ts'
import { type Gate, parseGate } from '../../diff/gates.ts'
import type { Rename } from '../../diff/names.ts'
import { usageError } from '../../errors.ts'
import type { Choice } from '../../profile/choice.ts'
import { PatternError } from '../../profile/pattern.ts'
import type { Mode } from '../../profile/profile.ts'
import { choiceOf, type RawChoice } from '../choice.ts'

/** Options as commander gives them. */
export interface RawDiffOptions extends RawChoice {
  readonly vs: readonly string[]
  readonly failOn?: readonly Gate[]
  readonly inconclusive: 'pass' | 'fail'
  readonly sameWork?: boolean
  readonly confidence: number
  readonly minShare: number
  readonly minChange: number
  readonly allowDifferent?: readonly (readonly Same[])[]
  readonly rename?: readonly Rename[]
  readonly mode?: Mode
  readonly rate?: number
  readonly top: number
  readonly title?: string
  readonly output?: readonly string[]
  readonly json?: boolean
  readonly markdown?: boolean
  readonly github?: boolean
}

export interface DiffOptions {
  readonly base: readonly string[]
  readonly head: readonly string[]
  /** Undefined: as it was recorded. */
  readonly mode: Mode | undefined
  /** Hz, of inputs that count samples without saying it. */
  readonly rate: number | undefined
  readonly choice: Choice
  readonly compare: Omit<CompareOptions, 'exporter'>
  readonly failsInconclusive: boolean
  readonly outputs: readonly string[]
  readonly title: string
  readonly top: number
  /** What goes to stdout. */
  readonly prints: 'table' | 'json' | 'markdown' | 'github'
}

export function diffOptions(base: readonly string[], raw: RawDiffOptions): DiffOptions {
  const outputs = raw.output ?? []
  const prints = raw.json ? 'json' : raw.markdown ? 'markdown' : raw.github ? 'github' : 'table'
  return {
    base,
    head: raw.vs,
    mode: raw.mode,
    rate: raw.rate,
    choice: choiceOf(raw),
    compare: {
      confidence: raw.confidence,
      minShare: raw.minShare,
      minChange: raw.minChange,
      allowed: (raw.allowDifferent ?? []).flat(),
      renames: raw.rename ?? [],
      isSameWork: raw.sameWork ?? false,
      gates: raw.failOn ?? [],
    },
    failsInconclusive: raw.inconclusive === 'fail',
    outputs,
    title: raw.title ?? 'Comparison of runs',
    top: raw.top,
    prints,
  }
}

/** @throws PyprofError code `usage` */
export function requireApart(base: readonly string[], head: readonly string[]): void {
  const both = base.find((path) => head.includes(path))
  if (both === undefined) return
  throw usageError(
    `${both} is on both sides.`,
    'A run cannot be compared with itself.',
    'Name the runs of base first, and those of head behind --vs.',
  )
}

/** Collects the values of an option that may be given several times. */
export function several<T>(
  parse: (text: string) => T,
): (text: string, before?: readonly T[]) => T[] {
  return (text, before = []) => [...before, parse(text)]
}

export function parseGateOption(text: string): Gate {
  try {
    return parseGate(text)
  } catch (error) {
    if (error instanceof PatternError) throw new InvalidArgumentError(error.message)
    throw error
  }
}

/** Names of what may differ, separated by commas. */
export function parseSame(text: string): readonly Same[] {
  const names = text.split(',').map((name) => name.trim())
  if (!names.every(isSame)) throw new InvalidArgumentError(`Expected ${SAME.join(', ')}.`)
  return names
}

function isSame(name: string): name is Same {
  return (SAME as readonly string[]).includes(name)
}

export function parseRename(text: string): Rename {
  const [, from, to] = /^([^=]+)=([^=]+)$/.exec(text) ?? []
  if (from === undefined || to === undefined) {
    throw new InvalidArgumentError(
      'Expected OLD=NEW, each a file, a folder or the qualified name of a function.',
    )
  }
  return { from: from.replace(/\/$/, ''), to: to.replace(/\/$/, '') }
}

/** A percentage such as `2`, `2%` or `0.5%` within limits, as a fraction. */
export function parsePercent(least: number, most: number): (text: string) => number {
  return (text) => {
    const match = /^(\d+\.?\d*|\.\d+)%?$/.exec(text)
    const percent = match ? Number(match[1]) : Number.NaN
    if (!(percent >= least && percent <= most)) {
      throw new InvalidArgumentError(`Expected a percentage from ${least} to ${most}, such as 2%.`)
    }
    return percent / 100
  }
}
