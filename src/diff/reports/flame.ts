import {
  CHANGE_COLOURS,
  CHANGE_LEGEND,
  changeColour,
  NO_CHANGE,
} from '../../formats/flamegraph/changes.ts'
import { flameGraph } from '../../formats/flamegraph/graph.ts'
import { MIN_WIDTH } from '../../formats/flamegraph/style.ts'
import { flameSvg } from '../../formats/flamegraph.ts'
import type { CallTree } from '../../profile/call-tree-view.ts'
import { NO_COLUMN, type Process, type Thread } from '../../profile/profile.ts'
import type { Comparison, PathRows } from '../compare.ts'
import { type Change, type ChangedRow, isFinding } from '../result.ts'
import {
  changeText,
  kindText,
  probabilityText,
  rangeText,
  sideText,
  totalText,
  valueText,
  verdictText,
} from './words.ts'

/** A whole side of shares, in ns: fine enough that no share is lost by rounding. */
const WHOLE = 1e9

/**
 * The differential flame graph as one SVG file. A box is as wide as the mean of both sides, so that
 * what vanished and what is new are both there; the viewer shows either side alone too. Red grew and
 * blue shrank where that is shown, and only there; the more the stronger. Numbers are those of the
 * tables.
 */
export function flameDiff(comparison: Comparison, title: string): Iterable<string> {
  const { result, paths } = comparison
  const { tree, base, head } = treeOf(comparison)
  const nobody = { threads: [] as readonly Thread[], processes: [] as readonly Process[] }
  const graph = flameGraph(tree, nobody)
  const boxes = graph.depth.length
  const add = (times: Float64Array) => {
    const sums = new Float64Array(boxes)
    for (let node = 0; node < tree.length; node++) sums[graph.boxOf[node]!]! += times[node]!
    return [...sums]
  }
  const colour = new Array<number>(boxes).fill(NO_CHANGE)
  const facts: Record<number, readonly (readonly string[])[]> = {}
  for (const [node, rows] of paths) {
    const box = graph.boxOf[node]!
    if (graph.rests.has(box)) continue
    colour[box] = colourOf(rows, result.isJudged)
    facts[box] = factsOf(rows, comparison)
  }
  return flameSvg({
    title,
    lines: [
      `base: ${sideText(result.runs.base)}`,
      `head: ${sideText(result.runs.head)}`,
      ...(result.total ? [`total: ${totalText(result)}`] : [result.basis.reason]),
      ...(result.isJudged ? [result.pairing.reason] : []),
      verdictText(result),
    ],
    graph: { ...graph, colour },
    drawing: { shape: 'icicle', minWidth: MIN_WIDTH, legend: CHANGE_LEGEND },
    fills: CHANGE_COLOURS,
    sides: { base: add(base), head: add(head), isShare: result.basis.kind === 'share', facts },
  })
}

/** The paths as a call tree with the mean of both sides, and each side, by node. */
function treeOf({ times, scale }: Comparison) {
  const { paths, functions } = times
  const { baseRuns, divisor, interval } = scale
  const unit = scale.kind === 'share' ? WHOLE : 1
  const meanOf = (self: Float64Array, from: number, to: number) => {
    let sum = 0
    for (let run = from; run < to; run++) sum += (self[run]! / divisor[run]!) * unit
    return sum / (to - from)
  }
  const base = Float64Array.from(paths.self, (self) => meanOf(self, 0, baseRuns))
  const head = Float64Array.from(paths.self, (self) => meanOf(self, baseRuns, interval.length))
  const self = base.map((each, node) => (each + head[node]!) / 2)
  const total = self.slice()
  for (let node = paths.length - 1; node > 0; node--) total[paths.parent[node]!]! += total[node]!
  const tree: CallTree = {
    length: paths.length,
    places: {
      length: functions.length,
      qualname: functions.map(({ place }) => place.qualname),
      file: functions.map(({ place }) => place.file),
      line: functions.map(({ place }) => place.line),
      column: functions.map(() => NO_COLUMN),
      ofFrame: new Int32Array(0),
    },
    kind: Uint8Array.from(paths.kind),
    value: Int32Array.from(paths.function, (row) => Math.max(0, row)),
    parent: Int32Array.from(paths.parent),
    self,
    total,
    samples: self,
  }
  return { tree, base, head }
}

/** Where nothing is judged differences are shown, but only faintly. */
const FAINT = 0.2

function colourOf({ self, total }: PathRows, isJudged: boolean): number {
  const row = total ?? self!
  if (!isJudged) {
    if (row.change === null) return changeColour(row.base === 0 ? FAINT : -FAINT / (1 + FAINT))
    return changeColour(Math.min(FAINT, Math.max(-FAINT / (1 + FAINT), row.change)))
  }
  if (!isFinding(row)) return NO_CHANGE
  if (row.change === null) return changeColour(row.base === 0 ? Number.POSITIVE_INFINITY : -1)
  return changeColour(row.change)
}

function factsOf({ self, total }: PathRows, { result }: Comparison): string[][] {
  const cells = (name: string, row: ChangedRow & Change) => [
    name,
    valueText(row.base, result.basis),
    valueText(row.head, result.basis),
    changeText(row),
    rangeText(row),
    `q ${probabilityText(row)}`,
    kindText(row),
  ]
  // Where a function calls nothing both times are one.
  return [
    ...(total ? [cells('total', total)] : self ? [cells('total', self)] : []),
    ...(self ? [cells('self', self)] : []),
  ]
}
