import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { EXIT, PyprofError } from '../errors.ts'
import type { Proc } from '../sampling/proc.ts'
import { candidates, type Folder, reachFolder } from './folders.ts'
import { asOwner, type Owner } from './owner.ts'
import type { Script } from './source.ts'

/** The name is random, so that nobody can have prepared it. */
const RANDOM_BYTES = 9
const ANSWER = 'answer'
/** A larger answer is not of a script of ours. */
const MAX_ANSWER = 256 * 2 ** 20
/** Last access of a script that nobody has read, ms since 1970. */
const NEVER_READ = 1000

/** A folder with a script and a file for its answer, which only the target's user can open. */
export class Channel {
  /** As the target sees it. */
  readonly scriptPath: string
  readonly #owner: Owner
  readonly #parent: number
  readonly #folder: number
  readonly #answer: number
  readonly #script: number
  readonly #names: { readonly folder: string; readonly script: string }
  #isOpen = true
  #isWithdrawn = false

  /** @throws a system error where the folder cannot be written */
  constructor(place: Folder, folderName: string, script: Script, owner: Owner) {
    this.scriptPath = join(place.inTarget, folderName, script.name)
    this.#owner = owner
    this.#names = { folder: folderName, script: script.name }
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_RDWR, O_CREAT, O_EXCL } = constants
    this.#parent = openSync(place.path, O_RDONLY | O_DIRECTORY)
    const open: number[] = [this.#parent]
    const made: (() => void)[] = []
    const at = (fd: number, name: string) => `/proc/self/fd/${fd}/${name}`
    try {
      const opened = asOwner(owner, () => {
        try {
          mkdirSync(at(this.#parent, folderName), 0o700)
          made.unshift(() => rmdirSync(at(this.#parent, folderName)))
          const inside = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
          const folder = openSync(at(this.#parent, folderName), inside)
          open.push(folder)
          fchmodSync(folder, 0o700)
          const create = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW
          const answer = openSync(at(folder, ANSWER), create, 0o600)
          open.push(answer)
          made.unshift(() => unlinkSync(at(folder, ANSWER)))
          fchmodSync(answer, 0o600)
          const text = openSync(at(folder, script.name), create, 0o400)
          open.push(text)
          made.unshift(() => unlinkSync(at(folder, script.name)))
          fchmodSync(text, 0o400)
          writeWhole(text, script.text)
          futimesSync(text, 0, Date.now() / 1000)
          return { folder, answer, text }
        } catch (error) {
          for (const undo of made) attempt(undo)
          throw error
        }
      })
      this.#folder = opened.folder
      this.#answer = opened.answer
      this.#script = opened.text
      this.#mustBeSeen(place, made)
    } catch (error) {
      for (const fd of open) closeSync(fd)
      throw error
    }
  }

  /** What the target would find by the path must be the very file. */
  #mustBeSeen(place: Folder, made: readonly (() => void)[]): void {
    const own = fstatSync(this.#folder)
    const seen = statSync(join(place.path, this.#names.folder), { throwIfNoEntry: false })
    if (seen?.ino === own.ino && seen.dev === own.dev) return
    asOwner(this.#owner, () => {
      for (const undo of made) attempt(undo)
    })
    throw new Error('the target would not find it there')
  }

  /** The whole answer; undefined as long as it has not come. @throws Error when it is too long */
  answer(): string | undefined {
    const { size } = fstatSync(this.#answer)
    if (size === 0) return undefined
    if (size > MAX_ANSWER) throw new Error('the answer is longer than any script of pyprof writes')
    const data = Buffer.alloc(size)
    let read = 0
    for (let got = 1; read < size && got > 0; read += got) {
      got = readSync(this.#answer, data, read, size - read, read)
    }
    return read === size && data[size - 1] === 0 ? data.toString('utf8', 0, size - 1) : undefined
  }

  /** Whether the script has begun: it removes the name of the answer first of all. */
  hasBegun(): boolean {
    if (this.#isWithdrawn) return false
    const name = `/proc/self/fd/${this.#folder}/${ANSWER}`
    return asOwner(this.#owner, () => lstatSync(name, { throwIfNoEntry: false })) === undefined
  }

  /** Whether anybody has read the script; false too where the file system keeps no access times. */
  wasRead(): boolean {
    return fstatSync(this.#script).atimeMs > NEVER_READ
  }

  /** Takes the script its permission to begin. False when it has begun before. */
  withdraw(): boolean {
    if (this.#isWithdrawn) return true
    this.#isWithdrawn = attempt(() => this.#remove(ANSWER))
    return this.#isWithdrawn
  }

  /** Removes everything; a script that still runs stops at its next look. @returns what is left */
  close(): string | undefined {
    if (!this.#isOpen) return undefined
    this.#isOpen = false
    attempt(() => this.#remove(this.#names.script))
    attempt(() => this.#remove(ANSWER))
    // Before the folder: some file systems keep a removed file in it as long as it is open.
    for (const fd of [this.#script, this.#answer, this.#folder]) closeSync(fd)
    const folder = `/proc/self/fd/${this.#parent}/${this.#names.folder}`
    const isGone = attempt(() => asOwner(this.#owner, () => rmdirSync(folder)))
    closeSync(this.#parent)
    return isGone ? undefined : dirname(this.scriptPath)
  }

  #remove(name: string): void {
    asOwner(this.#owner, () => unlinkSync(`/proc/self/fd/${this.#folder}/${name}`))
  }
}

/** The folder for a channel, not made yet. */
export interface ChannelPlan {
  readonly place: Folder
  readonly name: string
  /** Of the script, as the target sees it. */
  readonly scriptPath: string
  readonly owner: Owner
}

/**
 * Where a channel could be made, best first. Nothing is written.
 * @throws PyprofError code `no-folder`
 */
export function planChannels(
  proc: Proc,
  pid: number,
  owner: Owner,
  scriptName: string,
  pathSize: number,
): ChannelPlan[] {
  const name = `pyprof-${randomBytes(RANDOM_BYTES).toString('base64url')}`
  const refused: string[] = []
  const plans: ChannelPlan[] = []
  for (const candidate of candidates(proc, pid, owner)) {
    const place = reachFolder(pid, candidate, owner)
    if (typeof place === 'string') {
      refused.push(`${candidate}: ${place}`)
      continue
    }
    const scriptPath = join(place.inTarget, name, scriptName)
    if (Buffer.byteLength(scriptPath) >= pathSize)
      refused.push(`${candidate}: its path is too long`)
    else plans.push({ place, name, scriptPath, owner })
  }
  if (plans.length === 0) throw noFolder(pid, refused)
  return plans
}

/**
 * Makes the first channel that can be made.
 * @throws PyprofError code `no-folder`, or `other-user` where pyprof may not become the target's user
 */
export function openChannel(
  pid: number,
  plans: readonly ChannelPlan[],
  scriptIn: (folder: string) => Script,
): Channel {
  const refused: string[] = []
  for (const { place, name, scriptPath, owner } of plans) {
    try {
      return new Channel(place, name, scriptIn(dirname(scriptPath)), owner)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      const call = error instanceof Error && 'syscall' in error ? String(error.syscall) : ''
      if (code === 'EPERM' && /^set/.test(call)) throw otherUser(pid, owner)
      refused.push(`${place.inTarget}: ${code || (error instanceof Error ? error.message : error)}`)
    }
  }
  throw noFolder(pid, refused)
}

function noFolder(pid: number, refused: readonly string[]): PyprofError {
  return new PyprofError({
    code: 'no-folder',
    what: `There is no folder through which process ${pid} could be given a script.`,
    why: `${refused.join('; ')}.`,
    hint: 'Give it a folder that its user may write to: mount a tmpfs on /dev/shm or /tmp.',
    exitCode: EXIT.target,
  })
}

function otherUser(pid: number, { uid }: Owner): PyprofError {
  return new PyprofError({
    code: 'other-user',
    what: `Process ${pid} could not open a script of pyprof's.`,
    why: `It runs as user ${uid}, pyprof as user ${process.geteuid?.()}, and only root may make files of others.`,
    hint: `Run: sudo env "PATH=$PATH" pyprof exec ${pid} …`,
    exitCode: EXIT.target,
  })
}

function writeWhole(fd: number, text: string): void {
  let rest = Buffer.from(text)
  while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest))
}

/** Whether it could be done. */
function attempt(act: () => void): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}
