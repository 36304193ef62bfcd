import { spawnSync } from 'node:child_process'
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { RecordingEncoder } from '../../../src/recording/encoder.ts'
import { profileOf } from '../../support/ascii-profile.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const PYPROF = join(import.meta.dirname, '../../../bin/pyprof.js')
const THREADS = 4
const STACKS = 200
const SAMPLES = 8_000_000
/** Samples of one append. */
const EACH = 40_000
/** What holding each sample would take at least: 8 million of 24 bytes, and Node itself. */
const MOST_MB = 240

/** Each thread stands now here and now there; it is written as `record` does, append by append. */
function writeLarge(path: string, startedAt: number): void {
  const drafts = Array.from({ length: STACKS }, (_, at) => ({
    thread: at % THREADS,
    stack: [{ name: 'main' }, { name: `f${at}` }],
  }))
  const profile = profileOf(drafts, { meta: { states: ['cpu'], startedAt } })
  const encoder = new RecordingEncoder()
  const fd = openSync(path, 'w')
  writeSync(fd, encoder.header())
  const column = (of: (row: number) => number) =>
    Float64Array.from({ length: EACH }, (_, row) => of(row))
  for (let first = 0; first < SAMPLES; first += EACH) {
    const tickOf = (row: number) => Math.floor((first + row) / THREADS)
    const samples = {
      length: EACH,
      time: column((row) => (tickOf(row) + 1) * 10e6),
      weight: column(() => 10e6),
      thread: column((row) => row % THREADS),
      stack: column((row) => (tickOf(row) * 7 + row) % STACKS),
      quality: new Uint8Array(EACH),
      reason: new Uint8Array(EACH),
      state: new Uint8Array(EACH).fill(1),
      cpu: column((row) => (tickOf(row) % 3 === 0 ? -1 : 15e6)),
    }
    const meta = { ...profile.meta, duration: (SAMPLES / THREADS) * 10e6 }
    for (const block of encoder.encode({ ...profile, samples, meta })) writeSync(fd, block)
  }
  writeSync(fd, encoder.end())
  closeSync(fd)
}

/** Runs pyprof in a process of its own. @returns its peak of memory, MB */
function peakOf(...argv: string[]): number {
  const tell = 'process.on("exit",()=>process._rawDebug("peak="+process.resourceUsage().maxRSS))'
  const node = ['--max-old-space-size=100', '--import', `data:text/javascript,${tell}`]
  const { stderr, status } = spawnSync(process.execPath, [...node, PYPROF, ...argv], {
    encoding: 'utf8',
  })
  expect([stderr, status]).toEqual([stderr, 0])
  return Number(/peak=(\d+)/.exec(stderr)![1]) / 1024
}

describe('a recording of more samples than fit the memory', () => {
  let path = ''
  let next = ''

  beforeAll(() => {
    const folder = temporaryFolder()
    path = join(folder, 'large.pyprof')
    next = join(folder, 'next.pyprof')
    writeLarge(path, 1_700_000_000_000)
    writeLarge(next, 1_700_000_010_000)
  }, 60_000)

  test.each([
    ['speedscope', []],
    ['pyprof', []],
    ['pyprof', ['--from', '1', '--to', '19000']],
    ['speedscope', ['--exclude', 'function:f7', '--functions']],
    ['speedscope', ['--mode', 'cpu', '--redact-paths']],
    ['html', ['--thread', 'Main*']],
  ])(
    'is converted to %s %j within what its stacks take',
    (format, options) => {
      const peak = peakOf('convert', path, ...options, '-f', format, '-o', '/dev/null')
      console.log(peak)
      expect(peak).toBeLessThan(MOST_MB)
    },
    120_000,
  )

  test('is merged with another one within what their stacks take', () => {
    const peak = peakOf('convert', path, next, '--to', '19000', '-f', 'pyprof', '-o', '/dev/null')
    console.log(peak)
    expect(peak).toBeLessThan(MOST_MB)
  }, 120_000)
})
