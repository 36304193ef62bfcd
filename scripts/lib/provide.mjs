import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { aptIsHere, mirrors, PrivateApt } from './apt.mjs'
import { layoutOf, unpackDebianPython } from './debian.mjs'
import { ScriptFailure } from './failure.mjs'
import {
  candidatesNamed,
  candidatesOn,
  firstFit,
  lacksForEmbedding,
  MINORS,
  probe,
} from './interpreters.mjs'
import { findAll, ROOT } from './run.mjs'
import { fetchUv, installWithUv } from './uv.mjs'

/** Everything that this module writes is below here. */
const PYTHONS = join(ROOT, '.pythons')

/**
 * What is on record for a minor in `.pythons/python3.X.json`, beside the program in `.pythons/bin`.
 *
 * @typedef {import('./interpreters.mjs').Interpreter & {
 *   source: string,
 *   root: string,
 *   loader: string | null,
 * }} Provided
 *   source: where it came from, in words; root: the checkout it was made for, which a tree with
 *   absolute paths must not leave; loader: the dynamic linker that goes with its shared library when
 *   that is not the machine's own
 */

/** @param {string} minor */
export const linkOf = (minor) => join(PYTHONS, 'bin', `python${minor}`)

/** @param {string} minor */
const recordOf = (minor) => join(PYTHONS, `python${minor}.json`)

/** @param {string} path */
const isOurs = (path) => path.startsWith(`${PYTHONS}/`)

const apt = new PrivateApt(join(PYTHONS, 'apt'))

/**
 * The interpreter provided earlier, when it is whole, still runs, and was made for this checkout.
 *
 * @param {string} minor
 * @returns {Provided | undefined}
 */
export function provided(minor) {
  /** @type {Provided} */
  let record
  try {
    record = JSON.parse(readFileSync(recordOf(minor), 'utf8'))
  } catch {
    return undefined
  }
  if (record.root !== ROOT) return undefined
  const now = probe(linkOf(minor))
  const same = now?.version === record.version && now.executable === record.executable
  return same && lacksForEmbedding(record).length === 0 ? record : undefined
}

/**
 * Provides a minor as `.pythons/bin/python3.X`: the one named in PYPROF_PYTHONS, else what is there
 * already, else one on PATH, else uv's, else Debian's packages unpacked in place, else uv's with uv
 * from the package index.
 *
 * @param {string} minor
 * @param {(line: string) => void} note
 * @returns {Provided}
 */
export function provide(minor, note) {
  const onUnfit = (/** @type {string} */ program, /** @type {string[]} */ lacks) =>
    note(`passed over ${program}: ${lacks.join(', ')}`)
  const options = { embedding: true, onUnfit }

  const named = firstFit(namedPrograms(minor), minor, options)
  const before = provided(minor)
  if (before && (!named || before.executable === named.executable)) return before
  if (named) return keep(minor, { ...named, source: 'PYPROF_PYTHONS', loader: null })

  const others = candidatesOn(process.env.PATH ?? '', minor).filter((p) => !isOurs(p))
  const onPath = firstFit(others, minor, options)
  if (onPath) return keep(minor, { ...onPath, source: 'PATH', loader: null })

  const debian = aptIsHere() && mirrors().length > 0
  const uv = findAll('uv')[0]
  if (uv) {
    try {
      return fromUv(minor, uv)
    } catch (error) {
      if (!debian || !(error instanceof ScriptFailure)) throw error
      note(`${error.what} ${error.why}`)
    }
  }
  if (debian) return fromDebian(minor, note)
  note('this machine has no apt sources of Debian; fetching uv from the Python package index')
  return fromUv(minor, fetchUv(PYTHONS))
}

/**
 * The programs named in PYPROF_PYTHONS; an entry that names nothing that runs is an error, because
 * whoever set it expects it to be used.
 *
 * @param {string} minor
 * @returns {string[]}
 */
function namedPrograms(minor) {
  const entries = (process.env.PYPROF_PYTHONS ?? '').split(delimiter).filter(Boolean)
  return entries.flatMap((entry) => {
    const programs = candidatesNamed(entry, minor)
    if (MINORS.flatMap((any) => candidatesNamed(entry, any)).some(probe)) return programs
    throw new ScriptFailure(
      `PYPROF_PYTHONS names ${entry}, which gives no Python.`,
      existsSync(entry) ? 'nothing there runs as a Python.' : 'there is no such file or folder.',
      'name interpreters, or folders that hold them, separated by colons; or unset it.',
    )
  })
}

/**
 * @param {string} minor
 * @param {string} uv
 */
function fromUv(minor, uv) {
  const program = installWithUv(uv, minor, join(PYTHONS, 'uv-data'))
  return keep(minor, { ...probed(program, minor), source: 'uv', loader: null })
}

/**
 * @param {string} minor
 * @param {(line: string) => void} note
 */
function fromDebian(minor, note) {
  note(`unpacking Debian's Python ${minor}`)
  const tree = join(PYTHONS, 'debian', minor)
  const program = unpackDebianPython(minor, tree, apt)
  const { loader, libDir } = layoutOf(tree)
  const include = join(tree, 'usr', 'include')
  return keep(minor, {
    ...probed(program, minor),
    includeDirs: [join(include, `python${minor}`), include],
    libDir,
    source: "Debian's packages, unpacked",
    loader,
  })
}

/**
 * @param {string} program
 * @param {string} minor
 */
function probed(program, minor) {
  const found = probe(program)
  if (found?.minor === minor && found.lacks.length === 0) return found
  throw new ScriptFailure(
    `The Python ${minor} that was just installed is not fit for use.`,
    found ? found.lacks.join(', ') : `${program} does not run.`,
    'name another interpreter in PYPROF_PYTHONS, and report this.',
  )
}

/**
 * Makes the link and the record; the record comes last, so that a run cut short is done again.
 *
 * @param {string} minor
 * @param {Omit<Provided, 'root'>} found
 * @returns {Provided}
 */
function keep(minor, found) {
  const record = { ...found, root: ROOT }
  const link = linkOf(minor)
  mkdirSync(join(PYTHONS, 'bin'), { recursive: true })
  rmSync(`${link}.new`, { force: true })
  symlinkSync(
    isOurs(found.executable) ? relative(join(PYTHONS, 'bin'), found.executable) : found.executable,
    `${link}.new`,
  )
  renameSync(`${link}.new`, link)
  writeFileSync(`${recordOf(minor)}.new`, `${JSON.stringify(record, null, 2)}\n`)
  renameSync(`${recordOf(minor)}.new`, recordOf(minor))
  if (provided(minor)) return record
  throw new ScriptFailure(
    `Python ${minor} does not run as ${link}.`,
    `it is ${found.executable}, which runs under its own name only.`,
    'name another interpreter in PYPROF_PYTHONS.',
  )
}

/**
 * Runs one provider at a time: a second one waits until the first has ended, and drops what a killed
 * one has left half done.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function alone(work) {
  const lock = join(PYTHONS, 'lock')
  if (!existsSync(PYTHONS)) mkdirSync(PYTHONS)
  while (!take(lock)) await setTimeout(200)
  try {
    return await work()
  } finally {
    rmSync(join(PYTHONS, 'apt'), { recursive: true, force: true })
    rmSync(lock, { force: true })
  }
}

/**
 * @param {string} lock
 * @returns {boolean}
 */
function take(lock) {
  const mine = `${lock}.${process.pid}`
  try {
    // A link appears with its content in it, which a file that is first made and then written does not.
    writeFileSync(mine, String(process.pid))
    linkSync(mine, lock)
    return true
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error)
    if (code !== 'EEXIST') {
      const hint = `make ${PYTHONS} writable, or remove it and try again.`
      throw new ScriptFailure(`${PYTHONS} cannot be written.`, message, hint)
    }
  } finally {
    rmSync(mine, { force: true })
  }
  if (!holderRuns(lock)) rmSync(lock, { force: true })
  return false
}

/** @param {string} lock */
function holderRuns(lock) {
  try {
    return existsSync(`/proc/${Number(readFileSync(lock, 'utf8'))}`)
  } catch {
    return false
  }
}
