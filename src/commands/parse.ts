import { InvalidArgumentError } from 'commander'
import { durationNs } from '../duration.ts'

/** Times are nanoseconds in doubles, which are exact up to 104 days. */
const MAX_DURATION_NS = 100 * 24 * 3600e9

/** A time such as `30`, `1.5`, `30s`, `500ms`, `5m` or `1h`, in ns; seconds without a unit. */
export function parseDuration(text: string): number {
  const ns = durationNs(text)
  if (ns === undefined) {
    throw new InvalidArgumentError('Expected a time such as 30, 1.5, 500ms, 5m or 1h.')
  }
  if (ns < 1) throw new InvalidArgumentError('Expected a time greater than 0.')
  if (ns > MAX_DURATION_NS) {
    throw new InvalidArgumentError(
      'Expected at most 100 days: longer times cannot be kept exactly.',
    )
  }
  return ns
}

/** An instant of a recording, as the time since its start: `0`, or what parseDuration takes. */
export function parseInstant(text: string): number {
  return /^0+(?:\.0*)?(?:ms|s|m|h)?$/.test(text) ? 0 : parseDuration(text)
}

/** One sample in 100 seconds; what is slower is not a profile. */
export const MIN_RATE = 0.01
/** Reading shares cache lines with the target: about 0.4 µs of its time a sample, 4 % at this rate. */
export const MAX_RATE = 100_000

/** A rate such as `100`, `0.5`, `250hz`, `1khz` or `10k`, in Hz. */
export function parseRate(text: string): number {
  const match = /^(\d+\.?\d*|\.\d+)(hz|khz|k)?$/i.exec(text)
  if (!match)
    throw new InvalidArgumentError('Expected a rate such as 100, 0.5, 250hz, 1khz or 10k.')
  const rate = Number(match[1]) * (/^k/i.test(match[2] ?? '') ? 1000 : 1)
  if (rate > MAX_RATE) {
    throw new InvalidArgumentError(
      'Expected at most 100khz: reading faster would slow the target down by more than 4 %.',
    )
  }
  if (rate < MIN_RATE) {
    throw new InvalidArgumentError('Expected at least 0.01, one sample in 100 seconds.')
  }
  return rate
}

/** What a target in production does not feel. */
export const DEFAULT_OVERHEAD = 0.005

/** A share of one core in percent such as `0.5`, `0.5%` or `2%`, as a fraction. */
export function parseOverhead(text: string): number {
  const match = /^(\d+\.?\d*|\.\d+)%?$/.exec(text)
  const share = match ? Number(match[1]) / 100 : 0
  if (share <= 0 || share > 1) {
    throw new InvalidArgumentError('Expected a share of one core such as 0.5% or 2%.')
  }
  return share
}

/** PID_MAX_LIMIT of 64-bit Linux, proc_sys_kernel(5). */
const MAX_PID = 4_194_304

export function parsePid(text: string): number {
  const pid = /^[0-9]+$/.test(text) ? Number(text) : 0
  if (pid < 1 || pid > MAX_PID) {
    throw new InvalidArgumentError(`Expected a process id, a number from 1 to ${MAX_PID}.`)
  }
  return pid
}

/** When a new file is begun: after a time in ns or a number of bytes; Infinity for the other. */
export interface RotationLimit {
  readonly time: number
  readonly size: number
}

const BYTES_PER_UNIT = { kB: 1e3, MB: 1e6, GB: 1e9 } as const
/** Recordings grow about once a second, and begin with some kilobytes of tables. */
const MIN_ROTATION_NS = 1e9
const MIN_ROTATION_BYTES = 1e4

/** A time such as `5m` or a size such as `500kB`, `100MB` or `1.5GB`. */
export function parseRotation(text: string): RotationLimit {
  const match = /^(\d+\.?\d*|\.\d+)([kMG])B$/i.exec(text)
  if (match) {
    const unit = `${match[2] === 'K' ? 'k' : match[2]!.replace(/[mg]/, (each) => each.toUpperCase())}B`
    const size = Number(match[1]) * BYTES_PER_UNIT[unit as keyof typeof BYTES_PER_UNIT]
    if (size >= MIN_ROTATION_BYTES) return { time: Number.POSITIVE_INFINITY, size }
    throw new InvalidArgumentError('Expected at least 10kB.')
  }
  if (!/^[\d.]+(ms|s|m|h)$/.test(text)) {
    throw new InvalidArgumentError('Expected a time such as 5m or a size such as 100MB.')
  }
  const time = parseDuration(text)
  if (time >= MIN_ROTATION_NS) return { time, size: Number.POSITIVE_INFINITY }
  throw new InvalidArgumentError('Expected at least 1s.')
}

/** How many files are kept. */
export function parseKeep(text: string): number {
  const files = /^\d+$/.test(text) ? Number(text) : 0
  if (files >= 1 && files <= 1e6) return files
  throw new InvalidArgumentError('Expected a number of files, at least 1.')
}

/** How often a command is run, from 1 to 1000. */
export function parseRuns(text: string): number {
  const runs = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (runs < 1 || runs > 1000) {
    throw new InvalidArgumentError('Expected a number of runs from 1 to 1000.')
  }
  return runs
}

/** Collects the paths of an option that may be given several times. */
export function parsePaths(path: string, paths: readonly string[] = []): string[] {
  if (path === '') throw new InvalidArgumentError('Expected a file name, or - for stdout.')
  return [...paths, path]
}

/** A text that is not empty. */
export function parseText(text: string): string {
  if (text === '') throw new InvalidArgumentError('Expected some text.')
  return text
}
