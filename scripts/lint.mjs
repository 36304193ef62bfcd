import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runScript } from './lib/failure.mjs'
import { ROOT, stream } from './lib/run.mjs'

/** @param {string} name */
const tool = (name) => join(ROOT, 'node_modules', '.bin', name)

/** @returns {string[]} every C++ file of the project */
function cppFiles() {
  const folder = join(ROOT, 'native')
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(h|cc)$/.test(name))
    .map((name) => join('native', name))
}

await runScript(async () => {
  const { fix } = parseArgs({ options: { fix: { type: 'boolean', default: false } } }).values
  const files = cppFiles()
  /** @type {[string, string[]][]} */
  const checks = [
    [tool('biome'), ['check', '--error-on-warnings', ...(fix ? ['--write'] : [])]],
    [tool('tsc'), ['-p', 'tsconfig.json']],
  ]
  if (files.length > 0) {
    checks.push([tool('clang-format'), [...(fix ? ['-i'] : ['--dry-run', '-Werror']), ...files]])
  }
  const failed = []
  for (const [program, args] of checks) {
    if ((await stream(program, args)) !== 0) failed.push(program.split('/').at(-1))
  }
  if (failed.length === 0) return 0
  process.stderr.write(`lint: failed in ${failed.join(', ')}; npm run format mends what it can\n`)
  return 1
})
