import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  realpathSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { type PyprofError, usageError } from '../../errors.ts'
import type { Format } from '../../formats/index.ts'
import { errorCode, errorText } from '../stdio.ts'

/** The path that means stdout. */
export const STDOUT_PATH = '-'

export interface OutputRequest<Kind = Format> {
  readonly path: string
  readonly format: Kind
  /** Named by pyprof: such a file never replaces another. */
  readonly isDefault: boolean
}

/** An output that was found to be writable. */
export interface Output<Kind = Format> {
  readonly path: string
  readonly format: Kind
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
export function planOutputs<Kind>(requests: readonly OutputRequest<Kind>[]): Output<Kind>[] {
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

function findPlace({ path, isDefault }: OutputRequest<unknown>): Place {
  if (path === STDOUT_PATH) return { kind: 'stdout' }
  try {
    const old = isDefault ? undefined : statSync(path, { throwIfNoEntry: false })
    if (old?.isDirectory() || path.endsWith('/')) {
      throw folderError(path)
    }
    if (old && !old.isFile()) {
      // Opening a pipe would already be seen at its other end.
      accessSync(path, constants.W_OK)
      return { kind: 'direct', path: resolve(path) }
    }
    if (old) closeSync(openSync(path, constants.O_WRONLY))
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

/** A name for a file that is renamed or removed before pyprof ends. */
export function temporaryPath(folder: string): string {
  temporaryFiles++
  return join(folder, `.pyprof-${process.pid}-${temporaryFiles}.tmp`)
}

export function isFolder(path: string): boolean {
  return path !== STDOUT_PATH && (statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false)
}

export function folderError(path: string): PyprofError {
  return unwritable(path, 'it is a folder', `Name a file in it: -o ${join(path, 'FILE')}`)
}

function unwritable(path: string, why: string, hint: string): PyprofError {
  return usageError(`${path} cannot be written.`, `The system says: ${why}.`, hint)
}
