import { FolderNames } from './paths.ts'
import { type SecretNames, secretNames } from './secret-names.ts'
import { REDACTED, redactText } from './text.ts'

/** Leaves out of what is shown and written what is not meant for others. */
export interface Redactor {
  /** Arguments of a program without the secrets in them. */
  arguments(args: readonly string[]): readonly string[]
  /** A whole command line, as another pyprof or profiler wrote it. */
  line(text: string): string
  /** Any text, such as a URL, a line of source code or JSON, without the secrets in it. */
  text(text: string): string
  /** Whether a variable, field or key of this name holds a secret. */
  isSecret: SecretNames
  /** The path of a file in a profile; as it is where paths are shown. */
  file(path: string): string
}

export interface RedactorOptions {
  /** Parts of names of secrets, besides those that pyprof knows. */
  readonly names?: readonly string[]
  /** Leaves folders out of paths. */
  readonly paths?: boolean
  /** The folder that the program runs in, if its files are to be named by it. */
  readonly program?: string | undefined
}

export function redactorFor(options: RedactorOptions = {}): Redactor {
  const { names = [], paths = false, program } = options
  const isSecret = secretNames(names)
  const folders = paths ? new FolderNames(program) : undefined
  return {
    arguments: (args) => {
      const shown = redactArguments(args, isSecret)
      return folders ? shown.map((arg) => folders.argument(arg)) : shown
    },
    line: (text) => {
      const shown = redactText(text, isSecret)
      return folders?.line(shown) ?? shown
    },
    text: (text) => redactText(text, isSecret),
    isSecret,
    file: (path) => folders?.file(path) ?? path,
  }
}

/** Shows everything: what `--no-redact` asks for. */
export const NO_REDACTION: Redactor = {
  arguments: (args) => args,
  line: (text) => text,
  text: (text) => text,
  isSecret: () => false,
  file: (path) => path,
}

/** `--token=…`, `PGPASSWORD=…`, `Authorization: …`: all behind the sign is the value. */
const NAMED = /^([\w.$/-]+)(?:=|:\s*)(?=\S)/
/** `--token`, whose value is the next argument. */
const OPTION = /^-[\w.-]+$/
/** Of an argument, in characters; far more than is shown of all together. */
const LONGEST_ARGUMENT = 1 << 16

function redactArguments(args: readonly string[], isSecret: SecretNames): readonly string[] {
  return args.map((whole, at) => {
    const arg = whole.slice(0, LONGEST_ARGUMENT)
    const before = args[at - 1] ?? ''
    if (OPTION.test(before) && isSecret(before)) return arg === '' ? '' : REDACTED
    const [prefix = '', name = ''] = NAMED.exec(arg) ?? []
    return name !== '' && isSecret(name) ? prefix + REDACTED : redactText(arg, isSecret)
  })
}
