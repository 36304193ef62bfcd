import { originOf, shortPath } from '../profile/origin.ts'
import type { Profile } from '../profile/profile.ts'
import type { Side } from './run.ts'

/** A name of base and what it is called in head, as `--rename OLD=NEW` gives them. */
export interface Rename {
  readonly from: string
  readonly to: string
}

/** A function by what stays when lines move. */
export interface Name {
  readonly qualname: string
  /** '' for a marker. */
  readonly file: string
}

/** What makes a function of one side the same as one of the other. */
export class Names {
  readonly #files: ReadonlyMap<string, string>
  readonly #moved = new Map<string, string>()
  readonly #renames: readonly Rename[]

  /**
   * Files are the same that have the same path; that are the same file of a package or of Python,
   * wherever those are installed; or that end alike, when no other file ends as much alike: the two
   * sides may lie in folders of their own. A function whose file is gone is the same as the one new
   * function of that qualified name, when there is just one.
   */
  constructor(base: readonly Profile[], head: readonly Profile[], renames: readonly Rename[] = []) {
    this.#renames = renames
    const before = functionsOf(base).map((name) => this.#renamed(name))
    const after = functionsOf(head)
    this.#files = matchFiles(
      before.map(({ file }) => file),
      after.map(({ file }) => file),
    )
    const known = before.map((name) => ({ ...name, as: this.#files.get(name.file) ?? name.file }))
    const beforeKeys = new Set(known.map(({ qualname, as }) => keyOf({ qualname, file: as })))
    const afterKeys = new Set(after.map(keyOf))
    const gone = known.filter(({ qualname, as }) => !afterKeys.has(keyOf({ qualname, file: as })))
    const come = after.filter((name) => !beforeKeys.has(keyOf(name)))
    const goneBy = byQualname(gone)
    for (const [qualname, there] of byQualname(come)) {
      const here = goneBy.get(qualname) ?? []
      if (here.length !== 1 || there.length !== 1 || qualname.startsWith('<')) continue
      if (qualname.endsWith('>')) continue
      this.#moved.set(keyOf(here[0]!), there[0]!.file)
    }
  }

  /** What a function of a side is called in the comparison: as in head, where it is there. */
  of(side: Side, name: Name): Name {
    if (side === 'head' || name.file === '') return name
    const renamed = this.#renamed(name)
    const file = this.#moved.get(keyOf(renamed)) ?? this.#files.get(renamed.file) ?? renamed.file
    return { qualname: renamed.qualname, file }
  }

  #renamed({ qualname, file }: Name): Name {
    let [name, path] = [qualname, file]
    for (const { from, to } of this.#renames) {
      if (name === from) name = to
      path = replaceParts(path, from, to)
    }
    return { qualname: name, file: path }
  }
}

/** Replaces whole parts of a path: the file, or a folder that it is in. */
function replaceParts(path: string, from: string, to: string): string {
  const whole = `/${path}`
  for (let at = whole.indexOf(`/${from}`); at !== -1; at = whole.indexOf(`/${from}`, at + 1)) {
    const end = at + 1 + from.length
    if (end < whole.length && whole[end] !== '/') continue
    return (whole.slice(0, at + 1) + to + whole.slice(end)).slice(1)
  }
  return path
}

export function keyOf({ qualname, file }: Name): string {
  return `${qualname}\0${file}`
}

function functionsOf(profiles: readonly Profile[]): Name[] {
  const names = new Map<string, Name>()
  for (const { functions, strings } of profiles) {
    for (let fn = 0; fn < functions.length; fn++) {
      const name = {
        qualname: strings[functions.qualname[fn]!]!,
        file: strings[functions.file[fn]!]!,
      }
      if (name.file !== '') names.set(keyOf(name), name)
    }
  }
  return [...names.values()]
}

function byQualname<T extends Name>(names: readonly T[]): Map<string, T[]> {
  const result = new Map<string, T[]>()
  for (const name of names) result.set(name.qualname, [...(result.get(name.qualname) ?? []), name])
  return result
}

/** The file of head that each file of base is, where the path differs. */
function matchFiles(
  baseFiles: readonly string[],
  headFiles: readonly string[],
): Map<string, string> {
  const result = new Map<string, string>()
  const there = new Set(headFiles)
  const here = new Set(baseFiles)
  const left = [...here].filter((file) => !there.has(file))
  const free = new Set([...there].filter((file) => !here.has(file)))
  const installed = new Map(
    [...free].filter((file) => !isOwn(file)).map((file) => [shortPath(file), file]),
  )
  const own: string[] = []
  for (const file of left) {
    if (isOwn(file)) own.push(file)
    else {
      const same = installed.get(shortPath(file))
      if (same !== undefined) result.set(file, same)
    }
  }
  const ownThere = [...free].filter(isOwn)
  const bestThere = bestMatches(own, ownThere)
  const bestHere = bestMatches(ownThere, own)
  for (const [file, match] of bestThere) {
    if (bestHere.get(match) === file) result.set(file, match)
  }
  return result
}

function isOwn(file: string): boolean {
  return originOf(file).origin === 'app'
}

/** For each file the one that has the most last parts of its path in common, when it is just one. */
function bestMatches(files: readonly string[], candidates: readonly string[]): Map<string, string> {
  const byName = new Map<string, string[][]>()
  for (const candidate of candidates) {
    const parts = candidate.split('/').reverse()
    byName.set(parts[0]!, [...(byName.get(parts[0]!) ?? []), parts])
  }
  const result = new Map<string, string>()
  for (const file of files) {
    const parts = file.split('/').reverse()
    let [most, best, ties] = [0, '', 0]
    for (const other of byName.get(parts[0]!) ?? []) {
      let common = 0
      while (common < parts.length && parts[common] === other[common]) common++
      if (common < most) continue
      ties = common === most ? ties + 1 : 1
      if (common > most) best = [...other].reverse().join('/')
      most = common
    }
    if (ties === 1) result.set(file, best)
  }
  return result
}
