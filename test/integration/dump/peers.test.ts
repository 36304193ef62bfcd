import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { dumpOf, frameOf, onlyProcess, textsOf } from '../../support/dump.ts'
import { venv } from '../../support/pythons.ts'
import { startPython } from '../../support/target.ts'

/** As in bench/lib/peers.ts, so that one installation serves both. */
const PACKAGES = ['py-spy==0.4.3', 'austin-dist==3.7.0']

interface PeerThread {
  readonly os_thread_id: number
  readonly thread_id: number
  readonly thread_name: string | null
  readonly owns_gil: boolean
  readonly active: boolean
  readonly frames: readonly {
    readonly name: string
    readonly filename: string
    readonly line: number
    readonly locals: readonly { name: string; arg: boolean; repr: string }[] | null
  }[]
}

/** py-spy pauses the process to read it. It reads no 3.15; see stacks.test.ts for that. */
describe.each(['3.13', '3.14'] as const)('py-spy dump of Python %s', (minor) => {
  let pySpy = ''
  beforeAll(() => {
    pySpy = join(dirname(venv('3.14', 'bench-peers', PACKAGES)), 'py-spy')
  }, 120_000)

  async function peer(pid: number, args: readonly string[] = []): Promise<PeerThread[]> {
    const command = ['dump', '--json', '--pid', String(pid), ...args]
    const { stdout } = await promisify(execFile)(pySpy, command)
    return JSON.parse(stdout) as PeerThread[]
  }

  it.each([
    ['calls.py', 'plain'],
    ['calls.py', 'through_sorted'],
    ['calls.py', 'through_type_slot'],
    ['calls.py', 'nested_names'],
    ['values.py', 'recursion'],
    ['values.py', 'generators'],
    ['values.py', 'threads'],
    ['values.py', 'body'],
  ])('%s %s: the same threads, functions, files and lines', async (program, arrangement) => {
    const { target } = await startPython(minor, program, [arrangement])
    const own = onlyProcess(await dumpOf([target.pid])).threads.map((thread) => ({
      id: thread.nativeId,
      ident: thread.pythonId,
      frames: thread.frames.map((f) => [f.function, f.file, f.line]),
    }))
    const theirs = (await peer(target.pid)).map((thread) => ({
      id: thread.os_thread_id,
      ident: thread.thread_id,
      frames: thread.frames.map((f) => [f.name, f.filename, f.line]),
    }))
    const byId = (a: { id: number }, b: { id: number }) => a.id - b.id
    expect(own.sort(byId)).toEqual(theirs.sort(byId))
  })

  it('names of threads and who has the GIL', async () => {
    const { target } = await startPython(minor, 'values.py', ['threads'])
    const own = onlyProcess(await dumpOf([target.pid])).threads
    const theirs = await peer(target.pid)
    for (const thread of theirs) {
      const same = own.find(({ nativeId }) => nativeId === thread.os_thread_id)
      expect(same?.name).toBe(thread.thread_name)
      expect(same?.states.includes('gil')).toBe(thread.owns_gil)
      expect(same?.activity === 'idle').toBe(!thread.active)
    }
  })

  it('values that both show', async () => {
    const { target } = await startPython(minor, 'values.py', ['arguments'])
    const [own] = onlyProcess(await dumpOf([target.pid, '--locals'])).threads
    const [theirs] = await peer(target.pid, ['--locals'])
    const frame = theirs!.frames.find(({ name }) => name === 'arguments')!
    const texts = textsOf(frameOf(own!, 'arguments'))
    expect(frame.locals?.map(({ name }) => name).sort()).toEqual(Object.keys(texts).sort())
    for (const { name, repr } of frame.locals ?? []) {
      // It writes texts in double quotes.
      expect([name, texts[name]?.replaceAll("'", '"')]).toEqual([name, repr.replaceAll("'", '"')])
    }
  })
})
