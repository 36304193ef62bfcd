/** Array elements in one piece of output. */
const ELEMENTS_PER_PIECE = 4096

export function* mapped<From, To>(items: Iterable<From>, map: (item: From) => To): Iterable<To> {
  for (const item of items) yield map(item)
}

/** The elements with a separator between them, many to a piece. */
export function* joined(elements: Iterable<string>, separator: string): Iterable<string> {
  let piece: string[] = []
  let prefix = ''
  for (const element of elements) {
    piece.push(element)
    if (piece.length === ELEMENTS_PER_PIECE) {
      yield prefix + piece.join(separator)
      prefix = separator
      piece = []
    }
  }
  if (piece.length > 0) yield prefix + piece.join(separator)
}

/** JSON of an object of arrays, in pieces: `{"time":[…],"stack":[…]` without its end. */
export function* jsonColumns(
  columns: Readonly<Record<string, Iterable<unknown>>>,
): Iterable<string> {
  let before = '{'
  for (const [name, values] of Object.entries(columns)) {
    yield `${before}${JSON.stringify(name)}:[`
    yield* joined(mapped(values, json), ',')
    yield ']'
    before = ',\n'
  }
}

function json(value: unknown): string {
  return JSON.stringify(value)
}
