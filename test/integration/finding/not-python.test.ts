import { closeSync, openSync, readdirSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type AttachErrorCode, loadAddon, type Probe } from '../../../src/sampling/addon.ts'
import { compile } from '../../support/build.ts'
import { startCapture } from '../../support/capture.ts'
import { UNPRIVILEGED } from '../../support/containment.ts'
import { MINORS, type Minor } from '../../support/pythons.ts'
import { startPython, startTarget, type Target } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const SAMPLER_PROCESS = join(import.meta.dirname, '..', '..', 'support', 'sampler-process.mjs')
const OFFSETS_SIZE: Readonly<Record<Minor, number>> = { '3.13': 584, '3.14': 760, '3.15': 888 }
const VERSION_WORD = 1
const FREE_THREADED_WORD = 2
const INTERPRETERS_HEAD_WORD = 5
/** No offset, no size and no address. */
const NONSENSE = 'ffffffffffffffff'
/** Above the largest pid that Linux gives. */
const NO_PID = 2 ** 22 + 1

/** Neither a probe nor a sampler takes the process, and both say why in the same words. */
function expectRefused(pid: number, code: AttachErrorCode, detail: unknown): void {
  expect(loadAddon().probe(pid)).toEqual({ ok: false, code, detail })
  expect(() => startCapture(pid)).toThrow(expect.objectContaining({ code }))
}

/** The debug offsets of a running interpreter, byte by byte. */
async function realOffsets(minor: Minor): Promise<Buffer> {
  const { target } = await startPython(minor, 'idle.py')
  const probe = loadAddon().probe(target.pid)
  if (!probe.ok) throw new Error(`Python ${minor} was not found: ${probe.code} ${probe.detail}`)
  const table = Buffer.alloc(OFFSETS_SIZE[minor])
  const memory = openSync(`/proc/${target.pid}/mem`, 'r')
  readSync(memory, table, 0, table.length, Number(probe.runtimeAddress))
  closeSync(memory)
  expect(table.toString('latin1', 0, 8)).toBe('xdebugpy')
  return table
}

/** A program whose .PyRuntime holds this table. */
async function fakeRuntime(table: Buffer): Promise<Target> {
  const file = join(temporaryFolder(), 'table')
  writeFileSync(file, table)
  const program = compile('fake_runtime.c', ['-DSECTION'])
  return (await startTarget(program, { args: [file] })).target
}

async function setWord(target: Target, word: number, hex: string): Promise<void> {
  target.send(`${word} ${hex}`)
  await target.says('set')
}

function wordOf(table: Buffer, word: number): string {
  return table.readBigUInt64LE(8 * word).toString(16)
}

describe('a process that is no Python for us', () => {
  it('is another program', async () => {
    const { target } = await startTarget('sh', { args: ['-c', 'echo ready; exec sleep 300'] })
    expectRefused(target.pid, 'not-python', '')
  })

  it.each([
    ['3.11.7', '-DVERSION=0x030b07f0'],
    ['3.12.0rc2', '-DVERSION=0x030c00c2'],
    ['PyPy', '-DSYMBOL=pypy_main_startup'],
    ['3.12 or older', '-DSYMBOL=Py_BytesMain'],
  ])('is %s, which publishes no offsets', async (version, flag) => {
    const { target } = await startTarget(compile('fake_runtime.c', [flag]))
    expectRefused(target.pid, 'unsupported-version', version)
  })

  it('is 3.12 or older, by a section without the cookie', async () => {
    const target = await fakeRuntime(Buffer.alloc(1024))
    expectRefused(target.pid, 'unsupported-version', '3.12 or older')
  })

  it('does not exist', () => {
    expectRefused(NO_PID, 'no-such-process', '')
  })

  it('has ended, and its parent has not asked', async () => {
    const { target } = await startPython('3.14', 'lives.py')
    target.send('["fork"]')
    const { child } = await target.says<{ child: number }>('forked')
    process.kill(child, 'SIGKILL')
    // The word comes from before its death, which takes its time.
    while (!readFileSync(`/proc/${child}/status`, 'utf8').includes('State:\tZ')) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    expectRefused(child, 'not-python', 'no memory')
  })

  const kernelThread = readdirSync('/proc').find((pid) => {
    // Flags are the ninth field; 0x200000 is PF_KTHREAD. The name may hold anything but no ')' after it.
    const fields = /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)
    return fields && (Number(fields.split(' ')[6]) & 0x200000) !== 0
  })
  // A container shows none; there, the zombie above is all that has no memory.
  it.each(kernelThread ? [kernelThread] : [])('is a thread of the kernel, %s', (pid) => {
    expectRefused(Number(pid), 'not-python', 'no memory')
  })

  it('may not be read', async () => {
    // Root without capabilities is kept from root with them, as a user is from root.
    const pid = UNPRIVILEGED.length > 0 ? (await startPython('3.14', 'idle.py')).target.pid : 1
    const [program, ...args] = [...UNPRIVILEGED, process.execPath, SAMPLER_PROCESS]
    const { facts } = await startTarget<Probe>(program!, { args: [...args, 'probe', String(pid)] })
    expect(facts).toMatchObject({ ok: false, code: 'permission' })
  })
})

describe.each(MINORS)('a table of offsets like that of %s', (minor) => {
  it('that says it is 3.16 is refused by that name', async () => {
    const table = await realOffsets(minor)
    const target = await fakeRuntime(table)
    await setWord(target, VERSION_WORD, '31000f0')
    expectRefused(target.pid, 'unsupported-version', '3.16.0')
    await setWord(target, VERSION_WORD, '31000a4')
    expectRefused(target.pid, 'unsupported-version', '3.16.0a4')
    await setWord(target, VERSION_WORD, '40000f0')
    expectRefused(target.pid, 'unsupported-version', '4.0.0')
  })

  it('is refused when any one of its words is nonsense', async () => {
    const table = await realOffsets(minor)
    const target = await fakeRuntime(table)
    expect(loadAddon().probe(target.pid)).toMatchObject({ ok: false, code: 'not-started' })
    const accepted: number[] = []
    for (let word = FREE_THREADED_WORD + 1; word < table.length / 8; word++) {
      await setWord(target, word, NONSENSE)
      const probe = loadAddon().probe(target.pid)
      if (probe.ok || probe.code !== 'bad-layout') accepted.push(word)
      else expect(probe.detail).not.toBe('')
      await setWord(target, word, wordOf(table, word))
    }
    expect(accepted).toEqual([])
    expect(loadAddon().probe(target.pid)).toMatchObject({ ok: false, code: 'not-started' })
  })

  it('is refused when nothing is set but the version', async () => {
    const table = await realOffsets(minor)
    table.fill(0, 8 * (VERSION_WORD + 1))
    expectRefused((await fakeRuntime(table)).pid, 'bad-layout', expect.stringMatching(/./))
  })

  it('with a list of interpreters that leads nowhere has not started', async () => {
    const table = await realOffsets(minor)
    const target = await fakeRuntime(table)
    const head = Number(table.readBigUInt64LE(8 * INTERPRETERS_HEAD_WORD)) / 8
    for (const address of ['0', '8', 'ffffffffff600000', NONSENSE]) {
      await setWord(target, head, address)
      const code: AttachErrorCode = 'not-started'
      expectRefused(target.pid, code, expect.stringMatching(new RegExp(`^${minor}\\.`)))
    }
  })
})
