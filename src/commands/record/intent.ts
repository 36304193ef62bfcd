import type { Guard, Intent } from '../../policy/guard.ts'
import { commandTarget, runningTarget } from '../../policy/target.ts'
import { explainAttachFailure } from '../../sampling/attach-failure.ts'
import { PROC, readStatus } from '../../sampling/proc.ts'
import type { RecordOptions } from './options.ts'

/**
 * What a recording asks a policy for.
 * @throws PyprofError code `no-such-process`
 */
export function intentOf(options: RecordOptions, guard: Guard): Intent {
  const { target, read, rate, duration, subprocesses, outputs } = options
  const isAttach = target.kind === 'attach'
  if (isAttach && readStatus(PROC, target.pid) === undefined) {
    throw explainAttachFailure({ pid: target.pid, code: 'no-such-process', detail: '' })
  }
  return {
    actions: [isAttach ? 'record' : 'launch', ...(read === 'stop' ? (['stop'] as const) : [])],
    target: isAttach ? runningTarget(PROC, target.pid) : commandTarget(PROC, target.command),
    subprocesses,
    // Who names no end gets the policy's.
    duration: duration || guard.timeLimit,
    details: { read, rateHz: rate, outputs: outputs.map(({ path }) => path).join(', ') },
  }
}
