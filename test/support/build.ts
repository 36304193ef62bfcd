import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { TARGETS } from './target.ts'

/** A new folder; the end of the test removes it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pyprof-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * Compiles one of the C programs of test/targets with the machine's compiler.
 *
 * @param flags for the compiler; libraries behind the source, as in Embedding.linkFlags
 * @returns the path of what was built, in a temporary folder
 * @throws Error with the compiler's words, or that there is none
 */
export function compile(source: string, flags: readonly string[] = []): string {
  const output = join(temporaryFolder(), source.replace(/\.c$/, ''))
  run('cc', ['-O1', '-pthread', '-o', output, join(TARGETS, source), ...flags])
  return output
}

/** Runs a command that the tests need. @throws Error with its words, or that it is missing */
export function run(command: string, args: readonly string[]): void {
  try {
    execFileSync(command, args, { stdio: 'pipe' })
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: Buffer }
    if (code !== 'ENOENT') throw new Error(`${command} failed: ${stderr ?? error}`)
    throw new Error(`The tests need ${command}, which is not installed. Do: apt-get install gcc`)
  }
}
