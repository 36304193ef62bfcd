/** Who wrote a file: the profiled program, an installed package or Python itself. */
export type Origin = 'app' | 'package' | 'stdlib' | 'marker'

const PACKAGES = /^.*\/(?:site|dist)-packages\/(?=.)/s
const STDLIB = /^.*\/lib(?:64)?\/python3\.\d+t?\/(?=.)/s
const FROZEN = /^<frozen ([^>]*)>?/s

/**
 * The part of a path that tells something: what follows the last `site-packages/` or
 * `dist-packages/`, else the last `lib/python3.X/`, else the whole path.
 */
export function shortPath(file: string): string {
  const inPackages = file.replace(PACKAGES, '')
  return inPackages === file ? file.replace(STDLIB, '') : inPackages
}

/**
 * Who wrote a file, and the module that stands for it: the file for the program's own code, the
 * top-level name for a package or a part of the standard library.
 */
export function originOf(file: string): { readonly origin: Origin; readonly module: string } {
  if (file === '') return { origin: 'marker', module: '' }
  const module = shortPath(file).split('/', 1)[0]!.replace(/\.py$/, '')
  if (PACKAGES.test(file)) return { origin: 'package', module }
  if (STDLIB.test(file)) return { origin: 'stdlib', module }
  const frozen = FROZEN.exec(file)
  if (frozen) return { origin: 'stdlib', module: frozen[1]!.split('.', 1)[0]! }
  return { origin: 'app', module: file }
}

/** A module as one frame: the name that Python gives it, and where it is. */
export interface Module {
  readonly name: string
  /** The file, or the folder of a package or of a part of the standard library. */
  readonly file: string
}

/**
 * The module that a file belongs to. A file of the program's own is a module by itself, since its
 * path does not tell where a package begins; a package's `__init__.py` has the folder's name.
 */
export function moduleOf(file: string): Module {
  const { origin, module } = originOf(file)
  if (origin === 'app')
    return { name: /([^/.]+)(?:\.[^/]*)?$/.exec(initless(file))?.[1] ?? file, file }
  if (FROZEN.test(file)) return { name: module, file: `<frozen ${module}>` }
  const short = shortPath(file)
  const first = short.split('/', 1)[0]!
  return { name: module, file: file.slice(0, file.length - short.length) + first }
}

/**
 * A file as Python names modules: `django.db.models` for a package, `json.decoder` for the standard
 * library. For the program's own code all folders of the path are in front: `srv.shop.orders`.
 */
export function dottedModule(file: string): string {
  const frozen = FROZEN.exec(file)
  if (frozen) return frozen[1]!
  return initless(shortPath(file)).replace(/\.py$/, '').replace(/^\//, '').replaceAll('/', '.')
}

function initless(file: string): string {
  return file.replace(/(?<=[^/])\/__init__\.py$/, '')
}
