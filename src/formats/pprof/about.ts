import {
  type Accounting,
  type Meta,
  MODES,
  NO_PROCESS,
  type Process,
  type Profile,
  type View,
} from '../../profile/profile.ts'
import { isView } from '../../recording/meta.ts'
import { summaryLines } from '../summary.ts'
import { visible } from '../text.ts'
import type { PprofTables } from './tables.ts'
import { unitOf } from './values.ts'

/** What a profile says about itself, without its samples. */
export interface About {
  /** Whether pyprof wrote it, which labels every sample that is not exact. */
  readonly isOwn: boolean
  readonly meta: Meta
  readonly accounting: Accounting
  /** The target first; empty when the file does not name them. */
  readonly processes: readonly Process[]
}

/** The last moment that a Date can hold, ms since the epoch. */
const LAST_DATE = 8.64e15
/** A line `process 42: COMMAND`. */
const READINGS = ['exact', 'live', 'stop'] as const
const PROCESS = /^process (\d{1,15}): (.*)$/

/**
 * Comments for what pprof has no field for, the summary in words and `key: value` lines.
 * Readers show them above each report.
 */
export function aboutComments(profile: Profile, title: string | undefined): string[] {
  const { meta, accounting, processes } = profile
  return [
    ...(title === undefined ? [] : [title]),
    ...summaryLines(profile),
    `exporter: ${meta.exporter}`,
    `command: ${meta.command}`,
    `python: ${meta.pythonVersion}`,
    `reading: ${meta.read}`,
    `ended: ${meta.endReason}`,
    ...(meta.machine === undefined ? [] : [`machine: ${meta.machine}`]),
    ...(meta.iterations === undefined ? [] : [`iterations: ${meta.iterations}`]),
    ...(meta.mode === 'wall' ? [] : [`mode: ${meta.mode}`]),
    ...(meta.view ? [`view: ${JSON.stringify(meta.view)}`] : []),
    ...processes.map(({ pid, command }) => `process ${pid}: ${command}`),
    `accounting: ${JSON.stringify(accounting)}`,
  ].map(visible)
}

/** Reads back what `aboutComments` wrote, of which nothing is trusted, and pprof's own fields. */
export function readAbout({ comments, period, periodType, time, duration }: PprofTables): About {
  const known = (key: string) =>
    comments.find((line) => line.startsWith(`${key}: `))?.slice(key.length + 2) ?? ''
  const read = known('reading')
  const view = readView(known('view'))
  const periodNs = period * (unitOf(periodType) ?? 0)
  const pythonVersion = known('python')
  const machine = known('machine')
  const iterations = Number(/^\d{1,15}$/.exec(known('iterations'))?.[0] ?? 0)
  return {
    isOwn: known('exporter') !== '',
    meta: {
      exporter: known('exporter') || 'pprof',
      command: known('command'),
      pythonVersion,
      mode: MODES.find((mode) => mode === known('mode')) ?? 'wall',
      states: [],
      read: READINGS.find((reading) => reading === read) ?? 'unknown',
      readChange: '',
      descendants: '',
      rate: periodNs > 0 ? 1e9 / periodNs : 0,
      startedAt: Math.min(time / 1e6, LAST_DATE),
      duration,
      // Only that its program ended tells that all of its work is in a profile.
      endReason: known('ended') === 'exited' ? 'exited' : 'unknown',
      ...(view ? { view } : {}),
      ...(machine === '' ? {} : { machine }),
      ...(iterations > 0 ? { iterations } : {}),
    },
    accounting: readAccounting(known('accounting')),
    processes: comments.flatMap((line): Process[] => {
      const [, pid, command = ''] = PROCESS.exec(line) ?? []
      if (pid === undefined) return []
      const common = { parent: NO_PROCESS, start: 0, end: duration, unreadable: '' }
      return [{ ...common, pid: Number(pid), command, pythonVersion }]
    }),
  }
}

function readView(text: string): View | undefined {
  try {
    const view: unknown = JSON.parse(text)
    return isView(view) ? view : undefined
  } catch {
    // Not ours, or cut: then nothing is known.
    return undefined
  }
}

function readAccounting(text: string): Accounting {
  let known: Partial<Record<string, unknown>> = {}
  try {
    known = Object(JSON.parse(text))
  } catch {
    // Not ours, or cut: then nothing is known.
  }
  const count = (key: keyof Accounting) => {
    const value = known[key]
    return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0
  }
  return {
    ticks: count('ticks'),
    missedTicks: count('missedTicks'),
    gapTime: count('gapTime'),
    droppedSamples: count('droppedSamples'),
    profilerCpu: count('profilerCpu'),
    lateTicks: count('lateTicks'),
    execs: count('execs'),
    tickTime: count('tickTime'),
  }
}
