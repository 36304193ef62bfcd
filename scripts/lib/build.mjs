import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ScriptFailure } from './failure.mjs'
import { ROOT, stream } from './run.mjs'

/** Folders of tests and benchmarks: no part of what is built. */
const NOT_BUILT = new Set(['test', 'bench'])

/** Builds pyprof when a part of it is missing or older than what it is made from. */
export async function buildIfNeeded() {
  const addon = newest('build/Release/pyprof.node')
  const program = newest('dist/pyprof.js')
  const sources = (/** @type {string[]} */ ...paths) => Math.max(...paths.map(newest))
  if (
    addon >= sources('native', 'CMakeLists.txt') &&
    program >= sources('src', 'package.json') &&
    addon > 0 &&
    program > 0
  )
    return
  if (!existsSync(join(ROOT, 'node_modules', '.bin', 'rolldown'))) {
    throw new ScriptFailure('pyprof cannot be built.', 'its packages are not installed.', 'npm ci')
  }
  if ((await stream('npm', ['run', '--silent', 'build'])) !== 0) {
    throw new ScriptFailure(
      'pyprof could not be built.',
      'see the lines above.',
      'scripts/setup.sh installs what the build needs; then try again.',
    )
  }
}

/**
 * The time at which a file, or the newest file below a folder, was changed; 0 when there is none.
 *
 * @param {string} path relative to the checkout
 * @returns {number} ms
 */
function newest(path) {
  const full = join(ROOT, path)
  if (!existsSync(full)) return 0
  if (!statSync(full).isDirectory()) return statSync(full).mtimeMs
  const inside = readdirSync(full).filter((name) => !NOT_BUILT.has(name))
  return Math.max(0, ...inside.map((name) => newest(join(path, name))))
}
