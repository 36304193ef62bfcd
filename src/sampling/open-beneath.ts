import { closeSync, constants, fstatSync, openSync, readlinkSync, type Stats } from 'node:fs'

/** O_PATH of Linux (asm-generic/fcntl.h, the same on x86-64 and arm64): a name, not its content. */
const O_PATH = 0o10_000_000
/** As many as the kernel follows in one path (MAXSYMLINKS). */
const MAX_LINKS = 40
/** PATH_MAX of Linux. */
const MAX_PATH = 4096

/** Names of Python sources. */
const SOURCE = /\.pyw?$/
/** Bits of a mode, as for others. */
const READ = 4
const PASS = 1

/** On whose behalf a file is read; without one the rights of this process alone count. */
export interface Reader {
  readonly uid: number
  /** All groups. */
  readonly gids: readonly number[]
  /** It may read everything that is named as Python sources are. */
  readonly readsSources?: boolean
}

/** Why a file was not opened, in words that follow its name; or its descriptor. */
export type Opened = { readonly fd: number; readonly stat: Stats } | { readonly refused: string }

/**
 * Opens a regular file below a folder as if that folder were `/`: links are followed, but never lead
 * out of it, whatever somebody changes meanwhile. Nothing is opened that the reader could not open:
 * a process that is profiled by root may name any path as that of its code.
 */
export function openBeneath(root: string, path: string, reader: Reader | undefined): Opened {
  if (path.length > MAX_PATH || path.includes('\0')) return { refused: 'is no path' }
  const open: number[] = []
  try {
    open.push(openSync(root, O_PATH | constants.O_DIRECTORY))
    const names = namesIn(path)
    let links = 0
    let isForbidden = false
    for (;;) {
      const name = names.shift()
      if (name === undefined) return { refused: 'is a folder' }
      if (name === '..') {
        if (open.length > 1) closeSync(open.pop()!)
        continue
      }
      const place = `/proc/self/fd/${open.at(-1)}/${name}`
      const fd = openSync(place, O_PATH | constants.O_NOFOLLOW)
      open.push(fd)
      const stat = fstatSync(fd)
      if (stat.isSymbolicLink()) {
        closeSync(open.pop()!)
        if (++links > MAX_LINKS) return { refused: 'has too many links' }
        const target = readlinkSync(place)
        if (target.startsWith('/')) for (const each of open.splice(1)) closeSync(each)
        names.unshift(...namesIn(target))
        continue
      }
      if (stat.isDirectory()) {
        isForbidden ||= !may(reader, stat, PASS)
        continue
      }
      if (names.length > 0) return { refused: 'is not there' }
      if (!stat.isFile()) return { refused: 'is no regular file' }
      isForbidden ||= !may(reader, stat, READ)
      if (isForbidden && !(reader?.readsSources && SOURCE.test(name))) {
        return { refused: 'is not for the user of the process' }
      }
      // By its descriptor: what was looked at is what is opened.
      const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY
      return { fd: openSync(`/proc/self/fd/${fd}`, flags), stat }
    }
  } catch (error) {
    return { refused: REFUSALS[(error as NodeJS.ErrnoException).code ?? ''] ?? String(error) }
  } finally {
    for (const fd of open) closeSync(fd)
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there',
  EACCES: 'may not be read',
  EPERM: 'may not be read',
  ESRCH: 'is gone with its process',
}

function namesIn(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

/** As the kernel decides by mode bits (path_resolution(7)); root may, access lists do not count. */
function may(reader: Reader | undefined, { uid, gid, mode }: Stats, bit: number): boolean {
  if (!reader || reader.uid === 0) return true
  const shift = reader.uid === uid ? 6 : reader.gids.includes(gid) ? 3 : 0
  return ((mode >> shift) & bit) !== 0
}
