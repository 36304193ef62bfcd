/** Who wrote a file: the profiled program, an installed package or Python itself. */
export type Origin = 'app' | 'package' | 'stdlib' | 'marker'

const PACKAGES = /^.*\/(?:site|dist)-packages\/(?=.)/s
const STDLIB = /^.*\/lib(?:64)?\/python3\.\d+t?\/(?=.)/s

/**
 * The part of a path that tells something: what follows the last `site-packages/` or
 * `dist-packages/`, else the last `lib/python3.X/`, else the whole path.
 */
function shorten(file: string): string {
  const inPackages = file.replace(PACKAGES, '')
  return inPackages === file ? file.replace(STDLIB, '') : inPackages
}

/**
 * Short names for a set of files. Two files never get the same name: where cutting would make them
 * equal, both keep their whole path.
 */
export function shortFiles(files: Iterable<string>): Map<string, string> {
  const byShort = new Map<string, string[]>()
  for (const file of new Set(files)) {
    const short = shorten(file)
    byShort.set(short, [...(byShort.get(short) ?? []), file])
  }
  const result = new Map<string, string>()
  for (const [short, group] of byShort) {
    for (const file of group) result.set(file, group.length === 1 ? short : file)
  }
  return result
}

/**
 * Who wrote a file, and the module that stands for it: the file for the program's own code, the
 * top-level name for a package or a part of the standard library.
 */
export function originOf(file: string): { readonly origin: Origin; readonly module: string } {
  if (file === '') return { origin: 'marker', module: '' }
  const short = shorten(file)
  const module = short.split('/', 1)[0]!.replace(/\.py$/, '')
  if (PACKAGES.test(file)) return { origin: 'package', module }
  if (STDLIB.test(file)) return { origin: 'stdlib', module }
  const frozen = /^<frozen ([^>.]*)/.exec(file)
  return frozen ? { origin: 'stdlib', module: frozen[1]! } : { origin: 'app', module: file }
}
