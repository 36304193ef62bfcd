import { formatCount, visible } from '../../formats/text.ts'
import type { Cell, Table } from '../../remote-exec/answer.ts'
import type { ExecOutcome, ExecPlan, ExecRequest } from '../../remote-exec/remote-exec.ts'
import type { ExecTarget } from '../../remote-exec/target.ts'
import { counted, formatSize } from '../numbers.ts'

/** Columns and facts of amounts; other numbers are names of something, such as lines and ids. */
const AMOUNTS: ReadonlySet<string> = new Set([
  'count',
  'bytes',
  'collections',
  'collected',
  'uncollectable',
  'threshold',
  'objects',
  'frozen objects',
])

/** Of a cell, so that one long name does not push all others out of sight. */
const SHOWN_CELL = 100

/** The result as text, for stdout; foreign text in it is made harmless. */
export function resultLines(
  target: ExecTarget,
  request: ExecRequest,
  { result }: ExecOutcome,
  top: number,
): string[] {
  if ('rows' in result) return tableLines(result, top)
  const { name } = request.action
  const old = visible(result.old)
  const now = visible(result.new)
  const note = result.note === '' ? [] : [visible(result.note.trim())]
  if (request.value === null) return [`${name} is ${now}.`, ...note]
  if (old === now) return [`${name} was ${old} already.`, ...note]
  const undo = undoCommand(target, request, result.undo)
  return [
    `${name} was ${old}, is now ${now}.`,
    ...note,
    ...(undo === null ? [] : [`To undo: ${undo}`]),
  ]
}

function undoCommand({ pid }: ExecTarget, { action }: ExecRequest, undo: string | null) {
  return undo === null ? null : `pyprof exec ${pid} ${action.name} ${visible(undo)}`
}

/** How it went, for stderr. */
export function talkLines({ pid }: ExecTarget, outcome: ExecOutcome): string[] {
  const { thread, waitedNs, scriptNs, left } = outcome
  const who = thread.isMain ? 'its main thread' : `thread ${thread.tid}`
  const ran = `Process ${pid} ran the script on ${who}: ${formatTime(scriptNs)} of its time, answered after ${formatTime(waitedNs)}.`
  return [
    ran,
    ...(left === undefined ? [] : [`Left behind: ${visible(left)} could not be removed.`]),
  ]
}

function formatTime(ns: number): string {
  return ns < 1e9
    ? `${Number((ns / 1e6).toPrecision(3))} ms`
    : `${Number((ns / 1e9).toPrecision(3))} s`
}

function tableLines({ columns, rows, facts }: Table, top: number): string[] {
  const shown = rows.slice(0, top)
  const stack = columns.indexOf('stack')
  const told = columns.map((_, column) => column).filter((column) => column !== stack)
  const cells = [
    told.map((column) => (columns[column] ?? '').toUpperCase()),
    ...shown.map((row) => told.map((column) => cellText(row[column] ?? null, columns[column]))),
  ]
  const isNumber = told.map((column) => shown.every((row) => typeof row[column] === 'number'))
  const widths = told.map((_, at) => Math.max(...cells.map((row) => (row[at] ?? '').length)))
  const lines = cells.map((row) =>
    row
      .map((cell, at) => {
        const width = widths[at] ?? 0
        return isNumber[at] && shown.length > 0 ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
  const withStacks = lines.flatMap((line, at) => {
    const frames = at === 0 || stack < 0 ? [] : shown[at - 1]?.[stack]
    return [line, ...(Array.isArray(frames) ? frames.map((frame) => `    ${visible(frame)}`) : [])]
  })
  const left = rows.length - shown.length
  return [
    ...withStacks,
    ...(left > 0 ? [`… ${counted(left, 'more row')}; --top or --json shows them`] : []),
    ...Object.entries(facts).map(([name, fact]) => `${visible(name)}: ${cellText(fact, name)}`),
  ]
}

function cellText(cell: Cell, name = ''): string {
  if (cell === null) return '-'
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no'
  if (typeof cell === 'number') return AMOUNTS.has(name) ? formatCount(cell) : String(cell)
  const text = visible(typeof cell === 'string' ? cell : cell.join(' '))
  return text.length > SHOWN_CELL ? `${text.slice(0, SHOWN_CELL)}…` : text
}

/** The same as JSON: rows as objects by column. */
export function jsonOf(
  exporter: string,
  target: ExecTarget,
  request: ExecRequest,
  { result, ...outcome }: ExecOutcome,
): object {
  const head = {
    ...headOf(exporter, target, request),
    thread: outcome.thread,
    waitedNs: outcome.waitedNs,
    scriptNs: outcome.scriptNs,
    left: outcome.left ?? null,
  }
  if ('rows' in result) {
    const rows = result.rows.map((row) =>
      Object.fromEntries(result.columns.map((column, at) => [column, row[at] ?? null])),
    )
    return { ...head, rows, facts: result.facts }
  }
  const hasChanged = request.value !== null && result.old !== result.new
  const undo = hasChanged ? undoCommand(target, request, result.undo) : null
  return { ...head, old: result.old, new: result.new, undo, note: result.note.trim() }
}

function headOf(exporter: string, target: ExecTarget, { action, value }: ExecRequest) {
  const { pid, command, pythonVersion } = target
  return { exporter, pid, command, pythonVersion, action: action.name, value }
}

/** What --dry-run prints. */
export function planLines(target: ExecTarget, request: ExecRequest, plan: ExecPlan): string[] {
  const { pid, pythonVersion, owner } = target
  const who = plan.thread.isMain ? 'its main thread' : `thread ${plan.thread.tid}`
  const asked = [request.action.name, ...(request.value === null ? [] : [request.value])].join(' ')
  return [
    `Would ask process ${pid} (Python ${visible(pythonVersion)}), first ${who}, for: ${asked}`,
    'Nothing was written. What would be:',
    `  files, of user ${owner.uid} and open to no other, as the process sees them`,
    ...plan.files.map(
      ({ path, mode, bytes }) =>
        `    ${mode}  ${visible(path)}${bytes > 0 ? `, ${formatSize(bytes)}` : ''}`,
    ),
    '  memory of the process',
    ...plan.writes.map(
      ({ address, bytes, what }) => `    ${address}  ${counted(bytes, 'byte')}: ${what}`,
    ),
  ]
}

export function planJson(
  exporter: string,
  target: ExecTarget,
  request: ExecRequest,
  { thread, script, files, writes }: ExecPlan,
): object {
  const { tid, isMain } = thread
  return {
    ...headOf(exporter, target, request),
    dryRun: true,
    user: target.owner.uid,
    thread: { tid, isMain },
    files,
    writes,
    script: { name: script.name, text: script.text },
  }
}
