import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Minor } from './pythons.ts'
import { python } from './pythons.ts'
import { TARGETS } from './target.ts'
import { temporaryFolder } from './temporary-folder.ts'

const CHECKOUT = join(import.meta.dirname, '..', '..')

export const IS_ROOT: boolean = process.getuid?.() === 0
export const NOBODY = 65_534
/** The ordinary user of the tests: nobody for root, who can become anybody; else oneself. */
export const ORDINARY_USER: number = IS_ROOT ? NOBODY : process.getuid!()

/** Prefix of a command that runs it as the ordinary user. */
export const AS_ORDINARY_USER: readonly string[] = IS_ROOT
  ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
  : []

/** The kernel's rule for reading processes; 0 also where there is no Yama. */
export function ptraceScope(): number {
  try {
    return Number(readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'utf8'))
  } catch {
    return 0
  }
}

/** A copy of the program that every user may read, wherever the checkout is. */
export function openCopy(): string {
  const folder = openFolder()
  const { dependencies } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const modules = Object.keys(dependencies).map((name) => join('node_modules', name))
  const scripts = 'src/remote-exec/scripts'
  const parts = ['bin', 'dist', 'package.json', scripts, 'build/Release/pyprof.node', ...modules]
  for (const part of parts) cpSync(join(CHECKOUT, part), join(folder, part), { recursive: true })
  return join(folder, 'bin', 'pyprof.js')
}

/**
 * A command that runs a target program as the ordinary user.
 * @throws Error when that user cannot run the interpreter: a failure, never a reason to skip
 */
export function ordinaryPython(minor: Minor, program: string, args: readonly string[]): string[] {
  const interpreter = [...AS_ORDINARY_USER, python(minor)]
  const [command = '', ...rest] = interpreter
  const { status, stderr, error } = spawnSync(command, [...rest, '-S', '-c', ''], {
    encoding: 'utf8',
  })
  if (status !== 0) {
    throw new Error(
      `User ${ORDINARY_USER} cannot run ${python(minor)}: ${error?.message ?? stderr} ` +
        'Every folder above it must be open to all (chmod o+x).',
    )
  }
  const folder = openFolder()
  for (const file of [program, 'harness.py']) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    cpSync(join(TARGETS, file), join(folder, file))
  }
  return [...interpreter, '-S', '-B', join(folder, program), ...args]
}

function openFolder(): string {
  const folder = temporaryFolder()
  chmodSync(folder, 0o755)
  return folder
}
