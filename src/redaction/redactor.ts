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
  /** False shows secrets: what `--no-redact` asks for. */
  readonly secrets?: boolean
  /** Leaves folders out of paths. */
  readonly paths?: boolean
  /** The folder that the program runs in, if its files are to be named by it. */
  readonly program?: string | undefined
}

export function redactorFor(options: RedactorOptions = {}): Redactor {
  const { names = [], paths = false, program, secrets = true } = options
  const isSecret: SecretNames = secrets ? secretNames(names) : () => false
  const folders = paths ? new FolderNames(program) : undefined
  const text = (whole: string) => (secrets ? redactText(whole, isSecret) : whole)
  return {
    arguments: (args) => {
      const shown = secrets ? redactArguments(args, isSecret) : args
      return folders ? shown.map((arg) => folders.argument(arg)) : shown
    },
    line: (whole) => folders?.line(text(whole)) ?? text(whole),
    text,
    isSecret,
    file: (path) => folders?.file(path) ?? path,
  }
}

/** Shows everything. */
export const NO_REDACTION: Redactor = redactorFor({ secrets: false })

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
