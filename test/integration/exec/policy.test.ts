import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { exec, isPending, refused, startExec } from '../../support/exec.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

it('a policy forbids by action, and what is done stands in the audit log', async () => {
  const folder = temporaryFolder()
  const log = join(folder, 'audit.jsonl')
  const policy = join(folder, 'policy.toml')
  writeFileSync(
    policy,
    `[[allow]]\nactions = ["exec:gc-stats", "exec:threads"]\n\n[audit]\nfile = "${log}"\n`,
  )
  const program = await startExec('3.14', ['obey'])
  const { pid } = program
  for (const more of [[], ['--dry-run']]) {
    const { status, out } = await refused(pid, ['gc', 'off', '--policy', policy, ...more])
    expect(status).not.toBe(0)
    expect(out).toBe('')
  }
  expect(isPending(pid)).toBe(false)
  expect((await program.facts()).gc).toBe(true)
  expect((await exec(pid, ['gc-stats', '--policy', policy])).rows.length).toBeGreaterThan(0)
  expect(existsSync(log)).toBe(true)
  expect(readFileSync(log, 'utf8')).toContain('exec:gc-stats')
})
