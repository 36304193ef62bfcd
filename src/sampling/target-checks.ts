import type { PyprofError } from '../errors.ts'
import type { Redactor } from '../redaction/redactor.ts'
import type { Addon, Probe } from './addon.ts'
import { explainAttachFailure } from './attach-failure.ts'
import { type Container, containerOf } from './containers.ts'
import { type Check, check, usableRemedies } from './diagnosis.ts'
import type { Machine } from './machine.ts'
import { explainDenial } from './permission.ts'
import { commandOf, type Proc, type ProcessStatus, parseStatus, readStatus } from './proc.ts'
import { formatProcessors, parseProcessors } from './processors.ts'
import { type Remedy, remediesFor } from './remedies.ts'
import { remoteDebuggingOf } from './remote-debugging.ts'

/** What is known of one process. */
export interface TargetFacts {
  readonly pid: number
  readonly command: string
  /** Real user id. */
  readonly uid: number
  /** One letter, as in ps. */
  readonly state: string
  readonly threads: number
  readonly container: Container | null
  /** '' when it could not be read. */
  readonly pythonVersion: string
  /** null: it could not be read. */
  readonly freeThreaded: boolean | null
  /** Whether it takes scripts from a debugger (PEP 768); null: it could not be read, or 3.13. */
  readonly remoteDebugging: boolean | null
  /** Processors that its threads may run on: `0-3`. */
  readonly processors: string
}

export interface TargetDiagnosis {
  /** null: there is no such process. */
  readonly target: TargetFacts | null
  readonly checks: readonly Check[]
}

/** Looks at one process, tries to read it, and says what works on it and what does not. */
export function diagnoseTarget(
  pid: number,
  machine: Machine,
  addon: Addon,
  proc: Proc,
  redactor: Redactor,
): TargetDiagnosis {
  const probe = addon.probe(pid)
  const failure = probe.ok ? undefined : explainAttachFailure({ pid, ...probe }, proc)
  const status = readStatus(proc, pid)
  if (status === undefined || (failure && NO_PROCESS.has(failure.code))) {
    const remedies = missingRemedies(machine, proc, pid)
    return { target: null, checks: [failed('process', failure, remedies)] }
  }
  const target = factsOf(pid, probe, status, proc, redactor)
  return {
    target,
    checks: [
      ...readingChecks(probe, failure, target, machine, proc),
      check('target-user', 'note', `it belongs to user ${target.uid}`),
      check('target-container', 'note', containerNote(target.container)),
      ...stateChecks(status),
      ...(probe.ok ? [exactCheck(target, machine, addon.reachableProcessors())] : []),
      ...(probe.ok || probe.code === 'permission'
        ? [remoteDebuggingCheck(target, probe, proc)]
        : []),
    ],
  }
}

/** Codes of explainAttachFailure for what is not a running process with memory of its own. */
const NO_PROCESS: ReadonlySet<string> = new Set([
  'no-such-process',
  'not-a-process',
  'zombie',
  'kernel-thread',
])

function factsOf(
  pid: number,
  probe: Probe,
  status: ProcessStatus,
  proc: Proc,
  redactor: Redactor,
): TargetFacts {
  return {
    pid,
    command: commandOf(proc, pid, redactor),
    uid: status.uids[0] ?? -1,
    state: status.state,
    threads: status.threads,
    container: containerOf(proc, pid) ?? null,
    pythonVersion: probe.ok ? probe.version : '',
    freeThreaded: probe.ok ? probe.freeThreaded : null,
    remoteDebugging: probe.ok ? probe.remoteDebugging : null,
    processors: formatProcessors(processorsOf(pid, status, proc)),
  }
}

/** Of all its threads: each can have an affinity of its own. */
function processorsOf(pid: number, status: ProcessStatus, proc: Proc): number[] {
  const threads = proc.list(pid, 'task') ?? []
  const lists = threads.map((thread) => {
    return parseStatus(proc.read(pid, 'task', thread, 'status') ?? '').processors
  })
  const all = [status.processors, ...lists].flatMap(parseProcessors)
  return [...new Set(all)].sort((a, b) => a - b)
}

function readingChecks(
  probe: Probe,
  failure: PyprofError | undefined,
  target: TargetFacts,
  machine: Machine,
  proc: Proc,
): Check[] {
  const { pid } = target
  const readable = check('readable', 'yes', 'its memory was read', { needed: true })
  if (probe.ok) return [readable, check('python', 'yes', pythonText(target), { needed: true })]
  if (probe.code !== 'permission') {
    const remedies = probe.code === 'unsupported-version' ? remediesFor('version') : []
    return [readable, failed('python', failure, remedies)]
  }
  const { obstacle } = explainDenial(proc, pid, probe.detail)
  const remedies = obstacle === undefined ? [] : usableRemedies(machine, obstacle, pid)
  return [failed('readable', failure, remedies)]
}

/** In the words of the error that `record` would end with; its hint where no line mends it. */
function failed(id: string, error: PyprofError | undefined, remedies: readonly Remedy[]): Check {
  const hint = remedies.length > 0 ? '' : ` ${error?.hint ?? ''}`
  const text = `${error?.what ?? ''} ${error?.why ?? ''}${hint}`
  return check(id, 'no', text, { needed: true, remedies })
}

/** Against a process that is there for others not being there for us. */
function missingRemedies(machine: Machine, proc: Proc, pid: number): readonly Remedy[] {
  if (readStatus(proc, pid) !== undefined) return []
  if (machine.hidesProcesses) return usableRemedies(machine, 'hidepid', pid)
  return machine.firstPidNamespace === false ? usableRemedies(machine, 'pid-namespace', pid) : []
}

function pythonText({ pythonVersion, freeThreaded }: TargetFacts): string {
  return `Python ${pythonVersion}${freeThreaded ? ', free-threaded' : ''}`
}

function containerNote(container: Container | null): string {
  if (container === null) return 'no container can be told from its control groups'
  const { runtime, id, pod, pidInside } = container
  const name = id === '' ? 'a pid namespace of its own' : `${runtime || 'a container'} ${id}`
  const inside = pidInside === 0 ? '' : `, where it is process ${pidInside}`
  return `it runs in ${name}${pod === '' ? '' : ` of pod ${pod}`}${inside}`
}

function stateChecks({ state, tracer }: ProcessStatus): Check[] {
  const found: Check[] = []
  if (state === 'T') {
    const text = 'it is stopped by a signal; it can be read, and shows where it stands'
    found.push(check('stopped', 'note', text))
  }
  if (tracer > 0) {
    const text = `process ${tracer} debugs it: only --read stop cannot be used meanwhile`
    found.push(check('debugger', 'note', text))
  }
  return found
}

function exactCheck(target: TargetFacts, machine: Machine, reachable: readonly number[]): Check {
  const id = 'exact'
  if (target.freeThreaded) {
    return check(id, 'no', 'exact needs a GIL, which this Python has not: live instead')
  }
  if (!machine.countsRuns) {
    return check(id, 'no', 'exact needs run counts, which this kernel has not: live instead')
  }
  const theirs = parseProcessors(target.processors)
  if (theirs.length === 0) return check(id, 'unknown', 'its processors cannot be seen')
  const closed = theirs.filter((processor) => !reachable.includes(processor))
  if (closed.length === 0) {
    return check(id, 'yes', `exact may share its processors, ${target.processors}`)
  }
  const text = `pyprof may not run on its processors ${formatProcessors(closed)}: live instead of exact`
  const list = target.processors
  const remedies = remediesFor('processors', target.pid).map(({ place, line }) => ({
    place,
    line: line.replace('LIST', list),
  }))
  return check(id, 'no', text, { remedies })
}

function remoteDebuggingCheck(target: TargetFacts, probe: Probe, proc: Proc): Check {
  const id = 'remote-debugging'
  const { state, cause } = remoteDebuggingOf(
    {
      pid: target.pid,
      version: target.pythonVersion,
      enabled: target.remoteDebugging,
      runtimeAddress: probe.ok ? probe.runtimeAddress : '',
    },
    proc,
  )
  const need = 'only exec needs it'
  switch (state) {
    case 'never':
      return check(id, 'note', `remote debugging came with Python 3.14; ${need}`)
    case 'on':
      return check(id, 'note', `remote debugging is on; ${need}`)
    case 'off':
      return check(id, 'note', `remote debugging is off, ${cause}; ${need}`)
    case 'unknown': {
      const seen = cause.replace(/^it /, '')
      return check(id, 'unknown', `whether remote debugging is on ${seen}; ${need}`)
    }
  }
}
