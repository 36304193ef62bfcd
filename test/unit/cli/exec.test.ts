import { existsSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { NO_REDACTION } from '../../../src/redaction/redactor.ts'
import { actionNamed } from '../../../src/remote-exec/actions.ts'
import { remoteExec } from '../../../src/remote-exec/remote-exec.ts'
import { openExecTarget } from '../../../src/remote-exec/target.ts'
import type {
  Addon,
  AskStatus,
  ExecThread,
  NativeExec,
  RequestState,
} from '../../../src/sampling/addon.ts'
import { FakeAddon } from '../../support/fake-addon.ts'
import { fakeProc } from '../../support/fake-proc.ts'
import { runCommand } from '../../support/run-command.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const SETTING = { old: 'on', new: 'off', undo: 'on', note: '' }

function thread(tid: number, isMain = false): ExecThread {
  const at = (offset: number) => `0x${(tid * 0x1000 + offset).toString(16)}`
  return {
    state: at(0),
    tid,
    isMain,
    pending: false,
    pathAddress: at(308),
    pendingAddress: at(304),
    breakerAddress: at(24),
  }
}

/** A target in this very process: `run` is what it does with a script that it has taken. */
class FakeExec implements NativeExec {
  readonly version = '3.14.2'
  readonly runtimeAddress = '0x5000'
  readonly pathSize = 512
  readonly asked: { thread: string; path: string }[] = []
  answerToAsk: AskStatus = 'asked'
  power: 'on' | 'off' = 'on'
  /** Looks at a request until it is taken; Infinity: never. */
  patience = 0
  run: (folder: string) => void = () => {}
  list: readonly ExecThread[] = [thread(process.pid, true)]
  waits = false

  state() {
    return this.power
  }

  threads() {
    return this.list
  }

  ask(state: string, path: string) {
    this.asked.push({ thread: state, path })
    this.waits = this.answerToAsk === 'asked'
    return { status: this.answerToAsk, errno: 1 }
  }

  look(): RequestState {
    if (!this.waits) return 'none'
    if (this.patience-- > 0) return 'waiting'
    this.waits = false
    this.run(dirname(this.asked.at(-1)?.path ?? ''))
    return 'taken'
  }

  withdraw(): RequestState {
    this.waits = false
    return 'none'
  }
}

/** What a script does: takes the name of the answer away, and writes what its file holds. */
function answering(value: unknown): (folder: string) => void {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return (folder) => {
    const path = join(folder, 'answer')
    writeFileSync(path, `${text}\0`)
    unlinkSync(path)
  }
}

function addonOf(native: NativeExec): Addon {
  return Object.assign(new FakeAddon([]), { openExec: () => native })
}

async function ask(native: FakeExec, timeoutMs = 5000, cancelled?: AbortSignal) {
  const target = openExecTarget(addonOf(native), process.pid, NO_REDACTION)
  const request = { action: actionNamed('gc')!, value: 'off', timeoutMs }
  return remoteExec(target, request, cancelled === undefined ? {} : { cancelled })
}

function folderOf(native: FakeExec): string {
  return dirname(native.asked[0]?.path ?? '')
}

describe('a request', () => {
  test('that is answered leaves nothing', async () => {
    const native = new FakeExec()
    let seen: string[] = []
    native.run = (folder) => {
      seen = readdirSync(folder).sort()
      expect(readFileSync(join(folder, 'gc.py'), 'utf8')).toContain('gc.disable()')
      answering({ result: SETTING, ns: 7 })(folder)
    }
    const outcome = await ask(native)
    expect(outcome).toMatchObject({
      result: SETTING,
      scriptNs: 7,
      thread: { tid: process.pid, isMain: true },
      left: undefined,
    })
    expect(seen).toEqual(['answer', 'gc.py'])
    expect(native.asked).toHaveLength(1)
    expect(existsSync(folderOf(native))).toBe(false)
    expect(native.waits).toBe(false)
  })

  test.each<[string, string, Partial<FakeExec>]>([
    ['is never taken', 'not-taken', { patience: Number.POSITIVE_INFINITY }],
    ['is another debugger’s turn', 'occupied', { answerToAsk: 'busy' }],
    ['may not be written', 'write-refused', { answerToAsk: 'write-failed' }],
    ['is disturbed', 'replaced', { answerToAsk: 'disturbed' }],
    ['is answered by rubbish', 'bad-answer', { run: answering('{') }],
    ['is answered by another shape', 'bad-answer', { run: answering({ result: 7 }) }],
    [
      'ends in an error',
      'script-failed',
      { run: answering({ error: { type: 'E', message: 'm', line: 1, signal: 0 }, ns: 0 }) },
    ],
    ['finds its process gone', 'no-such-process', { run: () => {}, answerToAsk: 'no-thread' }],
  ])('that %s leaves nothing either', async (_, code, parts) => {
    const native = Object.assign(new FakeExec(), parts)
    if (code === 'no-such-process') {
      const first = native.list
      let looks = 0
      native.threads = () => (looks++ < 3 ? first : [])
    }
    await expect(ask(native, 300)).rejects.toMatchObject({ code })
    expect(native.asked.length).toBeGreaterThan(0)
    expect(existsSync(folderOf(native))).toBe(false)
    expect(native.waits).toBe(false)
  })

  test('that was taken but has not begun when its time is over, never begins', async () => {
    const native = new FakeExec()
    await expect(ask(native, 200)).rejects.toMatchObject({ code: 'script-refused', exitCode: 3 })
    expect(existsSync(folderOf(native))).toBe(false)
  })

  test('that is cancelled is withdrawn; one that has begun is waited for', async () => {
    const native = Object.assign(new FakeExec(), { patience: Number.POSITIVE_INFINITY })
    const cancel = new AbortController()
    const first = ask(native, 60_000, cancel.signal)
    cancel.abort()
    await expect(first).rejects.toMatchObject({ code: 'interrupted' })
    expect(native.waits).toBe(false)

    const other = new FakeExec()
    const late = new AbortController()
    other.run = (folder) => {
      late.abort()
      answering({ result: SETTING, ns: 1 })(folder)
    }
    expect((await ask(other, 60_000, late.signal)).result).toEqual(SETTING)
  })

  test('goes to no target that has it switched off', async () => {
    const native = Object.assign(new FakeExec(), { power: 'off' })
    await expect(ask(native)).rejects.toMatchObject({ code: 'remote-debugging-off', exitCode: 3 })
    expect(native.asked).toEqual([])
  })
})

test('a target that can open no more files is not asked', async () => {
  const { pid } = process
  const fds = ['0', '1', '2'].map((fd) => [`${pid}/fd/${fd}`, ''])
  const ask = (limit: number) => {
    const native = new FakeExec()
    native.run = answering({ result: SETTING, ns: 1 })
    const limits = `Limit                     Soft Limit\nMax open files            ${limit}   9999   files\n`
    const files = { ...Object.fromEntries(fds), [`${pid}/limits`]: limits }
    const own = { uid: process.geteuid!() }
    const proc = fakeProc(temporaryFolder(), { [pid]: own }, files)
    const target = openExecTarget(addonOf(native), pid, NO_REDACTION, proc)
    const request = { action: actionNamed('gc')!, value: 'off', timeoutMs: 5000 }
    return { native, outcome: remoteExec(target, request) }
  }
  const full = ask(4)
  await expect(full.outcome).rejects.toMatchObject({ code: 'no-descriptors' })
  expect(full.native.asked).toEqual([])
  expect((await ask(5).outcome).result).toEqual(SETTING)
})

describe('the command', () => {
  const run = async (native: FakeExec, ...args: string[]) => {
    const outcome = await runCommand(['exec', `${process.pid}`, ...args], addonOf(native))
    return { ...outcome, out: String(outcome.out) }
  }

  test('prints the same as text and as JSON; talk goes to stderr', async () => {
    const native = () =>
      Object.assign(new FakeExec(), { run: answering({ result: SETTING, ns: 1e6 }) })
    const text = await run(native(), 'gc', 'off')
    expect(text).toMatchObject({
      exitCode: 0,
      out: `gc was on, is now off.\nTo undo: pyprof exec ${process.pid} gc on\n`,
    })
    expect(text.err).toContain('on its main thread: 1 ms of its time')
    const json = await run(native(), 'gc', 'off', '--json')
    expect(json).toMatchObject({ exitCode: 0, err: '' })
    expect(JSON.parse(json.out)).toMatchObject({
      exporter: 'pyprof@0.0.0-test',
      pid: process.pid,
      pythonVersion: '3.14.2',
      action: 'gc',
      value: 'off',
      old: 'on',
      new: 'off',
      undo: `pyprof exec ${process.pid} gc on`,
      scriptNs: 1e6,
    })
  })

  test('a table: foreign text is made harmless, ids stay as they are', async () => {
    const rows = [
      ['Main\x1b[2J', 140_000_000_000, 1234, false, true, ['a (b:1)', 'c\n (d:2)']],
      ['x', 5, null, null, false, []],
    ]
    const columns = ['name', 'ident', 'native', 'daemon', 'asked', 'stack']
    const result = { columns, rows, facts: { 'threading imported': true } }
    const native = Object.assign(new FakeExec(), { run: answering({ result, ns: 1 }) })
    const { out } = await run(native, 'threads')
    expect(out).toBe(
      [
        'NAME                IDENT  NATIVE  DAEMON  ASKED',
        'Main\\x1b[2J  140000000000  1234    no      yes',
        '    a (b:1)',
        '    c\\x0a (d:2)',
        'x                       5  -       -       no',
        'threading imported: yes',
        '',
      ].join('\n'),
    )
  })

  test('a dry run asks for nothing', async () => {
    const native = new FakeExec()
    const { exitCode, out } = await run(native, 'gc', 'off', '--dry-run')
    expect(exitCode).toBe(0)
    expect(out).toContain('Nothing was written. What would be:')
    expect(out).toContain(`${thread(process.pid).pendingAddress}  4 bytes: pending flag, 1`)
    expect(native.asked).toEqual([])
  })

  test.each([[['gcc']], [['gc', 'maybe']], [['threads', 'on']], [['switch-interval', '0']]])(
    'wrong usage: %j',
    async (args) => {
      await expect(run(new FakeExec(), ...args)).rejects.toMatchObject({
        code: 'usage',
        exitCode: 2,
      })
    },
  )

  test.each([
    [[]],
    [['gc', 'off', 'now']],
    [['gc', '--timeout', '0']],
    [['gc', '--thread', 'main']],
    [['threads', '--top', '0']],
    [['gc', '--force']],
  ])('wrong usage of the command line: %j', async (args) => {
    await expect(run(new FakeExec(), ...args)).rejects.toMatchObject({
      code: expect.stringMatching(/^commander\./),
    })
  })
})
