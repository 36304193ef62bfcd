import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * One place that packages come from, as sources.list(5) describes it.
 *
 * @typedef {{ uri: string, suite: string, components: string[] }} AptSource
 */

/**
 * Reads a one-line-style file (`deb [options] uri suite component...`).
 *
 * @param {string} text
 * @returns {AptSource[]}
 */
export function parseList(text) {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)/.exec(line)
    if (!match) return []
    const components = match[3].split(/\s+/).filter(Boolean)
    return [{ uri: match[1], suite: match[2], components }]
  })
}

/**
 * Reads a deb822-style file (stanzas of `Types:`, `URIs:`, `Suites:`, `Components:`).
 *
 * @param {string} text
 * @returns {AptSource[]}
 */
export function parseDeb822(text) {
  const withoutComments = text.replace(/^#.*\n?/gm, '')
  return withoutComments.split(/\n\s*\n/).flatMap((stanza) => {
    /** @type {Map<string, string[]>} */
    const fields = new Map()
    for (const match of stanza.matchAll(/^([\w-]+):((?:.*)(?:\n[ \t].*)*)/gm)) {
      fields.set(match[1].toLowerCase(), match[2].split(/\s+/).filter(Boolean))
    }
    if (fields.get('enabled')?.[0]?.toLowerCase() === 'no') return []
    if (!fields.get('types')?.includes('deb')) return []
    const components = fields.get('components') ?? []
    return (fields.get('uris') ?? []).flatMap((uri) =>
      (fields.get('suites') ?? []).map((suite) => ({ uri, suite, components })),
    )
  })
}

/**
 * The mirrors that serve Debian itself, best first: a source counts when it offers `main` of a suite
 * that is the release's own or one of Debian's moving names; one with `debian` as part of its path
 * comes before one without, because other publishers use the release's name too.
 *
 * @param {AptSource[]} sources
 * @param {string} codename VERSION_CODENAME of os-release, may be empty
 * @returns {string[]} URIs without a trailing slash
 */
export function debianMirrors(sources, codename) {
  const suites = new Set(['stable', 'testing', 'unstable', 'sid'])
  if (codename !== '') suites.add(codename)
  const uris = sources
    .filter(({ suite, components }) => suites.has(suite) && components.includes('main'))
    .map(({ uri }) => uri.replace(/\/+$/, ''))
    .filter((uri) => !/security/.test(uri))
  const named = (/** @type {string} */ uri) => /\/debian(?=[./-]|$)/.test(uri)
  return [...new Set([...uris.filter(named), ...uris.filter((uri) => !named(uri))])]
}

/**
 * Every enabled source of this machine, in apt's own order of files.
 *
 * @param {string} [folder]
 * @returns {AptSource[]}
 */
export function machineSources(folder = '/etc/apt') {
  const read = (/** @type {string} */ file) => {
    try {
      return readFileSync(file, 'utf8')
    } catch {
      return ''
    }
  }
  /** @type {string[]} */
  let parts = []
  try {
    parts = readdirSync(join(folder, 'sources.list.d')).sort()
  } catch {
    // No such folder: the main file is all there is.
  }
  return [
    ...parseList(read(join(folder, 'sources.list'))),
    ...parts.flatMap((name) => {
      const file = join(folder, 'sources.list.d', name)
      if (name.endsWith('.sources')) return parseDeb822(read(file))
      if (name.endsWith('.list')) return parseList(read(file))
      return []
    }),
  ]
}

/**
 * The fields of os-release(5).
 *
 * @param {string} [file]
 * @returns {{ id: string, codename: string }}
 */
export function osRelease(file = '/etc/os-release') {
  let text = ''
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    // A system without the file is not Debian.
  }
  const field = (/** @type {string} */ name) =>
    new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? ''
  return { id: field('ID'), codename: field('VERSION_CODENAME') }
}
