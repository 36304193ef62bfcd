import { cutAt, displayName, formatCount, visible } from '../formats/text.ts'
import type { VariableKind } from '../sampling/value.ts'
import type {
  Activity,
  Dump,
  DumpedFrame,
  DumpedProcess,
  DumpedTask,
  DumpedThread,
} from './dump.ts'
import { type TaskNode, taskForest } from './task-tree.ts'
import { valueText } from './value-text.ts'

const ACTIVITIES: Readonly<Record<Activity, string>> = {
  gc: 'collects garbage',
  running: 'running, holds the GIL',
  'holds-gil': 'asleep in C, holds the GIL',
  'waits-for-gil': 'waits for the GIL',
  'in-c': 'running in C, without the GIL',
  idle: 'idle',
  unknown: 'not known what it does',
}

const READINGS: Readonly<Record<DumpedProcess['read'], string>> = {
  exact: 'exact: sharing the core of the running thread, the target never stopped',
  live: 'live: while the target ran on',
  stop: 'stop: all threads stopped for the time of the reading',
  core: 'core file',
}

const CHANGES: Readonly<Record<DumpedProcess['readChange'], string>> = {
  '': '',
  'no-gil': 'exact needs a GIL, which this Python does not have',
  'core-not-allowed': 'exact needs the processor of the target, on which pyprof may not run',
  'no-run-count': 'exact needs a kernel that counts the runs of threads',
}

const KINDS: Readonly<Record<VariableKind, string>> = {
  argument: '',
  local: '',
  name: '',
  cell: ' (shared with inner functions)',
  free: ' (of an enclosing function)',
}

/** How often a frame is printed that repeats, as in a recursion. */
const MOST_REPEATS = 3

/**
 * The dump as text, a line each.
 *
 * @param most characters of a value or of a line of source; what is longer is cut, and says by how much
 */
export function dumpLines(dump: Dump, most: number): string[] {
  return dump.processes.flatMap((process, index) => [
    ...(index === 0 ? [] : ['']),
    ...processLines(process, most),
  ])
}

function processLines(process: DumpedProcess, most: number): string[] {
  const { pid, command, error } = process
  const title = `Process ${pid}: ${visible(command)}`
  if (error) return [title, `  ${visible(error.what)} ${visible(error.why)}`]
  return [
    title,
    ...headLines(process).map((line) => `  ${line}`),
    ...process.threads.flatMap((thread) => ['', ...threadLines(thread, process, most)]),
    ...taskLines(process, most),
  ]
}

function headLines(process: DumpedProcess): string[] {
  const { pythonVersion, threads, threadCount, read, readChange, proved, locals, core } = process
  const some = threads.length < threadCount ? `${threads.length} of ` : ''
  const lines = [
    `Python ${pythonVersion}, ${some}${formatCount(threadCount)} ${threadCount === 1 ? 'thread' : 'threads'}`,
    `reading  ${READINGS[read]}`,
  ]
  if (readChange !== '') lines.push(`         ${CHANGES[readChange]}`)
  if (core) {
    lines.push(
      `core     ${visible(core.file)}${core.signal === '' ? '' : `, ended by ${core.signal}`}`,
    )
    for (const { path, replaced } of core.missing) {
      const why = replaced ? 'is another file than the one that ran' : 'is not there'
      lines.push(`careful  ${visible(path)} ${why}; what it held is missing`)
    }
  }
  if (!proved) {
    lines.push('careful  this could not be proved to be one instant; --read stop stops the process')
  }
  if (locals && !locals.proved) {
    lines.push('careful  values may be torn: they were read while the program went on')
  }
  if (locals?.limitReached) lines.push('careful  not all values were read: see --max-bytes')
  return lines
}

function threadLines(thread: DumpedThread, { states }: DumpedProcess, most: number): string[] {
  const { nativeId, outerId, name, interpreter, quality, reason, frames, frameCount } = thread
  const ids = [
    `tid ${nativeId}`,
    ...(outerId === null || outerId === nativeId ? [] : [`${outerId} outside of its container`]),
    ...(interpreter === 0 ? [] : [`interpreter ${interpreter}`]),
  ]
  const handles = thread.states.includes('exception') ? ', handling an exception' : ''
  const hasGil = states.includes('gil')
  const activity =
    thread.activity === 'running' && !hasGil ? 'running' : ACTIVITIES[thread.activity]
  const title = `Thread ${visible(name === '' ? '<unnamed>' : name)} (${ids.join(', ')}): ${activity}${handles}`
  const doubt = quality === 'exact' ? [] : [`    careful: ${quality}, ${reason}`]
  if (frameCount === 0) return [title, ...doubt, '    no Python frames']
  return [title, ...doubt, ...frameLines(frames, '    ', most)]
}

function frameLines(frames: readonly DumpedFrame[], indent: string, most: number): string[] {
  const lines: string[] = []
  let repeats = 0
  const tellRepeats = () => {
    const more = repeats - MOST_REPEATS
    if (more > 0) lines.push(`${indent}     … the same ${formatCount(more)} more times`)
  }
  for (const [at, frame] of frames.entries()) {
    const before = frames[at - 1]
    const same = before !== undefined && isSame(before, frame) && frame.variables === undefined
    if (!same) {
      tellRepeats()
      repeats = 0
    }
    repeats++
    if (repeats <= MOST_REPEATS) lines.push(...oneFrame(frame, indent, most))
  }
  tellRepeats()
  return lines
}

function isSame(a: DumpedFrame, b: DumpedFrame): boolean {
  return a.function === b.function && a.file === b.file && a.line === b.line
}

function oneFrame(frame: DumpedFrame, indent: string, most: number): string[] {
  const { index, file, line, source, sourceChanged, context, variables, omitted } = frame
  const number = String(index).padStart(4)
  const place = file === '' ? '' : ` (${visible(file)}${line > 0 ? `:${line}` : ''})`
  const lines = [`${indent}${number} ${visible(displayName(frame.function))}${place}`]
  const inside = `${indent}     `
  const changed = sourceChanged ? '   # this file changed after the process started' : ''
  if (context) {
    const width = String(context.at(-1)?.line ?? 0).length
    for (const each of context) {
      const mark = each.line === line ? '>' : ' '
      const text = cutAt(visible(each.text), most)
      lines.push(`${inside}${mark} ${String(each.line).padStart(width)} ${text}`)
      if (each.line === line && [...each.text].length <= most) {
        lines.push(...caretLines(frame, `${inside}  ${' '.repeat(width)} `))
      }
    }
    if (sourceChanged) lines.push(`${inside}${changed.trim()}`)
  } else if (source !== null) {
    lines.push(`${inside}${cutAt(visible(source.trim()), most)}${changed}`)
  }
  if (variables === null) lines.push(`${inside}- its variables could not be read`)
  for (const { name, kind, value } of variables ?? []) {
    const text = cutAt(valueText(value), most)
    lines.push(`${inside}- ${visible(name)} = ${text}${KINDS[kind]}`)
  }
  if (omitted !== undefined) lines.push(`${inside}- …<${formatCount(omitted)} more names>`)
  return lines
}

/** The part of the line that is being executed, where it is less than all of it. */
function caretLines(frame: DumpedFrame, indent: string): string[] {
  const { source, line, endLine, column, endColumn } = frame
  if (source === null || column < 0 || endLine !== line || endColumn <= column) return []
  const bytes = Buffer.from(source)
  const before = bytes.toString('utf8', 0, column)
  const part = bytes.toString('utf8', column, endColumn)
  if (part.trim() === source.trim()) return []
  const blank = [...before].map((character) => (character === '\t' ? '\t' : ' ')).join('')
  return [`${indent}${blank}${'^'.repeat([...part].length)}`]
}

function taskLines({ tasks, threads }: DumpedProcess, most: number): string[] {
  if (!tasks) return []
  const count = tasks.tasks.length
  if (count === 0) {
    return ['', tasks.loopSeen ? 'Tasks: none' : 'Tasks: none; no thread runs an event loop']
  }
  const name = (id: number | null) => threads.find(({ nativeId }) => nativeId === id)?.name
  const lines = taskForest(tasks.tasks).flatMap((node) => nodeLines(node, '  ', most, name))
  const cut = tasks.cut ? ['  careful: not all tasks could be found'] : []
  return ['', `Tasks (${formatCount(count)}), each with what it awaits below it:`, ...cut, ...lines]
}

function nodeLines(
  { task, children, isRepeated }: TaskNode,
  indent: string,
  most: number,
  threadName: (id: number | null) => string | undefined,
): string[] {
  const title = `${indent}${visible(task.name === '' ? '<unnamed>' : task.name)}: ${stateText(task, threadName)}`
  if (isRepeated) return [`${title}, shown above`]
  return [
    title,
    ...frameLines(task.frames, `${indent}  `, most),
    ...children.flatMap((child) => nodeLines(child, `${indent}    `, most, threadName)),
  ]
}

function stateText(
  { state, thread, partial }: DumpedTask,
  threadName: (id: number | null) => string | undefined,
): string {
  const on = threadName(thread)
  const where = on === undefined ? '' : ` on ${visible(on)}`
  const texts = {
    running: `running${where}`,
    suspended: 'waits',
    finished: 'has finished',
    foreign: 'its coroutine is compiled code, whose frames cannot be had',
    broken: 'its coroutine could not be read',
  }
  return `${texts[state]}${partial ? ' (not all of it could be read)' : ''}`
}
