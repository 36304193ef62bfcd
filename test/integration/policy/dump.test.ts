import { describe, expect, it } from 'vitest'
import { pyprof } from '../../support/cli.ts'
import { policyFile, SECRET, startWithSecrets } from '../../support/policy.ts'
import { MINORS } from '../../support/pythons.ts'

describe.each(MINORS)('a dump of Python %s', (minor) => {
  it('shows no secrets, unless they are asked for', async () => {
    const { target } = await startWithSecrets(minor)
    const args = ['dump', `${target.pid}`, '--locals', '--items', '100']
    for (const more of [[], ['--json']]) {
      const { status, out, err } = await pyprof([...args, ...more])
      expect(status, err).toBe(0)
      expect(out).toContain('postgres://ada:<redacted>@db/shop')
      expect(out).not.toContain(SECRET)
      const open = await pyprof([...args, ...more, '--no-redact'])
      expect(open.out.split(SECRET).length).toBeGreaterThan(6)
    }
  })

  it('is bound to policies, variables apart from stacks', async () => {
    const { target } = await startWithSecrets(minor)
    const { file, entries } = policyFile('[[deny]]\nactions = ["dump-locals", "stop"]')
    const args = ['dump', `${target.pid}`, '--policy', file]
    expect((await pyprof(args)).status).toBe(0)
    for (const more of [['--locals'], ['--read', 'stop']]) {
      const { status, out, err } = await pyprof([...args, ...more])
      expect({ status, out }).toEqual({ status: 3, out: '' })
      expect(err).toContain('A policy forbids it')
    }
    const { pid } = target
    expect(entries()).toMatchObject([
      { event: 'begin', actions: ['dump'], pid, result: 'allowed' },
      { event: 'end', actions: ['dump'], pid, result: 'done' },
      { event: 'begin', actions: ['dump', 'dump-locals'], pid, result: 'refused' },
      { event: 'begin', actions: ['dump', 'stop'], pid, result: 'refused' },
    ])
  })
})
