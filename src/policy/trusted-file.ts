import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  type Stats,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** A file that is there, but must not be used; the message says why, the hint what to do. */
export class UntrustedFile extends Error {
  readonly hint: string

  constructor(why: string, hint: string) {
    super(why)
    this.hint = hint
  }
}

/** More than any policy needs: some thousand rules. */
const MAX_SIZE = 256 * 1024
/** As many as the kernel follows, path_resolution(7). */
const MAX_LINKS = 40

const WRITABLE_BY_OTHERS = 0o022
const STICKY = 0o1000

/**
 * Reads a file that nobody can have written but root and the user that pyprof runs as. Both the file
 * and all folders and links on the way to it have to be theirs, and closed to others' writing; else
 * whoever is to be held back by the file could change or replace it.
 * @param user effective user id
 * @returns undefined when there is no such file
 * @throws UntrustedFile, or the system's error
 */
export function readTrustedFile(
  path: string,
  user: number = process.geteuid?.() ?? -1,
): string | undefined {
  const file = followTrusted(resolve(path), user)
  if (file === undefined) return undefined
  // Nobody can have replaced it since, but a pipe would make the opening wait.
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) throw new UntrustedFile(`${file} is not a regular file`, 'Name a file.')
    requireTrusted(file, stats, user)
    if (stats.size > MAX_SIZE) {
      throw new UntrustedFile(
        `${file} has ${stats.size} bytes, more than the ${MAX_SIZE} that are read`,
        'Make it shorter.',
      )
    }
    return textIn(readFileSync(fd), file)
  } finally {
    closeSync(fd)
  }
}

function textIn(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new UntrustedFile(`${file} is not a text in UTF-8`, 'Write it anew.')
  }
}

/** The file behind a path and its links, each of which is looked at; undefined when there is none. */
function followTrusted(path: string, user: number): string | undefined {
  let at = path
  for (let links = 0; links <= MAX_LINKS; links++) {
    const folder = realFolder(dirname(at))
    if (folder === undefined) return undefined
    requireTrustedFolders(folder, user)
    const file = join(folder, basename(at))
    const stats = lstatSync(file, { throwIfNoEntry: false })
    if (stats === undefined) {
      if (links === 0) return undefined
      throw new UntrustedFile(
        `${path} is a link to ${file}, which is not there`,
        `Check: ls -l ${path}`,
      )
    }
    if (!stats.isSymbolicLink()) return file
    requireOwner(file, stats, user)
    at = resolve(folder, readlinkSync(file))
  }
  throw new UntrustedFile(`${path} leads through too many links`, 'Name the file itself.')
}

function realFolder(folder: string): string | undefined {
  try {
    return realpathSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** In a folder with the sticky bit, as /tmp, others may make files but not replace foreign ones. */
function requireTrustedFolders(folder: string, user: number): void {
  for (let at = folder; ; at = dirname(at)) {
    const stats = lstatSync(at)
    if ((stats.mode & STICKY) === 0) requireTrusted(at, stats, user)
    else requireOwner(at, stats, user)
    if (at === '/') return
  }
}

function requireTrusted(path: string, stats: Stats, user: number): void {
  requireOwner(path, stats, user)
  if ((stats.mode & WRITABLE_BY_OTHERS) === 0) return
  const mode = (stats.mode & 0o7777).toString(8)
  throw new UntrustedFile(`others may write ${path} (mode ${mode})`, `Run: chmod go-w ${path}`)
}

function requireOwner(path: string, { uid }: Stats, user: number): void {
  if (uid === 0 || uid === user) return
  const owner = user === 0 ? 'root' : `root or user ${user}, who runs pyprof`
  throw new UntrustedFile(
    `${path} belongs to user ${uid}, not to ${owner}`,
    `Run: sudo chown 0 ${path}`,
  )
}
