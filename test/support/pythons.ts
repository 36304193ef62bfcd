import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { EXIT, PyprofError } from '../../src/errors.ts'

/** The minors that every test of a real target runs on. */
export const MINORS = ['3.13', '3.14', '3.15'] as const
export type Minor = (typeof MINORS)[number]

/** What `npm run pythons` records beside an interpreter. */
interface PythonRecord {
  readonly root: string
  readonly executable: string
  readonly home: string
  readonly includeDirs: readonly string[]
  readonly libDir: string
  readonly loader: string | null
}

/** How a C program is built against a minor, and what it needs to run. */
export interface Embedding {
  /** For the compiler, when compiling. */
  readonly compileFlags: readonly string[]
  /** For the compiler, when linking a program (not an extension module): the shared libpython. */
  readonly linkFlags: readonly string[]
  /** PYTHONHOME for the program. */
  readonly home: string
  /** The folder of `libpython3.X.so` and its versioned names. */
  readonly libDir: string
}

/**
 * The interpreter of a minor, as an absolute path.
 *
 * @param root the checkout
 * @throws PyprofError `python-missing` when `npm run pythons` has not provided it: a failure, never
 *   a reason to skip
 */
export function python(minor: Minor, root = checkout()): string {
  recordOf(minor, root)
  return join(root, '.pythons', 'bin', `python${minor}`)
}

/**
 * All interpreters, oldest first.
 *
 * @throws PyprofError `python-missing`, see `python`
 */
export function pythons(root = checkout()): { minor: Minor; path: string }[] {
  return MINORS.map((minor) => ({ minor, path: python(minor, root) }))
}

/**
 * How to build and run a program that embeds a minor:
 * `gcc ...compileFlags program.c -o program ...linkFlags`, run with PYTHONHOME=home.
 *
 * @throws PyprofError `python-missing`, see `python`
 */
export function embed(minor: Minor, root = checkout()): Embedding {
  const { home, includeDirs, libDir, loader } = recordOf(minor, root)
  // An unpacked libpython needs the C library that was unpacked with it, which is newer than the one
  // that the machine's linker knows.
  const ownLibc = loader
    ? [`-Wl,--dynamic-linker=${loader}`, '-Wl,--disable-new-dtags', '-Wl,--allow-shlib-undefined']
    : []
  return {
    compileFlags: includeDirs.map((folder) => `-I${folder}`),
    linkFlags: [`-L${libDir}`, `-lpython${minor}`, `-Wl,-rpath,${libDir}`, ...ownLibc],
    home,
    libDir,
  }
}

/**
 * The interpreter of a virtual environment `.venvs/NAME-MINOR` in which the packages are installed;
 * made with pip when it is not there, kept for the next run.
 *
 * @param packages requirements as pip takes them; pin them, since what is installed is not looked at
 *   again until the list changes
 * @param settings of the environment, for what is built
 * @throws PyprofError `python-missing`, see `python`; Error with pip's words when it failed
 */
export function venv(
  minor: Minor,
  name: string,
  packages: readonly string[],
  settings: Readonly<Record<string, string>> = {},
  root = checkout(),
): string {
  // Not the link in .pythons/bin: an environment made from a link does not find 3.13's library.
  const base = recordOf(minor, root).executable
  const folder = join(root, '.venvs', `${name}-${minor}`)
  const program = join(folder, 'bin', 'python')
  const done = join(folder, 'done')
  const made = [base, ...packages, ...Object.values(settings)].join('\n')
  if (existsSync(done) && readFileSync(done, 'utf8') === made) return program
  rmSync(folder, { recursive: true, force: true })
  execFileSync(base, ['-m', 'venv', folder], { stdio: 'pipe' })
  // What was built for another checkout looks for its libraries there.
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-cache-dir']
  // What has no wheel is built, and finds the headers and the library of an unpacked Python only so.
  const { compileFlags, linkFlags } = embed(minor, root)
  const env = {
    ...process.env,
    ...settings,
    CFLAGS: compileFlags.join(' '),
    LDFLAGS: linkFlags.filter((flag) => !flag.startsWith('-l')).join(' '),
  }
  execFileSync(program, [...pip, ...packages], { stdio: 'pipe', env })
  writeFileSync(done, made)
  return program
}

/**
 * A Python 3.14 that has the harnesses which docs/ci.md names.
 *
 * @throws as `venv`
 */
export function benchmarkHarnesses(root = checkout()): string {
  const packages = [
    'pytest==9.2.0',
    'pytest-benchmark==5.3.1',
    'pytest-xdist==3.8.0',
    'pyperf==2.10.0',
    'asv==0.6.6',
    'asv_runner==0.3.2',
  ]
  return venv('3.14', 'benchmarks', packages, {}, root)
}

/** The checkout: the nearest folder above this file, or above its compiled form, with a package.json. */
function checkout(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

function recordOf(minor: Minor, root: string): PythonRecord {
  let why = 'it has not been provided yet.'
  try {
    const file = join(root, '.pythons', `python${minor}.json`)
    const record: PythonRecord = JSON.parse(readFileSync(file, 'utf8'))
    if (record.root === root && existsSync(join(root, '.pythons', 'bin', `python${minor}`)))
      return record
    why = `what is there was made for ${record.root}, or is not whole.`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  throw new PyprofError({
    code: 'python-missing',
    what: `There is no Python ${minor} for the tests.`,
    why,
    hint: 'npm run pythons',
    exitCode: EXIT.target,
  })
}
