import { spawnSync } from 'node:child_process'
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { Socket } from 'node:net'
import { resolve } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { InvalidArgumentError } from 'commander'
import { usageError } from '../../errors.ts'
import { visible } from '../../formats/text.ts'
import type { Redactor } from '../../redaction/redactor.ts'
import { errorCode, errorText } from '../stdio.ts'

/** Where commands come from and where answers go, as absolute paths. */
export interface ControlFifos {
  readonly ctl: string
  /** Undefined: nobody waits for answers. */
  readonly ack: string | undefined
}

/** What can be done to a recording from outside. Each gives back why it was not done, or ''. */
export interface Controlled {
  /** Switches sampling on or off, and returns when it is so. */
  enable(enabled: boolean): string
  /** Notes that the program has done something so many more times. */
  mark(name: string, count: number): string
  /** Ends the recording. */
  stop(): string
}

/** The name of the variable that tells a launched command what to talk to, as --control has it. */
export const CONTROL_VARIABLE = 'PYPROF_CONTROL'

/** UTF-16 units; longer commands are none. A FIFO keeps no more together either (PIPE_BUF). */
const MAX_LINE = 4096
/** Of an answer; what is no command is told with it. */
const MAX_ANSWER = 200
/** What a FIFO holds, unless somebody made it larger. */
const PIPE_SIZE = 65_536
const OPEN = constants.O_RDWR | constants.O_NONBLOCK

/** @throws InvalidArgumentError */
export function parseControl(text: string): ControlFifos {
  const [, ctl, ack] = /^fifo:([^,]+)(?:,([^,]+))?$/.exec(text) ?? []
  const fifos = ctl !== undefined && {
    ctl: resolve(ctl),
    ack: ack === undefined ? undefined : resolve(ack),
  }
  if (!fifos || fifos.ctl === fifos.ack) {
    throw new InvalidArgumentError('Expected fifo:CTL or fifo:CTL,ACK, the paths of two FIFOs.')
  }
  return fifos
}

/** The same as a word for a command's environment. */
export function controlText({ ctl, ack }: ControlFifos): string {
  return `fifo:${ctl}${ack === undefined ? '' : `,${ack}`}`
}

/**
 * Does what a command asks for.
 * @returns the answer: `ack`, or `error` and why
 */
export function obey(line: string, controlled: Controlled): string {
  const [word = '', ...rest] = line.split(' ')
  const argument = rest.join(' ')
  const isBare = argument === ''
  let problem = `unknown command: ${line}`
  if (word === 'ping' && isBare) problem = ''
  else if (word === 'enable' && isBare) problem = controlled.enable(true)
  else if (word === 'disable' && isBare) problem = controlled.enable(false)
  else if (word === 'stop' && isBare) problem = controlled.stop()
  else if (word === 'mark') {
    const [, name, count = '1'] = /^([^\t]+)(?:\t(\d{1,15}))?$/.exec(argument) ?? []
    problem =
      name === undefined
        ? 'expected: mark NAME, or mark NAME<tab>COUNT'
        : controlled.mark(name, Number(count))
  }
  return problem === '' ? 'ack' : `error ${problem}`
}

/**
 * The FIFOs of `--control`, in the manner of `perf`: a line is a command. Both are open for reading
 * and writing, so that no opening waits for anybody, and nobody's death ends them.
 */
export class ControlChannel {
  readonly fifos: ControlFifos
  readonly #say: (text: string) => void
  readonly #redactor: Redactor
  readonly #made: string[] = []
  #ctl: number
  #ack = -1
  #socket: Socket | undefined
  #controlled: Controlled | undefined
  readonly #decoder = new StringDecoder('utf8')
  #pending = ''
  #hasComplained = false

  /**
   * @param redactor of what is said of commands
   * @throws PyprofError code `usage` when a path is no FIFO and cannot become one, or both are one
   */
  constructor(fifos: ControlFifos, say: (text: string) => void, redactor: Redactor) {
    this.fifos = fifos
    this.#say = say
    this.#redactor = redactor
    this.#ctl = this.#open(fifos.ctl)
    try {
      if (fifos.ack !== undefined) this.#ack = this.#open(fifos.ack)
      // Else every answer would be a command, and be answered.
      if (this.#ack >= 0 && isSameFile(this.#ctl, this.#ack)) {
        throw controlError(fifos.ctl, `It is the same FIFO as ${fifos.ack}.`)
      }
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Commands that have waited so far are obeyed, and all that come. */
  serve(controlled: Controlled): void {
    const socket = new Socket({ fd: this.#ctl, readable: true, writable: false })
    this.#socket = socket
    this.#controlled = controlled
    socket.on('data', (data) => this.#take(data))
    socket.on('error', (error) => {
      this.#say(`--control has ended: ${errorText(error)}. The recording goes on.\n`)
    })
  }

  /** Commands that have been written are obeyed now, those of who is gone by now too. */
  drain(): void {
    if (!this.#controlled || this.#ctl < 0) return
    const room = Buffer.alloc(PIPE_SIZE)
    try {
      // Who writes on and on does not keep the recording from its end.
      this.#take(room.subarray(0, readSync(this.#ctl, room)))
    } catch (error) {
      if (errorCode(error) !== 'EAGAIN') throw error
    }
  }

  /** Removes the FIFOs that were made for this. */
  close(): void {
    if (this.#socket) this.#socket.destroy()
    else if (this.#ctl >= 0) closeSync(this.#ctl)
    if (this.#ack >= 0) closeSync(this.#ack)
    this.#ctl = -1
    this.#ack = -1
    for (const path of this.#made.splice(0)) {
      try {
        unlinkSync(path)
      } catch (error) {
        if (errorCode(error) === '') throw error
      }
    }
  }

  #take(data: Buffer): void {
    const controlled = this.#controlled
    if (!controlled) return
    const lines = (this.#pending + this.#decoder.write(data)).split('\n')
    this.#pending = lines.pop() ?? ''
    for (const line of lines) {
      const text = line.replaceAll('\0', '').trim()
      if (text === '') continue
      const answer =
        line.length > MAX_LINE
          ? `error a command has ${MAX_LINE} characters at most`
          : obey(text, controlled)
      // What is cut can hide where a secret ends, so it is redacted before.
      if (answer !== 'ack') this.#say(`--control: ${visible(cut(this.#redactor.text(answer)))}\n`)
      this.#answer(cut(answer))
    }
    // Too long is told by one character more.
    this.#pending = this.#pending.slice(0, MAX_LINE + 1)
  }

  #answer(answer: string): void {
    if (this.#ack < 0) return
    try {
      writeSync(this.#ack, `${answer}\n`)
    } catch (error) {
      if (errorCode(error) === '') throw error
      if (this.#hasComplained) return
      this.#hasComplained = true
      const why = errorCode(error) === 'EAGAIN' ? 'nobody reads it' : errorText(error)
      this.#say(`--control: answers do not fit into ${visible(this.fifos.ack ?? '')}: ${why}.\n`)
    }
  }

  #open(path: string): number {
    try {
      const there = statSync(path, { throwIfNoEntry: false })
      if (there && !there.isFIFO()) throw controlError(path, 'It is no FIFO.')
      if (!there) this.#make(path)
      return openSync(path, OPEN)
    } catch (error) {
      this.close()
      if (errorCode(error) === '') throw error
      throw controlError(path, `The system says: ${errorText(error)}.`)
    }
  }

  /** Node cannot make one. */
  #make(path: string): void {
    const { error, status, stderr } = spawnSync('mkfifo', ['-m', '600', '--', path])
    if (status !== 0) {
      throw controlError(path, error ? errorText(error) : stderr.toString().trim())
    }
    this.#made.push(path)
  }
}

function cut(answer: string): string {
  return answer.length > MAX_ANSWER ? `${answer.slice(0, MAX_ANSWER)}…` : answer
}

function isSameFile(one: number, other: number): boolean {
  const [a, b] = [fstatSync(one), fstatSync(other)]
  return a.dev === b.dev && a.ino === b.ino
}

function controlError(path: string, why: string) {
  return usageError(
    `${path} cannot be used by --control.`,
    why,
    'Give paths that are FIFOs, or that are free: pyprof record --control fifo:/tmp/ctl,/tmp/ack …',
  )
}
