import { getSystemErrorName } from 'node:util'
import { EXIT, PyprofError } from '../errors.ts'
import type { ScriptError } from './answer.ts'
import type { ExecTarget } from './target.ts'

/** The target did not look at the request in time; it was withdrawn. */
export function notTaken(
  { pid }: ExecTarget,
  reasons: readonly string[],
  seconds: number,
): PyprofError {
  return new PyprofError({
    code: 'not-taken',
    what: `Process ${pid} did not come to run the script within ${seconds} s; it was withdrawn, nothing ran.`,
    why: reasons.join('. ').concat('.'),
    hint: `Wait longer: pyprof exec --timeout ${Math.max(60, seconds * 6)} ${pid} …`,
    exitCode: EXIT.nothing,
  })
}

/** The target took the request, and the script did not begin. */
export function notRun({ pid }: ExecTarget, wasRead: boolean): PyprofError {
  const refusal = wasRead
    ? 'It read the script, so a hook of its own refused to compile or execute it, or to open the answer'
    : 'It did not read the script, so a hook of its own refused it (sys.addaudithook: ' +
      'cpython.remote_debugger_script, open), or a security module keeps it from the file'
  return new PyprofError({
    code: 'script-refused',
    what: `Process ${pid} took the request and did not run the script.`,
    why: `${refusal}; its stderr says which.`,
    hint: `Ask whoever runs the program. Sampling works all the same: pyprof record --pid ${pid}`,
    exitCode: EXIT.target,
  })
}

/** The script has begun and has not come to its end in time. */
export function notFinished({ pid }: ExecTarget, seconds: number): PyprofError {
  return new PyprofError({
    code: 'time-limit',
    what: `The script in process ${pid} did not finish within ${seconds} s.`,
    why: 'It has begun; a dump ends at its next look at the clock, an option may have been changed.',
    hint: `Wait longer: pyprof exec --timeout ${Math.max(60, seconds * 6)} ${pid} …`,
    exitCode: EXIT.nothing,
  })
}

export function scriptFailed(
  { pid }: ExecTarget,
  { type, message, signal }: ScriptError,
  place: string,
): PyprofError {
  const why =
    signal > 0
      ? `Signal ${signal} came while it ran; the program gets it, as it would have without the script.`
      : `${type}: ${message || 'without a message'} (${place}).`
  return new PyprofError({
    code: 'script-failed',
    what: `The script in process ${pid} failed.`,
    why,
    hint: signal > 0 ? 'Try again.' : 'See docs/remote-exec.md for what the script needs.',
    exitCode: EXIT.nothing,
  })
}

export function badAnswer({ pid }: ExecTarget, error: unknown): PyprofError {
  const reason = error instanceof Error ? error.message : String(error)
  return new PyprofError({
    code: 'bad-answer',
    what: `What process ${pid} answered cannot be understood.`,
    why: `It is not what the script writes: ${reason}.`,
    hint: 'Another program may have written into the answer; try again.',
    exitCode: EXIT.nothing,
    cause: error,
  })
}

export function ended({ pid }: ExecTarget): PyprofError {
  return new PyprofError({
    code: 'no-such-process',
    what: `Process ${pid} ended, or replaced itself by another program, before it ran the script.`,
    why: 'Nothing is left of the request.',
    hint: 'Find the process: pyprof ps',
    exitCode: EXIT.target,
  })
}

export function interrupted({ pid }: ExecTarget, hasBegun: boolean): PyprofError {
  return new PyprofError({
    code: 'interrupted',
    what: hasBegun
      ? `Interrupted while the script ran in process ${pid}.`
      : `Interrupted before process ${pid} ran the script; it was withdrawn, nothing ran.`,
    why: 'A signal asked pyprof to end.',
    hint: hasBegun ? `Look at what holds now: pyprof exec ${pid} ACTION` : 'Try again.',
    exitCode: EXIT.nothing,
  })
}

export function noThread({ pid }: ExecTarget, tid: number | undefined): PyprofError {
  return new PyprofError({
    code: 'no-thread',
    what:
      tid === undefined
        ? `Process ${pid} has no Python thread that could run a script.`
        : `Thread ${tid} is none of process ${pid} that could run a script.`,
    why: 'Only threads of the main interpreter are asked.',
    hint: `See: pyprof exec ${pid} threads`,
    exitCode: EXIT.target,
  })
}

export function occupied({ pid }: ExecTarget, seconds: number): PyprofError {
  return new PyprofError({
    code: 'occupied',
    what: `Another debugger's request waits in process ${pid}.`,
    why: `It was not taken within ${seconds} s, and pyprof does not touch it.`,
    hint: 'End the other debugger, or ask another thread with --thread TID.',
    exitCode: EXIT.target,
  })
}

export function writeRefused({ pid }: ExecTarget, errno: number): PyprofError {
  return new PyprofError({
    code: 'write-refused',
    what: `Process ${pid} may be read but not written.`,
    why: `process_vm_writev says ${getSystemErrorName(-errno)}; a seccomp filter or a security module may forbid it.`,
    hint: 'In Docker: docker run --cap-add=SYS_PTRACE --security-opt seccomp=unconfined …',
    exitCode: EXIT.target,
  })
}

export function replaced({ pid }: ExecTarget): PyprofError {
  return new PyprofError({
    code: 'replaced',
    what: `Another debugger put its own request in the place of pyprof's in process ${pid}.`,
    why: 'There is room for one at a time.',
    hint: 'Try again when the other one is done.',
    exitCode: EXIT.target,
  })
}
