import { callTree } from '../profile/call-tree-view.ts'
import { inverted } from '../profile/inverted.ts'
import type { Profile } from '../profile/profile.ts'
import { COLOURS, type Colour, fillRules, LEGEND } from './flamegraph/colours.ts'
import { type FlameGraph, flameGraph, MAX_BOXES } from './flamegraph/graph.ts'
import { type Drawing, picture } from './flamegraph/picture.ts'
import { MIN_WIDTH, STYLE, WIDTH } from './flamegraph/style.ts'
import { VIEWER } from './flamegraph/viewer.ts'
import type { Format, FormatOptions } from './format.ts'
import { summaryLines } from './summary.ts'
import { escapeXml, visible } from './text.ts'

/**
 * A flame graph, with the root on top unless told otherwise, as one SVG file that needs nothing else: a plain picture for
 * viewers without scripts, and data and script for those with. Widths are true time. Missed time
 * and time without Python frames have boxes of their own under the root, so that `all` is the
 * weight of every sample. Boxes too narrow to draw are counted on the page.
 */
function write(profile: Profile, options: FormatOptions): Iterable<string> {
  const lines = summaryLines(profile)
  if (options.inverted)
    lines.push('inverted: the innermost frames are at the root, with their callers')
  const { shape = 'icicle', minWidth = MIN_WIDTH, colours = 'package' } = options
  const view = options.inverted ? inverted(profile) : profile
  const tree = callTree(view, { threads: options.threads })
  return flameSvg({
    title: options.title ?? profile.meta.command,
    lines,
    graph: flameGraph(tree, view, MAX_BOXES, colours),
    drawing: { shape, minWidth, legend: LEGEND },
    fills: COLOURS,
  })
}

/** What a flame graph is drawn from; any text may hold anything. */
export interface FlameParts {
  readonly title: string
  readonly lines: readonly string[]
  readonly graph: FlameGraph
  readonly drawing: Drawing
  readonly fills: readonly Colour[]
  /** Of a differential graph: both sides. */
  readonly sides?: FlameSides
}

/** Both sides of a differential graph, whose boxes are as wide as their mean. */
export interface FlameSides {
  /** ns that belong to each box and to none of its children. */
  readonly base: readonly number[]
  readonly head: readonly number[]
  /** Shares are compared: a whole side is this many ns, and only percentages mean anything. */
  readonly isShare: boolean
  /** By box, lines of a table of what is known of its change. */
  readonly facts: Readonly<Record<number, readonly (readonly string[])[]>>
}

/** The SVG file of a flame graph. */
export function* flameSvg(parts: FlameParts): Iterable<string> {
  const title = visible(parts.title)
  const lines = parts.lines.map(visible)
  const { graph, drawing, fills, sides } = parts
  const { height, elements } = picture(graph, title, lines, drawing)
  yield `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
    `viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeXml(title)}">\n` +
    `<title>${escapeXml(title)}</title>\n`
  yield `<style><![CDATA[${STYLE}${fillRules(fills)}]]></style>\n`
  yield '<rect class="ground" width="100%" height="100%"/>\n'
  yield '<g class="picture">\n'
  yield* elements
  yield '</g>\n'
  yield '<script class="data" type="application/json">\n'
  yield* dataTexts(graph, title, lines, drawing, sides)
  yield `</script>\n<script><![CDATA[\n${VIEWER}]]></script>\n</svg>\n`
}

/** The graph as JSON that is also valid as XML text, and harmless wherever the SVG is pasted. */
function* dataTexts(
  graph: FlameGraph,
  title: string,
  lines: readonly string[],
  { shape, minWidth, legend }: Drawing,
  sides: FlameSides | undefined,
): Iterable<string> {
  yield `{${field('title', title)},\n${field('lines', lines)},\n${field('legend', legend)},\n` +
    `${field('shape', shape)},\n${field('minWidth', minWidth)},\n`
  if (sides) yield `${field('sides', sides)},\n`
  if (graph.colour) yield `${field('colour', graph.colour)},\n`
  yield '"frames":[\n'
  for (const [index, frame] of graph.frames.entries()) {
    yield `${index === 0 ? '' : ',\n'}${json(frame)}`
  }
  yield `\n],\n${field('depth', graph.depth)},\n${field('frame', graph.frame)},\n`
  yield `${field('self', graph.self)}}\n`
}

function field(name: string, value: unknown): string {
  return `"${name}":${json(value)}`
}

function json(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  )
}

export const flamegraph: Format = {
  name: 'flamegraph',
  suffixes: ['.svg'],
  describe: 'flame graph, one SVG file to open in a browser',
  isSum: true,
  options: ['title', 'shape', 'inverted', 'colours', 'minWidth'],
  write,
}
