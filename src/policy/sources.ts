import { EXIT, PyprofError } from '../errors.ts'
import { parsePolicy } from './parse.ts'
import type { Policy } from './policy.ts'
import { readTrustedFile, UntrustedFile } from './trusted-file.ts'

/** The machine's policy, for everyone who runs pyprof on it. */
export const SYSTEM_POLICY = '/etc/pyprof/policy.toml'
/** Names a policy file for all runs of pyprof in an environment. */
export const POLICY_VARIABLE = 'PYPROF_POLICY'

/**
 * All policies that apply: the machine's, the environment's and those that are named. None replaces
 * another one.
 * @param named paths from the command line
 * @throws PyprofError code `bad-policy` when one cannot be used: nothing is done then
 */
export function loadPolicies(
  named: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  system: string = SYSTEM_POLICY,
): readonly Policy[] {
  const inEnvironment = env[POLICY_VARIABLE] || undefined
  const wanted = [...(inEnvironment === undefined ? [] : [inEnvironment]), ...named]
  const machine = load(system)
  const others = wanted.map((path) => load(path) ?? missing(path, inEnvironment))
  return machine ? [machine, ...others] : others
}

function load(path: string): Policy | undefined {
  let text: string | undefined
  try {
    text = readTrustedFile(path)
  } catch (error) {
    if (error instanceof UntrustedFile) throw unusable(path, error.message, error.hint, error)
    const hint = `Check it: ls -l ${path}`
    throw unusable(path, `The system says: ${(error as Error).message}`, hint, error)
  }
  return text === undefined ? undefined : parsePolicy(text, path)
}

function missing(path: string, inEnvironment: string | undefined): never {
  const hint =
    path === inEnvironment
      ? `Check the variable: echo "$${POLICY_VARIABLE}"`
      : `Check: ls -l ${path}`
  throw unusable(path, 'There is no such file', hint)
}

function unusable(path: string, why: string, hint: string, cause?: unknown): PyprofError {
  return new PyprofError({
    code: 'bad-policy',
    what: `The policy ${path} cannot be used, so nothing is done.`,
    why: `${why[0]?.toUpperCase()}${why.slice(1)}.`,
    hint,
    exitCode: EXIT.usage,
    cause,
  })
}
