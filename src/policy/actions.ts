import { globMatches } from './glob.ts'

/** What `pyprof exec` can ask of a target, by the names of its command line. */
export const EXEC_ACTIONS = [
  'perf-trampoline',
  'faulthandler',
  'gc-debug',
  'gc',
  'tracemalloc',
  'switch-interval',
  'recursion-limit',
  'asyncio-debug',
  'symbols',
  'modules',
  'threads',
  'gc-stats',
  'object-types',
  'warnings',
] as const
export type ExecAction = (typeof EXEC_ACTIONS)[number]

/** What pyprof does to processes, apart from looking whether they are Pythons. */
const ACTIONS = [
  /** Reads a running process again and again. */
  'record',
  /** Starts a command and records it. */
  'launch',
  /** Stops the target for moments, by ptrace, besides whatever else is done. */
  'stop',
  /** Reads the stacks of a process once. */
  'dump',
  /** Reads values of its variables, besides dumping it. */
  'dump-locals',
] as const

/** An action that a policy allows or forbids. */
export type Action = (typeof ACTIONS)[number] | `exec:${ExecAction}`

export const ALL_ACTIONS: readonly Action[] = [
  ...ACTIONS,
  ...EXEC_ACTIONS.map((name) => `exec:${name}` as const),
]

/** The actions that a name of a policy stands for, in which `*` is any text; none: it is no name. */
export function actionsNamed(pattern: string): readonly Action[] {
  return ALL_ACTIONS.filter((action) => globMatches(pattern, action))
}
