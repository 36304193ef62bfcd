import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Quality, Reading, Reason } from '../../src/profile/profile.ts'
import { Capture, type NamedSample, past } from './capture.ts'
import { type Minor, python } from './pythons.ts'
import { programArgs, Target } from './target.ts'
import { type Fault, type Judge, judgeOf, judgeReuse, type Rules } from './truth.ts'
import { compare, type Difference, type Estimate, estimate } from './truth-statistics.ts'

export const READINGS = ['stop', 'exact', 'live'] as const satisfies readonly Reading[]

/** Samples of each program, version and reading: a few thousand, or as many as a long run asks for. */
export const SAMPLES = Number(process.env.PYPROF_TRUTH_SAMPLES ?? 1_000)

/** Where each measurement is added as a row of Markdown, when asked for. */
const TABLE = process.env.PYPROF_TRUTH_TABLE

/** The readings take turns, so that what the machine does at a time meets all of them. */
const TURNS = 4
const BATCHES_A_TURN = Math.min(64, Math.max(8, Math.floor(SAMPLES / TURNS / 60)))
const MIN_TICKS_A_TURN = 8
/** Functions with less of the time are too rare for a mean of batches to be near normal. */
const LEAST_SHARE = 0.02

export interface Program {
  readonly name: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Hz; the default is 5 000. */
  readonly rate?: number
  /** Threads that every look at the program samples; the default is 1. */
  readonly threads?: number
  /** The part of SAMPLES that is taken; the default is all. */
  readonly part?: number
}

/** The share of a function by the program's own clock, while a reading went on. */
export interface Said {
  readonly name: string
  readonly kind: 'self' | 'total'
  readonly share: number
}

/** What one reading showed of one program. */
export interface Result {
  readonly reading: Reading
  readonly samples: number
  readonly ticks: number
  /** Times that the sampling thread lost its core to others: a busy machine's doing, not its own. */
  readonly preempted: number
  /**
   * Ticks of which it could not be proved that they are of one instant; one counts by the part of its
   * samples.
   */
  readonly unprovedTicks: number
  readonly quality: Readonly<Record<Quality, number>>
  readonly reasons: Readonly<Partial<Record<Reason, number>>>
  /** Among the samples that say they are exact. */
  readonly chains: number
  readonly lines: number
  readonly leafLines: number
  /** Impossible stacks that say so. */
  readonly marked: number
  /** Some of the impossible ones. */
  readonly examples: readonly string[]
  /** Leaves that are not of the program, a library's or a marker. */
  readonly self: ReadonlyMap<string, Estimate>
  readonly total: ReadonlyMap<string, Estimate>
  /** Of a program that has a clock of its own. */
  readonly said: readonly Said[]
}

export interface Measurement {
  readonly program: string
  readonly minor: Minor
  readonly rules: Rules
  readonly results: Readonly<Record<Reading, Result>>
}

/** Runs a program, reads it in every way, by turns, and ends it. */
export async function measure(minor: Minor, program: Program): Promise<Measurement> {
  const target = new Target(python(minor), {
    args: programArgs(`truth/${program.name}.py`, program.args),
    ...(program.env && { env: program.env }),
  })
  try {
    const rules = await target.says<Rules>('ready')
    await past(target.pid, 'ready')
    const judge = program.name === 'reuse' ? judgeReuse(rules) : judgeOf(rules)
    const clock = rules.clock && new OwnClock(rules.clock, program.threads ?? 1)
    const tallies = READINGS.map((reading) => new Tally(reading, judge))
    for (let turn = 0; turn < TURNS; turn++) {
      for (const tally of tallies) await takeTurn(target, program, tally, clock)
    }
    const [stop, exact, live] = tallies.map((tally) => tally.result()) as [Result, Result, Result]
    const measured = { program: nameOf(program), minor, rules, results: { stop, exact, live } }
    if (TABLE) appendFileSync(TABLE, tableRows(measured))
    return measured
  } finally {
    await target.kill()
  }
}

export function nameOf({ name, args, env }: Program): string {
  return [name, ...(args ?? []), ...(env ? ['with JIT'] : [])].join(' ')
}

/** What a program's own clock says of its functions. */
class OwnClock {
  readonly #clock: NonNullable<Rules['clock']>
  readonly #threads: number

  /** @param threads among which the time is shared */
  constructor(clock: NonNullable<Rules['clock']>, threads: number) {
    this.#clock = clock
    this.#threads = threads
  }

  /** Ends with the shares since the call. */
  start(): () => Said[] {
    const before = this.#read()
    return () => {
      const after = this.#read()
      const time = (after.at - before.at) * this.#threads
      return this.#clock.calls.map(([name, kind], at) => ({
        name,
        kind,
        share: (after.ns[at]! - before.ns[at]!) / time,
      }))
    }
  }

  #read(): { at: number; ns: number[] } {
    const { file, rows, calls } = this.#clock
    const words = readFileSync(file)
    const at = Number(process.hrtime.bigint())
    const ns = calls.map((_, call) => {
      let sum = 0
      for (let row = 0; row < rows; row++)
        sum += Number(words.readBigInt64LE(8 * (row * calls.length + call)))
      return sum
    })
    return { at, ns }
  }
}

async function takeTurn(
  target: Target,
  program: Program,
  tally: Tally,
  clock: OwnClock | undefined,
): Promise<void> {
  const ticks = Math.ceil((SAMPLES * (program.part ?? 1)) / (program.threads ?? 1) / TURNS)
  const capture = new Capture(target.pid, { rate: program.rate ?? 5000, read: tally.reading })
  const said = clock?.start()
  try {
    await capture.ticks(Math.max(ticks, MIN_TICKS_A_TURN))
    tally.preempted += preemptions()
    if (said) tally.hear(said())
  } finally {
    capture.stop()
  }
  if (capture.status.read !== tally.reading) {
    throw new Error(`Read by ${capture.status.read}: ${capture.status.readChange}`)
  }
  tally.add(capture.samples())
}

/** How often this process's sampling thread was taken off its core while it wanted to run. */
function preemptions(): number {
  const tasks = '/proc/self/task'
  for (const task of readdirSync(tasks)) {
    const status = readFileSync(join(tasks, task, 'status'), 'utf8')
    if (/^Name:\tpyprof-sampler$/m.test(status)) {
      return Number(/^nonvoluntary_ctxt_switches:\t(\d+)$/m.exec(status)![1])
    }
  }
  throw new Error('The sampling thread is gone.')
}

type Weights = Map<string, number>

/** Counts the samples of one reading. */
class Tally {
  readonly reading: Reading
  preempted = 0
  readonly #judge: Judge
  readonly #quality: Record<Quality, number> = {
    exact: 0,
    repaired: 0,
    partial: 0,
    missed: 0,
    unknown: 0,
  }
  readonly #reasons: Partial<Record<Reason, number>> = {}
  readonly #faults: Record<Fault, number> = { '': 0, 'leaf-line': 0, line: 0, chain: 0 }
  readonly #examples: string[] = []
  readonly #batches: { self: Weights; total: Weights; weight: number }[] = []
  readonly #said: (readonly Said[])[] = []
  #marked = 0
  #samples = 0
  #ticks = 0
  #unprovedTicks = 0

  constructor(reading: Reading, judge: Judge) {
    this.reading = reading
    this.#judge = judge
  }

  add(samples: readonly NamedSample[]): void {
    const first = samples[0]!.time
    const length = (samples.at(-1)!.time - first) / BATCHES_A_TURN
    const batches = Array.from({ length: BATCHES_A_TURN }, () => ({
      self: new Map<string, number>(),
      total: new Map<string, number>(),
      weight: 0,
    }))
    this.#batches.push(...batches)
    /** By tick: the samples that were not proved, and all. */
    const ticks = new Map<number, { unproved: number; samples: number }>()
    for (const sample of samples) {
      this.#count(sample)
      const tick = ticks.get(sample.time) ?? { unproved: 0, samples: 0 }
      tick.samples++
      if (sample.reason === 'unproved') tick.unproved++
      ticks.set(sample.time, tick)
      const at = Math.min(Math.floor((sample.time - first) / length), BATCHES_A_TURN - 1)
      // The first sample of a capture stands for no time; a late one is known to be biased.
      if (sample.reason !== 'late') addTo(batches[at]!, sample)
    }
    this.#ticks += ticks.size
    for (const { unproved, samples } of ticks.values()) this.#unprovedTicks += unproved / samples
  }

  /** Takes what the program's clock says of one turn; all turns are of the same length. */
  hear(said: readonly Said[]): void {
    this.#said.push(said)
  }

  #count(sample: NamedSample): void {
    this.#samples++
    this.#quality[sample.quality]++
    this.#reasons[sample.reason] = (this.#reasons[sample.reason] ?? 0) + 1
    const fault = sample.quality === 'missed' ? '' : this.#judge(sample.frames)
    if (fault === '') return
    if (sample.quality !== 'exact') {
      this.#marked++
      return
    }
    this.#faults[fault]++
    if (this.#examples.length < 5) this.#examples.push(`${fault}: ${describe(sample)}`)
  }

  result(): Result {
    return {
      reading: this.reading,
      samples: this.#samples,
      ticks: this.#ticks,
      preempted: this.preempted,
      unprovedTicks: this.#unprovedTicks,
      quality: this.#quality,
      reasons: this.#reasons,
      chains: this.#faults.chain,
      lines: this.#faults.line,
      leafLines: this.#faults['leaf-line'],
      marked: this.#marked,
      examples: this.#examples,
      self: this.#estimates('self'),
      total: this.#estimates('total'),
      said: (this.#said[0] ?? []).map((first, at) => ({
        ...first,
        share: this.#said.reduce((sum, turn) => sum + turn[at]!.share, 0) / this.#said.length,
      })),
    }
  }

  #estimates(kind: 'self' | 'total'): Map<string, Estimate> {
    const full = this.#batches.filter(({ weight }) => weight > 0)
    const names = new Set(full.flatMap((batch) => [...batch[kind].keys()]))
    const shares = (name: string) => full.map((b) => (b[kind].get(name) ?? 0) / b.weight)
    return new Map([...names].map((name) => [name, estimate(shares(name))]))
  }
}

function addTo(batch: { self: Weights; total: Weights; weight: number }, sample: NamedSample) {
  const { frames, weight } = sample
  batch.weight += weight
  for (const name of namesIn(frames)) batch.total.set(name, (batch.total.get(name) ?? 0) + weight)
  const leaf = generic(frames.at(-1)?.qualname ?? '')
  batch.self.set(leaf, (batch.self.get(leaf) ?? 0) + weight)
}

const names = new WeakMap<NamedSample['frames'], ReadonlySet<string>>()

function namesIn(frames: NamedSample['frames']): ReadonlySet<string> {
  let found = names.get(frames)
  if (!found) {
    found = new Set(frames.map(({ qualname }) => generic(qualname)))
    names.set(frames, found)
  }
  return found
}

/** reuse.py: all generations count as one function. */
function generic(qualname: string): string {
  return qualname.replace(/^(leaf|caller)_\d+$/, '$1')
}

function describe({ frames, reason }: NamedSample): string {
  const shown = frames
    .slice(-8)
    .map(({ qualname, file, line }) => `${qualname} (${file.split('/').at(-1)}:${line})`)
  return `${reason} ${frames.length} frames …${shown.join(';')}`
}

export interface ShareDifference extends Difference {
  readonly name: string
}

/** How the shares of one reading differ from another's, function by function, largest first. */
export function differences(one: Result, other: Result, kind: 'self' | 'total'): ShareDifference[] {
  const nothing = estimate(new Array<number>(TURNS * BATCHES_A_TURN).fill(0))
  return [...new Set([...one[kind].keys(), ...other[kind].keys()])]
    .map((name) => ({
      name,
      a: one[kind].get(name) ?? nothing,
      b: other[kind].get(name) ?? nothing,
    }))
    .filter(({ a, b }) => Math.max(a.mean, b.mean) >= LEAST_SHARE)
    .map(({ name, a, b }) => ({ name, ...compare(a, b) }))
    .sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference))
}

/** How the shares of a reading differ from what the program's own clock says meanwhile. */
export function differencesFromSaid(result: Result): ShareDifference[] {
  return result.said
    .map(({ name, kind, share }) => {
      const seen = result[kind].get(name) ?? estimate([0, 0])
      return { name, ...compare(seen, { mean: share, variance: 0, batches: seen.batches }) }
    })
    .sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference))
}

function tableRows({ program, minor, results }: Measurement): string {
  return READINGS.map((reading) => {
    const result = results[reading]
    const { exact, repaired, partial, missed } = result.quality
    const percent = (count: number) => `${((100 * count) / result.samples).toFixed(2)} %`
    const isSaid = result.said.length > 0
    const worst = (
      isSaid ? differencesFromSaid(result) : differences(result, results.stop, 'self')
    )[0]
    const cells = [
      program,
      minor,
      reading,
      result.samples,
      percent(result.samples - missed),
      percent(exact),
      percent(repaired + partial),
      percent(result.reasons.unproved ?? 0),
      percent(result.reasons.late ?? 0),
      result.chains,
      result.lines,
      result.leafLines,
      result.marked,
      (reading === 'stop' && !isSaid) || !worst
        ? ''
        : `${points(worst.difference)} ± ${points(worst.error)} ${worst.name}`,
    ]
    return `| ${cells.join(' | ')} |\n`
  }).join('')
}

/** Percentage points. */
function points(share: number): string {
  return (100 * share).toFixed(2)
}
