import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import {
  collapsedLines,
  functionNames,
  record,
  type SummaryJson,
  selfTime,
  summaryOf,
} from '../../support/cli.ts'
import { MINORS } from '../../support/pythons.ts'
import { startPython, TARGETS } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { checkRules, type SpeedscopeFile } from '../../unit/formats/speedscope-rules.ts'

const packageFile = createRequire(import.meta.url).resolve('speedscope/package.json')
const schemaFile = join(dirname(packageFile), 'dist/release/file-format-schema.json')
const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(schemaFile, 'utf8')))

const IDLE = join(TARGETS, 'idle.py')
const IDLE_FUNCTIONS = ['<module>', 'outer', 'inner', 'hold']
const NS_PER_S = 1e9
/** From the last tick to the end of the duration: an interval, and the wait for a busy machine. */
const LAST_TICK_NS = 0.4 * NS_PER_S
/** Share of the time without samples up to which a share of the rest stands for the whole. */
const QUIET = 0.02

/** Every number of a summary fits the others. */
function checkSummary(summary: SummaryJson): void {
  const { quality, samples, ticks, timeNs, gaps, durationNs, threads } = summary
  const qualities = Object.values(quality)
  expect(Object.keys(quality)).toEqual(['exact', 'repaired', 'partial', 'missed', 'unknown'])
  expect(quality.unknown!.samples).toBe(0)
  expect(qualities.reduce((sum, each) => sum + each.samples, 0)).toBe(samples)
  expect(qualities.reduce((sum, each) => sum + each.weight, 0)).toBe(timeNs.total)
  expect(timeNs.python + timeNs.empty + timeNs.missed).toBe(timeNs.total)
  expect(timeNs.missed).toBe(quality.missed!.weight)
  for (const { samples, reasons } of qualities) {
    const reasoned = Object.values(reasons).reduce((sum, each) => sum + each, 0)
    expect(reasoned).toBeLessThanOrEqual(samples)
  }
  expect(threads.reduce((sum, thread) => sum + thread.samples, 0)).toBe(samples)
  expect(threads.filter(({ isMain }) => isMain)).toHaveLength(1)
  expect(Math.max(...threads.map((thread) => thread.samples))).toBeLessThanOrEqual(ticks)
  expect(timeNs.total + gaps.timeNs * threads.length).toBeLessThanOrEqual(
    durationNs * threads.length + 1,
  )
  expect(summary.rate.actual).toBeCloseTo(ticks / (durationNs / NS_PER_S), 6)
  expect(summary.uncertain).toBe((quality.partial!.samples + quality.missed!.samples) / samples)
  expect(summary.isUncertain).toBe(summary.uncertain > 0.02)
  expect(summary.profilerCpuNs).toBeGreaterThan(0)
}

describe.each(MINORS)('attached to Python %s', (minor) => {
  it('writes all formats in one recording, and a summary that fits them', async () => {
    const folder = temporaryFolder()
    const { target } = await startPython(minor, 'idle.py')
    const names = ['out.speedscope.json', 'out.collapsed', 'out.svg']
    const before = Date.now()
    const outputs = names.flatMap((name) => ['-o', name])
    const args = ['--pid', `${target.pid}`, '-d', '1200ms', '-r', '50', ...outputs, '--json']
    const outcome = await record(args, { cwd: folder })
    expect(outcome.err).toBe('')
    const summary = summaryOf(outcome)
    const text = (name: string) => readFileSync(join(folder, name), 'utf8')

    checkSummary(summary)
    expect(summary).toMatchObject({
      exporter: expect.stringMatching(/^pyprof@\d+\.\d+\.\d+/),
      pid: target.pid,
      command: expect.stringContaining(IDLE),
      pythonVersion: expect.stringMatching(new RegExp(`^${minor.replace('.', '\\.')}\\.\\d+`)),
      launched: false,
      mode: 'wall',
      endReason: 'duration',
      signal: null,
      execs: 0,
      droppedSamples: 0,
      threads: [{ nativeId: target.pid, isMain: true }],
      hottest: [{ function: 'hold', self: 1, total: 1 }, {}, {}, {}],
    })
    expect(summary.rate.requested).toBe(50)
    expect(summary.durationNs).toBeGreaterThan(1.2 * NS_PER_S - LAST_TICK_NS)
    expect(summary.durationNs).toBeLessThanOrEqual(1.2 * NS_PER_S)
    const covered = summary.timeNs.total + summary.gaps.timeNs
    expect(summary.durationNs - covered).toBeLessThan(LAST_TICK_NS)
    expect(new Date(summary.startedAt).getTime()).toBeGreaterThanOrEqual(before)
    expect(new Date(summary.startedAt).getTime()).toBeLessThanOrEqual(Date.now())
    expect(readdirSync(folder).sort()).toEqual([...names].sort())
    expect(summary.outputs).toEqual(
      ['speedscope', 'collapsed', 'flamegraph'].map((format, at) => ({
        path: names[at],
        format,
        bytes: Buffer.byteLength(text(names[at]!)),
      })),
    )

    const speedscope = JSON.parse(text('out.speedscope.json')) as SpeedscopeFile
    expect(validate(speedscope), JSON.stringify(validate.errors)).toBe(true)
    checkRules(speedscope)
    expect(speedscope.profiles).toHaveLength(1)
    const [profile] = speedscope.profiles
    expect(profile!.samples.filter((stack) => stack.length > 0)).toHaveLength(summary.samples)
    expect(profile!.endValue).toBeLessThanOrEqual(summary.durationNs)
    const timeOf = (isMeant: (stack: readonly number[]) => boolean) =>
      profile!.weights.reduce(
        (sum, weight, at) => (isMeant(profile!.samples[at]!) ? sum + weight : sum),
        0,
      )
    expect(timeOf((stack) => stack.length > 0)).toBe(summary.timeNs.python)
    // A gap before the first sample is before the profile.
    const { gaps } = speedscope.pyprof as { gaps: readonly { start: number; duration: number }[] }
    const later = gaps.filter(({ start }) => start >= profile!.startValue)
    expect(timeOf((stack) => stack.length === 0)).toBe(
      summary.timeNs.missed +
        summary.timeNs.empty +
        later.reduce((sum, { duration }) => sum + duration, 0),
    )
    for (const stack of profile!.samples.filter((stack) => stack.length > 0)) {
      const frames = stack.map((frame) => speedscope.shared.frames[frame]!)
      expect(frames.map(({ name }) => name)).toEqual(IDLE_FUNCTIONS)
      expect(frames.slice(0, 3).map(({ file, line }) => [file, line])).toEqual([
        [IDLE, 21],
        [IDLE, 9],
        [IDLE, 13],
      ])
    }

    const lines = collapsedLines(text('out.collapsed'))
    expect([...functionNames(lines)]).toEqual(IDLE_FUNCTIONS)
    expect(lines[0]!.frames[0]).toBe(`<module> (${IDLE}:21)`)
    expect(lines.reduce((sum, { weight }) => sum + weight, 0)).toBe(
      Math.round(summary.timeNs.total / 1000),
    )

    const svg = text('out.svg')
    expect(svg).toMatch(/<svg[\s\S]*<\/svg>\s*$/)
    for (const name of ['outer', 'inner', 'hold', 'idle.py', 'harness.py']) {
      expect(svg).toContain(name)
    }
  })

  it('shows 75 ± 2 % for two functions that share the time 3:1', async () => {
    const folder = temporaryFolder()
    const { target } = await startPython(minor, 'split.py')
    const args = ['--pid', `${target.pid}`, '-d', '4', '-r', '250', '-o', 'out.folded', '--json']
    let summary: SummaryJson
    let unsampled: number
    let attempts = 0
    // Only a time in which the machine lets pyprof run tells something; what it shows is not asked.
    do {
      summary = summaryOf(await record(args, { cwd: folder }))
      const { gaps, timeNs, durationNs } = summary
      unsampled = (gaps.timeNs + timeNs.missed) / durationNs
    } while (unsampled > QUIET && ++attempts < 3)
    checkSummary(summary)
    target.send('')
    const truth = await target.says<{ three: number; one: number }>('split')
    expect(Math.abs(truth.three / (truth.three + truth.one) - 0.75)).toBeLessThan(0.01)

    const lines = collapsedLines(readFileSync(join(folder, 'out.folded'), 'utf8'))
    const [three, one] = [selfTime(lines, 'three'), selfTime(lines, 'one')]
    expect((three + one) / (summary.timeNs.python / 1000)).toBeGreaterThan(0.9)
    // What was not sampled may all have belonged to one of them.
    const share = three / (three + one)
    expect(share).toBeGreaterThan((0.75 - unsampled) / (1 - unsampled) - 0.02)
    expect(share).toBeLessThan(0.75 / (1 - unsampled) + 0.02)
  })

  it('puts threads at the root and merges lines, when asked to', async () => {
    const { target } = await startPython(minor, 'record/busy_threads.py')
    const stacks = async (...options: string[]) => {
      const common = ['--pid', `${target.pid}`, '-d', '400ms', '-f', 'collapsed', '-o', '-']
      return collapsedLines((await record([...common, ...options])).out)
    }
    const [plain, threads, functions] = [await stacks(), await stacks('-t'), await stacks('-F')]
    const atLines = (lines: typeof plain) =>
      new Set(lines.map(({ frames }) => frames.at(-1)!).filter((leaf) => /^crunch /.test(leaf)))
    expect(atLines(plain).size).toBe(2)
    expect(atLines(functions).size).toBe(1)
    expect(roots(plain)).toContain('<module>')
    expect(roots(functions)).toEqual(roots(plain))
    expect(roots(threads)).toEqual(['MainThread', 'worker'])
    for (const { frames } of threads) expect(frames[0]).toMatch(/ \(tid \d+\)$/)
  })
})

function roots(lines: readonly { frames: readonly string[] }[]): string[] {
  return [...new Set(lines.map(({ frames }) => frames[0]!.replace(/ \(.*\)$/, '')))].sort()
}
