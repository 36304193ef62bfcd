import { shortPath } from '../profile/origin.ts'

/**
 * Short names for a set of files. Two files never get the same name: where cutting would make them
 * equal, both keep their whole path.
 */
export function shortFiles(files: Iterable<string>): Map<string, string> {
  const byShort = new Map<string, string[]>()
  for (const file of new Set(files)) {
    const short = shortPath(file)
    byShort.set(short, [...(byShort.get(short) ?? []), file])
  }
  const result = new Map<string, string>()
  for (const [short, group] of byShort) {
    for (const file of group) result.set(file, group.length === 1 ? short : file)
  }
  return result
}
