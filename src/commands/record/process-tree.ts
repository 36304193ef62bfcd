import { formatCount, visible } from '../../formats/text.ts'
import { NO_PROCESS, type ProcessIndex } from '../../profile/profile.ts'
import type { ProcessSummary } from '../../profile/summary.ts'
import { counted } from '../numbers.ts'

/** Of more processes the busiest are shown, with those above them; of unreadable ones the first. */
const MAX_READABLE = 20
const MAX_UNREADABLE = 10
const MAX_SHOWN_COMMAND = 80

/** The processes as a tree, a line each: samples, then process id and command, children indented. */
export function processTreeLines(processes: readonly ProcessSummary[]): string[] {
  const shown = choose(processes)
  const children = new Map<ProcessIndex, ProcessIndex[]>()
  for (const [index, { parent }] of processes.entries()) {
    const siblings = children.get(parent)
    if (siblings) siblings.push(index)
    else children.set(parent, [index])
  }
  const lines = [' samples  process']
  // Parents come before their children in the table, but a chain of them may be long: no recursion.
  const open = (children.get(NO_PROCESS) ?? []).map((index) => ({ index, depth: 0 })).reverse()
  while (open.length > 0) {
    const { index, depth } = open.pop()!
    if (!shown.has(index)) continue
    lines.push(line(processes[index]!, depth))
    const below = children.get(index) ?? []
    open.push(...below.map((child) => ({ index: child, depth: depth + 1 })).reverse())
  }
  return [...lines, ...restLines(processes, shown)]
}

function choose(processes: readonly ProcessSummary[]): Set<ProcessIndex> {
  const indexes = [...processes.keys()]
  const readable = indexes.filter((index) => processes[index]!.unreadable === '')
  readable.sort((a, b) => processes[b]!.samples - processes[a]!.samples || a - b)
  const unreadable = indexes.filter((index) => processes[index]!.unreadable !== '')
  const shown = new Set<ProcessIndex>()
  const wanted = [...readable.slice(0, MAX_READABLE), ...unreadable.slice(0, MAX_UNREADABLE)]
  for (const index of wanted) {
    for (let at = index; at !== NO_PROCESS && !shown.has(at); at = processes[at]!.parent) {
      shown.add(at)
    }
  }
  return shown
}

function line(process: ProcessSummary, depth: number): string {
  const command = visible(process.command)
  const short =
    command.length > MAX_SHOWN_COMMAND ? `${command.slice(0, MAX_SHOWN_COMMAND)}…` : command
  const why = process.unreadable === '' ? '' : `: not read. ${visible(process.unreadable)}`
  const count =
    process.unreadable !== '' && process.samples === 0 ? '–' : formatCount(process.samples)
  return `${count.padStart(8)}  ${'  '.repeat(depth)}${process.pid} ${short}${why}`
}

function restLines(
  processes: readonly ProcessSummary[],
  shown: ReadonlySet<ProcessIndex>,
): string[] {
  const rest = processes.filter((_, index) => !shown.has(index))
  if (rest.length === 0) return []
  const samples = rest.reduce((sum, process) => sum + process.samples, 0)
  const unreadable = rest.filter((process) => process.unreadable !== '').length
  const not = unreadable > 0 ? `, ${formatCount(unreadable)} of them not read` : ''
  return [
    `${formatCount(samples).padStart(8)}  ${counted(rest.length, 'more process', 'es')}${not}`,
  ]
}
