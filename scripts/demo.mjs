import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { buildIfNeeded } from './lib/build.mjs'
import { runScript, ScriptFailure } from './lib/failure.mjs'
import { candidatesOn, firstFit, MINORS } from './lib/interpreters.mjs'
import { alone, provide, provided } from './lib/provide.mjs'
import { ROOT, stream } from './lib/run.mjs'

const SECONDS = 5
/** The minor to get when there is no interpreter at all. */
const DEFAULT_MINOR = '3.14'
/** Far more than a start takes, also on a machine that is busy. */
const READY_MS = 30_000

/** @param {string} line */
const say = (line) => process.stdout.write(`${line}\n`)

/** @returns {Promise<string>} an interpreter: one that is there already, or else one that is fetched */
async function anyPython() {
  for (const minor of [DEFAULT_MINOR, ...MINORS]) {
    const programs = candidatesOn(process.env.PATH ?? '', minor)
    const found = provided(minor) ?? firstFit(programs, minor, { embedding: false })
    if (found) return found.executable
  }
  say(`No Python of ${MINORS.join(', ')} is here; getting ${DEFAULT_MINOR} into .pythons`)
  return (await alone(async () => provide(DEFAULT_MINOR, say))).executable
}

/**
 * Resolves when the program has printed its ready line.
 *
 * @param {import('node:child_process').ChildProcess} program
 * @returns {Promise<void>}
 */
function ready(program) {
  return new Promise((resolve, reject) => {
    const fail = (/** @type {string} */ why) =>
      reject(new ScriptFailure('The demo program did not start.', why, 'see the lines above.'))
    const timer = setTimeout(() => fail(`it was not ready after ${READY_MS / 1000} s.`), READY_MS)
    let text = ''
    program.stdout?.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
      if (!text.includes('ready')) return
      clearTimeout(timer)
      resolve()
    })
    program.on('error', (error) => fail(error.message))
    program.on('exit', (status) => {
      clearTimeout(timer)
      fail(`it ended with status ${status}.`)
    })
  })
}

/** @param {import('node:child_process').ChildProcess} program */
async function end(program) {
  if (program.pid === undefined || program.exitCode !== null || program.signalCode !== null) return
  const ended = new Promise((resolve) => program.once('exit', resolve))
  program.kill('SIGTERM')
  const timer = setTimeout(() => program.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(timer)
}

// Ctrl-C reaches every process on the terminal; each ends by itself, and then so does this one.
process.on('SIGINT', () => {})

await runScript(async () => {
  await buildIfNeeded()
  const python = await anyPython()
  const folder = join(ROOT, 'pyprof-demo')
  mkdirSync(folder, { recursive: true })

  const args = [join('demo', 'main.py'), '--tracer', String(process.pid)]
  const program = spawn(python, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
  process.on('SIGTERM', () => program.kill('SIGTERM'))
  try {
    await ready(program)
    say(`demo/main.py runs as process ${program.pid}: a small service that prices orders.`)
    const outputs = ['demo.svg', 'demo.speedscope.json', 'demo.collapsed'].map((name) =>
      relative(ROOT, join(folder, name)),
    )
    const record = [
      ...['record', '--pid', String(program.pid), '-d', String(SECONDS)],
      ...outputs.flatMap((path) => ['-o', path]),
    ]
    say(`$ pyprof ${record.join(' ')}\n`)
    const status = await stream(process.execPath, [join('bin', 'pyprof.js'), ...record])
    if (status !== 0) return status
    say(`
Look closer:
  open ${outputs[0]} in a browser: a flame graph to click and search
  npx speedscope ${outputs[1]}    the same over time, thread by thread
  ${outputs[2]}    one stack a line, for grep and other tools
Then record a program of your own: node bin/pyprof.js record --pid PID -d 10 -o out.svg`)
    return 0
  } finally {
    await end(program)
  }
})
