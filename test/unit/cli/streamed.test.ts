import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { rotatedFiles, rotatedPath } from '../../../src/commands/record/streamed-output.ts'
import { FORMATS } from '../../../src/formats/index.ts'
import { ProfileBuilder } from '../../../src/profile/builder.ts'
import type { Batch } from '../../../src/sampling/addon.ts'
import { batchOf, FakeAddon, SAMPLING, workBatch } from '../../support/fake-addon.ts'
import { read } from '../../support/recordings.ts'
import { runCommand } from '../../support/run-command.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const OVER = { state: 'ended', endReason: 'duration' } as const
const ATTACH = ['record', '--pid', String(process.pid)]

/** Batches of one tick each, from the first one on; tables are in the first. */
function ticks(from: number, to: number): Batch[] {
  return Array.from({ length: to - from }, (_, index) => {
    const tick = from + index
    const whole = workBatch(1, { ticks: tick + 1, elapsed: (tick + 1) * 10e6 })
    const time = Float64Array.of((tick + 1) * 10e6)
    if (tick === 0) return { ...whole, time }
    const none = new Int32Array()
    const tables = { strings: [], functions: none, frames: none, stacks: none, threads: [] }
    return { ...whole, ...tables, time }
  })
}

function over(tick: number): Batch {
  return batchOf({}, { ...SAMPLING, ticks: tick, elapsed: tick * 10e6, ...OVER })
}

/** A recording that goes on until `end` is called. */
function recording(argv: readonly string[], batches: readonly Batch[]) {
  const addon = new FakeAddon(batches)
  const outcome = runCommand([...ATTACH, ...argv], addon)
  return {
    outcome,
    drained: (times: number) =>
      vi.waitFor(() => expect(addon.drains).toBeGreaterThanOrEqual(times)),
    signal: (signal: NodeJS.Signals) => void process.emit(signal, signal),
  }
}

function samplesIn(path: string): number | undefined {
  return read(readFileSync(path)).profile?.samples.length
}

describe('a .pyprof output', () => {
  test('holds everything at the end, and its summary is that of all samples', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'run.pyprof')
    const { outcome } = recording(['--json', '-o', path], [...ticks(0, 5), over(5)])
    const { exitCode, out } = await outcome
    expect(exitCode).toBe(0)
    const recorded = read(readFileSync(path))
    expect(recorded).toMatchObject({ isComplete: true })
    expect(recorded.profile!.samples.length).toBe(5)
    expect(recorded.profile!.meta.endReason).toBe('duration')
    expect(JSON.parse(out.toString())).toMatchObject({
      samples: 5,
      ticks: 5,
      quality: { exact: { samples: 5 } },
      timeNs: { total: 50e6, python: 50e6 },
      threads: [{ samples: 5 }],
      hottest: [{ function: 'work', selfNs: 50e6 }, { function: '<module>' }],
      outputs: [{ path, format: 'pyprof', bytes: statSync(path).size }],
    })
    expect(readdirSync(folder)).toEqual(['run.pyprof'])
  })

  test.each([
    ['alone', ['run.pyprof']],
    ['beside another one', ['run.pyprof', 'out.svg']],
    ['of another format', ['out.svg']],
  ])('%s is written without holding samples', async (_, names) => {
    const folder = temporaryFolder()
    const forget = vi.spyOn(ProfileBuilder.prototype, 'forgetSamples')
    onTestFinished(() => forget.mockRestore())
    const outputs = names.flatMap((name) => ['-o', join(folder, name)])
    const run = recording(outputs, ticks(0, 3))
    await run.drained(3)
    run.signal('SIGUSR1')
    expect(forget.mock.calls.length).toBeGreaterThan(0)
    run.signal('SIGINT')
    expect((await run.outcome).exitCode).toBe(0)
  })

  test('has the same summary when another output is written too', async () => {
    const folder = temporaryFolder()
    const states = ['cpu', 'gil'] as const
    const batches = () =>
      [...ticks(0, 4), over(4)].map((batch, index) => ({
        ...batch,
        state: new Uint8Array(batch.time.length).fill(index % 2 === 0 ? 3 : 0),
        cpu: new Float64Array(batch.time.length).fill(4e6),
        status: { ...batch.status, states },
      }))
    const summaryOf = async (name: string, ...more: string[]) => {
      const argv = ['--json', '-o', join(folder, name), ...more]
      const { out } = await recording(argv, batches()).outcome
      const { outputs: _, startedAt: __, profilerCpuNs: ___, ...rest } = JSON.parse(out.toString())
      return rest
    }
    const alone = await summaryOf('alone.pyprof')
    expect(alone).toEqual(await summaryOf('both.pyprof', '-o', join(folder, 'both.txt')))
    expect(alone).toMatchObject({
      activity: { shares: { cpu: 0.5, gil: 0.5, idle: 0.5 }, cpuNs: 16e6 },
      threads: [{ samples: 4, activity: { shares: { idle: 0.5 } } }],
    })
  })

  test('holds everything, whatever is shown in other outputs', async () => {
    const folder = temporaryFolder()
    const [path, text, second] = ['run.pyprof', 'out.txt', 'copy.pyprof'].map((name) =>
      join(folder, name),
    ) as [string, string, string]
    const argv = ['-F', '--thread', 'Main*', '-o', path, '-o', second, '-o', text]
    const { outcome } = recording(argv, [...ticks(0, 3), over(3)])
    expect(await outcome).toMatchObject({ exitCode: 0, reports: [] })
    expect(readFileSync(text, 'utf8')).toMatch(/work \(\/srv\/app.py:5\) 30000\n$/)
    for (const file of [path, second]) {
      const { profile } = read(readFileSync(file))
      expect(profile!.meta.view).toBeUndefined()
      expect(Array.from(profile!.frames.line)).toContain(7)
    }
  })

  test('is kept when nothing of it is left for the other outputs', async () => {
    const folder = temporaryFolder()
    const [path, text] = [join(folder, 'run.pyprof'), join(folder, 'out.txt')]
    const argv = ['--include', 'nowhere', '-o', path, '-o', text]
    const { exitCode, reports } = await recording(argv, [...ticks(0, 3), over(3)]).outcome
    expect(exitCode).toBe(4)
    expect(reports).toMatchObject([{ code: 'nothing-chosen' }])
    expect(reports[0]!.what).toContain(`nothing was written but the recording, ${path}`)
    expect(reports[0]!.hint).toContain(`was saved as ${path}`)
    expect(read(readFileSync(path))).toMatchObject({ isComplete: true })
    expect(samplesIn(path)).toBe(3)
    expect(readdirSync(folder)).toEqual(['run.pyprof'])
  })

  test('grows while it is recorded, and takes the place of an old file at once', async () => {
    const path = join(temporaryFolder(), 'run.pyprof')
    writeFileSync(path, 'old', { mode: 0o640 })
    const run = recording(['-o', path], ticks(0, 3))
    expect(readFileSync(path, 'utf8')).toBe('old')
    await run.drained(3)
    await vi.waitFor(() => expect(statSync(path).size).toBeGreaterThan(3), { timeout: 5000 })
    expect(read(readFileSync(path))).toMatchObject({ isComplete: false, damage: '' })
    expect(samplesIn(path)).toBe(3)
    expect(statSync(path).mode & 0o777).toBe(0o640)
    run.signal('SIGINT')
    expect((await run.outcome).exitCode).toBe(0)
    expect(read(readFileSync(path))).toMatchObject({ isComplete: true })
  })

  test('gives each format what convert makes of it', async () => {
    const folder = temporaryFolder()
    const recorded = join(folder, 'run.pyprof')
    // A heatmap asks for sources, of the process while it is there.
    const formats = FORMATS.filter(({ isRecording, name }) => !isRecording && name !== 'heatmap')
    const outputs = (of: string) =>
      formats.flatMap(({ suffixes: [suffix] }) => ['-o', join(folder, `${of}${suffix}`)])
    const argv = ['-o', recorded, ...outputs('direct')]
    expect((await recording(argv, [...ticks(0, 4), over(4)]).outcome).exitCode).toBe(0)
    expect((await runCommand(['convert', recorded, ...outputs('again')])).exitCode).toBe(0)
    for (const { suffixes, name } of formats) {
      const [direct, again] = ['direct', 'again'].map((of) =>
        readFileSync(join(folder, `${of}${suffixes[0]}`)),
      )
      expect([name, direct!.equals(again!)]).toEqual([name, true])
    }
    expect(readdirSync(folder)).toHaveLength(2 * formats.length + 1)
  })

  test('of more samples than are held is written to other formats all the same', async () => {
    const folder = temporaryFolder()
    const [direct, sums] = [join(folder, 'a.speedscope.json'), join(folder, 'a.txt')]
    // WholeSamples holds 2,097,152.
    const count = 2_200_000
    const many = workBatch(count, { ticks: count, elapsed: count * 10e6 })
    const batch = {
      ...many,
      time: Float64Array.from({ length: count }, (_, at) => (at + 1) * 10e6),
    }
    const argv = ['--json', '-o', direct, '-o', sums]
    const { exitCode, out } = await recording(argv, [batch, over(count)]).outcome
    expect(exitCode).toBe(0)
    expect(JSON.parse(out.toString())).toMatchObject({
      samples: count,
      timeNs: { python: count * 10e6 },
      threads: [{ samples: count }],
      hottest: [{ function: 'work', selfNs: count * 10e6 }, {}],
    })
    const [profile] = JSON.parse(readFileSync(direct, 'utf8')).profiles
    expect([profile.samples.length, profile.weights.length]).toEqual([count, count])
    expect(profile.endValue).toBe(count * 10e6)
    expect(readFileSync(sums, 'utf8')).toMatch(/ 22000000000\n$/)
  }, 60_000)

  test('of nothing is no file', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'run.pyprof')
    writeFileSync(path, 'old')
    expect((await recording(['-o', path], [over(3)]).outcome).exitCode).toBe(4)
    expect(readFileSync(path, 'utf8')).toBe('old')
  })

  test('to stdout is written at the end', async () => {
    const { out, exitCode } = await recording(
      ['-f', 'pyprof', '-o', '-'],
      [...ticks(0, 2), over(2)],
    ).outcome
    expect(exitCode).toBe(0)
    expect(read(out)).toMatchObject({ isComplete: true })
  })

  test('that a disk does not take is saved whole in the temporary folder', async () => {
    const folder = temporaryFolder()
    vi.stubEnv('TMPDIR', folder)
    onTestFinished(() => void vi.unstubAllEnvs())
    const place = join(folder, 'gone')
    mkdirSync(place)
    const path = join(place, 'run.pyprof')
    const run = recording(['-o', path], [...ticks(0, 3)])
    rmSync(place, { recursive: true })
    run.signal('SIGUSR1')
    await run.drained(4)
    run.signal('SIGUSR1')
    run.signal('SIGINT')
    const { exitCode, reports, err } = await run.outcome
    expect(exitCode).toBe(4)
    expect(err.match(/cannot be written/g)).toHaveLength(1)
    expect(reports[0]?.what).toBe(`${path} could not be written to its end.`)
    const saved = /saved as (\S+) instead/.exec(reports[0]!.hint)![1]!
    expect(read(readFileSync(saved))).toMatchObject({ isComplete: true })
    expect(samplesIn(saved)).toBe(3)
  })
})

describe('the safety copy beside another output', () => {
  test('is private, can be converted, and is gone at the end', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'out.txt')
    const run = recording(['-o', path], ticks(0, 3))
    const spool = `${path}.unfinished.pyprof`
    await vi.waitFor(() => expect(existsSync(spool)).toBe(true), { timeout: 5000 })
    expect(statSync(spool).mode & 0o777).toBe(0o600)
    const copy = join(folder, 'copy.txt')
    await runCommand(['convert', spool, '-o', copy])
    run.signal('SIGINT')
    expect((await run.outcome).exitCode).toBe(0)
    expect(readFileSync(copy)).toEqual(readFileSync(path))
    expect(readdirSync(folder).sort()).toEqual(['copy.txt', 'out.txt'])
  })

  test('leaves that of a recording that was killed before as it is', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'out.txt')
    writeFileSync(`${path}.unfinished.pyprof`, 'precious')
    await recording(['-o', path], [...ticks(0, 2), over(2)]).outcome
    expect(readFileSync(`${path}.unfinished.pyprof`, 'utf8')).toBe('precious')
    expect(readdirSync(folder)).toHaveLength(2)
  })

  test('is in the temporary folder for what is no file, and gone at the end', async () => {
    const folder = temporaryFolder()
    vi.stubEnv('TMPDIR', folder)
    onTestFinished(() => void vi.unstubAllEnvs())
    const run = recording(['-f', 'collapsed', '-o', '-'], ticks(0, 2))
    const spools = () =>
      readdirSync(folder, { recursive: true }).filter((name) => `${name}`.endsWith('.pyprof'))
    await vi.waitFor(() => expect(spools()).toHaveLength(1), { timeout: 5000 })
    expect(basename(`${spools()[0]}`)).toBe(`${process.pid}.unfinished.pyprof`)
    run.signal('SIGINT')
    await run.outcome
    expect(readdirSync(folder)).toEqual([])
  })

  test('is kept, complete and named, when an output is nowhere', async () => {
    const folder = temporaryFolder()
    vi.stubEnv('TMPDIR', join(folder, 'missing'))
    onTestFinished(() => void vi.unstubAllEnvs())
    const good = join(folder, 'good.txt')
    const argv = ['-f', 'collapsed', '-o', '/dev/full', '-o', good]
    const { exitCode, reports } = await recording(argv, [...ticks(0, 2), over(2)]).outcome
    expect(exitCode).toBe(4)
    const spool = `${good}.unfinished.pyprof`
    expect(reports[0]?.hint).toContain(`pyprof convert ${spool} -o FILE.collapsed`)
    expect(read(readFileSync(spool))).toMatchObject({ isComplete: true })
  })

  test('that cannot be written is said to be missing, and costs nothing else', async () => {
    const folder = temporaryFolder()
    vi.stubEnv('TMPDIR', join(folder, 'missing'))
    onTestFinished(() => void vi.unstubAllEnvs())
    const argv = ['-f', 'collapsed', '-o', '-']
    const { exitCode, err, out } = await recording(argv, [...ticks(0, 2), over(2)]).outcome
    expect(exitCode).toBe(0)
    expect(err.match(/No safety copy can be kept/g)).toHaveLength(1)
    expect(err).toContain(`No safety copy can be kept in ${join(folder, 'missing')}`)
    expect(out.toString()).toMatch(/work .* 20000\n$/)
  })

  test('that somebody removes while it is written costs nothing', async () => {
    const folder = temporaryFolder()
    const place = join(folder, 'place')
    mkdirSync(place)
    const text = join(place, 'out.txt')
    const run = recording(['-o', text], ticks(0, 6))
    await run.drained(2)
    run.signal('SIGUSR1')
    const spool = `${text}.unfinished.pyprof`
    expect(existsSync(spool)).toBe(true)
    rmSync(spool)
    await run.drained(6)
    run.signal('SIGINT')
    expect((await run.outcome).exitCode).toBe(0)
    expect(readFileSync(text, 'utf8')).toMatch(/ 60000\n$/)
    expect(readdirSync(place)).toEqual(['out.txt'])
  })
})

describe('SIGUSR1', () => {
  test('writes what there is so far, and the recording goes on', async () => {
    const folder = temporaryFolder()
    const [text, default_] = [join(folder, 'out.txt'), join(folder, 'run.pyprof')]
    const run = recording(
      ['-o', text, '-o', default_, '-o', '/dev/null', '-f', 'collapsed'],
      ticks(0, 3),
    )
    await run.drained(2)
    run.signal('SIGUSR1')
    const [first] = readFileSync(text, 'utf8').match(/\d+$/m)!
    expect(Number(first)).toBeGreaterThan(0)
    expect(samplesIn(default_)! * 10_000).toBe(Number(first))
    await run.drained(4)
    run.signal('SIGINT')
    const { err } = await run.outcome
    expect(readFileSync(text, 'utf8')).toMatch(/ 30000\n$/)
    expect(samplesIn(default_)).toBe(3)
    expect(err).toContain(`wrote collapsed to ${text}`)
    expect(err).toContain(`${default_} holds it.`)
    expect(err).toContain('/dev/null can be written only once, at the end.')
    expect(process.listenerCount('SIGUSR1')).toBe(0)
  })

  test('writes what is shown, and says so when that is nothing', async () => {
    const text = join(temporaryFolder(), 'out.txt')
    const some = recording(['-F', '-o', text], ticks(0, 2))
    await some.drained(3)
    some.signal('SIGUSR1')
    expect(readFileSync(text, 'utf8')).toMatch(/work \(\/srv\/app.py:5\) 20000\n$/)
    some.signal('SIGINT')
    await some.outcome
    rmSync(text)
    const none = recording(['--exclude', 'work', '-o', text], ticks(0, 2))
    await none.drained(3)
    none.signal('SIGUSR1')
    expect(existsSync(text)).toBe(false)
    none.signal('SIGINT')
    expect((await none.outcome).err).toContain('the mode and the filters leave nothing of it')
  })

  test('makes a file of its own name once', async () => {
    const folder = temporaryFolder()
    const before = process.cwd()
    process.chdir(folder)
    onTestFinished(() => process.chdir(before))
    const run = recording(['-f', 'collapsed'], ticks(0, 3))
    await run.drained(3)
    run.signal('SIGUSR1')
    run.signal('SIGUSR1')
    run.signal('SIGINT')
    await run.outcome
    expect(readdirSync(folder)).toHaveLength(1)
    expect(readFileSync(readdirSync(folder)[0]!, 'utf8')).toMatch(/ 30000\n$/)
  })

  test('before anything was captured says so', async () => {
    const folder = temporaryFolder()
    const run = recording(['-o', join(folder, 'out.txt')], [])
    await run.drained(1)
    run.signal('SIGUSR1')
    expect(readdirSync(folder)).toEqual([])
    run.signal('SIGINT')
    expect((await run.outcome).err).toContain('nothing was captured yet')
  })
})

describe('--rotate', () => {
  // Each append of a tick of a second is a file of its own, and so is each that has to tell a long name again.
  const slow = (batch: Batch): Batch => ({
    ...batch,
    time: batch.time.map((time) => time * 100),
    weight: batch.weight.map((weight) => weight * 100),
    status: { ...batch.status, elapsed: batch.status.elapsed * 100 },
  })
  const long = (batch: Batch): Batch => ({
    ...batch,
    strings: batch.strings.map((text) => text.padEnd(20_000, 'x')),
  })

  test.each([
    ['the time is over', '1s', slow, 1e9],
    ['the file is large', '10kB', long, 10e6],
  ])(
    'begins a new file when %s, and keeps so many of the newest',
    async (_, limit, made, first) => {
      const folder = temporaryFolder()
      const path = join(folder, 'run.pyprof')
      // One of an earlier run is the oldest, and goes first.
      writeFileSync(join(folder, 'run-20200101T000000Z.pyprof'), 'old')
      const run = recording(['--rotate', limit, '--keep', '2', '-o', path], ticks(0, 4).map(made))
      for (let drains = 1; drains <= 4; drains++) {
        await run.drained(drains)
        run.signal('SIGUSR1')
      }
      run.signal('SIGINT')
      const { exitCode, err } = await run.outcome
      expect(exitCode).toBe(0)
      const names = rotatedFiles(path, readdirSync(folder))
      expect(names).toHaveLength(2)
      expect(readdirSync(folder)).toHaveLength(2)
      for (const name of names) {
        const { isComplete, profile } = read(readFileSync(join(folder, name)))
        expect(isComplete).toBe(true)
        expect(profile!.samples.length).toBeGreaterThan(0)
        expect(profile!.samples.time[0]).toBe(first)
        expect(profile!.meta.endReason).toBe('rotated')
        expect(err).toContain(`Wrote pyprof to ${join(folder, name)}`)
      }
    },
  )

  test('names files by their time, which sorts', () => {
    const at = (second: number) =>
      rotatedPath('a/run.pyprof', new Date(Date.UTC(2026, 0, 31, 23, 59, second)))
    expect(at(58)).toBe('a/run-20260131T235958Z.pyprof')
    const names = [
      'run-20260131T235958Z-10.pyprof',
      at(59),
      'run-20260131T235958Z-2.pyprof',
      at(58),
    ]
    const others = [
      'run.pyprof',
      'run-1.pyprof',
      'xrun-20260131T235958Z.pyprof',
      'run-20260131T235958Z.svg',
    ]
    const files = [...names, ...others].map((name) => basename(name))
    expect(rotatedFiles('a/run.pyprof', files)).toEqual([
      'run-20260131T235958Z.pyprof',
      'run-20260131T235958Z-2.pyprof',
      'run-20260131T235958Z-10.pyprof',
      'run-20260131T235959Z.pyprof',
    ])
  })
})
