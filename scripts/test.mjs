import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildIfNeeded } from './lib/build.mjs'
import { gtestCounts, levelCounts, vitestCounts } from './lib/counts.mjs'
import { printFailure, runScript, ScriptFailure } from './lib/failure.mjs'
import { ROOT, stream } from './lib/run.mjs'

/** @typedef {import('./lib/counts.mjs').Counts} Counts */

/** In CI nothing may pass by being left out. */
const skipsFail = Boolean(process.env.CI)
/** @type {Counts} */
const NOTHING = { passed: 0, failed: 0, skipped: 0, failures: [] }

/**
 * A step without tests of its own: it counts only when it fails.
 *
 * @param {string} script
 */
async function step(script) {
  const ok = (await stream(process.execPath, [join('scripts', script)])) === 0
  return ok ? NOTHING : { ...NOTHING, failed: 1 }
}

async function build() {
  try {
    await buildIfNeeded()
    return NOTHING
  } catch (error) {
    if (!(error instanceof ScriptFailure)) throw error
    printFailure(error)
    return { ...NOTHING, failed: 1 }
  }
}

async function native() {
  return withReports(async (folder) => {
    const env = { ...process.env, GTEST_OUTPUT: `json:${folder}/` }
    return (await stream(process.execPath, [join('scripts', 'test-native.mjs')], { env })) === 0
  }, gtestCounts)
}

/** @param {string} project */
async function vitest(project) {
  return withReports(async (folder) => {
    const file = join(folder, 'report.json')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    const program = join(ROOT, 'node_modules', '.bin', 'vitest')
    return (await stream(program, ['run', '--project', project, ...reporters])) === 0
  }, vitestCounts)
}

/**
 * Runs tests that leave their reports in a folder, and counts what those say.
 *
 * @param {(folder: string) => Promise<boolean>} run resolves to whether the tests' exit status was 0
 * @param {(report: string) => Counts} count
 * @returns {Promise<Counts>}
 */
async function withReports(run, count) {
  const folder = mkdtempSync(join(tmpdir(), 'pyprof-test-'))
  try {
    const ok = await run(folder)
    const sum = { ...NOTHING, failures: [] }
    for (const name of readdirSync(folder))
      add(sum, count(readFileSync(join(folder, name), 'utf8')))
    if (skipsFail && sum.skipped > 0) {
      process.stdout.write(`${sum.skipped} skipped: counted as failed, because CI is set\n`)
    }
    return levelCounts(sum, ok, { skipsFail })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/**
 * @param {Counts} sum
 * @param {Counts} counts
 */
function add(sum, { passed, failed, skipped, failures }) {
  sum.passed += passed
  sum.failed += failed
  sum.skipped += skipped
  sum.failures.push(...failures)
}

/** @type {[string, () => Promise<Counts>][]} */
const LEVELS = [
  ['lint', () => step('lint.mjs')],
  ['build', build],
  ['native tests', native],
  ['pythons', () => step('pythons.mjs')],
  ['unit tests', () => vitest('unit')],
  ['integration tests', () => vitest('integration')],
]

await runScript(async () => {
  const sum = { ...NOTHING, failures: [] }
  const lines = []
  for (const [name, run] of LEVELS) {
    process.stdout.write(`\n=== ${name}\n`)
    const start = performance.now()
    const counts = await run()
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    lines.push(`${counts.failed > 0 ? 'FAILED' : 'ok'.padEnd(6)} ${name}, ${seconds} s`)
    add(sum, counts)
  }
  const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : ''
  // Where only the end of the output is kept, it has to tell what failed.
  const failures = sum.failures.map((name) => `failed: ${name}\n`).join('')
  process.stdout.write(
    `\n${failures}${lines.join('\n')}\n\n${sum.passed} passed, ${sum.failed} failed${skipped}\n`,
  )
  return sum.failed > 0 ? 1 : 0
})
