import { StringDecoder } from 'node:string_decoder'
import { NO_ACCOUNTING } from '../../profile/assembler.ts'
import {
  type Mode,
  NO_CPU,
  NO_STACK,
  QUALITY,
  REASONS,
  type ThreadIndex,
} from '../../profile/profile.ts'
import { EMPTY_FRAME, formatCount, MISSED_FRAME } from '../text.ts'
import {
  ASSUMED_RATE,
  HEAD_BYTES,
  type Imported,
  type Input,
  InputError,
  type InputOptions,
} from './input.ts'
import {
  ForeignProfile,
  id,
  parseColonFrame,
  parseParenthesisFrame,
  parseThreadLabel,
  type ThreadName,
} from './names.ts'

/** Frames, then a number; Austin's full mode adds whether the thread was idle, and memory. */
const LINE = /^(.*\S)\s+(\d+(?:\.\d+)?)(?:,[01],-?\d+)?$/s
const AUSTIN = /^P(\d+);T(?:([0-9a-f]+):)?(\w+)(?:;|$)/
/** Austin's comment of what it measured, since its version 3. */
const AUSTIN_MODE = /^# mode: (\w+)$/
/** How files of Austin's own binary format begin. */
const MOJO = 'MOJ'
const TACHYON = /^tid:(\d+)(?:;|$)/
const PY_SPY_PROCESS = /^process (\d+):"?(.*?)"?$/s

/** Who wrote a line, by how it begins and names its frames. */
type Style = 'austin' | 'tachyon' | 'parenthesis'

/**
 * The least weight in µs that a sample of pyprof can have: half the gap at its highest rate. Smaller
 * numbers are counts.
 */
const LEAST_MICROSECONDS = 5
/** The default of CPython's own profiler, Hz. */
const TACHYON_RATE = 1000
/** A line beyond this is no stack of any Python. */
const MAX_LINE = 1 << 26
const UNNAMED: ThreadName = { pid: 0, nativeId: 0, interpreter: 0, name: '' }

interface Row {
  readonly thread: ThreadIndex
  readonly stack: number
  readonly isMissed: boolean
  /** As written. */
  readonly number: number
}

function read(pieces: Iterable<Uint8Array>, { rate }: InputOptions): Imported {
  const reader = new CollapsedReader()
  for (const line of linesOf(pieces)) reader.add(line)
  return reader.finish(rate)
}

function counted(rate: number): { scale: number; note: string } {
  return {
    scale: 1e9 / rate,
    note: `its numbers were taken for samples at ${rate} Hz, the default of who wrote it: --rate.`,
  }
}

class CollapsedReader {
  readonly #profile = new ForeignProfile()
  readonly #rows: Row[] = []
  readonly #styles = new Set<Style>()
  #odd = 0
  #firstOdd = ''
  #mode: Mode = 'wall'

  add(line: string): void {
    if (line.startsWith(MOJO) && line.includes('\0')) {
      throw new InputError(
        'It is in the binary format of Austin.',
        'Run: mojo2austin FILE FILE.txt (pip install austin-python)',
      )
    }
    if (line.startsWith('#')) this.#comment(line)
    if (line.trim() === '' || line.startsWith('#')) return
    const match = LINE.exec(line)
    const number = Number(match?.[2])
    if (!match || number > Number.MAX_SAFE_INTEGER) {
      if (this.#odd === 0) this.#firstOdd = line
      this.#odd++
      return
    }
    if (number > 0) this.#rows.push({ ...this.#path(match[1]!), number })
  }

  #comment(line: string): void {
    const mode = AUSTIN_MODE.exec(line)?.[1]
    if (mode === 'cpu') this.#mode = mode
    if (mode === 'memory') {
      throw new InputError(
        'It is a profile of memory, not of time.',
        'Run austin without --memory, or with --full.',
      )
    }
  }

  finish(rate: number | undefined): Imported {
    if (this.#rows.length === 0) {
      throw new InputError(
        'No line of it is a stack and a number.',
        'Collapsed stacks are lines such as: main;work 12',
      )
    }
    if (this.#odd > this.#rows.length) {
      throw new InputError(
        `${formatCount(this.#odd)} of its ${formatCount(this.#odd + this.#rows.length)} lines are no stack and a number.`,
        'Collapsed stacks are lines such as: main;work 12',
      )
    }
    const { scale, note } = this.#unit(rate)
    const profile = this.#profile
    const now: number[] = []
    const exact: number[] = []
    for (const { thread, stack, isMissed, number } of this.#rows) {
      // Running totals are rounded, so that the sum stays what it was.
      exact[thread] = (exact[thread] ?? 0) + number * scale
      const start = now[thread] ?? 0
      const time = Math.round(exact[thread])
      if (time > Number.MAX_SAFE_INTEGER) {
        throw new InputError(
          'The time of a thread is longer than 104 days, which is the most that pyprof counts.',
          'If its numbers are samples, say how many a second: --rate 100',
        )
      }
      now[thread] = time
      profile.sample({
        time,
        weight: time - start,
        thread,
        stack,
        quality: QUALITY.indexOf(isMissed ? 'missed' : 'unknown'),
        reason: REASONS.indexOf('none'),
        state: 0,
        cpu: NO_CPU,
      })
    }
    const duration = now.reduce((a, b) => Math.max(a, b), 0)
    profile.endProcesses(duration)
    const odd =
      this.#odd > 0
        ? [
            `${formatCount(this.#odd)} lines are no stacks, such as '${this.#firstOdd.slice(0, 60)}'.`,
          ]
        : []
    return {
      profile: profile.finish(
        {
          ...profile.meta({ exporter: '', command: '', rate: rate ?? 0, duration }),
          mode: this.#mode,
        },
        NO_ACCOUNTING,
      ),
      notes: [note, ...odd],
    }
  }

  /** What the numbers are: ns by number, and how that is known. */
  #unit(rate: number | undefined): { scale: number; note: string } {
    if (rate !== undefined) {
      return { scale: 1e9 / rate, note: `its numbers were taken for samples at ${rate} Hz.` }
    }
    if (this.#styles.has('tachyon')) return counted(TACHYON_RATE)
    const isCounted =
      !this.#styles.has('austin') && this.#rows.some(({ number }) => number < LEAST_MICROSECONDS)
    return isCounted
      ? counted(ASSUMED_RATE)
      : {
          scale: 1000,
          note: 'its numbers were taken for microseconds; if they are samples: --rate.',
        }
  }

  #path(path: string): Omit<Row, 'number'> {
    const austin = AUSTIN.exec(path)
    if (austin) {
      const [all, pid = '', interpreter = '0', tid = ''] = austin
      this.#styles.add('austin')
      const thread = { pid: id(pid), nativeId: id(tid), name: '' }
      const known = { ...thread, interpreter: Number.parseInt(interpreter, 16) || 0 }
      return this.#row(known, '', path.slice(all.length), colonPlace)
    }
    const tachyon = TACHYON.exec(path)
    if (tachyon) {
      this.#styles.add('tachyon')
      const thread = { ...UNNAMED, nativeId: id(tachyon[1]!) }
      return this.#row(thread, '', path.slice(tachyon[0].length), colonPlace)
    }
    this.#styles.add('parenthesis')
    return this.#parenthesisPath(path)
  }

  /** Processes, the outermost first, a thread, and frames; py-spy and pyprof name the first two. */
  #parenthesisPath(path: string): Omit<Row, 'number'> {
    let rest = path
    let pid = 0
    let command = ''
    for (let process = this.#root(rest, PY_SPY_PROCESS); process; ) {
      pid = id(process[1]!)
      command = process[2]!
      rest = afterFirst(rest)
      process = this.#root(rest, PY_SPY_PROCESS)
    }
    const label = parseThreadLabel(unescaped(firstOf(rest)))
    if (!label) return this.#row({ ...UNNAMED, pid }, command, rest, parenthesisPlace)
    const thread = { ...label, pid: label.pid || pid }
    return this.#row(thread, command, afterFirst(rest), parenthesisPlace)
  }

  #root(path: string, form: RegExp): RegExpExecArray | null {
    return form.exec(firstOf(path))
  }

  #row(
    thread: ThreadName,
    command: string,
    frames: string,
    place: (frame: string) => ReturnType<typeof parenthesisPlace>,
  ): Omit<Row, 'number'> {
    const index = this.#profile.threadOf(thread, command)
    const isMissed = frames === MISSED_FRAME
    let stack = NO_STACK
    if (!isMissed && frames !== EMPTY_FRAME && frames !== '') {
      for (const frame of frames.split(';')) {
        stack = this.#profile.stack(stack, this.#profile.place(place(frame)))
      }
    }
    return { thread: index, stack, isMissed }
  }
}

function colonPlace(frame: string) {
  return parseColonFrame(frame) ?? { qualname: frame, file: '', line: 0 }
}

function parenthesisPlace(frame: string) {
  return parseParenthesisFrame(unescaped(frame))
}

function firstOf(path: string): string {
  return path.split(';', 1)[0]!
}

function afterFirst(path: string): string {
  return path.slice(firstOf(path).length + 1)
}

/** Undoes what the collapsed format of pyprof escapes. */
function unescaped(text: string): string {
  return text.replace(
    /\\(?:(\\)|x([0-9a-f]{2})|u([0-9a-f]{4})|U(0010[0-9a-f]{4}|000[0-9a-f]{5}))/g,
    (_, backslash: string | undefined, ...codes: (string | undefined)[]) => {
      if (backslash) return backslash
      const code = codes.slice(0, 3).find((each) => each !== undefined)!
      return String.fromCodePoint(Number.parseInt(code, 16))
    },
  )
}

function* linesOf(pieces: Iterable<Uint8Array>): Generator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for (const piece of pieces) {
    const lines = (rest + decoder.write(Buffer.from(piece))).split('\n')
    rest = lines.pop()!
    if (rest.length > MAX_LINE) {
      throw new InputError('A line of it is too long.', 'Collapsed stacks are lines of text.')
    }
    for (const line of lines) yield line.replace(/\r$/, '')
  }
  rest += decoder.end()
  if (rest !== '') yield rest
}

/**
 * Text whose first line that is no comment is frames and a number, as far as it is there; and Austin's
 * binary files, of which `read` tells what they are.
 */
function recognizes(head: Buffer): boolean {
  if (head.toString('latin1', 0, MOJO.length) === MOJO && head.includes(0)) return true
  if (head.includes(0)) return false
  const lines = head.toString('utf8').split('\n')
  const at = lines.findIndex((line) => line.trim() !== '' && !line.startsWith('#'))
  const first = lines[at]?.replace(/\r$/, '')
  if (first === undefined) return false
  const isCut = at === lines.length - 1 && head.length >= HEAD_BYTES
  return isCut ? first.includes(';') : LINE.test(first)
}

export const collapsedInput: Input = {
  name: 'collapsed',
  describe: 'collapsed stacks of pyprof, py-spy, Austin and CPython 3.15',
  recognizes,
  read,
}
