import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { pyprof, startPyprof } from '../../support/cli.ts'
import {
  CONTROL_ENV,
  controlFifos,
  controlIn,
  controlSummary,
  functionsOf,
} from '../../support/control.ts'
import { python } from '../../support/pythons.ts'
import { startPython, TARGETS } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const target = (name: string) => join(TARGETS, 'record', name)
const env = CONTROL_ENV

describe('record --control', () => {
  it('samples what is between enable and disable, and nothing else', async () => {
    const folder = temporaryFolder()
    const collapsed = join(folder, 'out.collapsed')
    const recording = join(folder, 'out.pyprof')
    const outputs = ['-o', recording, '-o', collapsed]
    const { status, out, err } = await pyprof(
      [
        'record',
        '-r',
        '500',
        '--json',
        ...controlIn(folder),
        ...outputs,
        '--',
        python('3.14'),
        target('controlled.py'),
      ],
      { env },
    )
    expect(err).toBe('')
    expect(status).toBe(7)
    const seen = functionsOf(collapsed)
    expect(seen).toContain('measured')
    expect(seen).not.toContain('unmeasured')
    const { control, durationNs, timeNs, gaps, activity, iterations } = controlSummary(out)
    expect(control.marks).toMatchObject([{ name: 'work', count: 200 }])
    expect(iterations).toBe(200)
    // Before the first, between them, and behind the last.
    expect(control.pauses).toBe(21)
    // All time is somewhere; behind the last tick there may be some that no sample stands for.
    const known = timeNs.total + gaps.timeNs + control.pausedTime
    expect(known).toBeLessThanOrEqual(durationNs)
    // Nor is CPU time of the pauses, two seconds, in any sample; the kernel is a tick late at most.
    const late = 20 * 10e6
    expect(activity.cpuNs).toBeGreaterThan(0)
    expect(activity.cpuNs).toBeLessThanOrEqual(durationNs - control.pausedTime + late)
    const converted = await pyprof([
      'convert',
      '--json',
      recording,
      '-o',
      join(folder, 'again.svg'),
    ])
    expect(controlSummary(converted.out).control).toEqual(control)
    expect(existsSync(join(folder, 'ctl'))).toBe(false)
  })

  it('says so when nobody enables it, and lets the command end', async () => {
    const folder = temporaryFolder()
    const svg = join(folder, 'out.svg')
    const { status, err } = await pyprof([
      'record',
      ...controlIn(folder),
      '-o',
      svg,
      '--',
      python('3.14'),
      '-c',
      'print(1)',
    ])
    expect(status).toBe(4)
    expect(err).toContain('Sampling was disabled from the start')
    expect(existsSync(svg)).toBe(false)
  })

  it('keeps what it has when the harness dies while sampling is on, and nobody reads answers', async () => {
    const folder = temporaryFolder()
    const collapsed = join(folder, 'out.collapsed')
    const { status, err } = await pyprof([
      'record',
      '-r',
      '500',
      ...controlIn(folder),
      '-o',
      collapsed,
      '--',
      python('3.14'),
      target('dying.py'),
    ])
    expect(status).toBe(128 + 9)
    expect(functionsOf(collapsed)).toContain('measured')
    expect(err).toContain('error unknown command: nonsense')
    expect(err).toContain('nobody reads it')
  })

  it('ends when the target ends while sampling is off', async () => {
    const folder = temporaryFolder()
    const ended = startPyprof([
      'record',
      '-s',
      ...controlIn(folder),
      '-o',
      join(folder, 'out.svg'),
      '--',
      python('3.14'),
      '-c',
      'pass',
    ])
    expect((await ended.ended).status).toBe(4)
  })

  it('gives each of several processes and threads its own answers', async () => {
    const folder = temporaryFolder()
    const { status, out, err } = await pyprof(
      [
        ...['record', '-s', '--json', '--control', controlFifos(folder)],
        ...['-o', join(folder, 'out.svg'), '--', python('3.14'), target('marking.py')],
      ],
      { env },
    )
    expect(err).toBe('')
    expect(status).toBe(0)
    const { marks } = controlSummary(out).control
    const counts = marks.map(({ name, count }) => [name, count] as const)
    expect(counts.sort()).toEqual([
      ['all', 3 * 2 * 100 * 2],
      ['of 0', 2],
      ['of 1', 2],
      ['of 2', 2],
    ])
  })

  it('shows no secret in the name of a mark, and does not add up what differs by one', async () => {
    const folder = temporaryFolder()
    const outputs = ['-o', join(folder, 'run.pyprof'), '-o', join(folder, 'run.pb.gz')]
    const command = ['--', python('3.14'), target('secret_marks.py')]
    const control = ['--control', controlFifos(folder), ...outputs]
    const { status, out, err } = await pyprof(['record', '--json', ...control, ...command], { env })
    expect(status, err).toBe(0)
    const name = 'bench/test_token.py::test_login[password=<redacted>'
    const shown = [
      { name, count: 6 },
      { name: `${name} (2)`, count: 3 },
    ]
    expect(controlSummary(out).control.marks).toMatchObject(shown)
    expect(controlSummary(out).iterations).toBeUndefined()
    expect(err).toBe('--control: error unknown command: login --password <redacted>\n')
    const files = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'latin1'))
    expect(files.join('')).not.toMatch(/hunter2|swordfish/)

    // What was recorded with its secrets loses them on the way out.
    const whole = await pyprof(['record', '--no-redact', ...control, ...command], { env })
    expect(whole.status, whole.err).toBe(0)
    expect(whole.err).toContain('test_login[password=hunter2] 6')
    const converted = await pyprof([
      ...['convert', '--redact-paths', '--json', join(folder, 'run.pyprof')],
      ...['-o', join(folder, 'again.pyprof')],
    ])
    expect(controlSummary(converted.out).control.marks).toMatchObject(shown)
    expect(readFileSync(join(folder, 'again.pyprof'), 'latin1')).not.toContain('hunter2')
  })

  it('refuses counts that are too large for a recording', async () => {
    const folder = temporaryFolder()
    // Nine of them fit into what a number holds exactly.
    const script = [
      'import pyprof_control, time',
      'until = time.process_time() + 0.5',
      'while time.process_time() < until: pass',
      'print([pyprof_control.control().mark("many", 10**15 - 1) for _ in range(10)].count(True))',
    ].join('\n')
    const recording = join(folder, 'out.pyprof')
    const control = ['--control', controlFifos(folder), '-o', recording]
    const recorded = await pyprof(['record', ...control, '--', python('3.14'), '-c', script], {
      env,
    })
    expect(recorded.status, recorded.err).toBe(0)
    expect(recorded.out).toBe('9\n')
    expect(recorded.err).toContain('--control: error the count is too large')
    const converted = await pyprof(['convert', '--json', recording, '-o', join(folder, 'out.svg')])
    expect(controlSummary(converted.out).iterations).toBe(9 * (1e15 - 1))
  })

  it('ends with 2 before it starts anything where a FIFO is none', async () => {
    const folder = temporaryFolder()
    const made = join(folder, 'made')
    const { status, err } = await pyprof([
      ...['record', '--control', `fifo:${target('marking.py')}`, '-o', join(folder, 'out.svg')],
      ...['--', 'touch', made],
    ])
    expect(status).toBe(2)
    expect(err).toContain('marking.py cannot be used by --control.\n        It is no FIFO.\n')
    expect(existsSync(made)).toBe(false)
  })

  it('counts what a command said before it ended, however late pyprof reads it', async () => {
    const folder = temporaryFolder()
    // Nobody waits for answers here.
    const control = ['--control', `fifo:${join(folder, 'ctl')}`, '-o', join(folder, 'out.svg')]
    const command = [python('3.14'), target('last_words.py')]
    for (let run = 0; run < 3; run++) {
      const outcome = await pyprof(['record', '--json', ...control, '--', ...command], { env })
      expect(outcome.status, outcome.err).toBe(0)
      expect(outcome.err).toBe('')
      expect(controlSummary(outcome.out).iterations).toBe(200)
    }
  })

  it('lets a command end its recording, and go on', async () => {
    const folder = temporaryFolder()
    const script = [
      'import pyprof_control, sys, time',
      'control = pyprof_control.control()',
      'until = time.process_time() + 0.5',
      'while time.process_time() < until: pass',
      'control.mark("work")',
      'print(control._ask("stop"), flush=True)',
      // The recording is over a moment after it was asked to be.
      'while control.mark("late"): pass',
      'print(control.enable(), control.disable(), control.ping(), file=sys.stderr)',
      'sys.exit(3)',
    ].join('\n')
    const { status, out, err } = await pyprof(
      [
        ...['record', '--json', '--control', controlFifos(folder), '-o', join(folder, 'out.svg')],
        ...['--', python('3.14'), '-W', 'ignore', '-c', script],
      ],
      { env },
    )
    expect(status).toBe(3)
    expect(out).toMatch(/^True\n\{/)
    expect(err).toContain('False True True\n')
    expect(err).toContain('The command goes on as process')
    expect(err).toContain('--control: error the recording has ended')
    expect(controlSummary(out)).toMatchObject({ endReason: 'interrupted' })
    expect(controlSummary(out).control.marks[0]).toMatchObject({ name: 'work', count: 1 })
  })

  it('controls the recording of a running process, from whichever shell', async () => {
    const folder = temporaryFolder()
    const [ctl, ack] = [join(folder, 'ctl'), join(folder, 'ack')]
    const collapsed = join(folder, 'out.collapsed')
    const running = await startPython('3.14', 'idle.py')
    execFileSync('mkfifo', [ctl, ack])
    const recording = startPyprof([
      ...['record', '--pid', String(running.target.pid), '-r', '500', '--json'],
      ...[...controlIn(folder), '-o', collapsed],
    ])
    // As docs/cli.md has it.
    const say = (command: string) =>
      promisify(execFile)('sh', [
        '-c',
        `echo '${command}' >"$1"; read -r answer <"$2"; echo "$answer"`,
        'sh',
        ctl,
        ack,
      ])
    expect(await say('enable')).toMatchObject({ stdout: 'ack\n' })
    await recording.samples()
    expect(await say('fly')).toMatchObject({ stdout: 'error unknown command: fly\n' })
    expect(await say('mark seen')).toMatchObject({ stdout: 'ack\n' })
    expect(await say('stop')).toMatchObject({ stdout: 'ack\n' })
    const { status, out } = await recording.ended
    expect(status).toBe(0)
    expect(controlSummary(out).control.marks).toMatchObject([{ name: 'seen', count: 1 }])
    expect(functionsOf(collapsed)).toContain('inner')
    // FIFOs of others stay.
    expect(existsSync(ctl) && existsSync(ack)).toBe(true)
  })
})
