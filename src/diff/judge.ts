import { EXIT, PyprofError } from '../errors.ts'
import { displayName, formatCount } from '../formats/text.ts'
import { nearNames } from '../profile/near-names.ts'
import { type Compared, type Tested, type TestOptions, testRows } from './family.ts'
import type { Gate } from './gates.ts'
import { signedText } from './percent.ts'
import type { ChangedRow, GateResult } from './result.ts'
import { falseDiscoveryAdjusted } from './statistics/false-discovery.ts'
import { detectable, type LogRatio, limitsOf, probabilityAbove } from './statistics/log-ratio.ts'
import type { Total } from './total.ts'

/** What gates are judged by. */
export interface Evidence {
  readonly total: Total | undefined
  /** All functions, with self and total time. */
  readonly functions: readonly Compared[]
  /** Those that were tested. */
  readonly tested: readonly Tested<Compared>[]
  readonly options: TestOptions
}

const SINGLE = 'A side has only one run, which proves nothing.'

/**
 * Judges a gate: a regression when growth beyond the limit is proven, pass when it is proven not to
 * be beyond, else inconclusive. The error is (1 - confidence) / 2 for each, whatever the truth.
 * @throws PyprofError code `not-comparable`: the total of runs of which only shares are compared
 */
export function judge(gate: Gate, evidence: Evidence): GateResult {
  if (gate.of === 'run') return judgeTotal(gate, evidence)
  return gate.of === 'any' ? judgeAny(gate, evidence) : judgeFunctions(gate, evidence)
}

function judgeTotal(gate: Gate, { total, options }: Evidence): GateResult {
  if (!total) {
    throw new PyprofError({
      code: 'not-comparable',
      what: `'${gate.text}' cannot be judged.`,
      why: 'These runs did not do the same work, so only shares are compared, and their total is always 100 %.',
      hint: "Record the program to its end, say --same-work when it is so, or gate a share: --fail-on 'self:FUNCTION>10%'",
      exitCode: EXIT.nothing,
    })
  }
  if (!total.ratio) {
    return { gate: gate.text, outcome: 'inconclusive', reason: SINGLE, proven: [] }
  }
  return byInterval(gate, 'The total', total.ratio, options, [])
}

/** Judges one quantity by the interval that is shown of it. */
function byInterval(
  gate: Gate,
  subject: string,
  ratio: LogRatio,
  options: TestOptions,
  rows: readonly ChangedRow[],
): GateResult {
  const [low, high] = limits(ratio, options)
  const range = `${subject} grew by ${signedText(low)} to ${signedText(high)}`
  if (low > gate.limit) {
    const reason = `${range}, which is above the limit.`
    return { gate: gate.text, outcome: 'regression', reason, proven: rows }
  }
  if (high < gate.limit) {
    const reason = `${range}, which is below the limit.`
    return { gate: gate.text, outcome: 'pass', reason, proven: [] }
  }
  const growth = (1 + gate.limit) * (1 + detectable(ratio, (1 - options.confidence) / 2)) - 1
  const reason =
    `${range}: the limit lies between. So many runs prove it exceeded 4 times in 5 when the true ` +
    `growth is ${signedText(growth)}.`
  return { gate: gate.text, outcome: 'inconclusive', reason, proven: [] }
}

function judgeFunctions(gate: Gate, { functions, tested, options }: Evidence): GateResult {
  const common = { gate: gate.text, proven: [] }
  const found = named(gate, functions)
  if (found.length === 0) {
    const typed = /:(.+?)\s*>/.exec(gate.text)?.[1] ?? ''
    const near = nearNames(
      `function:${typed.split('.').at(-1)}`,
      functions.map(({ place }) => place),
    )
    const hint = near.length > 0 ? ` Near to it: ${near.join(', ')}.` : ''
    const reason = `No run shows time in such a function.${hint}`
    return { ...common, outcome: 'inconclusive', reason }
  }
  if (!options.isJudged) return { ...common, outcome: 'inconclusive', reason: SINGLE }
  const alone = { ...options, minShare: 0 }
  const judged = found.map(
    (of) => tested.find((each) => each.of === of) ?? testRows([of], alone).tested[0]!,
  )
  const comparable = judged.filter(({ row }) => row.change !== null)
  if (comparable.length === 0) {
    const side = judged[0]!.row.base > 0 ? 'base' : 'head'
    const reason = `It is in ${side} only, so there is no percentage.`
    return { ...common, outcome: 'inconclusive', reason }
  }
  const [one] = comparable
  if (one && comparable.length === 1) {
    const subject = displayName(one.row.place.qualname)
    return byInterval(gate, subject, one.ratio!, options, [one.row])
  }
  // Each of several functions could be wrong; together they are as seldom as one (Bonferroni).
  const share = { ...options, confidence: 1 - (1 - options.confidence) / comparable.length }
  const ranges = comparable.map(({ ratio, row }) => ({ row, range: limits(ratio!, share) }))
  const proven = ranges.filter(({ range: [low] }) => low > gate.limit).map(({ row }) => row)
  const open = ranges.filter(({ range: [, high] }) => high >= gate.limit)
  return outcomeOf(gate, proven, open.length, comparable.length)
}

/** The rows that a gate names; where a function calls nothing, its total time is its own. */
function named(gate: Gate, functions: readonly Compared[]): Compared[] {
  const rows = new Map<string, Compared>()
  for (const row of functions) {
    if (!gate.matches(row.place) || Array.from(row.times).every((time) => time === 0)) continue
    if (row.time === gate.time || row.time === 'self') rows.set(row.key, row)
  }
  return [...rows.values()]
}

function judgeAny(gate: Gate, { tested, options }: Evidence): GateResult {
  if (!options.isJudged) {
    return { gate: gate.text, outcome: 'inconclusive', reason: SINGLE, proven: [] }
  }
  const own = tested.filter(({ of, row }) => of.time === 'self' && row.change !== null)
  const limit = Math.log1p(gate.limit)
  const adjusted = falseDiscoveryAdjusted(own.map(({ ratio }) => probabilityAbove(ratio!, limit)))
  const proven = own.flatMap(({ row }, at) =>
    adjusted[at]! <= (1 - options.confidence) / 2 ? [row] : [],
  )
  const open = own.filter(({ ratio }) => limits(ratio!, options)[1] >= gate.limit)
  return outcomeOf(gate, proven, open.length, own.length)
}

function outcomeOf(
  gate: Gate,
  proven: readonly ChangedRow[],
  open: number,
  count: number,
): GateResult {
  const functions = `${formatCount(count)} function${count === 1 ? '' : 's'}`
  if (proven.length > 0) {
    const reason = `${formatCount(proven.length)} of ${functions} grew by more than the limit.`
    return { gate: gate.text, outcome: 'regression', reason, proven }
  }
  if (open > 0) {
    const reason = `${formatCount(open)} of ${functions} may have grown by more than the limit; these runs cannot tell.`
    return { gate: gate.text, outcome: 'inconclusive', reason, proven }
  }
  const reason = `${count === 1 ? 'The function' : `Each of ${functions}`} grew by less than the limit, if at all.`
  return { gate: gate.text, outcome: 'pass', reason, proven }
}

function limits(
  ratio: LogRatio,
  { confidence }: { readonly confidence: number },
): [number, number] {
  return limitsOf(ratio, (1 - confidence) / 2).map(Math.expm1) as [number, number]
}
