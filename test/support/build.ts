import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { TARGETS } from './target.ts'
import { temporaryFolder } from './temporary-folder.ts'

/**
 * Compiles one of the C programs of test/targets with the machine's compiler.
 *
 * @param flags for the compiler; libraries behind the source, as in Embedding.linkFlags
 * @returns the path of what was built, in a temporary folder
 * @throws Error with the compiler's words, or that there is none
 */
export function compile(source: string, flags: readonly string[] = []): string {
  const output = join(temporaryFolder(), source.replace(/\.c$/, ''))
  const args = ['-O1', '-pthread', '-o', output, join(TARGETS, source), ...flags]
  try {
    execFileSync('cc', args, { stdio: 'pipe' })
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: Buffer }
    if (code !== 'ENOENT') throw new Error(`cc ${args.join(' ')} failed: ${stderr ?? error}`)
    throw new Error('The tests need a C compiler. Do: apt-get install gcc libc6-dev')
  }
  return output
}
