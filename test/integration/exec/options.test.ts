import { describe, expect, it } from 'vitest'
import {
  EXEC_MINORS,
  type ExecProgram,
  exec,
  isPending,
  refused,
  startExec,
} from '../../support/exec.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** Value to set, and how the target tells old and new state; the undo brings the old one back. */
const SETTINGS: readonly {
  action: string
  value: string
  old: string
  now: string
  fact?: 'gc' | 'gcDebug' | 'interval' | 'limit' | 'trampoline'
  was?: unknown
  is?: unknown
}[] = [
  { action: 'gc', value: 'off', old: 'on', now: 'off', fact: 'gc', was: true, is: false },
  {
    action: 'gc-debug',
    value: 'uncollectable,saveall',
    old: 'off',
    now: 'uncollectable,saveall',
    fact: 'gcDebug',
    was: 0,
    is: 36,
  },
  {
    action: 'switch-interval',
    value: '20ms',
    old: '0.005s',
    now: '0.02s',
    fact: 'interval',
    was: 0.005,
    is: 0.02,
  },
  {
    action: 'recursion-limit',
    value: '3000',
    old: '1000',
    now: '3000',
    fact: 'limit',
    was: 1000,
    is: 3000,
  },
  {
    action: 'perf-trampoline',
    value: 'on',
    old: 'off',
    now: 'on',
    fact: 'trampoline',
    was: false,
    is: true,
  },
  { action: 'faulthandler', value: 'on', old: 'off', now: 'on' },
  { action: 'tracemalloc', value: 'on:5', old: 'off', now: 'on:5' },
]

async function undo(program: ExecProgram, command: string | null) {
  const [name, verb, pid, ...args] = command?.split(' ') ?? []
  expect([name, verb, pid]).toEqual(['pyprof', 'exec', `${program.pid}`])
  return exec(program.pid, args)
}

describe.each(EXEC_MINORS)('Python %s', (minor) => {
  it.each(SETTINGS)('$action $value, and back by the command that it names', async (setting) => {
    const program = await startExec(minor, ['obey'])
    const { action, value, old, now, fact, was, is } = setting
    const { pid } = program
    expect(await exec(pid, [action])).toMatchObject({ old, new: old, undo: null })
    const changed = await exec(pid, [action, value])
    expect(changed).toMatchObject({ action, old, new: now, left: null })
    expect(changed.thread).toEqual({ tid: pid, isMain: true })
    if (fact !== undefined) expect((await program.facts())[fact]).toEqual(is)
    expect(await exec(pid, [action, 'status'])).toMatchObject({ old: now, new: now })
    expect(await undo(program, changed.undo)).toMatchObject({ old: now, new: old })
    if (fact !== undefined) expect((await program.facts())[fact]).toEqual(was)
    expect(isPending(pid)).toBe(false)
    expect(program.err).toBe('')
  })

  it('gc freeze and unfreeze', async () => {
    const program = await startExec(minor, ['obey'])
    const frozen = await exec(program.pid, ['gc', 'freeze'])
    expect(frozen.old).toBe('0 frozen')
    expect((await program.facts()).frozen).toBeGreaterThan(1000)
    expect(await undo(program, frozen.undo)).toMatchObject({ new: '0 frozen' })
    expect((await program.facts()).frozen).toBe(0)
  })

  it('asyncio-debug on the loop that runs; without a loop it says so', async () => {
    const program = await startExec(minor, ['serving'])
    const on = await exec(program.pid, ['asyncio-debug', 'on'])
    expect(on).toMatchObject({ old: 'off', new: 'on' })
    expect(await program.says('debug')).toEqual({ now: true })
    expect(await undo(program, on.undo)).toMatchObject({ old: 'on', new: 'off' })
    expect(await program.says('debug')).toEqual({ now: false })

    const other = await startExec(minor, ['obey'])
    const { status, out, err } = await refused(other.pid, ['asyncio-debug', 'on'])
    expect({ status, out }).toEqual({ status: 4, out: '' })
    expect(err).toMatch(
      /LookupError: no thread runs an asyncio event loop \(asyncio-debug\.py:\d+\)/,
    )
    expect(other.err).toBe('')
  })

  it("the script's own error is shown, with its place, and nothing changes", async () => {
    const program = await startExec(minor, ['obey'])
    await exec(program.pid, ['tracemalloc', 'on'])
    const { status, err } = await refused(program.pid, ['tracemalloc', 'on:7'])
    expect(status).toBe(4)
    expect(err).toMatch(/ValueError: it traces 1 frames already.* \(tracemalloc\.py:\d+\)/)
    expect(await exec(program.pid, ['tracemalloc'])).toMatchObject({ new: 'on:1' })
    expect(program.err).toBe('')
  })
})

it('as text: old and new value, and how to undo it; talk goes to stderr', async () => {
  const program = await startExec('3.14', ['obey'])
  const { pid } = program
  const changed = await refused(pid, ['gc', 'off'])
  expect(changed.out).toBe(`gc was on, is now off.\nTo undo: pyprof exec ${pid} gc on\n`)
  expect(changed.err).toMatch(/^Process \d+ ran the script on its main thread: .* ms of its time/)
  expect((await refused(pid, ['gc', 'off'])).out).toBe('gc was off already.\n')
  expect((await refused(pid, ['gc'])).out).toBe('gc is off.\n')
})

it('a dry run writes nothing and tells what would be', async () => {
  const folder = temporaryFolder()
  const program = await startExec('3.14', ['asleep'], { env: { TMPDIR: folder } })
  const { pid } = program
  const { status, out } = await refused(pid, ['gc', 'off', '--dry-run'])
  expect(status).toBe(0)
  expect(out).toContain('Nothing was written.')
  expect(out).toMatch(new RegExp(`0400 {2}${folder}/pyprof-[\\w-]+/gc\\.py, `))
  const plan = JSON.parse((await refused(pid, ['gc', 'off', '--dry-run', '--json'])).out)
  expect(plan).toMatchObject({ pid, action: 'gc', value: 'off', dryRun: true })
  expect(plan.writes.map(({ bytes }: { bytes: number }) => bytes)).toEqual([
    plan.files[1].path.length + 1,
    4,
    1,
  ])
  for (const { address } of plan.writes) expect(address).toMatch(/^0x[0-9a-f]+$/)
  expect(plan.script.text).toContain('gc.disable()')
  expect(isPending(pid)).toBe(false)
  expect((await program.facts()).gc).toBe(true)
})
