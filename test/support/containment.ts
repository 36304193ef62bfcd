import { readFileSync } from 'node:fs'

const IS_ROOT = process.getuid?.() === 0

/** Prefix of a command that gives it a mount namespace of its own, in which it may mount. */
export const OWN_MOUNTS = ['unshare', IS_ROOT ? '-m' : '-Urm']

/** Prefix of a command that makes it the first process of a pid namespace; see onlyChild. */
export const OWN_PIDS = ['unshare', IS_ROOT ? '-pf' : '-Urpf', '--kill-child']

/**
 * Prefix of a command that takes all capabilities from it, as an ordinary user has none. Without
 * CAP_SYS_ADMIN there is no /proc/PID/map_files, and processes with more capabilities are out of
 * reach.
 */
export const UNPRIVILEGED = IS_ROOT
  ? ['setpriv', '--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all']
  : []

/** The only child of a process. @throws Error when there is not just one */
export function onlyChild(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  if (children.length !== 1 || children[0] === '') {
    throw new Error(`Process ${pid} has the children '${children.join(' ')}'.`)
  }
  return Number(children[0])
}
