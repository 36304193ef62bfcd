import { type Accounting, type Meta, STATES, type State } from '../profile/profile.ts'
import { type ByteReader, type ByteWriter, DamageError } from './bytes.ts'

/** How a field is written: an index into the strings, a signed number, or one byte. */
type Kind = 'text' | 'number' | 'flag'
type Fields = Readonly<Record<string, Kind>>
type Row<F extends Fields> = {
  [K in keyof F]: F[K] extends 'text' ? string : F[K] extends 'flag' ? boolean : number
}

/** The fields of a process, in the order of the file. */
export const PROCESS = {
  pid: 'number',
  parent: 'number',
  command: 'text',
  pythonVersion: 'text',
  start: 'number',
  end: 'number',
  unreadable: 'text',
} as const

/** The `end` of a process that is there when the recording ends; another one has 1 added to it. */
export const STILL_THERE: number = 0

/** The fields of a thread, in the order of the file. */
export const THREAD = {
  process: 'number',
  nativeId: 'number',
  interpreter: 'number',
  name: 'text',
  isMain: 'flag',
  waitingTasks: 'flag',
  /** 0: those of the recording; else 1 and the bits of its own. */
  states: 'number',
} as const

export function statesNumber(states: readonly State[] | undefined): number {
  if (states === undefined) return 0
  return states.reduce((bits, state) => bits | (1 << STATES.indexOf(state)), 0) + 1
}

/** @throws DamageError */
export function numberedStates(number: number): readonly State[] | undefined {
  if (number < 0 || number > 1 << STATES.length) throw new DamageError('a state is unknown')
  return number === 0 ? undefined : STATES.filter((_, bit) => ((number - 1) & (1 << bit)) !== 0)
}

/** What the sampler counts, in the order of the file; the duration is one of the counters. */
const COUNTERS = {
  duration: 'number',
  ticks: 'number',
  missedTicks: 'number',
  gapTime: 'number',
  droppedSamples: 'number',
  profilerCpu: 'number',
  lateTicks: 'number',
  execs: 'number',
  tickTime: 'number',
} as const

export type Counters = Row<typeof COUNTERS>
export const COUNTER_NAMES = Object.keys(COUNTERS) as (keyof Counters)[]

export function countersOf(meta: Meta, accounting: Accounting): Counters {
  return { duration: meta.duration, ...accounting }
}

export function accountingOf({ duration: _, ...accounting }: Counters): Accounting {
  return accounting
}

/** @param indexOf gives the index of a string, which it adds where it is new */
export function writeRow<F extends Fields>(
  fields: F,
  row: Row<F>,
  indexOf: (text: string) => number,
  out: ByteWriter,
): void {
  for (const [name, kind] of Object.entries(fields)) {
    const value: string | number | boolean = row[name as keyof F]
    if (kind === 'text') out.unsigned(indexOf(String(value)))
    else if (kind === 'number') out.signed(Number(value))
    else out.u8(Number(value))
  }
}

export function readRow<F extends Fields>(
  fields: F,
  strings: readonly string[],
  bytes: ByteReader,
): Row<F> {
  const entries = Object.entries(fields).map(([name, kind]) => [name, readField(kind)])
  return Object.fromEntries(entries) as Row<F>

  function readField(kind: Kind): string | number | boolean {
    if (kind === 'text') return strings[bytes.below(strings.length, 'string')]!
    if (kind === 'number') return bytes.signed()
    const value = bytes.u8()
    if (value > 1) throw new DamageError('a flag is neither 0 nor 1')
    return value === 1
  }
}
