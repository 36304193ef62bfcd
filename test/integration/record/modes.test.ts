import { expect, it } from 'vitest'
import {
  collapsedLines,
  functionName,
  functionNames,
  pyprof,
  record,
  selfTime,
  summaryOf,
} from '../../support/cli.ts'
import { type Minor, python } from '../../support/pythons.ts'
import { programArgs, startPython } from '../../support/target.ts'

const TO_STDOUT = ['-d', '1', '-r', '500', '-f', 'collapsed', '-o', '-'] as const
const TO_JSON = ['-d', '1', '-r', '500', '-f', 'collapsed', '-o', '/dev/null', '--json'] as const

async function start(arrangement: string, minor: Minor = '3.14') {
  const { target } = await startPython(minor, 'states.py', [arrangement])
  return String(target.pid)
}

async function linesOf(pid: string, ...options: readonly string[]) {
  return collapsedLines((await record(['-p', pid, ...TO_STDOUT, ...options])).out)
}

type Lines = ReturnType<typeof collapsedLines>
const total = (lines: Lines) => lines.reduce((sum, { weight }) => sum + weight, 0)
const within = (lines: Lines, name: string) =>
  total(lines.filter(({ frames }) => frames.map(functionName).includes(name)))

it('keeps all threads in wall mode, and says in the summary what they did', async () => {
  const { out, err } = await record(['-p', await start('sleeper_and_spinner'), ...TO_STDOUT])
  const names = functionNames(collapsedLines(out))
  for (const name of ['spin', 'sleep', 'start']) expect(names).toContain(name)
  expect(names).not.toContain('<idle>')
  expect(err).toMatch(
    /\n {2}threads {2}[\d.]+ % on a CPU, [\d.]+ % with the GIL, .*[\d.]+ % idle; [\d.]+ m?s of CPU time\n/,
  )
  expect(err).not.toContain('\n  mode  ')
})

it('shows CPU time alone with --mode cpu', async () => {
  const args = ['-p', await start('sleeper_and_spinner'), ...TO_STDOUT, '--mode', 'cpu']
  const { out, err } = await record(args)
  const lines = collapsedLines(out)
  expect(selfTime(lines, 'spin')).toBeGreaterThan(0.95 * total(lines))
  expect(err).toMatch(
    /\n {2}mode {5}cpu: [\d,]+ samples; [\d,]+ samples of other time \(.*\) left out\n/,
  )
  expect(err).toContain('(shares of the CPU time of all threads)')
})

it('shows who held the GIL with --gil', async () => {
  const pid = await start('hogging')
  const lines = await linesOf(pid, '-g')
  expect(selfTime(lines, 'sum_with_gil')).toBeGreaterThan(0.9 * total(lines))
  const summary = summaryOf(await record(['-p', pid, ...TO_JSON, '--mode', 'gil']))
  expect(summary.mode).toBe('gil')
  expect(summary.states).toEqual(['cpu', 'gil', 'gil-wait', 'gc'])
  // Of the whole recording, not only of what the mode shows: of three threads one has the GIL and
  // one waits for it.
  expect(summary.activity.shares.gil).toBeGreaterThan(0.25)
  expect(summary.activity.shares['gil-wait']).toBeGreaterThan(0.25)
  expect(summary.removed.samples).toBeGreaterThan(summary.samples)
  const waiting = summary.threads.filter(({ activity }) => activity.shares['gil-wait']! > 0.5)
  expect(waiting).toHaveLength(1)
})

it('shows C code that gives the GIL away with --mode cpu', async () => {
  const pid = await start('hashing')
  const lines = await linesOf(pid, '--mode', 'cpu')
  expect(selfTime(lines, 'hash_without_gil')).toBeGreaterThan(0.95 * total(lines))
  const { activity } = summaryOf(await record(['-p', pid, ...TO_JSON]))
  expect(activity.shares.cpu).toBeGreaterThan(0.25)
  expect(activity.shares.gil).toBeLessThan(0.05)
})

it('shows idle threads as such, in every mode, with --idle', async () => {
  const lines = await linesOf(await start('sleeper_and_spinner'), '-i', '--mode', 'gil')
  const tops = lines.map(({ frames }) => frames.slice(-2).map(functionName).join(';'))
  expect(tops).toContain('sleep;<idle>')
  expect(selfTime(lines, 'spin')).toBeGreaterThan(0)
  expect(selfTime(lines, 'sleep')).toBeLessThan(selfTime(lines, '<idle>') / 10)
})

it('shows where exceptions are handled on 3.15', async () => {
  const lines = await linesOf(await start('exceptions', '3.15'), '--mode', 'exception')
  expect(within(lines, 'in_except')).toBeGreaterThan(0)
  expect(within(lines, 'in_finally_clean')).toBeLessThan(within(lines, 'in_except') / 5)
})

it.each(['3.13', '3.14'] as const)('says why it cannot show exceptions on %s', async (minor) => {
  const pid = await start('exceptions', minor)
  const args = ['record', '-p', pid, ...TO_STDOUT, '--mode', 'exception']
  const { status, out, err } = await pyprof(args)
  expect({ status, out }).toEqual({ status: 2, out: '' })
  expect(err).toContain('pyprof: --mode exception needs what this recording does not hold.')
  expect(err).toContain(`Python ${minor}.`)
  expect(err).toContain('These modes can be shown: wall, cpu, gil.')
})

it('says the same of a launched command, once that has ended', async () => {
  const command = [python('3.14'), ...programArgs('idle.py')]
  const options = ['-f', 'collapsed', '-o', '/dev/null', '--mode', 'exception']
  const { status, err } = await pyprof(['record', ...options, '--', ...command], { input: '\n' })
  expect(status).toBe(2)
  expect(err).toContain('--mode exception needs')
})

it('refuses a mode that there is not, and two at once', async () => {
  const unknown = await pyprof(['record', '-p', '1', '--mode', 'io'])
  expect(unknown.status).toBe(2)
  expect(unknown.err).toContain('wall, cpu, gil, exception')
  const two = await pyprof(['record', '-p', '1', '-g', '--mode', 'cpu'])
  expect(two.status).toBe(2)
  expect(two.err).toContain('--gil and --mode cpu are both given.')
})

it('marks where C code calls Python code with --native-markers', async () => {
  const lines = await linesOf(await start('calling_back'), '--native-markers')
  const paths = lines.map(({ frames }) => frames.map(functionName).join(';'))
  expect(paths).toContain('<module>;calling_back;sort;<native>;key')
})

it('says so when nothing was of the mode, and writes nothing', async () => {
  const { target } = await startPython('3.14', 'idle.py')
  const args = ['record', '-p', String(target.pid), ...TO_STDOUT, '-g']
  const { status, out, err } = await pyprof(args)
  expect({ status, out }).toEqual({ status: 4, out: '' })
  expect(err).toContain('Nothing was captured in mode gil')
  expect(err).toContain('did Python code hold the GIL.')
})
