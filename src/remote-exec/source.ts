import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_ROOT } from '../package-root.ts'
import type { Action } from './actions.ts'

/** Shipped as they are, where they lie. */
const SCRIPTS = join(PACKAGE_ROOT, 'src', 'remote-exec', 'scripts')
const FRAME = 'frame.py'

/** What a script is told. */
export interface ScriptFacts {
  readonly action: Action
  readonly value: string | null
  /** Folder of the script and its answer, as the target sees it. */
  readonly folder: string
  /** The target's pid, as the target sees it. */
  readonly pid: number
  /** Seconds since 1970 after which it does nothing any more. */
  readonly deadline: number
}

export interface Script {
  /** Name of its file. */
  readonly name: string
  readonly text: string
  /** Which file of pyprof's a line came from: `gc.py:12`. */
  placeOf(line: number): string
}

/** Name of the file that an action's script has in the target, as in pyprof. */
export function scriptName(action: Action): string {
  return `${action.name}.py`
}

/** The text that the target runs: the frame, the script of the action, and the call of the two. */
export function scriptFor({ action, value, folder, pid, deadline }: ScriptFacts): Script {
  const name = scriptName(action)
  const frame = readFileSync(join(SCRIPTS, FRAME), 'utf8')
  const body = readFileSync(join(SCRIPTS, name), 'utf8')
  const call = [
    value === null ? 'None' : JSON.stringify(value),
    bytesLiteral(folder),
    bytesLiteral(name),
    String(pid),
    deadline.toFixed(3),
  ]
  const frameLines = frame.split('\n').length
  return {
    name,
    text: `${frame}\n${body}\n${ending(call)}`,
    placeOf: (line) => (line <= frameLines ? `${FRAME}:${line}` : `${name}:${line - frameLines}`),
  }
}

/**
 * The last lines see to it that nothing is left of the script: no cycle of functions and their
 * globals, or of modules and theirs. The very last one raises the signals that the script has caught
 * again; between that and the script's end Python looks at no signals, so they are the program's.
 */
function ending(call: readonly string[]): string {
  const functions = ['json', 'module', 'signal_of', 'frame', 'action', 'escapes', 'made', 'each']
  return `
pyprof_escapes = {34: '\\\\"', 92: "\\\\\\\\", **{code: "\\\\u%04x" % code for code in range(32)}}
pyprof_made = []
pyprof_each = None
pyprof_again = ()
pyprof_interrupt = None
try:
    pyprof_interrupt = pyprof_module("_thread").interrupt_main
    pyprof_again = pyprof_frame(pyprof_action, ${call.join(', ')})
except BaseException as pyprof_error:
    pyprof_again = [each for each in [pyprof_signal_of(pyprof_error)] if each]
for pyprof_each in pyprof_made:
    pyprof_each.__dict__.clear()
del ${functions.map((name) => `pyprof_${name}`).join(', ')}
[*map(pyprof_interrupt, pyprof_again)]
`
}

/** Any path as a Python literal of bytes. */
function bytesLiteral(text: string): string {
  const escaped = [...Buffer.from(text)].map((byte) => {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
    return plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
  })
  return `b"${escaped.join('')}"`
}
