import type { ExecAction } from '../policy/actions.ts'

/** What a value may be; `parse` gives it as the script takes it, or undefined when it is none. */
export interface ValueRule {
  /** For help and errors: `on|off`. */
  readonly text: string
  parse(text: string): string | undefined
}

/** Something that a target can be asked to do, by a script of its own name in scripts/. */
export interface Action {
  readonly name: ExecAction
  /** An option can be changed; a dump only tells. */
  readonly kind: 'option' | 'dump'
  readonly summary: string
  /** null: it takes no value. Without a value an option only tells how it is set. */
  readonly values: ValueRule | null
}

/** Asks for an option as it is, like no value at all. */
const STATUS = 'status'

function words(...allowed: readonly string[]): ValueRule {
  return {
    text: allowed.join('|'),
    parse: (text) => (allowed.includes(text) ? text : undefined),
  }
}

const SWITCH = words('on', 'off')

/** As many frames as tracemalloc can keep: MAX_NFRAME in Python/tracemalloc.c. */
const MAX_FRAMES = 65_535
const TRACEMALLOC: ValueRule = {
  text: 'on|on:FRAMES|off',
  parse: (text) => {
    const frames = Number(/^on:(\d{1,5})$/.exec(text)?.[1] ?? 0)
    const counts = frames >= 1 && frames <= MAX_FRAMES
    return text === 'on' || text === 'off' || counts ? text : undefined
  },
}

const DEBUG_FLAGS = ['stats', 'collectable', 'uncollectable', 'saveall']
/** As gc.DEBUG_LEAK. */
const LEAK = 'collectable,uncollectable,saveall'
const GC_DEBUG: ValueRule = {
  text: `off|leak|${DEBUG_FLAGS.join('|')}, several with commas`,
  parse: (text) => {
    if (text === 'leak') return LEAK
    if (text === 'off') return text
    return text.split(',').every((flag) => DEBUG_FLAGS.includes(flag)) ? text : undefined
  },
}

/** `5ms`, `0.005`, `5s`, as seconds; more than a minute would be a slip of the fingers. */
const INTERVAL: ValueRule = {
  text: 'a time such as 5ms or 0.005, at most 60s',
  parse: (text) => {
    const match = /^(\d+\.?\d*|\.\d+)(ms|us|s)?$/.exec(text)
    const unit = { us: 1e-6, ms: 1e-3, s: 1 }[match?.[2] ?? 's'] ?? 1
    const seconds = Number(match?.[1] ?? 0) * unit
    return seconds >= 1e-6 && seconds <= 60 ? String(Number(seconds.toPrecision(9))) : undefined
  },
}

/** A C int, as sys.setrecursionlimit takes it. */
const MAX_LIMIT = 2 ** 31 - 1
const LIMIT: ValueRule = {
  text: 'a number of calls from 1 to 2147483647',
  parse: (text) => {
    const limit = /^\d{1,10}$/.test(text) ? Number(text) : 0
    return limit >= 1 && limit <= MAX_LIMIT ? String(limit) : undefined
  },
}

/** All that pyprof can ask a target for. docs/remote-exec.md lists the same. */
export const ACTIONS: readonly Action[] = [
  option('perf-trampoline', SWITCH, 'name Python functions for perf and other native profilers'),
  option('faulthandler', SWITCH, 'write the stacks of all threads when it crashes'),
  option('gc', words('on', 'off', 'freeze', 'unfreeze'), 'the cyclic garbage collector'),
  option('gc-debug', GC_DEBUG, 'what the garbage collector writes about its work'),
  option('tracemalloc', TRACEMALLOC, 'remember where memory is allocated'),
  option('switch-interval', INTERVAL, 'how long a thread may keep the GIL while others wait'),
  option('recursion-limit', LIMIT, 'how deep calls may nest'),
  option('asyncio-debug', SWITCH, 'the debug mode of the event loops that run'),
  dump('symbols', 'code objects: names, files, lines, native addresses where there are'),
  dump('modules', 'the modules that are loaded'),
  dump('threads', 'threads and their stacks, as Python itself sees them'),
  dump('gc-stats', 'what the garbage collector has done'),
  dump('object-types', 'count and size of the tracked objects, by type'),
  dump('warnings', 'warnings that were given, and the filters'),
]

function option(name: ExecAction, values: ValueRule, summary: string): Action {
  return { name, kind: 'option', summary, values }
}

function dump(name: ExecAction, summary: string): Action {
  return { name, kind: 'dump', summary, values: null }
}

export function actionNamed(name: string): Action | undefined {
  return ACTIONS.find((action) => action.name === name)
}

/** The value as the script takes it: null to only tell; undefined when it is none of the action's. */
export function scriptValue(action: Action, text: string | undefined): string | null | undefined {
  if (text === undefined) return null
  if (action.values === null) return undefined
  return text === STATUS ? null : action.values.parse(text)
}
