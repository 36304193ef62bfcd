import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildIfNeeded } from './lib/build.mjs'
import { ctestCounts, levelCounts, vitestCounts } from './lib/counts.mjs'
import { runScript, ScriptFailure } from './lib/failure.mjs'
import { ROOT, stream } from './lib/run.mjs'

/** In CI nothing may pass by being left out. */
const skipsFail = Boolean(process.env.CI)
const NOTHING = { passed: 0, failed: 0, skipped: 0 }

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
    process.stderr.write(`error: ${error.what}\n  why: ${error.why}\n  do:  ${error.hint}\n`)
    return { ...NOTHING, failed: 1 }
  }
}

async function native() {
  let text = ''
  const onOutput = (/** @type {string} */ chunk) => {
    text += chunk
  }
  const args = [join('scripts', 'test-native.mjs')]
  const ok = (await stream(process.execPath, args, { onOutput })) === 0
  return levelCounts(ctestCounts(text), ok, { skipsFail })
}

/** @param {string} project */
async function vitest(project) {
  const folder = mkdtempSync(join(tmpdir(), 'pyprof-test-'))
  const file = join(folder, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    const program = join(ROOT, 'node_modules', '.bin', 'vitest')
    const ok = (await stream(program, ['run', '--project', project, ...reporters])) === 0
    const counts = existsSync(file) ? vitestCounts(readFileSync(file, 'utf8')) : NOTHING
    return levelCounts(counts, ok, { skipsFail })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @type {[string, () => Promise<import('./lib/counts.mjs').Counts>][]} */
const LEVELS = [
  ['lint', () => step('lint.mjs')],
  ['build', build],
  ['native tests', native],
  ['pythons', () => step('pythons.mjs')],
  ['unit tests', () => vitest('unit')],
  ['integration tests', () => vitest('integration')],
]

await runScript(async () => {
  const sum = { ...NOTHING }
  const lines = []
  for (const [name, run] of LEVELS) {
    process.stdout.write(`\n=== ${name}\n`)
    const start = performance.now()
    const counts = await run()
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    lines.push(`${counts.failed > 0 ? 'FAILED' : 'ok'.padEnd(6)} ${name}, ${seconds} s`)
    sum.passed += counts.passed
    sum.failed += counts.failed
    sum.skipped += counts.skipped
  }
  const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : ''
  process.stdout.write(
    `\n${lines.join('\n')}\n\n${sum.passed} passed, ${sum.failed} failed${skipped}\n`,
  )
  return sum.failed > 0 ? 1 : 0
})
