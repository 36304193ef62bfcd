import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import type { CommandContext } from '../../../src/commands/context.ts'
import { buildProgram } from '../../../src/commands/program.ts'
import type { PyprofError } from '../../../src/errors.ts'
import type { Addon } from '../../../src/sampling/addon.ts'
import { batchOf, FakeAddon, PROCESS, SAMPLING, workBatch } from '../../support/fake-addon.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const OVER = { state: 'ended', endReason: 'duration' } as const
const ATTACH = ['record', '--pid', String(process.pid)]

interface Outcome {
  readonly exitCode: number | undefined
  readonly out: string
  readonly err: string
  readonly reports: readonly PyprofError[]
}

/** Runs a command line against a fake sampler, from its arguments to its exit code. */
async function run(
  argv: readonly string[],
  addon: Addon,
  parts: Partial<CommandContext> = {},
): Promise<Outcome> {
  const out: Uint8Array[] = []
  const err: string[] = []
  const reports: PyprofError[] = []
  let exitCode: number | undefined
  const context: CommandContext = {
    argv,
    exporter: 'pyprof@0.0.0-test',
    drawsProgress: false,
    loadAddon: () => addon,
    writeOut: (data) => out.push(Buffer.from(data as Uint8Array)),
    writeErr: (text) => err.push(text),
    report: (error) => reports.push(error),
    finish: (code) => {
      exitCode = code
    },
    ...parts,
  }
  await buildProgram(context, '0.0.0-test').parseAsync(argv, { from: 'user' })
  return { exitCode, out: Buffer.concat(out).toString(), err: err.join(''), reports }
}

/** From the first drain on, the handlers of signals are there. */
function whenSampling(addon: FakeAddon): Promise<void> {
  return vi.waitFor(() => expect(addon.drains).toBeGreaterThan(0))
}

describe('recording a process', () => {
  test('asks for what the options say, and writes what was sampled', async () => {
    const out = join(temporaryFolder(), 'out.collapsed')
    const addon = new FakeAddon([workBatch(3), workBatch(0, { ticks: 3, elapsed: 30e6, ...OVER })])
    const argv = [...ATTACH, '-d', '1.5', '-r', '1khz', '-o', out]
    const { exitCode, err, reports, out: stdout } = await run(argv, addon)
    expect(addon.options).toMatchObject({
      pid: process.pid,
      interval: 1e6,
      duration: 1.5e9,
      wait: false,
    })
    expect(exitCode).toBe(0)
    expect(reports).toEqual([])
    expect(stdout).toBe('')
    expect(readFileSync(out, 'utf8')).toBe('<module> (/srv/app.py:12);work (/srv/app.py:7) 30000\n')
    expect(err).toContain('3 exact')
    expect(err).toContain(`Wrote collapsed to ${out}`)
  })

  test('writes every output, each in its format', async () => {
    const folder = temporaryFolder()
    const names = ['a.svg', 'b.speedscope.json', 'c.txt']
    const argv = names.flatMap((name) => ['-o', join(folder, name)])
    await run([...ATTACH, ...argv], new FakeAddon([workBatch(3, OVER)]))
    const [svg, json, text] = names.map((name) => readFileSync(join(folder, name), 'utf8'))
    expect(svg).toContain('<svg')
    expect(JSON.parse(json ?? '')).toHaveProperty('profiles')
    expect(text).toContain('work')
    expect(readdirSync(folder)).toEqual(names)
  })

  test('hands --threads and --functions to the format', async () => {
    const argv = [...ATTACH, '-t', '-F', '-f', 'collapsed', '-o', '-']
    const { out } = await run(argv, new FakeAddon([workBatch(3, OVER)]))
    expect(out).toMatch(/^MainThread \(tid 42\);<module> \(.*:1\);work \(.*:5\) 30000\n$/)
  })

  test('writes what the filters leave, and tells what they removed', async () => {
    const path = join(temporaryFolder(), 'out.speedscope.json')
    const half = { ...workBatch(4), stack: Int32Array.of(1, 0, 1, 0) }
    const asked = ['--include', 'function:work', '--exclude', 'wrok', '--modules']
    const argv = [...ATTACH, ...asked, '-o', path]
    const addon = () => new FakeAddon([half, workBatch(0, OVER)])
    const { exitCode, err } = await run(argv, addon())
    expect(exitCode).toBe(0)
    expect(err).toContain('filter   --include function:work: 2 samples removed, 20.0 ms\n')
    expect(err).toContain('filter   --exclude wrok: 0 samples removed, 0 s\n')
    expect(err).toContain(
      "careful  --exclude 'wrok' matches no function, file or module. Near to it: 'work'.\n",
    )
    expect(err).toContain('self    total  module (shares of the time that the filters left)\n')
    expect(err).toContain('100.0 %  100.0 %  app (/srv/app.py)\n')
    const file = JSON.parse(readFileSync(path, 'utf8'))
    expect(file.shared.frames).toEqual([{ name: 'app', file: '/srv/app.py' }])
    expect(file.pyprof.weights.total).toBe(20e6)
    const view = {
      granularity: 'modules',
      steps: [
        { option: '--include', patterns: ['function:work'], samples: 2, weight: 20e6, missed: 0 },
        { option: '--exclude', patterns: ['wrok'], samples: 0, weight: 0 },
      ],
    }
    expect(file.pyprof.meta.view).toMatchObject(view)
    const { out } = await run([...argv, '--json'], addon())
    expect(JSON.parse(out)).toMatchObject({
      samples: 2,
      timeNs: { total: 20e6 },
      view,
      unmatched: [{ option: '--exclude', pattern: 'wrok', near: ['work'] }],
    })
  })

  test('makes a table as wide as the terminal, and only there', async () => {
    const path = join(temporaryFolder(), 'out.table')
    const argv = [...ATTACH, '-f', 'table', '--title', 'T', '-o', '-', '-o', path]
    const addon = new FakeAddon([workBatch(3, OVER)])
    const { out, err } = await run(argv, addon, { columns: () => 60 })
    const long = (text: string) => text.split('\n').filter((line) => line.length > 60)
    expect(out).toContain('  100.0 %     –  100.0 %     –  work  /srv/app.py:7\n')
    expect(long(out)).toEqual([])
    expect(long(readFileSync(path, 'utf8'))).not.toEqual([])
    expect(err).toContain('Wrote table to stdout')
  })

  test('saves everything when the filters leave nothing, and says what was meant', async () => {
    const folder = temporaryFolder()
    vi.stubEnv('TMPDIR', folder)
    const path = join(folder, 'out.collapsed')
    const asked = ['--thread', 'Main', '--json', '-o', path]
    const addon = new FakeAddon([workBatch(2, OVER)])
    const { exitCode, out, reports } = await run([...ATTACH, ...asked], addon)
    vi.unstubAllEnvs()
    expect(exitCode).toBe(4)
    expect(existsSync(path)).toBe(false)
    expect(reports).toHaveLength(1)
    expect(reports[0]).toMatchObject({
      code: 'nothing-chosen',
      why: "--thread 'Main' is no thread's name, nor its tid.",
    })
    const { hint } = reports[0]!
    expect(hint).toContain("The threads are 'MainThread'.")
    const saved = /without filters, was saved as (\S+)\.$/.exec(hint)![1]!
    expect(readFileSync(saved, 'utf8')).toContain('work (/srv/app.py:7) 20000')
    expect(JSON.parse(out)).toMatchObject({
      samples: 0,
      outputs: [],
      view: { steps: [{ option: '--thread', samples: 2 }] },
      unmatched: [{ option: '--thread', pattern: 'Main' }],
    })
  })

  test('shows the recording in the mode that is asked for', async () => {
    const batch = workBatch(4, { ...OVER, states: ['cpu', 'gil'] })
    const state = Uint8Array.of(3, 3, 0, 1)
    const cpu = Float64Array.of(8e6, 6e6, 0, 2e6)
    const run3 = (...args: string[]) =>
      run(
        [...ATTACH, ...args, '-f', 'collapsed', '-o', '-'],
        new FakeAddon([{ ...batch, state, cpu }]),
      )
    const path = '<module> (/srv/app.py:12);work (/srv/app.py:7)'
    expect((await run3()).out).toBe(`${path} 40000\n`)
    expect((await run3('--mode', 'cpu')).out).toBe(`${path} 16000\n`)
    expect((await run3('-g')).out).toBe(`${path} 20000\n`)
    expect((await run3('-i')).out).toBe(`${path} 30000\n${path};<idle> 10000\n`)
    const { err } = await run3('--mode', 'gil')
    expect(err).toContain('  mode     gil: 2 samples; 2 samples of other time (20.0 ms) left out')
    expect(err).toContain('75.0 % on a CPU, 50.0 % with the GIL, 25.0 % idle; 16.0 ms of CPU time')
  })

  test('asks for states always, and for markers when told to', async () => {
    const addon = new FakeAddon([workBatch(3, OVER)])
    await run([...ATTACH, '--native-markers', '-o', '/dev/null', '-f', 'collapsed'], addon)
    expect(addon.options).toMatchObject({ states: true, nativeMarkers: true })
  })

  test('ends at once when the mode cannot be shown', async () => {
    const addon = new FakeAddon([workBatch(3, { states: ['cpu', 'gil'], pythonVersion: '3.13.1' })])
    const recording = run(
      [...ATTACH, '--mode', 'exception', '-o', '/dev/null', '-f', 'collapsed'],
      addon,
    )
    await expect(recording).rejects.toMatchObject({ code: 'states-missing', exitCode: 2 })
    expect(addon.stops).toBeGreaterThan(0)
  })

  test('says so when no sample is of the mode', async () => {
    const batch = workBatch(3, { ...OVER, states: ['cpu', 'gil'] })
    const out = join(temporaryFolder(), 'out.txt')
    const { exitCode, reports } = await run([...ATTACH, '-g', '-o', out], new FakeAddon([batch]))
    expect(exitCode).toBe(4)
    expect(reports).toMatchObject([
      { code: 'nothing-in-mode', why: 'In none of 3 samples did Python code hold the GIL.' },
    ])
    expect(existsSync(out)).toBe(false)
  })

  test('writes only the profile to stdout with -o -', async () => {
    const argv = [...ATTACH, '-f', 'collapsed', '-o', '-']
    const { out, err } = await run(argv, new FakeAddon([workBatch(2, OVER)]))
    expect(out).toBe('<module> (/srv/app.py:12);work (/srv/app.py:7) 20000\n')
    expect(err).toContain('Wrote collapsed to stdout')
  })

  test('follows the descendants when asked to', async () => {
    const path = join(temporaryFolder(), 'out.txt')
    const child = { ...PROCESS, index: 1, pid: 43, parent: 0, commandLine: 'python3\0a b.py\0' }
    const old = {
      ...child,
      index: 2,
      pid: 44,
      pythonVersion: '',
      unreadable: 'unsupported-version',
      detail: '3.11.2',
    } as const
    const status = { descendants: 'events', tickTime: 80e3 } as const
    const addon = new FakeAddon([
      workBatch(3, status),
      batchOf({ processes: [child, old] }, { ...SAMPLING, ...status }),
      // What is announced again has changed.
      batchOf(
        { processes: [{ ...child, start: 5e6, end: 20e6, commandLine: 'worker\0' }] },
        { ...SAMPLING, ...status, ticks: 4, elapsed: 40e6, ...OVER },
      ),
    ])
    const { out } = await run([...ATTACH, '-s', '--json', '-o', path], addon)
    expect(addon.options?.follow).toBe(true)
    const summary = JSON.parse(out)
    expect(summary).toMatchObject({ descendants: 'events', tickNs: 20e3 })
    expect(summary.processes).toEqual([
      {
        pid: 42,
        parent: -1,
        command: summary.command,
        pythonVersion: '3.14.0',
        startNs: 0,
        endNs: 40e6,
        unreadable: '',
        samples: 3,
      },
      {
        pid: 43,
        parent: 0,
        command: 'worker',
        pythonVersion: '3.14.0',
        startNs: 5e6,
        endNs: 20e6,
        unreadable: '',
        samples: 0,
      },
      expect.objectContaining({
        pid: 44,
        command: "python3 'a b.py'",
        endNs: 40e6,
        unreadable: 'It runs Python 3.11.2; pyprof reads CPython 3.13, 3.14 and 3.15.',
      }),
    ])
  })

  test('follows nobody unless asked to', async () => {
    const path = join(temporaryFolder(), 'out.txt')
    const addon = new FakeAddon([workBatch(3, OVER)])
    const { err } = await run([...ATTACH, '-o', path], addon)
    expect(addon.options?.follow).toBe(false)
    expect(err).not.toContain('process\n')
    expect(err).not.toContain('  tree ')
  })

  test('prints the summary as JSON instead of text', async () => {
    const path = join(temporaryFolder(), 'out.txt')
    const argv = [...ATTACH, '--json', '-o', path]
    const { out, err } = await run(argv, new FakeAddon([workBatch(4, OVER)]))
    const bytes = readFileSync(path).length
    expect(err).toBe('')
    expect(JSON.parse(out)).toMatchObject({
      exporter: 'pyprof@0.0.0-test',
      pid: process.pid,
      launched: false,
      signal: null,
      pythonVersion: '3.14.0',
      endReason: 'duration',
      samples: 4,
      durationNs: 40e6,
      rate: { requested: 100, actual: 100 },
      quality: { exact: { samples: 4 } },
      outputs: [{ path, format: 'collapsed', bytes }],
      hottest: [
        { function: 'work', file: '/srv/app.py', line: 5, self: 1, total: 1, selfNs: 40e6 },
        { function: '<module>', self: 0, total: 1 },
      ],
    })
  })

  test.each<NodeJS.Signals>(['SIGINT', 'SIGTERM', 'SIGHUP'])(
    'ends at %s with everything written',
    async (signal) => {
      const path = join(temporaryFolder(), 'out.txt')
      const addon = new FakeAddon([workBatch(4)])
      const running = run([...ATTACH, '-o', path], addon)
      await whenSampling(addon)
      process.emit(signal, signal)
      const { exitCode, err } = await running
      expect(exitCode).toBe(0)
      expect(err).toContain(`interrupted by ${signal}`)
      expect(addon.stops).toBe(1)
      expect(readFileSync(path, 'utf8')).toContain('work')
      expect(process.listenerCount(signal)).toBe(0)
    },
  )

  test('draws nothing where stderr is no terminal', async () => {
    const addon = new FakeAddon([workBatch(4), workBatch(0, OVER)])
    const out = join(temporaryFolder(), 'out.txt')
    const quiet = await run([...ATTACH, '-o', out], addon)
    expect(quiet.err).not.toContain('\x1b')
    expect(quiet.err).not.toContain('\r')
  })
})

describe('a recording that cannot begin', () => {
  test('tells why the process cannot be read, and leaves no file', async () => {
    const folder = temporaryFolder()
    const addon = new FakeAddon([], { code: 'unsupported-version', detail: '3.12.1' })
    const running = run([...ATTACH, '-o', join(folder, 'out.svg')], addon)
    await expect(running).rejects.toMatchObject({ code: 'unsupported-version', exitCode: 3 })
    expect(readdirSync(folder)).toEqual([])
  })

  test('finds an output that cannot be written before it samples or starts anything', async () => {
    const folder = temporaryFolder()
    const touched = join(folder, 'touched')
    const loadAddon = (): Addon => {
      throw new Error('The addon is not needed for this.')
    }
    const argv = ['record', '-o', join(folder, 'no', 'out.svg'), '--', 'touch', touched]
    const running = run(argv, new FakeAddon([]), { loadAddon })
    await expect(running).rejects.toMatchObject({ code: 'usage', exitCode: 2 })
    expect(existsSync(touched)).toBe(false)
  })

  test('passes on an error of the addon that is none of the target', async () => {
    const addon = new FakeAddon([])
    addon.createSampler = () => {
      throw new Error('a defect')
    }
    await expect(run([...ATTACH, '-f', 'collapsed', '-o', '-'], addon)).rejects.toThrow('a defect')
  })
})

describe('a recording of nothing', () => {
  const ENDED = { ...SAMPLING, state: 'ended', endReason: 'exited', elapsed: 2e9 } as const

  test('is exit code 4, said plainly, without a file', async () => {
    const folder = temporaryFolder()
    const argv = [...ATTACH, '-o', join(folder, 'out.svg')]
    const { exitCode, reports, err } = await run(argv, new FakeAddon([batchOf({}, ENDED)]))
    expect(exitCode).toBe(4)
    expect(err).toBe('')
    expect(readdirSync(folder)).toEqual([])
    expect(reports).toHaveLength(1)
    expect(reports[0]?.what).toBe('Nothing was captured, and no file was written.')
    expect(reports[0]?.why).toContain('the target has ended')
  })

  test('keeps an older file as it is', async () => {
    const path = join(temporaryFolder(), 'out.svg')
    writeFileSync(path, 'older')
    await run([...ATTACH, '-o', path], new FakeAddon([batchOf({}, ENDED)]))
    expect(readFileSync(path, 'utf8')).toBe('older')
  })

  test('is one of missed samples alone', async () => {
    const missed = { ...workBatch(5, ENDED), quality: new Uint8Array(5).fill(3) }
    const stack = new Int32Array(5).fill(-1)
    const argv = [...ATTACH, '--json', '-o', join(temporaryFolder(), 'out.svg')]
    const { exitCode, reports, out } = await run(argv, new FakeAddon([{ ...missed, stack }]))
    expect(exitCode).toBe(4)
    expect(reports[0]?.why).toContain('5 samples had no Python frame that could be read')
    expect(JSON.parse(out)).toMatchObject({ samples: 5, outputs: [], hottest: [] })
  })
})

describe('an output that fails at the end', () => {
  const argv = (folder: string) => [
    ...[...ATTACH, '-f', 'collapsed', '-o', '/dev/full'],
    ...['-o', join(folder, 'good.txt')],
  ]
  const addon = () => new FakeAddon([workBatch(2, OVER)])

  test('costs no other output, and is saved in the temporary folder', async () => {
    const folder = temporaryFolder()
    vi.stubEnv('TMPDIR', folder)
    const { exitCode, reports, err } = await run(argv(folder), addon())
    vi.unstubAllEnvs()
    expect(exitCode).toBe(4)
    expect(err).toContain('Wrote collapsed to')
    expect(err).not.toContain('/dev/full')
    expect(reports).toHaveLength(1)
    expect(reports[0]?.why).toContain('no space left on device (ENOSPC)')
    const saved = /saved as (\S+) instead/.exec(reports[0]?.hint ?? '')?.[1] ?? ''
    expect(saved.startsWith(folder)).toBe(true)
    expect(readFileSync(saved)).toEqual(readFileSync(join(folder, 'good.txt')))
  })

  test('is said to be lost when the temporary folder takes nothing', async () => {
    const folder = temporaryFolder()
    vi.stubEnv('TMPDIR', join(folder, 'missing'))
    const { exitCode, reports } = await run(argv(folder), addon())
    vi.unstubAllEnvs()
    expect(exitCode).toBe(4)
    expect(reports[0]?.hint).toContain('does not take it either')
    expect(existsSync(join(folder, 'good.txt'))).toBe(true)
  })

  test('is no error when a reader of stdout has read enough', async () => {
    const writeOut = () => {
      throw Object.assign(new Error('EPIPE: broken pipe, write'), { code: 'EPIPE', errno: -32 })
    }
    for (const last of [
      ['-f', 'collapsed', '-o', '-'],
      ['--json', '-o', '/dev/null', '-f', 'collapsed'],
    ]) {
      const { exitCode, reports } = await run([...ATTACH, ...last], addon(), { writeOut })
      expect(reports).toEqual([])
      expect(exitCode).toBe(0)
    }
  })

  test('is an error when stdout is full', async () => {
    const writeOut = () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
        code: 'ENOSPC',
        errno: -28,
      })
    }
    const last = ['--json', '-o', '/dev/null', '-f', 'collapsed']
    const { exitCode, reports } = await run([...ATTACH, ...last], addon(), { writeOut })
    expect(exitCode).toBe(4)
    expect(reports[0]?.what).toContain('stdout')
  })
})

describe('recording a command', () => {
  const launch = (...command: string[]) => {
    const path = join(temporaryFolder(), 'out.txt')
    return { path, argv: ['record', '-o', path, '--', ...command] }
  }

  test('waits for it to become Python, and keeps exit status 0', async () => {
    const { path, argv } = launch('sh', '-c', 'exit 0')
    const addon = new FakeAddon([workBatch(2)])
    const { exitCode, err, reports } = await run(argv, addon)
    expect(addon.options?.wait).toBe(true)
    expect(reports).toEqual([])
    expect(exitCode).toBe(0)
    expect(err).toContain("sh -c 'exit 0'")
    expect(err).toContain('the target has ended')
    expect(readFileSync(path, 'utf8')).toContain('work')
  })

  test.each([
    ['exit 5', 5],
    ['kill -9 $$', 137],
  ])('keeps the status of `%s`', async (script, status) => {
    const { path, argv } = launch('sh', '-c', script)
    const { exitCode } = await run(argv, new FakeAddon([workBatch(2)]))
    expect(exitCode).toBe(status)
    expect(existsSync(path)).toBe(true)
  })

  test('that never was a Python is 4, unless it has failed itself', async () => {
    const good = await run(launch('true').argv, new FakeAddon([]))
    expect(good.exitCode).toBe(4)
    expect(good.reports[0]?.why).toContain('before it ran any Python')
    const bad = await run(launch('false').argv, new FakeAddon([]))
    expect(bad.exitCode).toBe(1)
    expect(bad.reports).toHaveLength(1)
  })

  test('that was an old Python is told so', async () => {
    const status = {
      ...SAMPLING,
      state: 'searching',
      pythonVersion: '',
      attachError: 'unsupported-version',
      attachDetail: '3.12.1',
    } as const
    const { exitCode, reports } = await run(
      launch('true').argv,
      new FakeAddon([batchOf({}, status)]),
    )
    expect(exitCode).toBe(4)
    expect(reports[0]?.why).toMatch(/runs Python 3\.12\.1\..*3\.13, 3\.14 and 3\.15/)
  })

  test('that is gone is no reason of its own', async () => {
    const status = {
      ...SAMPLING,
      state: 'searching',
      pythonVersion: '',
      attachError: 'not-python',
    } as const
    // The only look at the command comes when it has ended.
    const addon = new FakeAddon([batchOf({}, status)])
    const { reports } = await run(launch('true').argv, addon)
    expect(reports[0]?.why).toBe('The command ended before it ran any Python that pyprof reads.')
  })

  test('that cannot be started has the status of a shell', async () => {
    const missing = await run(launch('pyprof-no-such-command').argv, new FakeAddon([]))
    expect(missing.exitCode).toBe(127)
    expect(missing.reports[0]?.what).toContain('pyprof-no-such-command')
    const { argv, path } = launch('/etc/passwd')
    expect((await run(argv, new FakeAddon([]))).exitCode).toBe(126)
    expect(existsSync(path)).toBe(false)
  })

  test('that outlives the recording is waited for, saying so', async () => {
    const folder = temporaryFolder()
    const [out, done] = [join(folder, 'out.txt'), join(folder, 'done')]
    const script = `while ! test -s ${out}; do sleep 0.05; done; echo yes > ${done}; exit 3`
    const argv = ['record', '-d', '1', '-o', out, '--', 'sh', '-c', script]
    const { exitCode, err } = await run(argv, new FakeAddon([workBatch(2, OVER)]))
    expect(err).toContain('waits for its end')
    expect(readFileSync(done, 'utf8')).toBe('yes\n')
    expect(exitCode).toBe(3)
  })

  test('hands SIGTERM to the command and ends with it', async () => {
    const { argv, path } = launch('sleep', '60')
    const addon = new FakeAddon([workBatch(2)])
    const running = run(argv, addon)
    await whenSampling(addon)
    process.emit('SIGTERM', 'SIGTERM')
    expect((await running).exitCode).toBe(143)
    expect(existsSync(path)).toBe(true)
  })

  test('leaves a command that does not listen, at the second request, with its files', async () => {
    const folder = temporaryFolder()
    const [out, ready] = [join(folder, 'out.txt'), join(folder, 'ready')]
    const script = `trap '' TERM; echo $$ > ${ready}; exec sleep 60`
    const running = run(
      ['record', '-o', out, '--', 'sh', '-c', script],
      new FakeAddon([workBatch(2)]),
    )
    const pid = await vi.waitFor(() => {
      const text = readFileSync(ready, 'utf8')
      expect(text).toMatch(/^\d+\n$/)
      return Number(text)
    })
    try {
      process.emit('SIGTERM', 'SIGTERM')
      await vi.waitFor(
        () => {
          process.emit('SIGTERM', 'SIGTERM')
          expect(existsSync(out)).toBe(true)
        },
        { timeout: 4000, interval: 100 },
      )
      const { exitCode, err } = await running
      expect(exitCode).toBe(143)
      expect(err).toContain('interrupted by SIGTERM')
    } finally {
      process.kill(pid, 'SIGKILL')
    }
  })
})
