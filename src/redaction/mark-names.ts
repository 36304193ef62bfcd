import type { Redactor } from './redactor.ts'

/** The file and the classes of a test's id: in `bench/test_token.py::test_x` no `:` gives a value. */
const QUALIFIED = /^((?:[^\s:=[]+::)*)(.*)$/s

/**
 * Names of marks without the secrets and folders in them. Different names never become the same, for
 * the counts of different things make no sum: the second one is `… (2)`, by the first use.
 */
export class MarkNames {
  readonly #redactor: Redactor
  readonly #shown = new Map<string, string>()
  readonly #taken = new Set<string>()

  constructor(redactor: Redactor) {
    this.#redactor = redactor
  }

  of(name: string): string {
    const known = this.#shown.get(name)
    if (known !== undefined) return known
    const redacted = redactedName(name, this.#redactor)
    let shown = redacted
    for (let number = 2; this.#taken.has(shown); number++) shown = `${redacted} (${number})`
    this.#shown.set(name, shown)
    this.#taken.add(shown)
    return shown
  }
}

function redactedName(name: string, redactor: Redactor): string {
  const [, qualifiers = '', rest = ''] = QUALIFIED.exec(name) ?? []
  const [file = '', ...classes] = qualifiers.split('::')
  const before = qualifiers === '' ? '' : [redactor.file(file), ...classes].join('::')
  return before + redactor.line(rest)
}
