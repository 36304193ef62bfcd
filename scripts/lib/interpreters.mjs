import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { capture, findAll } from './run.mjs'

/** The Python minors that pyprof supports and its tests run on. */
export const MINORS = ['3.13', '3.14', '3.15']

/**
 * An interpreter that ran and answered.
 *
 * @typedef {object} Interpreter
 * @property {string} executable the program itself: no shim, no virtual environment, no link
 * @property {string} minor such as '3.14'
 * @property {string} version such as '3.14.2'
 * @property {string} home what PYTHONHOME must be for a program that embeds it
 * @property {string[]} includeDirs folders of the C headers
 * @property {string} libDir folder of the shared libpython
 * @property {string[]} lacks what it would need for the tests and has not, in words; empty when fit
 */

const QUESTION = `
import importlib, json, os, sys, sysconfig
lacks = []
if sys.implementation.name != 'cpython': lacks.append('it is ' + sys.implementation.name)
if sysconfig.get_config_var('Py_GIL_DISABLED'): lacks.append('it is a free-threaded build')
if sysconfig.get_config_var('Py_DEBUG'): lacks.append('it is a debug build')
if sys.version_info.releaselevel != 'final': lacks.append('it is a pre-release')
for name in ('asyncio', 'ctypes', 'ensurepip', 'multiprocessing', 'sqlite3', 'ssl', 'venv'):
    try: importlib.import_module(name)
    except ImportError: lacks.append('it has no ' + name)
paths = sysconfig.get_paths()
base = getattr(sys, '_base_executable', None) or sys.executable
print(json.dumps({
    'executable': os.path.realpath(base),
    'minor': '%d.%d' % sys.version_info[:2],
    'version': '%d.%d.%d' % sys.version_info[:3],
    'home': sys.base_prefix,
    'includeDirs': sorted({paths['include'], paths['platinclude']}),
    'libDir': sysconfig.get_config_var('LIBDIR') or '',
    'lacks': lacks,
}))
`

/**
 * Runs a program that may be a Python and asks what it is; undefined when it does not run or does not
 * answer, as a version manager's shim does for a version that is not installed.
 *
 * @param {string} program
 * @returns {Interpreter | undefined}
 */
export function probe(program) {
  const result = capture(program, ['-I', '-c', QUESTION], { timeout: 20_000 })
  if (!result.ok) return undefined
  try {
    return JSON.parse(result.stdout)
  } catch {
    return undefined
  }
}

/**
 * What an interpreter lacks for programs that embed it: the headers or the shared library.
 *
 * @param {Pick<Interpreter, 'includeDirs' | 'libDir' | 'minor'>} interpreter
 * @returns {string[]}
 */
export function lacksForEmbedding({ includeDirs, libDir, minor }) {
  const lacks = []
  if (!includeDirs.some((folder) => existsSync(join(folder, 'Python.h')))) lacks.push('no Python.h')
  if (!existsSync(join(libDir, `libpython${minor}.so`))) lacks.push(`no libpython${minor}.so`)
  return lacks.map((what) => `it has ${what}`)
}

/**
 * The programs that may be a minor, from folders in order; in each folder the versioned name first.
 *
 * @param {string} minor
 * @param {string} path folders, separated by colons
 * @returns {string[]}
 */
export function candidatesOn(path, minor) {
  return path
    .split(delimiter)
    .flatMap((folder) => [`python${minor}`, 'python3', 'python'].flatMap((n) => findAll(n, folder)))
}

/**
 * The programs that an entry of PYPROF_PYTHONS may mean: itself, or those in a folder or in its `bin`.
 *
 * @param {string} entry
 * @param {string} minor
 * @returns {string[]}
 */
export function candidatesNamed(entry, minor) {
  if (!existsSync(entry)) return []
  return statSync(entry).isDirectory()
    ? candidatesOn([entry, join(entry, 'bin')].join(delimiter), minor)
    : [entry]
}

/**
 * The first of the programs that is the minor and fit for use; the unfit ones are told to `onUnfit`.
 *
 * @param {readonly string[]} programs
 * @param {string} minor
 * @param {{ embedding: boolean, onUnfit?: (program: string, lacks: string[]) => void }} options
 *   embedding: whether headers and the shared library are needed
 * @returns {Interpreter | undefined}
 */
export function firstFit(programs, minor, { embedding, onUnfit }) {
  for (const program of programs) {
    const found = probe(program)
    if (found?.minor !== minor) continue
    const lacks = [...found.lacks, ...(embedding ? lacksForEmbedding(found) : [])]
    if (lacks.length === 0) return found
    onUnfit?.(program, lacks)
  }
  return undefined
}

/**
 * The minor's interpreter below a folder of uv's installations.
 *
 * @param {string} folder
 * @param {string} minor
 * @returns {string[]}
 */
export function installedByUv(folder, minor) {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.startsWith(`cpython-${minor}`))
    .flatMap((name) => findAll(`python${minor}`, join(folder, name, 'bin')))
    .map((file) => realpathSync(file))
}
