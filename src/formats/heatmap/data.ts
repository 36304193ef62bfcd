import type {
  FileHeat,
  Heat,
  LineCall,
  LineHeat,
  LineSpot,
  LineView,
} from '../../profile/line-view.ts'
import { originOf } from '../../profile/origin.ts'
import { shortFiles } from '../files.ts'
import { joined, mapped } from '../pieces.ts'
import { displayName, EMPTY_FRAME, MISSED_FRAME, visible } from '../text.ts'
import type { Passage, ShownSource } from './source.ts'

/** Longer parts of a line are cut on the page. */
const MAX_SPOT = 200

/**
 * What the script of a heatmap has to know, as JSON in pieces. A heat is four numbers: self and total
 * ns, self and total samples. Rows of `functions`: name, index of the file, first line. Of a file:
 * its heat; `source` is undefined for what has none by its nature; `text` are passages of the source,
 * each its first line and its text; `lines` are line, marker, heat, callers, callees and parts; a
 * caller or callee is a row of `functions` (-1: none), a line, ns and samples; a part is its text, or
 * its columns where the source is not there, and its heat. `other` is time without a file.
 */
export function* dataTexts(
  view: LineView,
  sourceOf: (file: FileHeat) => ShownSource | undefined,
): Iterable<string> {
  const { files, functions, sums } = view
  const fileIndex = new Map(files.map(({ file }, index) => [file, index]))
  const short = shortFiles(files.map(({ file }) => file))
  const { empty, missed } = sums
  const other = [
    [EMPTY_FRAME, empty],
    [MISSED_FRAME, missed],
  ] as const
  yield `{"other":${JSON.stringify(
    other
      .filter(([, sum]) => sum.samples > 0)
      .map(([name, { weight, samples }]) => [name, [weight, weight, samples, samples]]),
  )},\n"functions":[\n`
  yield* joined(
    mapped(functions.qualname.keys(), (row) =>
      JSON.stringify([
        visible(displayName(functions.qualname[row]!)),
        fileIndex.get(functions.file[row]!) ?? -1,
        functions.line[row]!,
      ]),
    ),
    ',\n',
  )
  yield '\n],\n"files":[\n'
  for (const [index, file] of files.entries()) {
    const source = sourceOf(file)
    yield index === 0 ? '{' : ',\n{'
    yield [
      field('path', visible(file.file)),
      field('name', file.file === '' ? 'not code' : visible(short.get(file.file)!)),
      field('kind', originOf(file.file).origin),
      field('heat', heatOf(file)),
      ...(source
        ? [
            field('source', visible(source.path)),
            field('notes', source.notes.map(visible)),
            field('length', source.length),
          ]
        : []),
      field(
        'functions',
        file.functions.map((each) => [each.function, ...heatOf(each)]),
      ),
    ].join(',')
    yield ',\n"lines":[\n'
    const lineText = textOfLines(source?.passages ?? [])
    yield* joined(
      mapped(file.lines, (line) => JSON.stringify(lineRow(line, lineText))),
      ',\n',
    )
    yield '\n]'
    if (source && source.passages.length > 0) {
      yield ',\n"text":['
      for (const [at, { first, lines }] of source.passages.entries()) {
        yield `${at === 0 ? '' : ',\n'}[${first},`
        // visible() would escape what stands between lines and before them.
        yield `${JSON.stringify(lines.map(shownLine).join('\n'))}]`
      }
      yield ']'
    }
    yield '}'
  }
  yield '\n]}\n'
}

function field(name: string, value: unknown): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`
}

function heatOf({ self, total, selfSamples, totalSamples }: Heat): number[] {
  return [self, total, selfSamples, totalSamples]
}

function lineRow(heat: LineHeat, textOf: (line: number) => string | undefined): unknown[] {
  const { line, marker, callers, callees, spots } = heat
  return [
    line,
    visible(marker),
    ...heatOf(heat),
    callers.map(callRow),
    callees.map(callRow),
    spots.map((spot) => [spotText(spot, line, textOf(line)), ...heatOf(spot)]),
  ]
}

function callRow({ function: fn, line, weight, samples }: LineCall): number[] {
  return [fn, line, weight, samples]
}

/** The part of a line; of more than one line, what stands on the first. */
function spotText(spot: LineSpot, line: number, text: string | undefined): string {
  const { column, endLine, endColumn } = spot
  const ends = endLine === line && endColumn > column
  if (text === undefined) {
    return ends ? `columns ${column + 1} to ${endColumn}` : `from column ${column + 1}`
  }
  const bytes = Buffer.from(text).subarray(column, ends ? endColumn : undefined)
  const part = shownLine(bytes.toString()).trim()
  const cut = part.length > MAX_SPOT ? part.slice(0, MAX_SPOT) : part
  return cut === part && ends ? part : `${cut} …`
}

/** A line of source, safe to show; tabs stay. */
function shownLine(line: string): string {
  return line.split('\t').map(visible).join('\t')
}

/** Lines whose columns are those of the source. */
function textOfLines(passages: readonly Passage[]): (line: number) => string | undefined {
  return (line) => {
    const passage = passages.find(
      ({ first, lines }) => line >= first && line < first + lines.length,
    )
    return passage?.redacted.has(line) ? undefined : passage?.lines[line - passage.first]
  }
}
