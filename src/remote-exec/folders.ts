import { lstatSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Proc } from '../sampling/proc.ts'
import { maySearch, type Owner } from './owner.ts'

/** A folder for the script: as the target sees it, and as pyprof reaches it. */
export interface Folder {
  readonly inTarget: string
  readonly path: string
}

/** Where a process can usually write. The last ones are there where all else is read-only. */
const USUAL = ['/tmp', '/var/tmp', '/dev/shm', '/run/lock', '/run']

/**
 * Folders to try, best first: the target's own TMPDIR, the usual ones, its run-time folder, the
 * folder in which it works, its home. That nothing can be executed in them does not matter.
 */
export function candidates(proc: Proc, pid: number, owner: Owner): string[] {
  const environment = (proc.read(pid, 'environ') ?? '').split('\0')
  const variable = (name: string) =>
    environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1)
  const all = [
    variable('TMPDIR'),
    ...USUAL,
    variable('XDG_RUNTIME_DIR'),
    `/run/user/${owner.uid}`,
    proc.link(pid, 'cwd'),
    variable('HOME'),
  ]
  const usable = all.filter((path) => path !== undefined && /^\/[^\0\ufffd]*$/.test(path))
  return [...new Set(usable as string[])]
}

/**
 * Looks at a folder through the target's root, whatever the mount namespaces are.
 * @returns the reason in a few words when it cannot be used
 */
export function reachFolder(pid: number, inTarget: string, owner: Owner): Folder | string {
  const root = `/proc/${pid}/root`
  let path = root
  let real = ''
  try {
    const isOwnRoot = readlinkSync(root) === '/'
    for (const part of ['', ...inTarget.split('/').filter(Boolean)]) {
      real = part === '' ? '/' : join(real, part)
      path = part === '' ? `${root}/` : join(path, part)
      const status = lstatSync(path)
      // Through another root a link would lead into ours.
      if (status.isSymbolicLink() && !isOwnRoot) return 'a symbolic link is on the way'
      const folder = status.isSymbolicLink() ? statSync(path) : status
      if (!folder.isDirectory()) return 'no folder'
      if (!maySearch(folder, owner)) return `user ${owner.uid} may not enter ${real}`
    }
    return { inTarget: real, path }
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}
