import { visible } from '../text.ts'
import { COLOURS, type ColourIndex, LEGEND } from './colours.ts'
import type { FlameFrame } from './frames.ts'
import { type FlameGraph, layout } from './graph.ts'
import { CHARACTER, HEAD_LINE, MIN_WIDTH, PAD, ROW, WIDTH } from './style.ts'

/** The height of the picture below; the width is WIDTH. */
export function pictureHeight(graph: FlameGraph): number {
  return graphTop() + (graph.depth.reduce((a, b) => Math.max(a, b), 0) + 1) * ROW + PAD
}

function graphTop(): number {
  return PAD + 5 * HEAD_LINE
}

/**
 * The graph as a plain picture, for viewers that run no scripts: one path for each colour, text
 * where it fits. The script removes it and draws its own.
 */
export function* picture(
  graph: FlameGraph,
  title: string,
  lines: readonly string[],
): Iterable<string> {
  yield `<g class="picture">\n`
  const room = WIDTH - 2 * PAD
  yield text(PAD, PAD + HEAD_LINE - 4, 'title', fit(visible(title), room / 10))
  for (const [index, line] of lines.entries()) {
    yield text(PAD, PAD + (index + 2) * HEAD_LINE - 2, 'line', fit(visible(line), room / 6))
  }
  yield legend(PAD + 4 * HEAD_LINE - 2)

  const { total, left } = layout(graph)
  const scale = total[0]! > 0 ? room / total[0]! : 0
  const paths = new Map<ColourIndex, string[]>()
  const labels: string[] = []
  let narrow = 0
  for (let box = 0; box < graph.depth.length; box++) {
    const width = box === 0 ? room : total[box]! * scale
    if (width < MIN_WIDTH) {
      narrow++
      continue
    }
    const x = PAD + left[box]! * scale
    const y = graphTop() + graph.depth[box]! * ROW
    const frame = graph.frames[graph.frame[box]!]!
    const path = paths.get(frame.colour) ?? []
    paths.set(frame.colour, path)
    const drawn = width > 2 ? width - 0.5 : width
    path.push(`M${short(x)} ${y}h${short(drawn)}v${ROW - 1}h${short(-drawn)}z`)
    const label = boxLabel(frame, Math.floor((width - 7) / CHARACTER))
    if (label !== '') labels.push(text(x + 4, y + ROW - 5.5, 'label', label))
  }
  for (const [colour, path] of [...paths].sort(([a], [b]) => a - b)) {
    yield `<path class="c${colour}" d="${path.join('')}"/>\n`
  }
  yield* labels
  if (narrow > 0) {
    const note = `${narrow} narrower than ${MIN_WIDTH} px not drawn; open in a browser and zoom in`
    yield text(WIDTH - PAD, PAD + 4 * HEAD_LINE - 2, 'line end', note)
  }
  yield '</g>\n'
}

/** The name, then the place as far as there is room. */
function boxLabel(frame: FlameFrame, columns: number): string {
  if (columns < 3) return ''
  const place = frame.file === '' ? '' : `  ${frame.file}${frame.line === 0 ? '' : `:${frame.line}`}`
  return fit(frame.name + place, columns)
}

function legend(y: number): string {
  let x = PAD
  let result = ''
  for (const { label, colours } of LEGEND) {
    for (const colour of colours) {
      result += `<path class="c${colour}" d="M${x} ${y - 9}h9v9h-9z"/>`
      x += 9
    }
    result += text(x + 5, y, 'line', label)
    x += 5 + label.length * 6.5 + 16
  }
  return result
}

function text(x: number, y: number, className: string, content: string): string {
  return `<text class="${className}" x="${short(x)}" y="${short(y)}">${escapeXml(content)}</text>\n`
}

/** Cuts text to a number of columns of a fixed-width font; wide characters take two. */
function fit(content: string, columns: number): string {
  let used = 0
  let cut = ''
  for (const character of content) {
    const width = character.codePointAt(0)! < 0x1100 ? 1 : 2
    if (used + width > columns - 1) break
    used += width
    cut += character
  }
  return content.length - cut.length <= 1 ? content : `${cut}…`
}

/** Hundredths of a pixel, without zeros at the end. */
function short(value: number): string {
  return String(Math.round(value * 100) / 100)
}

/** Escapes text that `visible` has made safe, for element content and attribute values. */
export function escapeXml(content: string): string {
  return content.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** The fills of all colours, for light and dark surroundings. */
export function fillRules(): string {
  const rules = (theme: 0 | 1) =>
    COLOURS.map((colour, index) => `.c${index}{fill:${colour[theme]};background:${colour[theme]}}`)
  return `${rules(0).join('\n')}\n@media (prefers-color-scheme: dark) {\n${rules(1).join('\n')}\n}\n`
}
