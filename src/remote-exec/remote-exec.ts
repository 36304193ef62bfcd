import { setTimeout as sleep } from 'node:timers/promises'
import type { AskStatus, ExecThread } from '../sampling/addon.ts'
import type { Action } from './actions.ts'
import { type Activity, activityOf, whyItWaits } from './activity.ts'
import { type Answer, parseAnswer, type ScriptError, type Setting, type Table } from './answer.ts'
import { type Channel, openChannel, planChannels } from './channel.ts'
import * as failures from './failures.ts'
import { type Script, scriptFor, scriptName } from './source.ts'
import { type ExecTarget, mustHaveRoom, mustTakeScripts } from './target.ts'

/** What is asked of a target. */
export interface ExecRequest {
  readonly action: Action
  /** As the action's values give it; null: only tell. */
  readonly value: string | null
  /** Until the answer is there. */
  readonly timeoutMs: number
  /** Only this thread; without it the one that gets there first. */
  readonly tid?: number
}

/** How whoever asks hears of what happens meanwhile. */
export interface ExecWatcher {
  /** Ends it early: what has not begun is withdrawn. */
  readonly cancelled?: AbortSignal
  /** Why it takes long. */
  onWait?(text: string): void
}

export interface ExecOutcome {
  /** The thread that was asked when the script ran. */
  readonly thread: { readonly tid: number; readonly isMain: boolean }
  /** From the request to the answer, ns. */
  readonly waitedNs: number
  /** Time of the target that the script took, ns; without opening and compiling it. */
  readonly scriptNs: number
  readonly result: Setting | Table
  /** Files that could not be removed; undefined: none. */
  readonly left: string | undefined
}

/** What a request would write, and where. */
export interface ExecPlan {
  readonly thread: ExecThread
  readonly script: Script
  /** As the target sees it. */
  readonly scriptPath: string
  /** Files of the target's user. */
  readonly files: readonly {
    readonly path: string
    readonly mode: string
    readonly bytes: number
  }[]
  /** Memory of the target, in this order. */
  readonly writes: readonly {
    readonly address: string
    readonly bytes: number
    readonly what: string
  }[]
}

/** A thread that did not take the request in this time is left for one that runs. */
const PATIENCE_MS = 100
/** From the target's taking the request to the script's first act. */
const START_MS = 2000
/** For a script that has begun when its time is over: as long as that was, within these bounds. */
const FINISH_MS = { least: 100, most: 1000 } as const
/** Between a request that could have been taken just now and the removal of its script. */
const GRACE_MS = 100
/** A script of a pyprof that was killed does nothing this long after its time. */
const LATE_MS = 5000
const POLL_MS = 1
const SLOW_POLL_MS = 10
/** Waiting is told of after this time. */
const TELL_MS = 1000

/**
 * What remoteExec would do first. Reads only.
 * @throws PyprofError as remoteExec
 */
export function planExec(target: ExecTarget, request: ExecRequest): ExecPlan {
  const thread = firstThread(target, request.tid)
  const [channel] = plansFor(target, request.action)
  if (channel === undefined) throw failures.noThread(target, request.tid)
  const { scriptPath } = channel
  const folder = scriptPath.slice(0, scriptPath.lastIndexOf('/'))
  const script = scriptIn(target, request)(folder)
  return {
    thread,
    script,
    scriptPath,
    files: [
      { path: folder, mode: '0700', bytes: 0 },
      { path: scriptPath, mode: '0400', bytes: Buffer.byteLength(script.text) },
      { path: `${folder}/answer`, mode: '0600', bytes: 0 },
    ],
    writes: [
      {
        address: thread.pathAddress,
        bytes: Buffer.byteLength(scriptPath) + 1,
        what: 'path of the script',
      },
      { address: thread.pendingAddress, bytes: 4, what: 'pending flag, 1' },
      { address: thread.breakerAddress, bytes: 1, what: 'eval breaker, bit 5' },
    ],
  }
}

/**
 * Has a target run one of the scripts of pyprof, and brings its answer. The one way in which anything
 * is written to a target or to its files: whoever allows or notes that does it here.
 * @throws PyprofError when it did not run, with the reason; then the request has been withdrawn
 */
export async function remoteExec(
  target: ExecTarget,
  request: ExecRequest,
  watcher: ExecWatcher = {},
): Promise<ExecOutcome> {
  mustTakeScripts(target)
  mustHaveRoom(target)
  firstThread(target, request.tid)
  let script: Script | undefined
  const plans = plansFor(target, request.action)
  const channel = openChannel(target.pid, plans, (folder) => {
    script = scriptIn(target, request)(folder)
    return script
  })
  const run = new Run(target, request, watcher, channel)
  const abandon = () => run.abandon()
  process.once('exit', abandon)
  try {
    const { answer, thread, waitedNs } = await run.answer()
    const { scriptNs } = answer
    if (answer.kind === 'error') {
      const error = answer.result as ScriptError
      throw failures.scriptFailed(target, error, script?.placeOf(error.line) ?? '')
    }
    const result = answer.result as Setting | Table
    const { tid, isMain } = thread
    return { thread: { tid, isMain }, waitedNs, scriptNs, result, left: await run.end() }
  } finally {
    await run.end()
    process.off('exit', abandon)
  }
}

function plansFor({ proc, pid, owner, native }: ExecTarget, action: Action) {
  return planChannels(proc, pid, owner, scriptName(action), native.pathSize)
}

function scriptIn(target: ExecTarget, { action, value, timeoutMs }: ExecRequest) {
  const deadline = (Date.now() + timeoutMs + LATE_MS) / 1000
  return (folder: string) => scriptFor({ action, value, folder, pid: target.innerPid, deadline })
}

/** The main thread first: it is there to the end, and often comes by. */
function firstThread(target: ExecTarget, tid: number | undefined): ExecThread {
  const threads = target.native.threads()
  const found =
    tid === undefined
      ? (threads.find(({ isMain }) => isMain) ?? threads.at(-1))
      : threads.find((thread) => thread.tid === tid)
  if (found === undefined) throw failures.noThread(target, tid)
  return found
}

interface Answered {
  readonly answer: Answer
  readonly thread: ExecThread
  readonly waitedNs: number
}

/** One request, from asking to the removal of all that was made for it. */
class Run {
  readonly #target: ExecTarget
  readonly #request: ExecRequest
  readonly #watcher: ExecWatcher
  readonly #channel: Channel
  /** Undefined as long as nothing waits in the target: it is to be asked (again). */
  #asked: ExecThread | undefined
  #last: ExecThread
  #takenAt: number | undefined
  #isOccupied = false
  #hasEnded = false
  #told = false
  #left: string | undefined
  /** By native id, as of the last look. */
  #before = new Map<number, Activity>()
  /** ns that threads ran between the last two looks. */
  readonly #ranSince = new Map<number, number>()
  /** Why threads that were asked did not come by. */
  readonly #reasons = new Map<number, string>()
  #asks = 0

  constructor(target: ExecTarget, request: ExecRequest, watcher: ExecWatcher, channel: Channel) {
    this.#target = target
    this.#request = request
    this.#watcher = watcher
    this.#channel = channel
    this.#last = firstThread(target, request.tid)
  }

  /** @throws PyprofError when no answer came */
  async answer(): Promise<Answered> {
    const start = performance.now()
    const deadline = start + this.#request.timeoutMs
    let lookAgain = start + PATIENCE_MS
    this.#lookAtThreads()
    this.#ask(this.#last)
    for (;;) {
      const text = this.#read()
      const now = performance.now()
      if (text !== undefined) {
        const waitedNs = Math.round((now - start) * 1e6)
        return { answer: this.#parse(text), thread: this.#last, waitedNs }
      }
      this.#look(now)
      if (this.#watcher.cancelled?.aborted || now > deadline) {
        const late = await this.#giveUp(now > deadline)
        const waitedNs = Math.round((performance.now() - start) * 1e6)
        return { answer: this.#parse(late), thread: this.#last, waitedNs }
      }
      if (now > lookAgain) {
        lookAgain = now + PATIENCE_MS
        const threads = this.#lookAtThreads()
        if (threads.length === 0) throw failures.ended(this.#target)
        if (this.#takenAt === undefined) this.#moveOn(threads, now - start)
        else this.#mustBegin(now - this.#takenAt)
      }
      await sleep(now - start < PATIENCE_MS ? POLL_MS : SLOW_POLL_MS)
    }
  }

  /** Leaves nothing behind; safe to call again. @returns what could not be removed */
  async end(): Promise<string | undefined> {
    if (this.#hasEnded) return this.#left
    const hasBegun = !this.#channel.withdraw()
    this.#target.native.withdraw()
    // A thread that has taken a request just now must find a script, if only one that does nothing:
    // that there is none, Python would write to the program's stderr.
    if (this.#asks > (hasBegun ? 1 : 0)) await sleep(GRACE_MS)
    return this.abandon()
  }

  /** The same without waiting, for a process that ends now. */
  abandon(): string | undefined {
    if (this.#hasEnded) return this.#left
    this.#hasEnded = true
    this.#channel.withdraw()
    this.#target.native.withdraw()
    this.#left = this.#channel.close()
    return this.#left
  }

  #read(): string | undefined {
    try {
      return this.#channel.answer()
    } catch (error) {
      throw failures.badAnswer(this.#target, error)
    }
  }

  #parse(text: string): Answer {
    try {
      return parseAnswer(text)
    } catch (error) {
      throw failures.badAnswer(this.#target, error)
    }
  }

  #ask(thread: ExecThread): void {
    const { status, errno } = this.#target.native.ask(thread.state, this.#channel.scriptPath)
    if (status === 'asked') this.#asks++
    this.#isOccupied = status === 'busy'
    this.#asked = undefined
    const outcomes: Record<AskStatus, () => void> = {
      asked: () => {
        this.#asked = thread
        this.#last = thread
      },
      off: () => mustTakeScripts(this.#target),
      'path-too-long': () => {
        throw failures.noThread(this.#target, thread.tid)
      },
      'write-failed': () => {
        throw failures.writeRefused(this.#target, errno)
      },
      disturbed: () => {
        throw failures.replaced(this.#target)
      },
      // Both may be over at the next look.
      busy: () => {},
      'no-thread': () => {},
    }
    outcomes[status]()
  }

  #look(now: number): void {
    if (this.#asked === undefined) return
    switch (this.#target.native.look()) {
      case 'taken':
        this.#takenAt ??= now
        this.#asked = undefined
        break
      case 'replaced':
        this.#asked = undefined
        throw failures.replaced(this.#target)
      case 'gone':
      case 'none':
        this.#asked = undefined
        break
      case 'waiting':
        break
    }
  }

  #mustBegin(takenMs: number): void {
    if (this.#channel.hasBegun() || takenMs < START_MS) return
    throw failures.notRun(this.#target, this.#channel.wasRead())
  }

  /** Asks another thread when the one that was asked does not come by. */
  #moveOn(threads: readonly ExecThread[], waitedMs: number): void {
    const { native } = this.#target
    if (waitedMs > TELL_MS && !this.#told) {
      this.#told = true
      const [reason = ''] = this.#reasons.values()
      this.#watcher.onWait?.(reason)
    }
    const next = this.#request.tid === undefined ? this.#busiest(threads) : undefined
    if (this.#asked !== undefined) {
      if (next === undefined) return
      const state = native.withdraw()
      if (state === 'taken') this.#takenAt ??= performance.now()
      this.#asked = undefined
      if (state !== 'none') return
      this.#ask(next)
      return
    }
    const again = threads.find(({ state }) => state === this.#last.state)
    if (again === undefined && this.#request.tid !== undefined) {
      throw failures.noThread(this.#target, this.#request.tid)
    }
    this.#ask(next ?? again ?? firstThread(this.#target, this.#request.tid))
  }

  /** The thread that ran most since the last look, and was there then; undefined when none ran. */
  #busiest(threads: readonly ExecThread[]): ExecThread | undefined {
    const ran = ({ tid }: ExecThread) => this.#ranSince.get(tid) ?? 0
    const wasTried = ({ tid }: ExecThread) => Number(this.#reasons.has(tid))
    const [busiest] = threads
      .filter((each) => each.state !== this.#asked?.state && !each.pending && ran(each) > 0)
      .sort((a, b) => wasTried(a) - wasTried(b) || ran(b) - ran(a))
    return busiest
  }

  #lookAtThreads(): readonly ExecThread[] {
    const { native, proc, pid } = this.#target
    const threads = native.threads()
    const now = new Map<number, Activity>()
    this.#ranSince.clear()
    for (const { tid, state } of threads) {
      if (tid === 0) continue
      const activity = activityOf(proc, pid, tid)
      now.set(tid, activity)
      const before = this.#before.get(tid)
      if (before === undefined) continue
      this.#ranSince.set(tid, activity.ran - before.ran)
      if (state === this.#asked?.state) this.#reasons.set(tid, whyItWaits(before, activity))
    }
    this.#before = now
    return threads
  }

  /** @returns the answer of a script that had begun; @throws PyprofError of all others */
  async #giveUp(isLate: boolean): Promise<string> {
    const { native } = this.#target
    const seconds = Number((this.#request.timeoutMs / 1000).toPrecision(3))
    if (this.#channel.withdraw()) {
      const state = native.withdraw()
      if (state === 'taken') this.#takenAt ??= performance.now()
      if (!isLate) throw failures.interrupted(this.#target, false)
      if (this.#isOccupied) throw failures.occupied(this.#target, seconds)
      if (this.#takenAt !== undefined) {
        throw failures.notRun(this.#target, this.#channel.wasRead())
      }
      throw failures.notTaken(this.#target, this.#whyNot(), seconds)
    }
    const { least, most } = FINISH_MS
    const more = Math.min(most, Math.max(least, this.#request.timeoutMs))
    const until = performance.now() + more
    while (performance.now() < until) {
      const text = this.#read()
      if (text !== undefined) return text
      await sleep(SLOW_POLL_MS)
    }
    throw isLate
      ? failures.notFinished(this.#target, seconds)
      : failures.interrupted(this.#target, true)
  }

  #whyNot(): string[] {
    const reasons = [...this.#reasons].slice(0, 3)
    if (reasons.length === 0) return ['None of its threads came by']
    return reasons.map(([tid, reason]) => {
      const isMain = tid === this.#target.pid
      return isMain ? `Its main thread ${reason}` : `Thread ${tid} ${reason}`
    })
  }
}
