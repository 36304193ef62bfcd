import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { pyprof, record, startPyprof, summaryOf } from '../../support/cli.ts'
import { python } from '../../support/pythons.ts'
import { programArgs, startPython, startTarget } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

it('shows the time of waiting tasks apart from that of threads, in every output', async () => {
  const folder = temporaryFolder()
  const { target } = await startTarget(python('3.14'), {
    args: programArgs('tasks.py', ['many', '20']),
  })
  const files = ['out.collapsed', 'out.speedscope.json', 'out.svg'].map((name) =>
    join(folder, name),
  )
  const outputs = files.flatMap((file) => ['-o', file])
  const args = ['--pid', `${target.pid}`, '--async=all', '--read', 'stop', '-d', '1', ...outputs]
  const outcome = await record([...args, '--json'])
  const summary = summaryOf(outcome)
  const { tasks, timeNs, samples, ticks, threads, hottest } = summary
  expect(tasks).toEqual({
    scope: 'all',
    loopSeen: true,
    waiting: { samples: 20 * ticks, timeNs: expect.closeTo(20 * timeNs.total, -3) },
  })
  expect(samples).toBe(21 * ticks)
  expect(threads.map((thread) => thread.samples)).toEqual([ticks, 20 * ticks])
  // Of the time of threads, waiting tasks have no share.
  expect(hottest.map(({ function: name }) => name)).not.toContain('forever')
  expect(hottest[0]).toMatchObject({ function: 'hold', self: 1 })

  const lines = readFileSync(files[0]!, 'utf8').trim().split('\n')
  const waiting = lines.filter((line) =>
    line.startsWith(`waiting tasks of MainThread (tid ${target.pid});<task task `),
  )
  expect(waiting).toHaveLength(20)
  expect(lines.filter((line) => line.startsWith('<task Task-*>;many'))).toHaveLength(1)
  expect(lines).toHaveLength(21)
  const speedscope = JSON.parse(readFileSync(files[1]!, 'utf8'))
  expect(speedscope.profiles.map(({ name }: { name: string }) => name)).toEqual([
    `MainThread (tid ${target.pid})`,
    `waiting tasks of MainThread (tid ${target.pid})`,
  ])
  expect(speedscope.activeProfileIndex).toBe(0)
  expect(readFileSync(files[2]!, 'utf8')).toContain(`waiting tasks of MainThread`)
})

it('says how much waiting there was, in words', async () => {
  const { target } = await startTarget(python('3.15'), {
    args: programArgs('tasks.py', ['many', '3']),
  })
  const out = join(temporaryFolder(), 'out.svg')
  const { err, status } = await record([
    '--pid',
    `${target.pid}`,
    '--async=all',
    '-d',
    '0.5',
    '-o',
    out,
  ])
  expect(status).toBe(0)
  expect(err).toMatch(/samples {2}[\d,]+ of 1 thread; /)
  expect(err).toMatch(
    /tasks {4}[\d,]+ samples of suspended tasks, which waited \S+ m?s together; not in the time of threads/,
  )
})

it('follows a launched program that has not imported asyncio yet', async () => {
  const out = join(temporaryFolder(), 'out.collapsed')
  const program = `
import time
def spin():
    end = time.monotonic() + 1
    while time.monotonic() < end: pass
async def work(): spin()
import asyncio
asyncio.run(work())
`
  const { status } = await record(['--async', '-o', out, '--', python('3.14'), '-c', program])
  expect(status).toBe(0)
  expect(readFileSync(out, 'utf8')).toMatch(
    /^<task Task-\*>;work \(<string>:6\);spin \(<string>:5\) \d+$/m,
  )
})

it('says so when the program runs no event loop', async () => {
  const { target } = await startPython('3.14', 'idle.py')
  const out = join(temporaryFolder(), 'out.collapsed')
  const { err, status } = await record([
    '--pid',
    `${target.pid}`,
    '--async',
    '-d',
    '0.3',
    '-o',
    out,
  ])
  expect(status).toBe(0)
  expect(err).toContain('careful  no asyncio event loop was seen: the stacks are those of threads.')
  expect(readFileSync(out, 'utf8')).toMatch(/^<module> .*;hold \(.*\) \d+$/m)
})

it('refuses Python 3.13, which tells nothing of its tasks', async () => {
  const { target } = await startPython('3.13', 'idle.py')
  const out = join(temporaryFolder(), 'out.svg')
  const { err, status } = await pyprof(['record', '--pid', `${target.pid}`, '--async', '-o', out])
  expect(status).toBe(3)
  expect(err.split('\n').map((line) => line.trim())).toEqual([
    expect.stringMatching(
      /^pyprof: Process \d+ \(.*\) runs Python 3\.13\.\d+, which shows no tasks\.$/,
    ),
    'CPython tells where its asyncio tasks are from 3.14 on.',
    'Leave --async out, or run the program with Python 3.14 or later.',
    '',
  ])
})

it('lets a launched 3.13 run to its end, and refuses it at once', async () => {
  const out = join(temporaryFolder(), 'out.svg')
  const program = 'import sys; sys.stdin.read(); print("done")'
  const command = [python('3.13'), '-c', program]
  const run = startPyprof(['record', '--async', '-o', out, '--', ...command])
  await run.tells('which shows no tasks')
  expect(run.out).toBe('')
  run.endInput()
  expect(await run.ended).toMatchObject({ status: 4, out: 'done\n' })
})

it('expects running or all', async () => {
  const { err, status } = await pyprof(['record', '--async=some', '--pid', '1'])
  expect(status).toBe(2)
  expect(err).toBe(
    "pyprof: option '--async [tasks]' argument 'some' is invalid. Allowed choices are running, all. See: pyprof record --help\n",
  )
})
