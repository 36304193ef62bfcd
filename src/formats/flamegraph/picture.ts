import type { Shape } from '../format.ts'
import { columnsOf, cutEnd, cutStart, escapeXml, formatCount } from '../text.ts'
import type { ColourIndex, Legend } from './colours.ts'
import type { FlameFrame } from './frames.ts'
import { type FlameGraph, layout } from './graph.ts'
import { CHARACTER, HEAD_LINE, PAD, ROW, WIDTH } from './style.ts'

export interface Drawing {
  readonly shape: Shape
  /** px. */
  readonly minWidth: number
  readonly legend: Legend
}

/**
 * The graph as a plain picture, for viewers that run no scripts: one path for each colour, text
 * where it fits. The script removes it and draws its own. `height` is that of the whole image; the
 * width is WIDTH.
 */
export function picture(
  graph: FlameGraph,
  title: string,
  lines: readonly string[],
  { shape, minWidth, legend }: Drawing,
): { readonly height: number; readonly elements: readonly string[] } {
  const room = WIDTH - 2 * PAD
  const legendLine = PAD + (lines.length + 2) * HEAD_LINE - 2
  /** Where the boxes begin: below the title, the lines and the legend. */
  const top = PAD + (lines.length + 3) * HEAD_LINE
  const { total, left } = layout(graph)
  const scale = total[0]! > 0 ? room / total[0]! : 0
  const paths = new Map<ColourIndex, string[]>()
  const labels: string[] = []
  const widths = total.map((time, box) => (box === 0 ? room : time * scale))
  const deepest = graph.depth.reduce(
    (most, level, box) => (widths[box]! < minWidth ? most : Math.max(most, level)),
    0,
  )
  let narrow = 0
  for (let box = 0; box < graph.depth.length; box++) {
    const width = widths[box]!
    if (width < minWidth) {
      narrow++
      continue
    }
    const x = PAD + left[box]! * scale
    const level = graph.depth[box]!
    const y = top + (shape === 'flame' ? deepest - level : level) * ROW
    const frame = graph.frames[graph.frame[box]!]!
    const colour = graph.colour?.[box] ?? frame.colour
    const path = paths.get(colour) ?? []
    paths.set(colour, path)
    const drawn = width > 2 ? width - 0.5 : width
    path.push(`M${short(x)} ${y}h${short(drawn)}v${ROW - 1}h${short(-drawn)}z`)
    labels.push(label(frame, x + 4, y + ROW - 5.5, Math.floor((width - 7) / CHARACTER)))
  }
  const note =
    narrow === 0
      ? ''
      : `${formatCount(narrow)} ${narrow === 1 ? 'frame is' : 'frames are'} narrower than ` +
        `${minWidth} px and not drawn: open in a browser and zoom in`
  return {
    height: top + (deepest + 1) * ROW + PAD,
    elements: [
      text(PAD, PAD + HEAD_LINE - 4, 'title', cutEnd(title, room / 10)),
      ...lines.map((line, index) =>
        text(PAD, PAD + (index + 2) * HEAD_LINE - 2, 'line', cutEnd(line, room / 6)),
      ),
      legendTexts(legend, legendLine),
      text(WIDTH - PAD, legendLine, 'line end', note),
      ...[...paths]
        .sort(([a], [b]) => a - b)
        .map(([colour, path]) => `<path class="c${colour}" d="${path.join('')}"/>\n`),
      ...labels,
    ],
  }
}

/** The name, then the place as far as there is room; '' when there is too little for either. */
function label(frame: FlameFrame, x: number, y: number, columns: number): string {
  if (columns < 3) return ''
  const rest = columns - columnsOf(frame.name) - 2
  const place = frame.line === 0 ? frame.file : `${frame.file}:${frame.line}`
  const where =
    frame.file === '' || rest < 4 ? '' : `<tspan>  ${escapeXml(cutStart(place, rest))}</tspan>`
  return text(x, y, 'label', cutEnd(frame.name, columns), where)
}

function legendTexts(legend: Legend, y: number): string {
  let x = PAD
  let result = ''
  for (const { label, colours } of legend) {
    for (const colour of colours) {
      result += `<path class="c${colour}" d="M${x} ${y - 9}h9v9h-9z"/>`
      x += 9
    }
    result += text(x + 5, y, 'line', label)
    x += 5 + label.length * 6.5 + 16
  }
  return result
}

function text(x: number, y: number, className: string, content: string, more = ''): string {
  if (content === '') return ''
  const position = `x="${short(x)}" y="${short(y)}"`
  return `<text class="${className}" ${position}>${escapeXml(content)}${more}</text>\n`
}

/** Hundredths of a pixel, without zeros at the end. */
function short(value: number): string {
  return String(Math.round(value * 100) / 100)
}
