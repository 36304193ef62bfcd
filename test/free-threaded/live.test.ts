/**
 * A live free-threaded build, which the project's own interpreters are not. PYPROF_FREE_THREADED is one
 * (`./configure --disable-gil`); without it these tests fail and say so, and they are no part of `npm test`.
 */
import { expect, it } from 'vitest'
import { loadAddon } from '../../src/sampling/addon.ts'
import { captureTicks, type NamedSample } from '../support/capture.ts'
import { startTarget, TARGETS } from '../support/target.ts'

const RUN = 'Thread._bootstrap;Thread._bootstrap_inner;Thread.run'
/** What each thread may be found in. */
const CHAINS: Readonly<Record<string, RegExp>> = {
  MainThread: /^<module>;main$/,
  spin: new RegExp(`^${RUN};spin(;leaf)?$`),
  spin_with_inner: new RegExp(`^${RUN};spin_with_inner(;spin_with_inner\\.<locals>\\.inner)?$`),
  sleep: new RegExp(`^${RUN};sleep$`),
}

async function startThreads(): Promise<number> {
  const python = process.env.PYPROF_FREE_THREADED
  if (!python) {
    throw new Error('There is no free-threaded Python: name one in PYPROF_FREE_THREADED.')
  }
  const { target } = await startTarget(python, { args: ['-B', `${TARGETS}/free_threads.py`] })
  return target.pid
}

it('is known as what it is', async () => {
  expect(loadAddon().probe(await startThreads())).toMatchObject({ ok: true, freeThreaded: true })
})

it.each(['live', 'stop', 'exact'] as const)(
  'every stack is a possible one, read %s',
  async (read) => {
    const capture = await captureTicks(await startThreads(), 1000, {
      read,
      rate: 500,
      states: true,
    })
    const { threads } = capture.profile()
    expect(threads.map(({ name }) => name).sort()).toEqual(Object.keys(CHAINS).sort())
    for (const [index, { name }] of threads.entries()) {
      const samples = capture.samples(index)
      const whole = samples.filter(({ quality }) => quality === 'exact' || quality === 'repaired')
      expect(whole.length).toBeGreaterThan(0.95 * samples.length)
      const impossible = whole.filter(({ text }) => !CHAINS[name]!.test(text))
      expect(impossible.map(({ text }) => text)).toEqual([])
      expect(samples.map(({ states }) => states.includes('gil'))).not.toContain(true)
    }
    const leaves = (name: string) => functionsOf(capture.samples(indexOf(name)))
    expect(leaves('spin')).toContain('leaf')
    expect(leaves('spin_with_inner')).toContain('spin_with_inner.<locals>.inner')
    expect(capture.status.states).toContain('cpu')
    expect(capture.status.states).not.toContain('gil')
    // There is no GIL to go by.
    if (read === 'exact') {
      expect(capture.status).toMatchObject({ read: 'live', readChange: 'no-gil' })
    }

    function indexOf(name: string): number {
      return threads.findIndex((thread) => thread.name === name)
    }
  },
)

function functionsOf(samples: readonly NamedSample[]): string[] {
  return samples.map(({ text }) => text.split(';').at(-1)!)
}
