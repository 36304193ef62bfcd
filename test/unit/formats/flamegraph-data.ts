import type { FlameGraph } from '../../../src/formats/flamegraph/graph.ts'
import { MS } from '../../support/ascii-profile.ts'

/** What the SVG holds for its script. */
export interface FlameData extends FlameGraph {
  readonly title: string
  readonly lines: readonly string[]
}

export function embedded(svg: string): FlameData {
  return JSON.parse(/<script class="data"[^>]*>(.*?)<\/script>/s.exec(svg)![1]!) as FlameData
}

/** A line a box: its name, indented by depth, and its own time in ms. */
export function outline(graph: FlameGraph): string[] {
  return graph.depth.map((depth, box) => {
    const { name } = graph.frames[graph.frame[box]!]!
    return `${'  '.repeat(depth)}${name} ${graph.self[box]! / MS}`
  })
}
