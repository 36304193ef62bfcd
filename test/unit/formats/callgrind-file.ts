export interface CallgrindPart {
  readonly pid: number
  readonly thread: number
  /** `file name:line` to ns. */
  readonly self: Map<string, number>
  /** `file caller:line > file callee:first line` to number and ns. */
  readonly calls: Map<string, { readonly count: number; readonly cost: number }>
}

export interface CallgrindFile {
  readonly header: readonly string[]
  readonly parts: readonly CallgrindPart[]
  readonly total: number
}

/**
 * Reads callgrind files as its specification tells: names by number, forgotten at each part.
 * @throws Error when a line fits nothing, or a name is not known
 */
export function parseCallgrind(text: string): CallgrindFile {
  const header: string[] = []
  const parts: CallgrindPart[] = []
  let names = new Map<string, string>()
  let [file, fn, calledFile, callee] = ['', '', '', '']
  let call: { count: number; line: string } | undefined
  let total = Number.NaN
  const name = (kind: string, written: string) => {
    const [, number, given] = /^(\(\d+\))(?: (.+))?$/.exec(written) ?? []
    if (number === undefined) throw new Error(`No name: '${written}'`)
    if (given !== undefined) names.set(kind + number, given)
    const known = names.get(kind + number)
    if (known === undefined) throw new Error(`Not named before: ${kind}=${written}`)
    return known
  }
  for (const line of text.split('\n')) {
    const [, key = '', value = ''] = /^(\w+)[:=] ?(.*)$/.exec(line) ?? []
    const part = parts.at(-1)
    if (line === '' || line.startsWith('#')) continue
    if (key === 'totals') total = Number(value)
    else if (key === 'part') {
      parts.push({ pid: 0, thread: 0, self: new Map(), calls: new Map() })
      names = new Map()
    } else if (!part || key === 'desc' || key === 'events') header.push(line)
    else if (key === 'pid' || key === 'thread') Object.assign(part, { [key]: Number(value) })
    else if (key === 'fl') file = calledFile = name('fl', value)
    else if (key === 'fn') fn = name('fn', value)
    else if (key === 'cfi') calledFile = name('fl', value)
    else if (key === 'cfn') callee = name('fn', value)
    else if (key === 'calls') {
      const [count, first] = value.split(' ')
      call = { count: Number(count), line: first! }
    } else {
      const [, at, cost] = /^(\d+) (\d+)$/.exec(line) ?? []
      if (at === undefined) throw new Error(`Not understood: '${line}'`)
      const here = `${file} ${fn}:${at}`
      if (call) {
        const edge = `${here} > ${calledFile} ${callee}:${call.line}`
        if (part.calls.has(edge)) throw new Error(`Twice: ${edge}`)
        part.calls.set(edge, { count: call.count, cost: Number(cost) })
      } else {
        part.self.set(here, (part.self.get(here) ?? 0) + Number(cost))
      }
      call = undefined
    }
  }
  return { header, parts, total }
}
