import {
  type Accounting,
  type Gap,
  type Meta,
  NO_COLUMN,
  NO_CPU,
  NO_PROCESS,
  NO_STACK,
  type Process,
  type Profile,
  QUALITY,
  type Quality,
  REASONS,
  type Reason,
  STATES,
  type State,
  type Thread,
} from '../../src/profile/profile.ts'

/** One frame of a stack in a test. */
export interface DraftFrame {
  readonly name: string
  /** Default `/srv/app.py`. */
  readonly file?: string
  /** Default 1. */
  readonly line?: number
  /** Default 1. */
  readonly firstLine?: number
  /** Default NO_COLUMN. */
  readonly column?: number
}

export interface DraftSample {
  /** Default 0. */
  readonly thread?: number
  /** Root first; empty for a thread without Python frames. */
  readonly stack: readonly DraftFrame[]
  /** ns; default 10 ms. */
  readonly weight?: number
  /** ns between the thread's sample before and this one that no sample stands for; default 0. */
  readonly gap?: number
  /** Default `exact`. */
  readonly quality?: Quality
  /** Default `none`. */
  readonly reason?: Reason
  /** Default none. */
  readonly states?: readonly State[]
  /** ns; default NO_CPU. */
  readonly cpu?: number
}

export interface DraftOptions {
  /** Default one process, 100. */
  readonly processes?: readonly Process[]
  /** By index; those in use and not named here are `MainThread`, `Thread-1`, … */
  readonly threads?: readonly Partial<Thread>[]
  /** Start of each thread's first sample, ns; default 0. */
  readonly starts?: readonly number[]
  readonly meta?: Partial<Meta>
  readonly accounting?: Partial<Accounting>
}

export const MS = 1_000_000

/** Builds a profile from samples, with each string, function, frame and stack in the tables once. */
export function profileOf(drafts: readonly DraftSample[], options: DraftOptions = {}): Profile {
  const strings = new Table<[string]>()
  const functions = new Table<[name: number, file: number, firstLine: number]>()
  const frames = new Table<[fn: number, line: number, column: number]>()
  const stacks = new Table<[parent: number, frame: number]>()
  const gaps: Gap[] = []
  const threadCount = Math.max(
    options.threads?.length ?? 0,
    ...drafts.map((draft) => (draft.thread ?? 0) + 1),
  )
  const now = Array.from({ length: threadCount }, (_, thread) => options.starts?.[thread] ?? 0)
  const rows = drafts.map((draft) => {
    const thread = draft.thread ?? 0
    const weight = draft.weight ?? 10 * MS
    if (draft.gap) {
      gaps.push({ start: now[thread]!, duration: draft.gap, missedTicks: 1 })
    }
    now[thread]! += (draft.gap ?? 0) + weight
    let stack = NO_STACK
    for (const { name, file = '/srv/app.py', line = 1, firstLine = 1, column } of draft.stack) {
      const fn = functions.row([strings.row([name]), strings.row([file]), firstLine])
      stack = stacks.row([stack, frames.row([fn, line, column ?? NO_COLUMN])])
    }
    return {
      time: now[thread]!,
      weight,
      thread,
      stack,
      quality: QUALITY.indexOf(draft.quality ?? 'exact'),
      reason: REASONS.indexOf(draft.reason ?? 'none'),
      state: (draft.states ?? []).reduce((bits, state) => bits | (1 << STATES.indexOf(state)), 0),
      cpu: draft.cpu ?? NO_CPU,
    }
  })
  const duration = Math.max(0, ...now)
  return {
    strings: strings.rows.map(([text]) => text),
    functions: {
      length: functions.rows.length,
      qualname: functions.rows.map(([name]) => name),
      file: functions.rows.map(([, file]) => file),
      firstLine: functions.rows.map(([, , firstLine]) => firstLine),
    },
    frames: {
      length: frames.rows.length,
      function: frames.rows.map(([fn]) => fn),
      line: frames.rows.map(([, line]) => line),
      endLine: frames.rows.map(([, line]) => line),
      column: frames.rows.map(([, , column]) => column),
      endColumn: frames.rows.map(([, , column]) => column),
    },
    stacks: {
      length: stacks.rows.length,
      parent: stacks.rows.map(([parent]) => parent),
      frame: stacks.rows.map(([, frame]) => frame),
    },
    processes: options.processes ?? [
      {
        pid: 100,
        parent: NO_PROCESS,
        command: 'python app.py --serve',
        pythonVersion: '3.14.0',
        start: 0,
        end: duration,
        unreadable: '',
      },
    ],
    threads: Array.from({ length: threadCount }, (_, thread) => ({
      process: 0,
      nativeId: 100 + thread,
      interpreter: 0,
      name: thread === 0 ? 'MainThread' : `Thread-${thread}`,
      isMain: thread === 0,
      ...options.threads?.[thread],
    })),
    samples: {
      length: rows.length,
      time: rows.map((row) => row.time),
      weight: rows.map((row) => row.weight),
      thread: rows.map((row) => row.thread),
      stack: rows.map((row) => row.stack),
      quality: rows.map((row) => row.quality),
      reason: rows.map((row) => row.reason),
      state: rows.map((row) => row.state),
      cpu: rows.map((row) => row.cpu),
    },
    gaps,
    meta: {
      exporter: 'pyprof@0.0.0-test',
      command: 'python app.py --serve',
      pythonVersion: '3.14.0',
      mode: 'wall',
      states: [],
      read: 'live',
      readChange: '',
      descendants: '',
      rate: 100,
      startedAt: 1_700_000_000_000,
      duration,
      endReason: 'duration',
      ...options.meta,
    },
    accounting: {
      ticks: Math.max(0, ...now.map((_, at) => rows.filter((row) => row.thread === at).length)),
      missedTicks: gaps.length,
      gapTime: gaps.reduce((sum, gap) => sum + gap.duration, 0),
      droppedSamples: 0,
      profilerCpu: 5 * MS,
      lateTicks: 0,
      execs: 0,
      tickTime: 0,
      ...options.accounting,
    },
  }
}

export interface DrawingOptions extends DraftOptions {
  /** By column, as in DraftSample. */
  readonly thread?: readonly number[]
  readonly weight?: readonly number[]
  readonly gap?: readonly number[]
  readonly quality?: readonly (Quality | readonly [Quality, Reason])[]
  /** Files, first lines, columns and real names (which may hold anything) by the name drawn. */
  readonly files?: Readonly<Record<string, string>>
  readonly firstLines?: Readonly<Record<string, number>>
  readonly columns?: Readonly<Record<string, number>>
  readonly names?: Readonly<Record<string, string>>
}

/**
 * Builds a profile from a drawing: each column is a sample, each row a depth, the root on top.
 *
 *     main    main    -
 *     load:3  save
 *             write:7
 *
 * A column begins where a word of the top row begins. `-` on top is an empty stack; `name:7` is
 * line 7 of `name`, otherwise the line is 1; with '' for a file, a marker without lines. Names
 * must not hold spaces; see `names`.
 */
export function asciiProfile(drawing: string, options: DrawingOptions = {}): Profile {
  const rows = drawing.split('\n').filter((row) => row.trim() !== '')
  const starts = [...(rows[0] ?? '').matchAll(/\S+/g)].map((word) => word.index)
  const columns = starts.map((start, column) =>
    rows.map((row) => row.slice(start, starts[column + 1]).trim()).filter((cell) => cell !== ''),
  )
  for (const row of rows) {
    for (const { index, 0: word } of row.matchAll(/\S+/g)) {
      if (!starts.includes(index)) throw new Error(`'${word}' does not begin where a column does`)
    }
  }
  const frame = (cell: string): DraftFrame => {
    const [, drawn, line] = /^(.*?)(?::(\d+))?$/.exec(cell)!
    const name = drawn!
    const file = options.files?.[name]
    const column = options.columns?.[cell]
    return {
      name: options.names?.[name] ?? name,
      line: line === undefined ? (file === '' ? 0 : 1) : Number(line),
      firstLine: options.firstLines?.[name] ?? (file === '' ? 0 : 1),
      ...(file === undefined ? {} : { file }),
      ...(column === undefined ? {} : { column }),
    }
  }
  const drafts = columns.map((cells, column): DraftSample => {
    const drawn = options.quality?.[column] ?? 'exact'
    const [quality, reason]: readonly [Quality, Reason] =
      typeof drawn === 'string' ? [drawn, 'none'] : drawn
    return {
      stack: cells.filter((cell) => cell !== '-').map(frame),
      thread: options.thread?.[column] ?? 0,
      weight: options.weight?.[column] ?? 10 * MS,
      gap: options.gap?.[column] ?? 0,
      quality,
      reason,
    }
  })
  return profileOf(drafts, options)
}

/** Rows in the order of first use, each once. */
class Table<Row extends readonly (string | number)[]> {
  readonly rows: Row[] = []
  readonly #known = new Map<string, number>()

  row(row: Row): number {
    const key = JSON.stringify(row)
    let index = this.#known.get(key)
    if (index === undefined) {
      index = this.rows.push(row) - 1
      this.#known.set(key, index)
    }
    return index
  }
}
