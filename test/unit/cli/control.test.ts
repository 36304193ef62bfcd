import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  ControlChannel,
  type ControlFifos,
  type Controlled,
  obey,
  parseControl,
} from '../../../src/commands/record/control.ts'
import { checkMeta } from '../../../src/recording/meta.ts'
import { redactorFor } from '../../../src/redaction/redactor.ts'
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
  it.each(['', 'fifo:', 'fd:3', '/tmp/ctl', 'fifo:a,b,c', 'fifo:/a,/a', 'fifo:/a,/b/../a'])(
    'refuses %j',
    (text) => {
      expect(() => parseControl(text)).toThrow('Expected fifo:CTL')
    },
  )

  it('makes paths absolute', () => {
    expect(parseControl('fifo:/a,/b')).toEqual({ ctl: '/a', ack: '/b' })
    expect(parseControl('fifo:c').ctl).toBe(join(process.cwd(), 'c'))
  })
})

const REDACTOR = redactorFor()
const silent = (fifos: ControlFifos) => new ControlChannel(fifos, () => {}, REDACTOR)

/** A served channel with a harness's ends of its FIFOs. */
function conversation() {
  const folder = temporaryFolder()
  const fifos = { ctl: join(folder, 'ctl'), ack: join(folder, 'ack') }
  const log = new Log()
  const said: string[] = []
  const channel = new ControlChannel(fifos, (text) => said.push(text), REDACTOR)
  channel.serve(log)
  const ctl = openSync(fifos.ctl, constants.O_WRONLY | constants.O_NONBLOCK)
  const ack = openSync(fifos.ack, constants.O_RDONLY | constants.O_NONBLOCK)
  onTestFinished(() => {
    channel.close()
    closeSync(ctl)
    closeSync(ack)
  })
  const room = Buffer.alloc(65_536)
  let heard = ''
  return {
    log,
    said,
    send: (text: string) => void writeSync(ctl, text),
    /** So many answers. */
    answers: async (count: number): Promise<string[]> => {
      await vi.waitFor(() => {
        heard += room.toString('utf8', 0, readSync(ack, room))
        expect(heard.split('\n').length).toBeGreaterThan(count)
      })
      return heard.split('\n').slice(0, -1)
    },
  }
}

describe('ControlChannel', () => {
  it('makes FIFOs that are not there, for their owner alone, and removes them', () => {
    const folder = temporaryFolder()
    const ctl = join(folder, 'ctl')
    const ack = join(folder, 'ack')
    const channel = silent({ ctl, ack })
    expect(statSync(ctl).isFIFO()).toBe(true)
    expect(statSync(ack).mode & 0o777).toBe(0o600)
    channel.close()
    expect(existsSync(ctl) || existsSync(ack)).toBe(false)
  })

  it('uses FIFOs that are there, and leaves them there', () => {
    const ctl = join(temporaryFolder(), 'ctl')
    execFileSync('mkfifo', [ctl])
    silent({ ctl, ack: undefined }).close()
    expect(statSync(ctl).isFIFO()).toBe(true)
  })

  it('refuses a path that is no FIFO, and leaves nothing behind', () => {
    const folder = temporaryFolder()
    const ctl = join(folder, 'ctl')
    const ack = join(folder, 'file')
    writeFileSync(ack, 'kept')
    expect(() => silent({ ctl, ack })).toThrow(
      expect.objectContaining({ exitCode: 2, why: 'It is no FIFO.' }),
    )
    expect(existsSync(ctl)).toBe(false)
    expect(existsSync(ack)).toBe(true)
  })

  it('refuses a folder, and one that is not there', () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'ctl'))
    for (const ctl of [join(folder, 'ctl'), join(folder, 'none', 'ctl')]) {
      const refused = expect.objectContaining({ exitCode: 2, what: expect.stringContaining(ctl) })
      expect(() => silent({ ctl, ack: undefined })).toThrow(refused)
    }
  })

  it('refuses one FIFO under two names: each answer would be a command', () => {
    const folder = temporaryFolder()
    const ctl = join(folder, 'ctl')
    const ack = join(folder, 'ack')
    execFileSync('mkfifo', [ctl])
    linkSync(ctl, ack)
    expect(() => silent({ ctl, ack })).toThrow(
      expect.objectContaining({ exitCode: 2, why: `It is the same FIFO as ${ack}.` }),
    )
  })

  it('answers each line, in order, however they are cut and whatever they hold', async () => {
    const { log, send, answers } = conversation()
    send('enable\n\n  disable  \nmark a')
    send(' b\t3\nmark \u00e9\u0000\u001b[31m\n\rping\r\nfly\n')
    expect(await answers(5)).toEqual([
      'ack',
      'ack',
      'ack',
      'ack',
      'ack',
      'error unknown command: fly',
    ])
    expect(log.calls).toEqual([
      'enable true',
      'enable false',
      'mark a b 3',
      'mark \u00e9\u001b[31m 1',
    ])
  })

  it('does nothing of a line that is too long, and goes on with the next one', async () => {
    const { log, said, send, answers } = conversation()
    const tooLong = 'error a command has 4096 characters at most'
    send(`mark ${'x'.repeat(4091)}\n`)
    send(`mark ${'x'.repeat(4092)}\t1000\n`)
    send(`enable${' '.repeat(5000)}\n`)
    send(`mark ${'y'.repeat(20_000)}`)
    send(`${'y'.repeat(20_000)}\nping\n`)
    expect(await answers(5)).toEqual(['ack', tooLong, tooLong, tooLong, 'ack'])
    expect(log.calls).toEqual([`mark ${'x'.repeat(4091)} 1`])
    expect(said).toHaveLength(3)
  })

  it('tells what it did not understand, shortly, without secrets and control characters', async () => {
    const { said, send, answers } = conversation()
    send(`login token=hunter2\n\u001b[2J\n${'z'.repeat(4000)}\n`)
    const all = await answers(3)
    expect(all[2]!.length).toBeLessThan(250)
    expect(said.join('')).toBe(
      '--control: error unknown command: login token=<redacted>\n' +
        '--control: error unknown command: \\x1b[2J\n' +
        `--control: ${all[2]}\n`,
    )
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
  const facts = { cpu: '', governor: '', load: 0, kernel: '', revision: '', isDirty: false }
  it.each([
    [undefined, true],
    [{ bench: 'b', number: 1 }, true],
    [{ bench: 1, number: 1 }, false],
    [{ bench: 'b', number: 1.5 }, false],
    [{ bench: 'b', number: -1 }, false],
    [{ bench: 'b' }, false],
    [[], false],
    [null, false],
  ])('pair %j of a run: %j', (pair, isRight) => {
    const run = { ...facts, ...(pair === undefined ? {} : { pair }) }
    const found = checkMeta({ ...meta, run })
    expect(found !== undefined).toBe(isRight)
    if (isRight) expect(found!.run).toEqual(run)
  })
})
