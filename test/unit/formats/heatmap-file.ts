import { gunzipSync } from 'node:zlib'

/** Self and total ns, self and total samples. */
export type FileHeat = readonly [self: number, total: number, selfSamples: number, samples: number]
/** Row of the functions, line, ns, samples. */
export type FileCall = readonly [fn: number, line: number, ns: number, samples: number]
export type FileLine = readonly [
  line: number,
  marker: string,
  ...heat: FileHeat,
  callers: readonly FileCall[],
  callees: readonly FileCall[],
  parts: readonly (readonly [text: string, ...heat: FileHeat])[],
]

/** What the script of a heatmap reads. */
export interface HeatmapData {
  readonly other: readonly (readonly [name: string, heat: FileHeat])[]
  readonly functions: readonly (readonly [name: string, file: number, line: number])[]
  readonly files: readonly {
    readonly path: string
    readonly name: string
    readonly kind: string
    readonly heat: FileHeat
    readonly source?: string
    readonly notes?: readonly string[]
    readonly length?: number
    readonly functions: readonly (readonly [fn: number, ...heat: FileHeat])[]
    readonly lines: readonly FileLine[]
    readonly text?: readonly (readonly [first: number, text: string])[]
  }[]
}

/** The data of a page as text. */
export function heatmapData(page: string): string {
  const packed = /<script id="data"[^>]*>([^<]*)</.exec(page)![1]!
  return gunzipSync(Buffer.from(packed, 'base64')).toString()
}

export function readHeatmap(page: string): HeatmapData {
  return JSON.parse(heatmapData(page)) as HeatmapData
}
