import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { collapsedLines, functionName, Program, PYPROF, pyprof, record } from '../../support/cli.ts'
import { MINORS, python } from '../../support/pythons.ts'
import { programArgs, startPython } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** The steps of a view in --json, as far as the tests look at them. */
interface ViewJson {
  readonly samples: number
  readonly timeNs: { readonly total: number }
  readonly view: {
    readonly granularity: string
    readonly steps: readonly { readonly option: string; readonly samples: number; weight: number }[]
  }
}

describe.each(MINORS)('choosing on %s', (minor) => {
  async function busy() {
    const { target } = await startPython(minor, 'record/busy_threads.py')
    const folder = temporaryFolder()
    const common = ['--pid', `${target.pid}`, '-d', '300ms', '--json']
    return async (...options: string[]) => {
      const path = join(folder, 'out.collapsed')
      const { out } = await record([...common, '-o', path, ...options])
      return {
        lines: collapsedLines(readFileSync(path, 'utf8')),
        summary: JSON.parse(out) as ViewJson,
      }
    }
  }

  it('keeps a thread, and tells what the others were', async () => {
    const { lines, summary } = await (await busy())('--thread', 'work*')
    for (const { frames } of lines) expect(frames.map(functionName)).toContain('crunch')
    const [step] = summary.view.steps
    expect(step).toMatchObject({ option: '--thread', patterns: ['work*'], missed: 0 })
    expect(step!.samples).toBe(summary.samples)
    expect(step!.weight).toBe(summary.timeNs.total)
  })

  it('keeps what has a frame, and leaves out what has one', async () => {
    const stacks = await busy()
    const included = await stacks('--include', 'function:supervise')
    for (const { frames } of included.lines) expect(functionName(frames.at(-1)!)).toBe('supervise')
    expect(included.summary.samples).toBeGreaterThan(0)
    const excluded = await stacks('--exclude', 'function:supervise')
    for (const { frames } of excluded.lines) expect(functionName(frames.at(-1)!)).toBe('crunch')
    expect(excluded.summary.view.steps[0]!.samples).toBe(excluded.summary.samples)
  })

  it('folds the standard library, and merges modules', async () => {
    const stacks = await busy()
    const whole = (await stacks('--thread', 'worker')).lines
    expect(whole[0]!.frames.length).toBeGreaterThan(1)
    const folded = (await stacks('--thread', 'worker', '--no-stdlib', '-F')).lines
    expect(folded.map(({ frames }) => frames.map(functionName))).toEqual([['crunch']])
    const modules = (await stacks('--modules')).lines
    expect(modules.map(({ frames }) => frames.map(functionName)).sort()).toEqual([
      ['busy_threads'],
      ['threading', 'busy_threads'],
    ])
  })

  it('reports the hottest functions to stdout', async () => {
    const { target } = await startPython(minor, 'record/busy_threads.py')
    const common = ['--pid', `${target.pid}`, '-d', '300ms', '-o', '-']
    const { out } = await record([...common, '-f', 'table', '--include', 'crunch'])
    expect(out).toMatch(/\n +100\.0 % +– +100\.0 % +– .* crunch {2}\S+busy_threads\.py:\d+\n/)
  })
})

it('does not lose a recording by a slip in a pattern', async () => {
  const { target } = await startPython('3.14', 'record/busy_threads.py')
  const folder = temporaryFolder()
  const path = join(folder, 'out.collapsed')
  const common = ['record', '--pid', `${target.pid}`, '-d', '300ms', '-o', path]
  const outcome = await pyprof([...common, '--include', 'crunsh'], { env: { TMPDIR: folder } })
  expect(outcome).toMatchObject({ status: 4, out: '' })
  expect(outcome.err).toMatch(
    /^pyprof: The filters leave nothing of the recording, and no output was written\.\n +--include 'crunsh' matches no function, file or module\.\n +Near to it: 'crunch'\. /,
  )
  expect(existsSync(path)).toBe(false)
  const saved = /was saved as (\S+)\.\n/.exec(outcome.err)![1]!
  expect(readFileSync(saved, 'utf8')).toContain('crunch')
})

it('makes a table as wide as the terminal', async () => {
  const { target } = await startPython('3.14', 'record/busy_threads.py')
  const terminal = [python('3.14'), ...programArgs('record/terminal.py')]
  const narrow = ['sh', '-c', 'stty cols 64; exec "$0" "$@"', process.execPath, PYPROF]
  const args = ['record', '--pid', `${target.pid}`, '-d', '300ms', '-f', 'table', '-o', '-']
  const program = new Program([...terminal, ...narrow, ...args], { env: { TERM: 'xterm' } })
  const { status, out } = await program.ended
  expect(status).toBe(0)
  const table = /^Functions by self time\r\n[\s\S]*to judge\./m.exec(out)![0].split('\r\n')
  expect(table.length).toBeGreaterThan(5)
  expect(Math.max(...table.map((line) => line.length))).toBeLessThanOrEqual(64)
  expect(table.some((line) => line.includes('…'))).toBe(true)
})
