import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  collapsedLines,
  functionName,
  type Outcome,
  Program,
  pyprof,
  type RunOptions,
  summaryOf,
} from '../../support/cli.ts'
import {
  CONTROL_ENV,
  controlIn,
  controlSummary,
  functionsOf,
  INTEGRATIONS,
} from '../../support/control.ts'
import { benchmarkHarnesses as benchmarks, python } from '../../support/pythons.ts'
import { TARGETS } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const target = (name: string) => join(TARGETS, 'record', name)

const PYTEST = ['-m', 'pytest', '-p', 'no:cacheprovider'] as const

interface ProcessJson {
  readonly pid: number
  readonly parent: number
  readonly command: string
  readonly samples: number
}

/** Records a command with all that it starts, each thread by itself. */
async function recordTree(command: readonly string[], options: RunOptions = {}) {
  const collapsed = join(temporaryFolder(), 'out.collapsed')
  const outcome: Outcome = await pyprof(
    ['record', '-s', '-t', '-r', '500', '--json', '-o', collapsed, '--', ...command],
    options,
  )
  const printed = outcome.out.slice(0, outcome.out.indexOf('{\n'))
  const summary = summaryOf({ out: outcome.out.slice(printed.length) })
  const processes = (summary as unknown as { processes: readonly ProcessJson[] }).processes
  const lines = collapsedLines(readFileSync(collapsed, 'utf8'))
  /** The processes that have had a function on a stack, in the order of their start. */
  const running = (name: string) => {
    const roots = lines.filter(({ frames }) => frames.map(functionName).includes(name))
    const pids = new Set(roots.map(({ frames }) => Number(/\(pid (\d+), /.exec(frames[0]!)?.[1])))
    return processes.filter(({ pid }) => pids.has(pid))
  }
  return { ...outcome, printed, running }
}

/** Records what a command itself asks to be sampled, and says which functions were seen. */
async function sampledBy(command: readonly string[], env: Readonly<Record<string, string>>) {
  const folder = temporaryFolder()
  const collapsed = join(folder, 'out.collapsed')
  const outcome = await pyprof(
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
      ...command,
    ],
    { env },
  )
  return { ...outcome, seen: functionsOf(collapsed) }
}

describe('record -s', () => {
  it.each(['forkserver', 'spawn'])(
    'of asv run records its benchmarks in their own processes (%s), and keeps its status',
    async (method) => {
      const cwd = temporaryFolder()
      cpSync(target('asv'), cwd, { recursive: true })
      const git = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org']
      for (const words of [
        ['init', '-q'],
        ['add', '-A'],
        [...git, 'commit', '-q', '-m', 'bench'],
      ]) {
        execFileSync('git', words, { cwd })
      }
      // What asv knows of the machine is in the home folder.
      const options = { cwd, env: { HOME: cwd } }
      const asv = [benchmarks(), '-m', 'asv']
      execFileSync(asv[0]!, [...asv.slice(1), 'machine', '--yes'], {
        cwd,
        env: { ...process.env, HOME: cwd },
        stdio: 'pipe',
      })
      const run = ['run', '--python=same', '--launch-method', method]
      const { status, printed, running } = await recordTree([...asv, ...run], options)
      expect(printed).toMatch(/time_fails\s+failed/)
      expect(printed).toMatch(/time_price\s+\d/)
      // The status of asv when a benchmark fails.
      expect(status).toBe(2)
      const [worker, ...others] = running('Orders.time_price')
      expect(others).toEqual([])
      expect(worker!.parent).toBeGreaterThanOrEqual(0)
      expect(running('price')).toEqual([worker])
    },
  )

  it('of pyperf records its workers, without a hook too', async () => {
    const options = ['--processes', '2', '--values', '2', '--warmups', '0', '--loops', '10']
    const command = [benchmarks(), target('bench_pyperf.py'), ...options, '--quiet']
    const { status, running } = await recordTree(command)
    expect(status).toBe(0)
    const workers = running('price')
    expect(workers).toHaveLength(2)
    expect(new Set(workers.map(({ parent }) => parent)).size).toBe(1)
  })

  it('of pytest-xdist records all of its workers, and keeps the status of pytest', async () => {
    const workers = ['-n', '2', '--dist', 'each', target('bench_workers.py')]
    const { status, printed, running } = await recordTree([benchmarks(), ...PYTEST, ...workers])
    expect(printed).toContain('2 failed, 2 passed')
    expect(status).toBe(1)
    const [one, other, ...more] = running('test_work')
    expect(more).toEqual([])
    expect(one!.parent).toBe(other!.parent)
    expect(one!.pid).not.toBe(other!.pid)
  })
})

describe('the integrations', () => {
  it('sample what pytest-benchmark measures, and keep the exit status of pytest', async () => {
    const pytest = [benchmarks(), ...PYTEST, '-p', 'pyprof_pytest', '--benchmark-max-time=0.2']
    const { status, out, seen } = await sampledBy(
      [...pytest, target('bench_orders.py')],
      CONTROL_ENV,
    )
    expect(status).toBe(1)
    expect(out).toContain('1 failed, 3 passed')
    const { marks } = controlSummary(out).control
    expect(marks.map(({ name }) => name.replace(/.*::/, '')).sort()).toEqual([
      'test_marked',
      'test_pedantic',
      'test_price',
    ])
    expect(marks.find(({ name }) => name.endsWith('test_pedantic'))?.count).toBe(15)
    expect(seen).toContain('price')
    expect(seen).not.toContain('prepare')
  })

  it('sample what pyperf measures in its workers', async () => {
    const { status, out, seen } = await sampledBy(
      [
        ...[benchmarks(), target('bench_pyperf.py'), '--quiet'],
        ...['--hook', 'pyprof', '--inherit-environ', 'PYPROF_CONTROL'],
        ...['--processes', '2', '--values', '2', '--warmups', '1', '--loops', '3'],
      ],
      CONTROL_ENV,
    )
    expect(status).toBe(0)
    // Two workers, a warm-up and two values in each, three loops.
    expect(controlSummary(out).control.marks).toMatchObject([{ name: 'price', count: 18 }])
    expect(controlSummary(out).control.pauses).toBeGreaterThanOrEqual(6)
    expect(seen).toContain('price')
    expect(seen).not.toContain('prepare')
  })

  it('are as simple in a shell', async () => {
    const { status, out, seen } = await sampledBy([join(INTEGRATIONS, 'example.sh')], {
      PYTHON: python('3.14'),
    })
    expect(status).toBe(0)
    expect(controlSummary(out).control.marks).toMatchObject([{ name: 'measured', count: 1 }])
    expect(seen).toContain('measured')
  })

  it('refuse the workers of pytest-xdist, which cannot share a switch, and say what to do', async () => {
    const folder = temporaryFolder()
    const control = [...controlIn(folder), '-o', join(folder, 'out.svg')]
    const pytest = [...PYTEST, '-p', 'pyprof_pytest', '--pyprof-all', target('bench_workers.py')]
    const refused = await pyprof(
      ['record', '-s', ...control, '--', benchmarks(), ...pytest, '-n', '2'],
      { env: CONTROL_ENV },
    )
    // The status of pytest for wrong usage.
    expect(refused.status).toBe(4)
    expect(refused.err).toContain('sampling is one switch. Run without workers (-n 0); or sample')
    expect(refused.out).not.toContain('passed')

    const alone = await pyprof(
      ['record', '-s', '--json', ...control, '--', benchmarks(), ...pytest, '-n', '0'],
      { env: CONTROL_ENV },
    )
    expect(alone.status).toBe(1)
    const { marks } = controlSummary(alone.out).control
    expect(marks.map(({ name }) => name.replace(/.*::/, ''))).toEqual(['test_work'])
  })

  it('are in nobody’s way where no pyprof listens', async () => {
    const pytest = [...PYTEST, '-p', 'pyprof_pytest', '--pyprof-all', target('bench_workers.py')]
    const program = new Program([benchmarks(), ...pytest, '-n', '2'], {
      env: CONTROL_ENV,
      input: '',
    })
    const { status, out } = await program.ended
    expect(out).toContain('1 failed, 1 passed')
    expect(status).toBe(1)
  })
})
