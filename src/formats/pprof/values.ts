import type { PprofTables, ValueType } from './tables.ts'

/** The value of suspended tasks, in a file of pyprof's. */
export const WAITING = 'waiting'

/** The profile is not one of time; the message is a sentence that says of what. */
export class NoTime extends Error {}

/** Which of a sample's values is what, and how many ns one of it is. */
export interface Values {
  readonly weight: number
  readonly weightUnit: number
  /** -1 when there is none. */
  readonly cpu: number
  readonly cpuUnit: number
  /** The time of suspended tasks, which is in no other value; -1 when there is none. */
  readonly waiting: number
  readonly waitingUnit: number
}

/** Units by the names that pprof knows, and the two micro signs. */
const NANOSECONDS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ns: ['nanosecond', 1],
    us: ['microsecond', 1e3],
    µs: ['microsecond', 1e3],
    μs: ['microsecond', 1e3],
    ms: ['millisecond', 1e6],
    s: ['second', 1e9],
  } as const).flatMap(([short, [long, ns]]): [string, number][] => [
    [short, ns],
    [long, ns],
    [`${long}s`, ns],
  ]),
)

/** How many ns a unit is; undefined when it is none of time. */
export function unitOf(type: ValueType | undefined): number | undefined {
  return NANOSECONDS.get(type?.unit ?? '')
}

/** See `readPprof`. @throws NoTime */
export function chooseValues({ types, defaultType, period, periodType }: PprofTables): Values {
  const isTime = (type: ValueType) => unitOf(type) !== undefined
  const named = (name: string) => types.findIndex((type) => type.type === name && isTime(type))
  const lastTime = types.reduce((last, type, index) => (isTime(type) ? index : last), -1)
  const weight = [named('wall'), named(defaultType), lastTime].find((index) => index !== -1)
  const cpu = named('cpu')
  if (weight !== undefined) {
    const hasCpu = cpu !== -1 && cpu !== weight
    // Only beside the wall time of pyprof: what others call so may be counted there, too.
    const waiting = weight === named('wall') ? named(WAITING) : -1
    return {
      weight,
      weightUnit: unitOf(types[weight]) ?? 0,
      cpu: hasCpu ? cpu : -1,
      cpuUnit: (hasCpu && unitOf(types[cpu])) || 0,
      waiting,
      waitingUnit: unitOf(types[waiting]) ?? 0,
    }
  }
  const count = types.findIndex(({ unit }) => unit === 'count')
  const periodUnit = unitOf(periodType)
  if (count !== -1 && periodUnit !== undefined && period > 0) {
    const none = { cpu: -1, cpuUnit: 0, waiting: -1, waitingUnit: 0 }
    return { weight: count, weightUnit: period * periodUnit, ...none }
  }
  const names = types.map(({ type, unit }) => `${type}/${unit}`).join(', ')
  throw new NoTime(`Its values are ${names.slice(0, 200)}.`)
}
