import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runScript, ScriptFailure } from './lib/failure.mjs'
import { findAll, ROOT, stream } from './lib/run.mjs'

/** Where Debian's package and CMake's own install put GoogleTest's main header. */
const GTEST_HEADERS = ['/usr/include/gtest/gtest.h', '/usr/local/include/gtest/gtest.h']

/**
 * @param {boolean} present
 * @param {string} what
 * @param {string} aptPackage
 */
function need(present, what, aptPackage) {
  if (present) return
  throw new ScriptFailure(
    'The native tests cannot be built.',
    `${what} is not installed.`,
    `apt-get install ${aptPackage}, or scripts/setup.sh for all that is needed.`,
  )
}

await runScript(async () => {
  const { values } = parseArgs({ options: { sanitize: { type: 'boolean', default: false } } })
  const has = (/** @type {string} */ name) => findAll(name).length > 0
  need(has('cmake') && has('ctest'), 'cmake', 'cmake')
  need(
    Boolean(process.env.CXX) || has('c++') || has('g++') || has('clang++'),
    'a C++ compiler',
    'g++',
  )
  need(has('make') || has('ninja'), 'make', 'make')
  const gtest = GTEST_HEADERS.some((file) => existsSync(file))
  need(
    gtest || Boolean(process.env.GTest_DIR ?? process.env.CMAKE_PREFIX_PATH),
    'GoogleTest',
    'libgtest-dev',
  )

  const folder = join(ROOT, values.sanitize ? 'build-test-asan' : 'build-test')
  // With optimisation in both, as shipped; the sanitized one keeps what its reports need.
  const type = values.sanitize ? 'RelWithDebInfo' : 'Release'
  const jobs = String(availableParallelism())
  const configure = [
    ...['-S', ROOT, '-B', folder, `-DCMAKE_BUILD_TYPE=${type}`, '-DPYPROF_TESTS=ON'],
    `-DPYPROF_SANITIZE=${values.sanitize ? 'ON' : 'OFF'}`,
  ]
  for (const [program, args] of /** @type {[string, string[]][]} */ ([
    ['cmake', configure],
    ['cmake', ['--build', folder, '--parallel', jobs]],
    ['ctest', ['--test-dir', folder, '--output-on-failure', '--no-tests=error', '-j', jobs]],
  ])) {
    const status = await stream(program, args)
    if (status !== 0) return status
  }
  return 0
})
