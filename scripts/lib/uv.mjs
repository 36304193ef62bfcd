import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ScriptFailure } from './failure.mjs'
import { installedByUv } from './interpreters.mjs'
import { capture, findAll } from './run.mjs'

/**
 * Installs a minor with uv below a folder of our own; nothing of the user's uv is touched.
 *
 * @param {string} uv
 * @param {string} minor
 * @param {string} folder
 * @returns {string} the interpreter
 */
export function installWithUv(uv, minor, folder) {
  const installs = join(folder, 'pythons')
  const result = capture(uv, ['python', 'install', '--no-config', minor], {
    env: {
      ...process.env,
      UV_PYTHON_INSTALL_DIR: installs,
      UV_PYTHON_PREFERENCE: 'only-managed',
      UV_CACHE_DIR: join(folder, 'cache'),
      // uv would otherwise put links into the user's own bin folder.
      UV_PYTHON_INSTALL_BIN: '0',
      UV_PYTHON_BIN_DIR: join(folder, 'bin'),
    },
  })
  rmSync(join(folder, 'cache'), { recursive: true, force: true })
  const program = installedByUv(installs, minor)[0]
  if (result.ok && program) return program
  throw new ScriptFailure(
    `uv could not install Python ${minor}.`,
    result.stderr.trim().split('\n').at(-1) ?? '',
    'check the network and `uv python list`; or name interpreters in PYPROF_PYTHONS.',
  )
}

/**
 * uv itself, from the Python package index, below a folder of our own.
 *
 * @param {string} folder
 * @returns {string} the program
 */
export function fetchUv(folder) {
  const program = join(folder, 'uv', 'bin', 'uv')
  if (existsSync(program)) return program
  let said = 'there is no python3 on PATH'
  for (const python of findAll('python3')) {
    const target = ['--target', join(folder, 'uv'), '--upgrade', 'uv']
    const result = capture(python, ['-m', 'pip', 'install', '--quiet', ...target])
    if (result.ok && existsSync(program)) return program
    said = `${python}: ${result.stderr.trim().split('\n').at(-1)}`
  }
  throw new ScriptFailure(
    'uv, which would install Python, could not be fetched.',
    said,
    'apt-get install python3-pip, or install uv; or name interpreters in PYPROF_PYTHONS.',
  )
}
