import { spawnSync } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RecordingEncoder } from '../../../src/recording/encoder.ts'
import { profileOf } from '../../support/ascii-profile.ts'

const PYPROF = join(import.meta.dirname, '../../../bin/pyprof.js')
const THREADS = 4
const STACKS = 200
const SAMPLES = 12_000_000
/** Samples of one append. */
const EACH = 40_000
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

/**
 * Runs pyprof in a process of its own, which closes its streams before it ends.
 * @param input what it has for stdin
 * @returns its peak, MB
 */
function peakOf(folder: string, argv: readonly string[], input?: string): number {
  const peak = join(folder, 'peak')
  const tell =
    'import{writeFileSync}from"node:fs";process.on("exit",()=>' +
    `writeFileSync(${JSON.stringify(peak)},String(process.resourceUsage().maxRSS)))`
  const node = ['--max-old-space-size=100', '--import', `data:text/javascript,${tell}`]
  const stdin = openSync(input ?? '/dev/null', 'r')
  try {
    const { stderr, status } = spawnSync(process.execPath, [...node, PYPROF, ...argv], {
      encoding: 'utf8',
      stdio: [stdin, 'pipe', 'pipe'],
    })
    expect([stderr, status]).toEqual([stderr, 0])
  } finally {
    closeSync(stdin)
  }
  return Number(readFileSync(peak, 'utf8')) / 1024
}

describe('a recording of more samples than are held', () => {
  let folder = ''
  let path = ''
  let next = ''
  /** What holding each sample takes, as it is done of what cannot be read again. */
  let held = 0

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pyprof-test-'))
    path = join(folder, 'large.pyprof')
    next = join(folder, 'next.pyprof')
    writeLarge(path, 1_700_000_000_000)
    writeLarge(next, 1_700_000_010_000)
    held = peakOf(folder, ['convert', '-', '-f', 'pyprof', '-o', '/dev/null'], path)
  }, 120_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test.each([
    ['speedscope', ['--thread', 'Main*']],
    ['pyprof', ['--from', '1', '--to', '28000']],
    ['speedscope', ['--mode', 'cpu', '--thread', 'Main*', '--functions']],
    ['chrometrace', ['--thread', 'Main*']],
  ])(
    'is converted to %s %j in less than its samples take',
    (format, options) => {
      const peak = peakOf(folder, ['convert', path, ...options, '-f', format, '-o', '/dev/null'])
      expect(peak).toBeLessThan(held - 100)
    },
    120_000,
  )

  test('is read to its end when the first output takes its place', () => {
    const own = join(folder, 'own.pyprof')
    copyFileSync(path, own)
    const second = join(folder, 'second.pyprof')
    peakOf(folder, ['convert', own, '--from', '1', '--to', '20000', '-o', own, '-o', second])
    expect(readFileSync(second).equals(readFileSync(own))).toBe(true)
    expect(statSync(own).size).toBeLessThan(statSync(path).size)
  }, 120_000)

  test('is merged with another one in less than their samples take', () => {
    const cut = ['--to', '28000', '-f', 'pyprof', '-o', '/dev/null']
    const peak = peakOf(folder, ['convert', path, next, ...cut])
    expect(peak).toBeLessThan(held - 100)
  }, 120_000)
})
