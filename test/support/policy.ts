import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Minor, python } from './pythons.ts'
import { programArgs, startTarget } from './target.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const SECRET = 'S3CR3T'

/** A target whose command line holds a secret in every way that is known. */
export const startWithSecrets = (minor: Minor) =>
  startTarget(python(minor), {
    args: programArgs('record/secrets.py', [
      `--password=${SECRET}`,
      '--token',
      SECRET,
      `API_KEY=${SECRET}`,
      `postgres://ada:${SECRET}@db/shop`,
      `Authorization: Bearer ${SECRET}`,
    ]),
  })

/** A policy file, and the log that it asks for. */
export function policyFile(text: string, folder = temporaryFolder()) {
  const log = join(folder, 'audit.jsonl')
  const file = join(folder, 'policy.toml')
  writeFileSync(file, `${text}\n[audit]\nfile = "${log}"\n`)
  chmodSync(file, 0o644)
  const entries = () =>
    readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { folder, file, log, entries }
}
