import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { collapsedLines, functionName, pyprof, startPyprof, summaryOf } from '../../support/cli.ts'
import { python, venv } from '../../support/pythons.ts'
import { TARGETS } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const INTEGRATIONS = join(import.meta.dirname, '..', '..', '..', 'integrations')
const PACKAGES = ['pytest==9.2.0', 'pytest-benchmark==5.3.1', 'pyperf==2.10.0']
const env = { PYTHONPATH: INTEGRATIONS, PYTHONDONTWRITEBYTECODE: '1' }
const target = (name: string) => join(TARGETS, 'record', name)

interface ControlJson {
  readonly durationNs: number
  readonly timeNs: { readonly total: number }
  readonly gaps: { readonly timeNs: number }
  readonly activity: { readonly cpuNs: number }
  readonly iterations?: number
  readonly control: {
    readonly pausedTime: number
    readonly pauses: number
    readonly marks: readonly { name: string; count: number }[]
  }
}

/** Options that begin disabled, and where the FIFOs are. */
function controlIn(folder: string): string[] {
  const fifos = `fifo:${join(folder, 'ctl')},${join(folder, 'ack')}`
  return ['--control', fifos, '--control-start', 'disabled']
}

function summary(out: string): ControlJson {
  return summaryOf({ out: out.slice(out.indexOf('{\n')) }) as unknown as ControlJson
}

function functionsOf(file: string): Set<string> {
  const lines = collapsedLines(readFileSync(file, 'utf8'))
  return new Set(lines.flatMap(({ frames }) => frames.map(functionName)))
}

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
    const { control, durationNs, timeNs, gaps, activity, iterations } = summary(out)
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
    expect(summary(converted.out).control).toEqual(control)
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
})

describe('the integrations', () => {
  it('sample what pytest-benchmark measures, and keep the exit status of pytest', async () => {
    const folder = temporaryFolder()
    const collapsed = join(folder, 'out.collapsed')
    const program = venv('3.14', 'benchmarks', PACKAGES)
    const { status, out } = await pyprof(
      [
        'record',
        '-s',
        '-r',
        '500',
        '--json',
        ...controlIn(folder),
        '-o',
        collapsed,
        '--',
        program,
        '-m',
        'pytest',
        '-p',
        'pyprof_pytest',
        '-p',
        'no:cacheprovider',
        '--benchmark-max-time=0.2',
        target('bench_orders.py'),
      ],
      { env },
    )
    expect(status).toBe(1)
    expect(out).toContain('1 failed, 3 passed')
    const { marks } = summary(out).control
    expect(marks.map(({ name }) => name.replace(/.*::/, '')).sort()).toEqual([
      'test_marked',
      'test_pedantic',
      'test_price',
    ])
    expect(marks.find(({ name }) => name.endsWith('test_pedantic'))?.count).toBe(15)
    const seen = functionsOf(collapsed)
    expect(seen).toContain('price')
    expect(seen).not.toContain('prepare')
  })

  it('sample what pyperf measures in its workers', async () => {
    const folder = temporaryFolder()
    const collapsed = join(folder, 'out.collapsed')
    const program = venv('3.14', 'benchmarks', PACKAGES)
    const { status, out } = await pyprof(
      [
        'record',
        '-s',
        '-r',
        '500',
        '--json',
        ...controlIn(folder),
        '-o',
        collapsed,
        '--',
        program,
        target('bench_pyperf.py'),
        '--hook',
        'pyprof',
        '--inherit-environ',
        'PYPROF_CONTROL',
        '--processes',
        '2',
        '--values',
        '2',
        '--warmups',
        '1',
        '--loops',
        '3',
        '--quiet',
      ],
      { env },
    )
    expect(status).toBe(0)
    // Two workers, a warm-up and two values in each, three loops.
    expect(summary(out).control.marks).toMatchObject([{ name: 'price', count: 18 }])
    expect(summary(out).control.pauses).toBeGreaterThanOrEqual(6)
    const seen = functionsOf(collapsed)
    expect(seen).toContain('price')
    expect(seen).not.toContain('prepare')
  })

  it('are as simple in a shell', async () => {
    const folder = temporaryFolder()
    const collapsed = join(folder, 'out.collapsed')
    const { status, out } = await pyprof(
      [
        'record',
        '-s',
        '-r',
        '500',
        '--json',
        ...controlIn(folder),
        '-o',
        collapsed,
        '--',
        join(INTEGRATIONS, 'example.sh'),
      ],
      { env: { PYTHON: python('3.14') } },
    )
    expect(status).toBe(0)
    expect(summary(out).control.marks).toMatchObject([{ name: 'measured', count: 1 }])
    expect(functionsOf(collapsed)).toContain('measured')
  })
})
