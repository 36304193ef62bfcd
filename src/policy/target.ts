import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { type Container, containerOf } from '../sampling/containers.ts'
import { argumentsOf, type Proc, readStatus } from '../sampling/proc.ts'

/** What is known of a process that something is to be done to. undefined: it is not known. */
export interface PolicyTarget {
  /** null: there is no process, or not yet. */
  readonly pid: number | null
  /** Its user ids, the real one first; more than one where it has changed them. */
  readonly uids: readonly number[] | undefined
  readonly arguments: readonly string[] | undefined
  /** The file of its program, as it sees it. */
  readonly executable: string | undefined
  /** null: in none that can be told. */
  readonly container: Container | null | undefined
}

/** Any process that may come: nothing is known of it. */
export const UNKNOWN_TARGET: PolicyTarget = {
  pid: null,
  uids: undefined,
  arguments: undefined,
  executable: undefined,
  container: undefined,
}

/** A running process as /proc shows it; UNKNOWN_TARGET with its pid when there is none. */
export function runningTarget(proc: Proc, pid: number): PolicyTarget {
  const status = readStatus(proc, pid)
  if (status === undefined) return { ...UNKNOWN_TARGET, pid }
  const args = argumentsOf(proc, pid)
  const isHidden = proc.read(pid, 'cgroup') === undefined
  return {
    pid,
    uids: [...new Set(status.uids.slice(0, 3))],
    // One that has none, such as a zombie, is known by its name.
    arguments: args.length > 0 ? args : [`[${status.name}]`],
    executable: proc.link(pid, 'exe')?.replace(/ \(deleted\)$/, ''),
    container: containerOf(proc, pid) ?? (isHidden ? undefined : null),
  }
}

/**
 * A command that pyprof is to start: with pyprof's own user and container. A script's program is its
 * interpreter, so that only what is no script is known by its file.
 */
export function commandTarget(
  proc: Proc,
  command: readonly string[],
  uid: number = process.getuid?.() ?? -1,
): PolicyTarget {
  return {
    pid: null,
    uids: [uid],
    arguments: command,
    executable: programOf(command[0] ?? ''),
    container: runningTarget(proc, process.pid).container,
  }
}

function programOf(name: string): string | undefined {
  const places = name.includes('/')
    ? [resolve(name)]
    : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder || '.', name))
  const found = places.find((place) => statSync(place, { throwIfNoEntry: false })?.isFile())
  try {
    return found !== undefined && isElf(found) ? realpathSync(found) : undefined
  } catch {
    return undefined
  }
}

/** By its first four bytes, elf(5). */
function isElf(file: string): boolean {
  const head = Buffer.alloc(4)
  const fd = openSync(file, 'r')
  try {
    return readSync(fd, head) === head.length && head.toString('latin1') === '\x7fELF'
  } finally {
    closeSync(fd)
  }
}
