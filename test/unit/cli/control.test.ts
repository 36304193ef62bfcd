import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  ControlChannel,
  type Controlled,
  obey,
  parseControl,
} from '../../../src/commands/record/control.ts'
import { PyprofError } from '../../../src/errors.ts'
import { checkMeta } from '../../../src/recording/meta.ts'
import { FakeAddon, SAMPLING, workBatch } from '../../support/fake-addon.ts'
import { runCommand } from '../../support/run-command.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

class Log implements Controlled {
  readonly calls: string[] = []
  enable(enabled: boolean): string {
    this.calls.push(`enable ${enabled}`)
    return ''
  }
  mark(name: string, count: number): string {
    this.calls.push(`mark ${name} ${count}`)
    return ''
  }
  stop(): string {
    this.calls.push('stop')
    return 'the recording has ended'
  }
}

describe('obey', () => {
  it.each([
    ['ping', 'ack', []],
    ['enable', 'ack', ['enable true']],
    ['disable', 'ack', ['enable false']],
    ['mark parse a file', 'ack', ['mark parse a file 1']],
    ['mark parse\t1000', 'ack', ['mark parse 1000']],
    ['stop', 'error the recording has ended', ['stop']],
    ['mark', 'error expected: mark NAME, or mark NAME<tab>COUNT', []],
    ['mark parse\tmany', 'error expected: mark NAME, or mark NAME<tab>COUNT', []],
    ['enable all', 'error unknown command: enable all', []],
    ['snapshot', 'error unknown command: snapshot', []],
  ])('%j is answered with %j', (line, answer, calls) => {
    const log = new Log()
    expect(obey(line, log)).toBe(answer)
    expect(log.calls).toEqual(calls)
  })
})

describe('parseControl', () => {
  it.each(['', 'fifo:', 'fd:3', '/tmp/ctl', 'fifo:a,b,c', 'fifo:/a,/a'])('refuses %j', (text) => {
    expect(() => parseControl(text)).toThrow('Expected fifo:CTL')
  })

  it('makes paths absolute', () => {
    expect(parseControl('fifo:/a,/b')).toEqual({ ctl: '/a', ack: '/b' })
    expect(parseControl('fifo:c').ctl).toBe(join(process.cwd(), 'c'))
  })
})

describe('ControlChannel', () => {
  it('makes FIFOs that are not there, for their owner alone, and removes them', () => {
    const folder = temporaryFolder()
    const ctl = join(folder, 'ctl')
    const ack = join(folder, 'ack')
    const channel = new ControlChannel({ ctl, ack }, () => {})
    expect(statSync(ctl).isFIFO()).toBe(true)
    expect(statSync(ack).mode & 0o777).toBe(0o600)
    channel.close()
    expect(existsSync(ctl) || existsSync(ack)).toBe(false)
  })

  it('refuses a path that is no FIFO, and leaves nothing behind', () => {
    const folder = temporaryFolder()
    const ctl = join(folder, 'ctl')
    const ack = join(folder, 'file')
    writeFileSync(ack, 'kept')
    expect(() => new ControlChannel({ ctl, ack }, () => {})).toThrow(PyprofError)
    expect(existsSync(ctl)).toBe(false)
    expect(existsSync(ack)).toBe(true)
  })

  it('refuses a folder that is not there', () => {
    const ctl = join(temporaryFolder(), 'none', 'ctl')
    expect(() => new ControlChannel({ ctl, ack: undefined }, () => {})).toThrow('--control')
  })
})

describe('record --control', () => {
  it.each([
    [['--control-start', 'disabled'], '--control-start is given without --control.'],
    [
      ['--control', 'fifo:x', '--rotate', '5m', '-o', 'x.pyprof'],
      '--control and --rotate do not go together.',
    ],
  ])('refuses %j', async (options, what) => {
    await expect(runCommand(['record', '--pid', '42', ...options])).rejects.toThrow(what)
  })

  it('begins disabled, and tells the pauses', async () => {
    const folder = temporaryFolder()
    const ended = {
      ...SAMPLING,
      state: 'ended',
      endReason: 'exited',
      pausedTime: 30e6,
      pauses: 2,
    } as const
    const addon = new FakeAddon([workBatch(10, ended)])
    const { out, exitCode } = await runCommand(
      [
        'record',
        '--pid',
        String(process.pid),
        '--control',
        `fifo:${join(folder, 'c')}`,
        '--control-start',
        'disabled',
        '--json',
        '-o',
        join(folder, 'out.svg'),
      ],
      addon,
    )
    expect(exitCode).toBe(0)
    expect(addon.options?.disabled).toBe(true)
    expect(JSON.parse(out.toString()).control).toEqual({ pausedTime: 30e6, pauses: 2, marks: [] })
    expect(existsSync(join(folder, 'c'))).toBe(false)
  })
})

describe('the meta of a recording', () => {
  const meta = {
    exporter: 'e',
    command: '',
    pythonVersion: '',
    mode: 'wall',
    states: [],
    read: 'live',
    readChange: '',
    descendants: '',
    rate: 100,
    startedAt: 0,
    endReason: 'exited',
  }
  it.each([
    [{ pausedTime: 1, pauses: 1, marks: [{ name: 'a', first: 0, last: 5, count: 2 }] }, true],
    [{ pausedTime: -1, pauses: 1, marks: [] }, false],
    [{ pausedTime: 1, pauses: 1, marks: [{ name: 1 }] }, false],
    [[], false],
  ])('control %j: %j', (control, isRight) => {
    expect(checkMeta({ ...meta, control }) !== undefined).toBe(isRight)
  })
})
