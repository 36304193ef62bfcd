/** What stands before the folders of Python's library, whatever installation it belongs to. */
const LIBRARY = /^(.*?)\/((?:lib(?:64)?\/python3(?:\.\d+t?)?|(?:site|dist)-packages)\/.*)$/s
/** The folder of a user, as systems name it. */
const HOME = /^(\/(?:home|Users|var\/home|export\/home)\/[^/]+|\/root)(?=\/|$)/
const HOME_IN_TEXT = /\/(?:home|Users|var\/home|export\/home)\/[^/\s"':;,]+|\/root(?=\/)/g

/** A word that is a path, or has one behind a `=`, in quotes or not. */
const WORD_WITH_PATH = /(?<=^|\s)(?:('(?:[\w.-]+=)?)(\/[^']*)|((?:[\w.-]+=)?)(\/[^\s']*))/g

/**
 * Short names for folders of a machine that say nothing of it: `<python>` for what is in front of a
 * `lib/python3.X`, `<program>` for the folder that the program runs in, `~` for a home folder,
 * `<folder>` for any other. The second folder of a kind is `<python 2>`, and so on, so that different
 * files never get the same name; the numbers go by the first use.
 */
export class FolderNames {
  readonly #names = { python: new Numbers(), home: new Numbers(), folder: new Numbers() }
  readonly #program: string | undefined

  /** @param program the folder that the program runs in; nothing is said of `/` */
  constructor(program?: string) {
    this.#program = program === '/' ? undefined : program
  }

  /** An absolute path with a short name in front; any other text, such as `<string>`, as it is. */
  file(path: string): string {
    if (!path.startsWith('/')) return path
    const [, installation, inLibrary] = LIBRARY.exec(path) ?? []
    if (installation !== undefined) return `<${this.#python(installation)}>/${inLibrary}`
    const program = this.#program
    if (program !== undefined && (path === program || path.startsWith(`${program}/`))) {
      return `<program>${path.slice(program.length)}`
    }
    const home = HOME.exec(path)?.[1]
    if (home !== undefined) return this.#home(home) + path.slice(home.length)
    const end = path.lastIndexOf('/')
    const number = this.#names.folder.of(path.slice(0, end))
    return `<${numbered('folder', number)}>${path.slice(end)}`
  }

  /** An argument that is a path, or that has one behind a `=`; of any other the home folders only. */
  argument(arg: string): string {
    const start = arg.startsWith('/') ? 0 : /^[\w.-]+=(?=\/)/.exec(arg)?.[0].length
    if (start !== undefined && !/\s/.test(arg))
      return arg.slice(0, start) + this.file(arg.slice(start))
    return arg.replace(HOME_IN_TEXT, (home) => this.#home(home))
  }

  /** A command line, quoted for a shell: its words that are paths, and home folders. */
  line(text: string): string {
    return text
      .replace(WORD_WITH_PATH, (_, quoted, path, before, bare) => {
        return (quoted ?? before) + this.file(path ?? bare)
      })
      .replace(HOME_IN_TEXT, (home) => this.#home(home))
  }

  #python(installation: string): string {
    return numbered('python', this.#names.python.of(installation))
  }

  #home(home: string): string {
    const number = this.#names.home.of(home)
    return number === 1 ? '~' : `~${number}`
  }
}

function numbered(word: string, number: number): string {
  return number === 1 ? word : `${word} ${number}`
}

/** Numbers texts from 1, in the order of their first use. */
class Numbers {
  readonly #known = new Map<string, number>()

  of(text: string): number {
    const number = this.#known.get(text) ?? this.#known.size + 1
    this.#known.set(text, number)
    return number
  }
}
