import type { ProcessStatus } from '../sampling/proc.ts'

/** As whom a process uses files. */
export interface Owner {
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
}

/** The user and groups by which the kernel judges a process's use of files. */
export function ownerOf({ uids, gids, groups }: ProcessStatus): Owner {
  return { uid: uids[3] ?? -1, gid: gids[3] ?? -1, groups }
}

/**
 * Does something with files as another user, so that all of it belongs to that user and nothing can
 * be reached by it that this user could not reach alone. Synchronous work only.
 * @throws a system error EPERM where this process may not become that user
 */
export function asOwner<T>({ uid, gid }: Owner, act: () => T): T {
  const own = process.geteuid?.() ?? -1
  const ownGroup = process.getegid?.() ?? -1
  if (own === uid) return act()
  const groups = process.getgroups?.() ?? []
  process.setgroups?.([])
  try {
    process.setegid?.(gid)
    process.seteuid?.(uid)
    return act()
  } finally {
    process.seteuid?.(own)
    process.setegid?.(ownGroup)
    process.setgroups?.(groups)
  }
}

/** The parts of a file's status that tell who may pass. */
export interface Passage {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** Whether a user may search a folder, by its mode; access lists are not looked at. */
export function maySearch({ mode, uid, gid }: Passage, owner: Owner): boolean {
  if (owner.uid === 0) return true
  if (owner.uid === uid) return (mode & 0o100) !== 0
  if (owner.gid === gid || owner.groups.includes(gid)) return (mode & 0o010) !== 0
  return (mode & 0o001) !== 0
}
