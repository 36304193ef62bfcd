import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { unpack } from './apt.mjs'
import { ScriptFailure } from './failure.mjs'
import { capture, findAll } from './run.mjs'

/**
 * What one minor needs: the interpreter, the standard library, the shared library and headers for
 * programs that embed it, and the wheels from which `python -m venv` installs pip.
 *
 * @param {string} minor
 */
const packagesOf = (minor) => [
  `python${minor}-minimal`,
  `libpython${minor}-stdlib`,
  `libpython${minor}`,
  `libpython${minor}-dev`,
  `python${minor}-venv`,
]

/**
 * Unpacks Debian's packages of one minor below a folder and makes them run from there: the program
 * gets the tree's own dynamic linker and library folder as absolute paths, so a tree that has been
 * moved must be unpacked again.
 *
 * @param {string} minor
 * @param {string} folder becomes the root of the unpacked tree; replaced as a whole
 * @param {import('./apt.mjs').PrivateApt} apt
 * @returns {string} the interpreter
 */
export function unpackDebianPython(minor, folder, apt) {
  const partial = `${folder}.partial`
  rmSync(partial, { recursive: true, force: true })
  unpack(apt.download(packagesOf(minor)), partial)
  prune(partial, minor)
  pointAtOwnWheels(partial, minor, folder)
  const patchelf = findAll('patchelf')[0] ?? unpackPatchelf(apt)
  const { loader, libDir } = layoutOf(partial)
  const program = join('usr', 'bin', `python${minor}`)
  const within = (/** @type {string} */ path) => folder + path.slice(partial.length)
  // Two runs, and in this order: patchelf 0.18 breaks these programs when it does both at once.
  for (const change of [
    ['--force-rpath', '--set-rpath', within(libDir)],
    ['--set-interpreter', within(loader)],
  ]) {
    const patched = capture(patchelf, [...change, join(partial, program)])
    if (patched.ok) continue
    throw new ScriptFailure(
      `patchelf could not prepare Debian's Python ${minor}.`,
      patched.stderr.trim(),
      'name interpreters in PYPROF_PYTHONS instead, and report this.',
    )
  }
  rmSync(folder, { recursive: true, force: true })
  renameSync(partial, folder)
  return join(folder, program)
}

/**
 * Where an unpacked tree keeps its dynamic linker and its shared libraries.
 *
 * @param {string} tree
 * @returns {{ loader: string, libDir: string }}
 */
export function layoutOf(tree) {
  const lib = join(tree, 'usr', 'lib')
  for (const name of readdirSync(lib)) {
    const libDir = join(lib, name)
    const loader = /-linux-/.test(name)
      ? readdirSync(libDir).find((file) => /^ld-linux.*\.so\.\d+$/.test(file))
      : undefined
    if (loader) return { loader: join(libDir, loader), libDir }
  }
  throw new ScriptFailure(
    `${tree} has no dynamic linker.`,
    'the unpacked C library is not laid out as expected.',
    'name interpreters in PYPROF_PYTHONS instead, and report this.',
  )
}

/**
 * Drops what no test reads: documentation and the position-independent static library.
 *
 * @param {string} tree
 * @param {string} minor
 */
function prune(tree, minor) {
  const share = join(tree, 'usr', 'share')
  const stdlib = join(tree, 'usr', 'lib', `python${minor}`)
  const unwanted = [
    ...readdirSync(share).map((name) => join(share, name)),
    ...readdirSync(stdlib)
      .filter((name) => name.startsWith('config-'))
      .map((name) => join(stdlib, name, `libpython${minor}-pic.a`)),
    // A link to the machine's /etc: it would run the machine's code in these interpreters.
    join(stdlib, 'sitecustomize.py'),
  ]
  for (const path of unwanted) {
    if (basename(path) !== 'python-wheels') rmSync(path, { recursive: true, force: true })
  }
}

/**
 * Debian's ensurepip takes pip from a system folder whose path is recorded among the build variables.
 *
 * @param {string} tree
 * @param {string} minor
 * @param {string} finalFolder
 */
function pointAtOwnWheels(tree, minor, finalFolder) {
  const stdlib = join(tree, 'usr', 'lib', `python${minor}`)
  const wheels = join('/usr', 'share', 'python-wheels')
  for (const entry of readdirSync(stdlib, { withFileTypes: true })) {
    // Some of the names are links to another; that one is rewritten once.
    if (!entry.isFile() || !/^_sysconfig/.test(entry.name)) continue
    const file = join(stdlib, entry.name)
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replaceAll(wheels, join(finalFolder, wheels)))
  }
}

/**
 * A patchelf of our own, run through the C library that was unpacked with it.
 *
 * @param {import('./apt.mjs').PrivateApt} apt
 * @returns {string}
 */
function unpackPatchelf(apt) {
  const folder = join(apt.folder, 'patchelf')
  const launcher = join(folder, 'run')
  if (existsSync(launcher)) return launcher
  const partial = `${folder}.partial`
  rmSync(partial, { recursive: true, force: true })
  mkdirSync(partial, { recursive: true })
  unpack(apt.download(['patchelf']), partial)
  const { loader, libDir } = layoutOf(partial)
  const quote = (/** @type {string} */ path) => `'${(folder + path).replaceAll("'", "'\\''")}'`
  const [ld, libs] = [loader, libDir].map((path) => quote(path.slice(partial.length)))
  const script = `#!/bin/sh\nexec ${ld} --library-path ${libs} ${quote('/usr/bin/patchelf')} "$@"\n`
  writeFileSync(join(partial, 'run'), script, { mode: 0o755 })
  rmSync(folder, { recursive: true, force: true })
  renameSync(partial, folder)
  return launcher
}
