import { beforeAll, describe, expect, it } from 'vitest'
import { captureStill, captureTicks } from '../../support/capture.ts'
import { texts } from '../../support/positions.ts'
import { MINORS, type Minor } from '../../support/pythons.ts'
import { startTarget, TARGETS } from '../../support/target.ts'
import { BUILD_MS, gevent } from '../../support/web-servers.ts'

async function startGevent(minor: Minor, what: string): Promise<number> {
  const args = ['-B', `${TARGETS}/gevents.py`, what]
  const { target } = await startTarget(gevent(minor), { args })
  return target.pid
}

describe.each(MINORS)('gevent on %s', (minor) => {
  beforeAll(() => {
    gevent(minor)
  }, BUILD_MS)

  it.each([
    ['held', /^<greenlet>;job;work;hold$/],
    ['served', /^<greenlet>;(.*;)?handle;work;hold$/],
    ['in_hub', /^<greenlet>;Hub\.run(;|$)/],
  ])('%s: the stack of a greenlet stands on its root', async (what, expected) => {
    const pid = await startGevent(minor, what)
    const capture = await captureStill(pid, 5, { read: 'stop' })
    const samples = capture.samples()
    expect(samples.map(({ quality }) => quality)).toEqual(samples.map(() => 'exact'))
    // The server may have a thread that looks up names; gevent runs a greenlet in that one, too.
    expect(samples.filter(({ text }) => !text.startsWith('<greenlet>;'))).toEqual([])
    const main = capture.profile().threads.findIndex(({ isMain }) => isMain)
    const [text, ...others] = texts(capture.samples(main))
    expect(text).toMatch(expected)
    expect(others).toEqual([])
  })

  it.each(['stop', 'live'] as const)('by turns, read %s', async (read) => {
    const pid = await startGevent(minor, 'by_turns')
    const capture = await captureTicks(pid, 500, { read, rate: 1000 })
    const whole = capture
      .samples()
      .filter(({ quality }) => quality === 'exact' || quality === 'repaired')
    const busy = whole.filter(({ frames }) => frames.some(({ qualname }) => qualname === 'busy'))
    expect(busy.length).toBeGreaterThan(whole.length / 2)
    // The first few samples of each of the five may be needed to know it.
    const undecided = minor === '3.15' || read === 'stop' ? 0 : 5 * 5
    const bare = busy.filter(({ text }) => !text.startsWith('<greenlet>;busy'))
    expect(bare.length).toBeLessThanOrEqual(undecided)
    // Nothing of the program's own root is on the stack of a greenlet.
    expect(busy.filter(({ text }) => text.includes('<module>'))).toEqual([])
  })
})
