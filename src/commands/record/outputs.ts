import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  openSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { type PyprofError, usageError } from '../../errors.ts'
import type { Format } from '../../formats/index.ts'
import { errorCode, errorText, writeAll } from '../stdio.ts'

/** The path that means stdout. */
export const STDOUT_PATH = '-'

export interface OutputRequest {
  readonly path: string
  readonly format: Format
  /** Named by pyprof: such a file never replaces another. */
  readonly isDefault: boolean
}

/** An output that was found to be writable. */
export interface Output {
  readonly path: string
  readonly format: Format
  readonly place: Place
}

export type Place =
  | { readonly kind: 'stdout' }
  /** A file that must not exist yet. */
  | { readonly kind: 'new'; readonly path: string }
  /** A regular file, written beside and renamed, so that the old one stays until the new is whole. */
  | { readonly kind: 'replace'; readonly path: string; readonly old: Stats | undefined }
  /** A device, a pipe, or a file in a folder where no other can be made. */
  | { readonly kind: 'direct'; readonly path: string }

/** `pyprof-42-20260131-235959.speedscope.json`, in local time. */
export function defaultPath(target: string, format: Format, now: Date): string {
  const name = basename(target).replace(/[^\w.-]/g, '_')
  const pad = (value: number) => String(value).padStart(2, '0')
  const date = `${now.getFullYear()}${pad(now.getMonth() + 1)}${pad(now.getDate())}`
  const time = `${pad(now.getHours())}${pad(now.getMinutes())}${pad(now.getSeconds())}`
  return `pyprof-${name}-${date}-${time}${format.suffixes[0]}`
}

/**
 * Finds out, before anything is sampled, whether the outputs can be written. Leaves no file behind
 * and changes none.
 * @throws PyprofError code `usage`
 */
export function planOutputs(requests: readonly OutputRequest[]): Output[] {
  const seen = new Set<string>()
  return requests.map((request) => {
    const place = findPlace(request)
    const key = 'path' in place ? place.path : STDOUT_PATH
    if (seen.has(key)) {
      const hint = 'Give every output its own name.'
      throw usageError(`${request.path} is named twice.`, 'Outputs would mix.', hint)
    }
    seen.add(key)
    return { path: request.path, format: request.format, place }
  })
}

function findPlace({ path, isDefault }: OutputRequest): Place {
  if (path === STDOUT_PATH) return { kind: 'stdout' }
  try {
    const old = isDefault ? undefined : statSync(path, { throwIfNoEntry: false })
    if (old?.isDirectory() || path.endsWith('/')) {
      throw unwritable(path, 'it is a folder', `Name a file in it: -o ${join(path, 'profile.svg')}`)
    }
    if (old) accessSync(path, constants.W_OK)
    if (old && !old.isFile()) return { kind: 'direct', path: resolve(path) }
    const real = old ? realpathSync(path) : resolve(path)
    try {
      probeFolder(dirname(real))
    } catch (error) {
      if (!old || errorCode(error) === 'ENOSPC') throw error
      return { kind: 'direct', path: real }
    }
    return isDefault ? { kind: 'new', path: real } : { kind: 'replace', path: real, old }
  } catch (error) {
    if (errorCode(error) === '') throw error
    const folder = dirname(path)
    const isMissing = errorCode(error) === 'ENOENT' && !existsSync(folder)
    throw unwritable(
      path,
      errorText(error),
      isMissing ? `Make its folder first: mkdir -p ${folder}` : 'Choose another file with -o FILE.',
    )
  }
}

/** Permission bits do not tell of read-only and full disks or quotas; making a file does. */
function probeFolder(folder: string): void {
  const probe = temporaryPath(folder)
  closeSync(openSync(probe, 'wx'))
  unlinkSync(probe)
}

let temporaryFiles = 0

function temporaryPath(folder: string): string {
  temporaryFiles++
  return join(folder, `.pyprof-${process.pid}-${temporaryFiles}.tmp`)
}

function unwritable(path: string, why: string, hint: string): PyprofError {
  return usageError(`${path} cannot be written.`, `The system says: ${why}.`, hint)
}

/** Where an output went; `path` differs from the one asked for when that name was taken. */
export interface Written {
  readonly path: string
  readonly bytes: number
}

/**
 * Writes one output.
 * @param writeStdout receives what goes to stdout
 * @throws the system's error; half a file is left only where the place is `direct`
 */
export function writeOutput(
  output: Output,
  pieces: Iterable<string | Uint8Array>,
  writeStdout: (data: Uint8Array) => void,
): Written {
  const { place, path } = output
  switch (place.kind) {
    case 'stdout':
      return { path, bytes: writeToReader(pieces, writeStdout) }
    case 'direct':
      return { path, bytes: writeFile(place.path, 'w', pieces) }
    case 'new':
      return writeNew(path, pieces)
    case 'replace': {
      const temporary = temporaryPath(dirname(place.path))
      const bytes = writeFile(temporary, 'wx', pieces, place.old)
      try {
        renameSync(temporary, place.path)
      } catch (error) {
        unlinkSync(temporary)
        throw error
      }
      return { path, bytes }
    }
  }
}

/** A reader such as head may stop reading; that is its right and no error. */
function writeToReader(
  pieces: Iterable<string | Uint8Array>,
  writeStdout: (data: Uint8Array) => void,
): number {
  let bytes = 0
  try {
    for (const block of blocks(pieces)) {
      writeStdout(block)
      bytes += block.length
    }
  } catch (error) {
    if (errorCode(error) !== 'EPIPE') throw error
  }
  return bytes
}

/** Another pyprof may have taken the name in the same second: then `-2`, `-3`, … precede the suffix. */
export function writeNew(path: string, pieces: Iterable<string | Uint8Array>): Written {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? path : numbered(path, number)
    try {
      return { path: candidate, bytes: writeFile(candidate, 'wx', pieces) }
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
    }
  }
}

function numbered(path: string, number: number): string {
  const suffix = /(\.[a-z]+)+$/.exec(path)?.[0] ?? ''
  return `${path.slice(0, path.length - suffix.length)}-${number}${suffix}`
}

function writeFile(
  path: string,
  flags: 'w' | 'wx',
  pieces: Iterable<string | Uint8Array>,
  like?: Stats,
): number {
  const fd = openSync(path, flags)
  let isOpen = true
  try {
    if (like) takeOver(fd, like)
    let bytes = 0
    for (const block of blocks(pieces)) {
      writeAll(fd, block)
      bytes += block.length
    }
    isOpen = false
    closeSync(fd)
    return bytes
  } catch (error) {
    if (isOpen) closeSync(fd)
    if (flags === 'wx') unlinkSync(path)
    throw error
  }
}

/** Gives a new file the owner and permissions of the one that it replaces, as far as allowed. */
function takeOver(fd: number, old: Stats): void {
  try {
    fchownSync(fd, old.uid, old.gid)
    fchmodSync(fd, old.mode & 0o777)
  } catch (error) {
    if (errorCode(error) !== 'EPERM') throw error
  }
}

const BLOCK_SIZE = 1 << 16

/** Joins small pieces, so that a system call is made once a block and not once a line. */
function* blocks(pieces: Iterable<string | Uint8Array>): Generator<Uint8Array> {
  let text = ''
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      text += piece
      if (text.length < BLOCK_SIZE) continue
    }
    if (text !== '') yield Buffer.from(text)
    text = ''
    if (typeof piece !== 'string') yield piece
  }
  if (text !== '') yield Buffer.from(text)
}
