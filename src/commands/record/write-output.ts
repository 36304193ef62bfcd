import {
  closeSync,
  fchmodSync,
  fchownSync,
  openSync,
  renameSync,
  type Stats,
  unlinkSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { errorCode, writeAll } from '../stdio.ts'
import { type Output, temporaryPath } from './outputs.ts'

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
  output: Pick<Output, 'path' | 'place'>,
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
  return createNew(path, (name) => ({ path: name, bytes: writeFile(name, 'wx', pieces) }))
}

/** @param create makes a file of this name, or throws the system's EEXIST */
export function createNew<T>(path: string, create: (path: string) => T): T {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? path : numbered(path, number)
    try {
      return create(candidate)
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
export function takeOver(fd: number, old: Stats): void {
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
