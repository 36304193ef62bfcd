import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { Proc } from '../sampling/proc.ts'

/** Who runs pyprof. */
export interface Invoker {
  /** Real user id. */
  readonly uid: number
  /** '' when it has none, or it is not known. */
  readonly name: string
  /** Of root: the user who logged in and became root, where that can be told. */
  readonly person: { readonly uid: number; readonly name: string } | undefined
}

/** The names of a user id; undefined: they cannot be looked up. */
export type UserNames = (uid: number) => readonly string[] | undefined

/** The kernel's "no user", (uid_t) -1: nobody has logged in. */
const NO_LOGIN = 2 ** 32 - 1

/**
 * Who runs this process. Behind root it looks for a person: first by the kernel's own note of who
 * logged in (proc_pid_loginuid(5)), which no later change of the user alters, then by what sudo says.
 */
export function invokerOf(
  proc: Proc,
  namesOf: UserNames,
  uid: number = process.getuid?.() ?? -1,
  env: NodeJS.ProcessEnv = process.env,
): Invoker {
  const name = (each: number) => namesOf(each)?.[0] ?? ''
  const behind = uid === 0 ? personBehindRoot(proc, env) : undefined
  return {
    uid,
    name: name(uid),
    person: behind === undefined ? undefined : { uid: behind, name: name(behind) },
  }
}

function personBehindRoot(proc: Proc, env: NodeJS.ProcessEnv): number | undefined {
  const login = Number(proc.read('self', 'loginuid')?.trim() || NO_LOGIN)
  if (login !== NO_LOGIN) return login === 0 ? undefined : login
  const sudo = env.SUDO_UID ?? ''
  return /^\d{1,10}$/.test(sudo) && Number(sudo) !== 0 ? Number(sudo) : undefined
}

/**
 * Looks names up in /etc/passwd, and where they are not in there asks getent, which knows of
 * directory services too. Each user id once.
 */
export function systemUserNames(passwd = '/etc/passwd'): UserNames {
  const known = new Map<number, readonly string[] | undefined>()
  return (uid) => {
    if (!known.has(uid)) known.set(uid, lookUp(uid, passwd))
    return known.get(uid)
  }
}

function lookUp(uid: number, passwd: string): readonly string[] | undefined {
  const own = uid === process.getuid?.() ? ownName() : []
  const names = [...new Set([...own, ...namesIn(readQuietly(passwd), uid)])]
  return names.length > 0 ? names : askSystem(uid)
}

function ownName(): readonly string[] {
  try {
    return [userInfo().username]
  } catch {
    return [] // a user id without a name
  }
}

function readQuietly(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Of passwd(5): `name:password:uid:…`. */
function namesIn(text: string, uid: number): readonly string[] {
  const fields = text.split('\n').map((line) => line.split(':'))
  return fields.filter((line) => line[2] === String(uid)).map(([name = '']) => name)
}

/** getent(1): "one or more supplied keys could not be found in the database". */
const NOT_FOUND = 2
const PATIENCE_MS = 5000

function askSystem(uid: number): readonly string[] | undefined {
  const { status, stdout } = spawnSync('getent', ['passwd', String(uid)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: PATIENCE_MS,
  })
  if (status === NOT_FOUND) return []
  return status === 0 ? namesIn(stdout, uid) : undefined
}
