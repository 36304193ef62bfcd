import { describe, expect, it } from 'vitest'
import { startPyprof } from '../../support/cli.ts'
import {
  EXEC_MINORS,
  exec,
  type Facts,
  isPending,
  leftIn,
  refused,
  startExec,
  until,
} from '../../support/exec.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const DUMPS = ['symbols', 'modules', 'threads', 'gc-stats', 'object-types', 'warnings']
const QUESTIONS = ['perf-trampoline', 'faulthandler', 'gc', 'gc-debug', 'tracemalloc']

function traces({ modules, garbage, files, names }: Facts) {
  return { modules, garbage, files, names }
}

describe.each(EXEC_MINORS)('Python %s', (minor) => {
  it('no module, file, name, cycle or output is left behind', async () => {
    const folder = temporaryFolder()
    const program = await startExec(minor, ['refuse'], { env: { TMPDIR: folder } })
    const before = traces(await program.facts())
    // With the collector off, and emptied by the facts, what a script left in cycles is counted.
    for (const args of [['gc', 'off'], ...[...QUESTIONS, ...DUMPS].map((name) => [name])]) {
      await exec(program.pid, args)
    }
    expect(traces(await program.facts())).toEqual(before)
    expect({ garbage: before.garbage, names: before.names }).toEqual({ garbage: 0, names: [] })
    await refused(program.pid, ['asyncio-debug', 'on']) // fails
    expect(traces(await program.facts())).toEqual(before)
    expect(leftIn(folder)).toEqual([])
    expect(isPending(program.pid)).toBe(false)
    expect(program.err).toBe('')
    expect(program.out.match(/^(?!ready|facts).+$/gm)).toBeNull()
  })

  it('modules that a script has used serve the program as ever', async () => {
    const program = await startExec(minor, ['obey'])
    for (const action of [...QUESTIONS, ...DUMPS]) await exec(program.pid, [action])
    await exec(program.pid, ['faulthandler', 'on'])
    program.type('use\n')
    const { blocks, faulthandler } = await program.says<Record<string, unknown>>('used')
    expect(blocks).toBeGreaterThan(0)
    expect(faulthandler).toBe(true)
    expect(program.err).toBe('')
  })

  it("Ctrl-C that comes while a script runs is the program's", async () => {
    const folder = temporaryFolder()
    const program = await startExec(minor, ['crowd'], { env: { TMPDIR: folder } })
    const dump = startPyprof(['exec', `${program.pid}`, 'object-types'], { input: '' })
    await until('the script runs', () => isRunning(folder))
    program.signal('SIGINT')
    await program.prints('interrupted')
    const { status, err } = await dump.ended
    // It may have been done when the signal came.
    expect(status === 0 ? '' : err).toMatch(/^$|Signal 2 came while it ran/)
    expect(program.err).toBe('')
  })

  it("an exception of a signal handler of the program's reaches the program", async () => {
    const folder = temporaryFolder()
    const program = await startExec(minor, ['alarmed'], { env: { TMPDIR: folder } })
    const dump = startPyprof(['exec', `${program.pid}`, 'object-types'], { input: '' })
    await until('the script runs', () => isRunning(folder))
    program.signal('SIGUSR1')
    await program.prints('timed out')
    const { status, err } = await dump.ended
    expect(status === 0 ? '' : err).toMatch(/^$|Signal 10 came while it ran/)
    expect(program.err).toBe('')
  })

  it('a dump that takes longer than its time stops, and leaves nothing', async () => {
    const folder = temporaryFolder()
    // Enough for half a second: a script that has begun is given a moment more to finish.
    const program = await startExec(minor, ['crowd', '6000000'], { env: { TMPDIR: folder } })
    const { status, err } = await refused(program.pid, ['symbols', '--timeout', '50ms'])
    expect(status).toBe(4)
    expect(err).toMatch(/did not finish within 0\.05 s|did not come to run the script/)
    expect(leftIn(folder)).toEqual([])
    // The next one gets its turn as soon as the other has stopped.
    expect(await exec(program.pid, ['gc'])).toMatchObject({ new: 'on' })
    expect(program.err).toBe('')
  })
})

/** The first act of a script is to remove the file `answer`. */
function isRunning(folder: string): boolean {
  const names = leftIn(folder)
  return (
    names.some((name) => name.endsWith('.py')) && !names.some((name) => name.endsWith('/answer'))
  )
}
