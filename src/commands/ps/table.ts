import { formatCount, visible } from '../../formats/text.ts'
import type { Container } from '../../sampling/containers.ts'
import type { Certainty, PythonProcess } from '../../sampling/python-processes.ts'

/** Of a container's id, as many digits as its runtime's own listing shows. */
const SHOWN_ID = 12
/** Of a command line. */
const SHOWN_COMMAND = 100

const HEADINGS = ['PID', 'PYTHON', 'THREADS', 'CONTAINER', 'READABLE', 'COMMAND'] as const
const RIGHT: ReadonlySet<string> = new Set(['PID', 'THREADS'])

/** A heading and a line for each process; foreign text in it is made harmless. */
export function processTable(processes: readonly PythonProcess[], wide: boolean): string[] {
  const rows = [HEADINGS, ...processes.map((process) => cells(process, wide))]
  const widths = HEADINGS.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  return rows.map((row) => {
    const padded = row.map((cell, column) => {
      const width = widths[column] ?? 0
      return RIGHT.has(HEADINGS[column] ?? '') ? cell.padStart(width) : cell.padEnd(width)
    })
    return padded.join('  ').trimEnd()
  })
}

function cells(process: PythonProcess, wide: boolean): string[] {
  return [
    String(process.pid),
    visible(process.pythonVersion) || 'unknown',
    formatCount(process.threads),
    process.container === null ? '-' : visible(containerText(process.container, wide)),
    readableText(process),
    cut(visible(process.command), wide ? Number.POSITIVE_INFINITY : SHOWN_COMMAND),
  ]
}

const DOUBTS: Record<Certainty, string> = {
  python: '',
  'looks-like-python': 'looks like Python; ',
  unknown: 'Python or not; ',
}

function readableText({ readable, certainty, reason, code }: PythonProcess): string {
  if (readable) return 'yes'
  const doubt = DOUBTS[certainty]
  return `no: ${doubt}${visible(reason)} (${code})`
}

/** `docker 4f5a1b2c3d4e, pid 7 inside`, as far as it is known. */
export function containerText(container: Container, wide = false): string {
  const { runtime, id, pod, pidInside } = container
  const shown = /^[0-9a-f]{64}$/.test(id) && !wide ? id.slice(0, SHOWN_ID) : id
  const name = [runtime, shown].filter((part) => part !== '').join(' ')
  return [
    name === '' ? 'own pid namespace' : name,
    ...(pod === '' ? [] : [`pod ${wide ? pod : pod.slice(0, 8)}`]),
    ...(pidInside === 0 ? [] : [`pid ${pidInside} inside`]),
  ].join(', ')
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}
