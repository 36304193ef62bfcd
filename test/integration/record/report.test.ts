import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import {
  collapsedLines,
  functionNames,
  pyprof,
  record,
  startPyprof,
  summaryOf,
} from '../../support/cli.ts'
import { startPython } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const SHORT = ['-d', '500ms'] as const
const DEFAULT_NAME = /^pyprof-(\w[\w.]*)-20\d{6}-\d{6}(-\d+)?\.([a-z.]+)$/

async function idle(): Promise<string> {
  const { target } = await startPython('3.14', 'idle.py')
  return `${target.pid}`
}

it('tells on stderr what was recorded, and draws nothing where there is no terminal', async () => {
  const pid = await idle()
  const { out, err } = await record(['-p', pid, ...SHORT, '-o', 'out.svg'], {
    cwd: temporaryFolder(),
  })
  expect(out).toBe('')
  for (const drawn of ['\r', '\x1b']) expect(err).not.toContain(drawn)
  const lines = err.split('\n')
  expect(lines[0]).toMatch(
    new RegExp(
      `^Recorded \\d+(\\.\\d+)? ms of process ${pid}: .*idle\\.py \\(Python 3\\.14\\.\\d+\\)$`,
    ),
  )
  expect(err).toContain('\n  ended    the requested duration is over\n')
  expect(err).toMatch(
    /\n {2}samples {2}\d+ of 1 thread; \d+ ticks? at [\d.]+ Hz \(asked for 100 Hz\)\n/,
  )
  expect(err).toMatch(/\n {2}reading {2}(exact|live): .*\n/)
  expect(err).toMatch(/\n {2}quality {2}\d+ exact, \d+ repaired, \d+ partial, \d+ missed(; .*)?\n/)
  expect(err).toMatch(/\n {2}gaps {5}(none|\d+, .*)\n/)
  expect(err).toContain('\n  dropped  none\n')
  expect(err).toMatch(/\n {2}cost {5}\d+(\.\d+)? ms of pyprof's own CPU time, with its start\n/)
  expect(err).toMatch(/\n 100\.0 % {2}100\.0 % {2}hold \(.*harness\.py:\d+\)\n/)
  expect(err).toMatch(/\n\nWrote flamegraph to out\.svg \([\d.]+ kB\)\n$/)
})

it('writes to stdout only the profile, when asked to', async () => {
  const { out, err } = await record(['-p', await idle(), ...SHORT, '-o', '-', '-f', 'collapsed'])
  expect(functionNames(collapsedLines(out))).toContain('outer')
  expect(err).toMatch(/\nWrote collapsed to stdout \(\d+ B\)\n$/)
})

it.each([
  ['-o', '-', '-f', 'flamegraph'],
  ['--json', '-o', '/dev/null', '-f', 'collapsed'],
])('does not mind a reader of stdout that has gone (%s %s)', async (...args) => {
  const program = startPyprof(['record', '-p', await idle(), ...SHORT, ...args])
  program.closeOutput()
  const { status, signal, err } = await program.ended
  expect({ status, signal }).toEqual({ status: 0, signal: null })
  expect(err).not.toMatch(/EPIPE|Error|^ +at /m)
  if (args[0] === '-o') expect(err).toContain('Wrote flamegraph to stdout')
})

it('names a file itself where none is named, and never replaces one', async () => {
  const pid = await idle()
  const folder = temporaryFolder()
  const outcomes = await Promise.all(
    [1, 2].map(() => record(['-p', pid, ...SHORT, '--json'], { cwd: folder })),
  )
  await record(['-p', pid, ...SHORT, '-f', 'collapsed'], { cwd: folder })
  const names = readdirSync(folder).sort()
  expect(names).toHaveLength(3)
  for (const name of names) expect(name.match(DEFAULT_NAME)?.[1]).toBe(pid)
  expect(names.filter((name) => name.endsWith('.collapsed'))).toHaveLength(1)
  const paths = outcomes.map((outcome) => summaryOf(outcome).outputs[0]!.path)
  expect(new Set(paths).size).toBe(2)
  for (const path of paths) {
    const text = readFileSync(join(folder, path), 'utf8')
    expect(JSON.parse(text)).toMatchObject({ profiles: [{ type: 'sampled' }] })
  }
})

it.each(['exact', 'live', 'stop'])('reads as told: %s', async (how) => {
  const args = ['-p', await idle(), ...SHORT, '-o', '/dev/null', '-f', 'collapsed', '--json']
  const { read, readChange, quality, samples } = summaryOf(await record([...args, '--read', how]))
  expect({ read, readChange }).toEqual({ read: how, readChange: '' })
  expect(quality.exact!.samples).toBe(samples)
})

it('says why auto does not read exactly', async () => {
  const common = ['-p', await idle(), ...SHORT, '-o', '/dev/null', '-f', 'collapsed', '-r', '5khz']
  const tight = summaryOf(await record([...common, '--json', '--max-overhead', '0.01%']))
  expect(tight).toMatchObject({ read: 'live', readChange: 'over-budget' })
  const { err } = await record([...common, '--max-overhead', '0.01%'])
  expect(err).toContain('  reading  live: from another core, the target never stopped ')
  expect(err).toContain('(exact would take more of the target than --max-overhead allows)')
  const wide = summaryOf(await record([...common, '--json', '--max-overhead', '100%', '-r', '50']))
  expect(wide).toMatchObject({ read: 'exact', readChange: '' })
})

it.each([
  ['--help', /^Usage: pyprof /],
  ['--version', /^\d+\.\d+\.\d+\n$/],
])('%s goes to stdout', async (option, text) => {
  expect(await pyprof([option])).toMatchObject({
    status: 0,
    out: expect.stringMatching(text),
    err: '',
  })
})
