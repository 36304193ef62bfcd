import type { Batch } from './addon.ts'

/** Numbers of a row of `Batch.functions`: qualname, file, first line. */
const FIELDS = 3

/**
 * Renames the files in batches, before anything else sees them: a table of strings of its own has
 * the names that functions use, and the new names of their files, and nothing else.
 */
export class BatchRedactor {
  readonly #file: (path: string) => string
  readonly #strings: string[] = []
  readonly #rows = new Map<string, number>()

  /** @param file the name of a file for others; always the same for the same path */
  constructor(file: (path: string) => string) {
    this.#file = file
  }

  redact(batch: Batch): Batch {
    for (const string of batch.strings) this.#strings.push(string)
    const added: string[] = []
    const row = (text: string) => {
      const known = this.#rows.get(text)
      if (known !== undefined) return known
      this.#rows.set(text, this.#rows.size)
      added.push(text)
      return this.#rows.size - 1
    }
    const functions = Int32Array.from(batch.functions)
    for (let at = 0; at + 1 < functions.length; at += FIELDS) {
      functions[at] = row(this.#strings[functions[at]!]!)
      functions[at + 1] = row(this.#file(this.#strings[functions[at + 1]!]!))
    }
    return { ...batch, strings: added, functions }
  }
}
