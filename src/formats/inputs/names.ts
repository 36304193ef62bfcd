import { type Place, ProfileAssembler, tasksOf } from '../../profile/assembler.ts'
import {
  type Meta,
  NO_PROCESS,
  type ProcessIndex,
  type Thread,
  type ThreadIndex,
} from '../../profile/profile.ts'
import { parseThreadName } from '../text.ts'

/** What a thread's label tells; ids are 0 where it does not. */
export interface ThreadName extends Pick<Thread, 'name' | 'waitingTasks'> {
  readonly pid: number
  readonly nativeId: number
  readonly interpreter: number
}

/** `MainThread (tid 12)`, `worker (pid 7, tid unknown, interpreter 2)`: see threadLabel. */
const OWN = /^(.*) \((?:pid (\d+), )?tid (\d+|unknown)(?:, interpreter (\d+))?\)$/s
/** `waiting tasks of ended threads (pid 7)`: there is no thread to tell the id of. */
const ORPHANED =
  /^(waiting tasks of ended threads)(?: \((?:pid (\d+))?(?:, )?(?:interpreter (\d+))?\))?$/
/** py-spy: `Thread 12 "MainThread"`, `Process 7 Thread 12 "MainThread"`, with 0x before a pthread. */
const PY_SPY = /^(?:Process (\d+) )?Thread ((?:0x)?[0-9A-Fa-f]+)(?: "(.*)")?$/s
/** py-spy's collapsed stacks: `thread (12): MainThread`, with `(0x…)` for a pthread. */
const PY_SPY_ROOT = /^thread \(((?:0x)?[0-9A-Fa-f]+)\)(?:: (.*))?$/s

const MAX_ID = 2 ** 31 - 1

/** What is known by its label; undefined when it has not the form of one. */
export function parseThreadLabel(label: string): ThreadName | undefined {
  const own = OWN.exec(label)
  if (own) {
    const [, name = '', pid = '0', tid = '0', interpreter = '0'] = own
    const ids = { pid: id(pid), nativeId: id(tid), interpreter: id(interpreter) }
    return { ...ids, ...parseThreadName(name) }
  }
  const orphaned = ORPHANED.exec(label)
  if (orphaned) {
    const [, name = '', pid = '0', interpreter = '0'] = orphaned
    const ids = { pid: id(pid), nativeId: 0, interpreter: id(interpreter) }
    return { ...ids, ...parseThreadName(name) }
  }
  const spy = PY_SPY.exec(label)
  if (spy) {
    return { pid: id(spy[1] ?? '0'), nativeId: id(spy[2]!), interpreter: 0, name: spy[3] ?? '' }
  }
  const root = PY_SPY_ROOT.exec(label)
  return root ? { pid: 0, nativeId: id(root[1]!), interpreter: 0, name: root[2] ?? '' } : undefined
}

/** 0 for what is no id of a process or thread, such as the address of a pthread. */
export function id(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0
  return value > MAX_ID ? 0 : value
}

/** `file:qualname:line`, as Austin and CPython's own profiler write it. */
export function parseColonFrame(text: string): Place | undefined {
  const match = /^(.*):([^:]*):(\d+)$/s.exec(text)
  if (!match) return undefined
  const [, file = '', qualname = '', line = ''] = match
  return { qualname, file, line: lineNumber(line) }
}

/** `qualname (file:line)`, as pyprof and py-spy write it; what is not known is left out. */
export function parseParenthesisFrame(text: string): Place {
  const match = /^(.*?) \((.*)\)$/s.exec(text)
  if (!match) return { qualname: text, file: '', line: 0 }
  const [, qualname = '', at = ''] = match
  const place = /^(.*):(\d+)$/s.exec(at)
  return place
    ? { qualname, file: place[1]!, line: lineNumber(place[2]!) }
    : { qualname, file: at, line: 0 }
}

/** 0, unknown, for a number that is no line's. */
export function lineNumber(text: string): number {
  const line = Number(text)
  return line <= MAX_ID ? line : 0
}

/** An assembler for files that name processes and threads in words. */
export class ForeignProfile extends ProfileAssembler {
  readonly #processes = new Map<string, ProcessIndex>()
  readonly #threads = new Map<string, ThreadIndex>()

  /**
   * What is known of a file whose maker did not say how it was recorded.
   * @param facts what the file does tell; the duration is ns, the rate Hz
   */
  meta(facts: Pick<Meta, 'exporter' | 'command' | 'rate' | 'duration'>): Meta {
    return {
      pythonVersion: '',
      mode: 'wall',
      states: [],
      read: 'unknown',
      readChange: '',
      descendants: '',
      ...tasksOf(this.threads),
      startedAt: 0,
      endReason: 'unknown',
      ...facts,
    }
  }

  /** The process with this pid; an unknown one is 0. */
  processOf(pid: number, command: string): ProcessIndex {
    const key = `${pid} ${command}`
    const index =
      this.#processes.get(key) ??
      this.process({
        pid,
        parent: NO_PROCESS,
        command,
        pythonVersion: '',
        start: 0,
        end: 0,
        unreadable: '',
      })
    this.#processes.set(key, index)
    return index
  }

  /** @param distinguish tells threads apart that have the same names and ids */
  threadOf(
    { pid, nativeId, interpreter, name, waitingTasks }: ThreadName,
    command: string,
    distinguish: number = 0,
  ): ThreadIndex {
    const process = this.processOf(pid, command)
    const key = `${process} ${nativeId} ${interpreter} ${distinguish} ${waitingTasks === true} ${name}`
    const isMain = name === 'MainThread' && interpreter === 0 && !waitingTasks
    const thread = { process, nativeId, interpreter, name, isMain }
    const index =
      this.#threads.get(key) ?? this.thread({ ...thread, ...(waitingTasks && { waitingTasks }) })
    this.#threads.set(key, index)
    return index
  }

  /** Ends all processes where the time ends. */
  endProcesses(duration: number): void {
    for (const index of this.#processes.values()) {
      this.updateProcess(index, { ...this.processAt(index), end: duration })
    }
  }
}
