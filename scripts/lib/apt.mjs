import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { debianMirrors, machineSources, osRelease } from './apt-sources.mjs'
import { ScriptFailure } from './failure.mjs'
import { capture, findAll } from './run.mjs'

const KEYRING_FOLDER = '/usr/share/keyrings'
const KEYRINGS = ['debian-archive-keyring.gpg', 'debian-archive-keyring.pgp']
/** Debian's rolling suite: the only one that carries three Python minors at once. */
const SUITE = 'sid'

/**
 * The mirrors to try, from PYPROF_DEBIAN_MIRROR or else from this machine's own apt sources; empty
 * when the machine is not Debian and no mirror is named.
 *
 * @returns {string[]}
 */
export function mirrors() {
  const named = process.env.PYPROF_DEBIAN_MIRROR
  if (named) return [named.replace(/\/+$/, '')]
  const { id, codename } = osRelease()
  return id === 'debian' ? debianMirrors(machineSources(), codename) : []
}

/**
 * A private apt: its own sources, lists and cache below one folder, and an empty status file so that
 * dependencies resolve down to the suite's own C library. Neither root nor the machine's package
 * state is involved.
 */
export class PrivateApt {
  /** @param {string} folder */
  constructor(folder) {
    this.folder = folder
    this.config = join(folder, 'apt.conf')
    this.archives = join(folder, 'cache', 'archives')
    this.updated = false
  }

  /** Fetches the package lists, from the first mirror that has them. */
  update() {
    if (this.updated) return
    const keyring = KEYRINGS.map((name) => join(KEYRING_FOLDER, name)).find((file) =>
      existsSync(file),
    )
    if (!keyring) {
      throw new ScriptFailure(
        "Debian's packages cannot be verified.",
        `${join(KEYRING_FOLDER, KEYRINGS[0] ?? '')} is not there.`,
        'apt-get install debian-archive-keyring, or name interpreters in PYPROF_PYTHONS.',
      )
    }
    let said = 'no source of this machine serves Debian'
    for (const mirror of mirrors()) {
      this.#configure(mirror, keyring)
      const result = this.#apt('apt-get', ['update', '-q', '--error-on=any'])
      if (result.ok) {
        this.updated = true
        return
      }
      said = `${mirror}: ${lastLine(result.stderr || result.stdout)}`
    }
    throw downloadFailure(`the package lists of Debian ${SUITE}`, said)
  }

  /**
   * Downloads packages and what they need at run time; returns the .deb files, verified by apt.
   * Development packages are taken only when they are asked for by name.
   *
   * @param {readonly string[]} packages
   * @returns {string[]}
   */
  download(packages) {
    this.update()
    const plan = this.#apt('apt-get', ['install', '-s', '--no-install-recommends', ...packages])
    if (!plan.ok) throw downloadFailure(packages.join(' '), lastLine(plan.stderr))
    const wanted = [...plan.stdout.matchAll(/^Inst (\S+) \((\S+) .*\[(\w+)\]\)/gm)]
      .map(([, name = '', version = '', arch = '']) => ({ name, version, arch }))
      .filter(({ name }) => packages.includes(name) || !/-dev(-bin)?$/.test(name))
    const files = wanted.map(({ name, version, arch }) =>
      join(this.archives, `${name}_${version.replaceAll(':', '%3a')}_${arch}.deb`),
    )
    const specs = wanted.map(({ name, version }) => `${name}=${version}`)
    const result = this.#apt('apt-get', ['download', '-q', ...specs], this.archives)
    const missing = files.filter((file) => !existsSync(file))
    if (!result.ok || missing.length > 0) {
      throw downloadFailure(
        packages.join(' '),
        lastLine(result.stderr) || `${missing[0]} is missing`,
      )
    }
    return files
  }

  /**
   * @param {string} command
   * @param {string[]} args
   * @param {string} [cwd]
   */
  #apt(command, args, cwd = this.folder) {
    return capture(command, ['-c', this.config, ...args], {
      cwd,
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    })
  }

  /**
   * Writes the private configuration. It is read after the machine's own, from which it keeps proxies
   * and certificates but clears the hooks, because those touch the system.
   *
   * @param {string} mirror
   * @param {string} keyring
   */
  #configure(mirror, keyring) {
    mkdirSync(join(this.folder, 'lists', 'partial'), { recursive: true })
    mkdirSync(join(this.archives, 'partial'), { recursive: true })
    const at = (/** @type {string} */ name) => join(this.folder, name)
    writeFileSync(at('status'), '')
    writeFileSync(
      at('sources.list'),
      `deb [signed-by=${keyring} target=Packages] ${mirror} ${SUITE} main\n`,
    )
    const settings = {
      'Dir::State': this.folder,
      'Dir::State::lists': at('lists'),
      'Dir::State::status': at('status'),
      'Dir::State::extended_states': at('extended_states'),
      'Dir::Cache': at('cache'),
      'Dir::Cache::archives': this.archives,
      'Dir::Log': at('log'),
      'Dir::Etc::sourcelist': at('sources.list'),
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::Etc::preferences': '/dev/null',
      'Dir::Etc::preferencesparts': '/dev/null',
      'APT::Sandbox::User': 'root',
      'APT::Default-Release': '',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '3',
      'Debug::NoLocking': 'true',
    }
    const hooks = [
      'APT::Update::Pre-Invoke',
      'APT::Update::Post-Invoke',
      'APT::Update::Post-Invoke-Success',
      'DPkg::Pre-Install-Pkgs',
      'DPkg::Pre-Invoke',
      'DPkg::Post-Invoke',
    ]
    const lines = [
      ...hooks.map((name) => `#clear ${name};`),
      ...Object.entries(settings).map(([name, value]) => `${name} "${value}";`),
    ]
    writeFileSync(this.config, `${lines.join('\n')}\n`)
  }
}

/**
 * @param {string} subject
 * @param {string} said
 */
function downloadFailure(subject, said) {
  return new ScriptFailure(
    `Downloading ${subject} failed.`,
    said,
    'check the network and try again; or name another mirror in PYPROF_DEBIAN_MIRROR, or interpreters in PYPROF_PYTHONS.',
  )
}

/** @param {string} text */
function lastLine(text) {
  const lines = text.trim().split('\n')
  return lines.find((line) => line.startsWith('E:')) ?? lines.at(-1) ?? ''
}

/**
 * Unpacks .deb files into a folder.
 *
 * @param {readonly string[]} debs
 * @param {string} folder
 */
export function unpack(debs, folder) {
  mkdirSync(folder, { recursive: true })
  for (const deb of debs) {
    const result = capture('dpkg-deb', ['-x', deb, folder])
    if (result.ok) continue
    rmSync(deb, { force: true })
    throw new ScriptFailure(`Unpacking ${deb} failed.`, lastLine(result.stderr), 'npm run pythons')
  }
}

/** True when this machine has the tools that PrivateApt and unpack run. */
export function aptIsHere() {
  return ['apt-get', 'dpkg-deb'].every((name) => findAll(name).length > 0)
}
