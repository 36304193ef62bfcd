import { stepText } from '../../formats/summary.ts'
import { formatCount, formatTime, visible } from '../../formats/text.ts'
import type { Unmatched } from '../../profile/choice.ts'
import {
  type EndReason,
  type Mode,
  QUALITY,
  type Reading,
  type ReadingChange,
} from '../../profile/profile.ts'
import type { Activity } from '../../profile/state-view.ts'
import { reasonCounts, type Summary } from '../../profile/summary.ts'
import { unmatchedTexts } from '../choice.ts'
import { counted, formatRate, formatShare, formatSize } from '../numbers.ts'
import { processTreeLines } from './process-tree.ts'

/** A summary and where the outputs went. */
export interface WrittenSummary extends Summary {
  /** Patterns of the choice that match nothing. */
  readonly unmatched: readonly Unmatched[]
  readonly outputs: readonly { path: string; format: string; bytes: number }[]
}

/** A summary and what became of the recording: printed, and the same object as JSON. */
export interface RecordSummary extends WrittenSummary {
  readonly pid: number
  /** Whether pyprof started the target itself. */
  readonly launched: boolean
  /** The signal that ended the recording, if one did. */
  readonly signal: NodeJS.Signals | null
}

const END_SENTENCES: Record<EndReason, string> = {
  duration: 'the requested duration is over',
  exited: 'the target has ended',
  interrupted: 'interrupted',
  'lost-access': 'the target may not be read any more: it has changed its user or privileges',
  'never-python': 'the target has ended and never was a Python that pyprof reads',
  'not-python-after-exec':
    'the target has replaced itself by a program that is no supported Python',
  rotated: 'it goes on in another file',
  unfinished: 'it has not ended',
  unknown: 'not known',
}

const READINGS: Record<Reading | 'unknown', string> = {
  live: 'live: from another core, the target never stopped',
  exact: 'exact: sharing the core of the running thread, the target never stopped',
  stop: 'stop: the target stopped for every sample',
  unknown: 'not known',
}

const READING_CHANGES: Record<Exclude<ReadingChange, ''>, string> = {
  'over-budget': 'exact would take more of the target than --max-overhead allows',
  'no-gil': 'exact needs a GIL, which this Python has not',
  'core-not-allowed': "pyprof may not run on the target's processors",
  'several-processes': 'several processes cannot all share one core',
  'no-run-count': 'the kernel does not count the runs of a thread, which exact needs',
}

const SHARES_OF: Record<Mode, string> = {
  wall: 'sampled time of all threads',
  cpu: 'CPU time of all threads',
  gil: 'time in which threads held the GIL',
  exception: 'time in which threads handled an exception',
}

const ACTIVITIES: readonly [Activity, string][] = [
  ['cpu', 'on a CPU'],
  ['gil', 'with the GIL'],
  ['gil-wait', 'waiting for it'],
  ['gc', 'collecting garbage'],
  ['exception', 'handling an exception'],
  ['idle', 'idle'],
]

/** What the threads did, of which the usual is always shown and the rest when there was some. */
function activity({ activity: { shares, cpuNs } }: WrittenSummary): string {
  const parts = ACTIVITIES.flatMap(([name, words]) => {
    const share = shares[name]
    const isUsual = name === 'cpu' || name === 'gil' || name === 'idle'
    return share === undefined || (share === 0 && !isUsual)
      ? []
      : [`${formatShare(share)} ${words}`]
  })
  const cpu = cpuNs === undefined ? '' : `; ${formatTime(cpuNs)} of CPU time`
  return parts.join(', ') + cpu
}

function mode({ mode, samples, removed }: WrittenSummary): string {
  const left = `${counted(removed.samples, 'sample')} of other time (${formatTime(removed.timeNs)})`
  return `${mode}: ${counted(samples, 'sample')}; ${left} left out`
}

function reading({ read, readChange }: Summary): string {
  return READINGS[read] + (readChange === '' ? '' : ` (${READING_CHANGES[readChange]})`)
}

function follows({ descendants }: Pick<Summary, 'descendants'>): boolean {
  return descendants !== ''
}

function tree({ processes, descendants, tickNs }: Summary): string {
  const how =
    descendants === 'events'
      ? 'the kernel told of each'
      : 'looked for every 5 to 20 ms, what ended sooner may be missing'
  return `${counted(processes.length, 'process', 'es')}; ${how}; a tick took ${formatTime(tickNs)}`
}

/** Why the recording ended, in words. */
export function endSentence(
  summary: Pick<RecordSummary, 'endReason' | 'signal' | 'descendants' | 'launched'>,
): string {
  const by = summary.endReason === 'interrupted' && summary.signal ? ` by ${summary.signal}` : ''
  const isWholeTree = summary.endReason === 'exited' && follows(summary) && !summary.launched
  return isWholeTree
    ? 'the target and all that it has started have ended'
    : END_SENTENCES[summary.endReason] + by
}

const SHOWN_MARKS = 5

function controlLines({ control, durationNs }: Summary): string[] {
  if (!control) return []
  const { pausedTime, pauses, marks } = control
  const shown = marks
    .slice(0, SHOWN_MARKS)
    .map(({ name, count }) => `${visible(name)} ${formatCount(count)}`)
  const more = marks.length > SHOWN_MARKS ? [`${marks.length - SHOWN_MARKS} more`] : []
  const paused = pauses === 0 ? 'always' : `${formatTime(durationNs - pausedTime)}`
  const rest =
    pauses === 0 ? '' : `; disabled ${counted(pauses, 'time')}, ${formatTime(pausedTime)}`
  return [
    row('enabled', paused + rest),
    ...(marks.length > 0 ? [row('marks', [...shown, ...more].join(', '))] : []),
  ]
}

/** The summary as lines of text for a terminal; foreign text in it is made harmless. */
export function reportLines(summary: RecordSummary): string[] {
  return [
    `Recorded ${formatTime(summary.durationNs)} of process ${summary.pid}: ${target(summary)}`,
    row('ended', endSentence(summary)),
    ...resultLines(summary),
  ]
}

/** What was captured, how good it is, the hottest functions and what was written. */
export function resultLines(summary: WrittenSummary, notes: readonly string[] = []): string[] {
  return [
    row('samples', samples(summary)),
    ...controlLines(summary),
    ...(summary.tasks?.scope === 'all' ? [row('tasks', tasks(summary.tasks))] : []),
    row('reading', reading(summary)),
    row('quality', quality(summary)),
    ...(summary.timeNs.empty > 0 ? [row('empty', empty(summary))] : []),
    ...(summary.states.length > 0 ? [row('threads', activity(summary))] : []),
    ...(summary.mode === 'wall' ? [] : [row('mode', mode(summary))]),
    ...summary.view.steps.map((step) => row('filter', stepText(step))),
    ...(summary.ticks > 0 ? samplerLines(summary) : []),
    ...(follows(summary) ? [row('tree', tree(summary))] : []),
    ...(summary.execs > 0
      ? [
          row(
            'exec',
            `followed ${follows(summary) ? 'processes' : 'the target'} through ${counted(summary.execs, 'exec')}`,
          ),
        ]
      : []),
    ...[...notes.map(visible), ...warnings(summary)].map((text) => row('careful', text)),
    ...(follows(summary) ? ['', ...processTreeLines(summary.processes)] : []),
    '',
    hotHead(summary),
    ...summary.hottest.map(hotLine),
    '',
    ...summary.outputs.map((output) => {
      const path = output.path === '-' ? 'stdout' : visible(output.path)
      return `Wrote ${output.format} to ${path} (${formatSize(output.bytes)})`
    }),
  ]
}

/** What the sampler counts, which other profilers do not tell. */
function samplerLines(summary: Summary): string[] {
  return [
    row('gaps', gaps(summary)),
    row('dropped', summary.droppedSamples === 0 ? 'none' : formatCount(summary.droppedSamples)),
    row('cost', cost(summary)),
  ]
}

const MAX_SHOWN_COMMAND = 100

/** The command, cut where it is long, and the version of its Python. */
export function target(summary: Summary): string {
  const command = visible(summary.command)
  const shown =
    command.length > MAX_SHOWN_COMMAND ? `${command.slice(0, MAX_SHOWN_COMMAND)}…` : command
  return summary.pythonVersion === '' ? shown : `${shown} (Python ${summary.pythonVersion})`
}

export function row(name: string, text: string): string {
  return `  ${name.padEnd(9)}${text}`
}

function samples(summary: Summary): string {
  const { actual, requested } = summary.rate
  const threads = summary.threads.filter((thread) => !thread.waitingTasks)
  const ofThreads = summary.samples - (summary.tasks?.waiting.samples ?? 0)
  const sampled = summary.processes.filter((process) => process.samples > 0).length
  const where = follows(summary) ? ` in ${counted(sampled, 'process', 'es')}` : ''
  const number = `${formatCount(ofThreads)} of ${counted(threads.length, 'thread')}${where}`
  // Another profiler does not tell how often it looked.
  if (summary.ticks === 0) return number
  const asked = requested > 0 ? ` (asked for ${formatRate(requested)})` : ''
  return `${number}; ${counted(summary.ticks, 'tick')} at ${formatRate(actual)}${asked}`
}

function tasks({ waiting }: NonNullable<Summary['tasks']>): string {
  return (
    `${counted(waiting.samples, 'sample')} of suspended tasks, which waited ` +
    `${formatTime(waiting.timeNs)} together; not in the time of threads`
  )
}

function quality(summary: Summary): string {
  if (summary.quality.unknown.samples === summary.samples) return 'not known'
  const counts = QUALITY.filter(
    (each) => each !== 'unknown' || summary.quality.unknown.samples > 0,
  ).map((each) => `${formatCount(summary.quality[each].samples)} ${each}`)
  const reasons = reasonCounts(summary).map(
    ([reason, number]) => `${formatCount(number)} ${reason}`,
  )
  return counts.join(', ') + (reasons.length > 0 ? `; reasons: ${reasons.join(', ')}` : '')
}

function empty({ timeNs }: Summary): string {
  const share = formatShare(timeNs.empty / timeNs.total)
  return `${formatTime(timeNs.empty)} in threads without Python frames, ${share} of the sampled time`
}

function gaps({ gaps }: Summary): string {
  if (gaps.count === 0 && gaps.missedTicks === 0) return 'none'
  return `${formatCount(gaps.count)}, ${counted(gaps.missedTicks, 'tick')} missed in ${formatTime(gaps.timeNs)}`
}

function cost(summary: Summary): string {
  const { profilerCpuNs, durationNs } = summary
  // Node's start alone would be several cores of a recording of milliseconds.
  const share = durationNs >= 1e9 ? `, ${formatShare(profilerCpuNs / durationNs)} of one core` : ''
  return `${formatTime(profilerCpuNs)} of pyprof's own CPU time, with its start${share}`
}

/** Above this share of the time in gaps the samples may not stand for the whole any more. */
const UNSAMPLED_LIMIT = 0.1
/** The part of the time between ticks, and of that in a tick, above which pyprof itself is what is slow. */
const SLOW_TICK = 0.5

function warnings(summary: WrittenSummary): string[] {
  const found: string[] = []
  const unreadable = summary.processes.filter((process) => process.unreadable !== '').length
  if (unreadable > 0) {
    found.push(`${counted(unreadable, 'process', 'es')} could not be read; the reasons are below.`)
  }
  if (summary.isUncertain) {
    found.push(
      `${formatShare(summary.uncertain)} of the samples are partial or missed; ` +
        'shares may be off by as much' +
        (summary.read === 'live' ? '; --read exact would prove them.' : '.'),
    )
  }
  if (summary.tasks && !summary.tasks.loopSeen) {
    found.push('no asyncio event loop was seen: the stacks are those of threads.')
  }
  const { untold } = summary.removed
  if (untold) found.push(untoldWarning(summary, untold))
  const unsampled = summary.durationNs > 0 ? summary.gaps.timeNs / summary.durationNs : 0
  if (unsampled > UNSAMPLED_LIMIT) found.push(gapWarning(summary, unsampled))
  found.push(...summary.unmatched.map((each) => unmatchedTexts(each).join(' ')))
  if (summary.droppedSamples > 0) {
    found.push(
      `${counted(summary.droppedSamples, 'sample')} did not fit the buffer and their time is ` +
        'nowhere; record at a lower rate.',
    )
  }
  return found
}

/** How many processes are named that do not tell what a mode needs. */
const MAX_UNTOLD = 3

function untoldWarning(
  { mode, processes }: Summary,
  { samples, timeNs, processes: silent }: NonNullable<Summary['removed']['untold']>,
): string {
  const names = silent.slice(0, MAX_UNTOLD).map((index) => {
    const { pid, pythonVersion } = processes[index]!
    return `${pid} (Python ${pythonVersion})`
  })
  if (silent.length > MAX_UNTOLD) names.push(`${formatCount(silent.length - MAX_UNTOLD)} more`)
  const what = `${counted(samples, 'sample')} (${formatTime(timeNs)})`
  const of = `of ${silent.length === 1 ? 'process' : 'processes'} ${names.join(', ')}`
  return mode === 'wall'
    ? `${what} ${of} do not tell whether a thread was idle, and are shown as if none was.`
    : `${what} ${of} do not tell what --mode ${mode} needs, and are left out.`
}

/** Why there is time without samples: reading takes too long, or pyprof did not get to read. */
function gapWarning(summary: Summary, share: number): string {
  const { ticks, tickNs, rate, processes, durationNs, profilerCpuNs } = summary
  const lost = `${formatShare(share)} of the time fell into gaps`
  const isSlow = tickNs > (SLOW_TICK * 1e9) / rate.requested
  // A tick is long, too, when others take the processor in the middle of it.
  const isRunning = profilerCpuNs / durationNs > SLOW_TICK * ((ticks * tickNs) / durationNs)
  if (!isSlow || !isRunning) {
    return `${lost}: pyprof was not given a processor, or no Python was there.`
  }
  const sampled = processes.filter(({ samples }) => samples > 0).length
  const whom = sampled > 1 ? `each of ${formatCount(sampled)} processes` : 'the target'
  return (
    `${lost}: reading ${whom} once takes ${formatTime(tickNs)}, so that ` +
    `${formatRate(1e9 / tickNs)} is the most, for all alike.`
  )
}

function hotHead({ view, mode }: Summary): string {
  const isAll = view.steps.every(({ effect }) => effect === 'folded')
  const time = isAll ? `the ${SHARES_OF[mode]}` : 'the time that the filters left'
  const what = view.granularity === 'modules' ? 'module' : 'function'
  return `    self    total  ${what} (shares of ${time})`
}

function hotLine(row: Summary['hottest'][number]): string {
  const place =
    row.file === '' ? '' : ` (${visible(row.file)}${row.line > 0 ? `:${row.line}` : ''})`
  const shares = `${formatShare(row.self).padStart(8)} ${formatShare(row.total).padStart(8)}`
  return `${shares}  ${visible(row.function) || '<unnamed>'}${place}`
}
