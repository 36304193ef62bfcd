import { expect } from 'vitest'

type Columns<Row> = { readonly [Key in keyof Row]: readonly Row[Key][] } & {
  readonly length: number
}

/** What a file for the Firefox Profiler holds, as far as we write it. */
export interface FirefoxFile {
  readonly meta: {
    readonly product: string
    readonly startTime: number
    readonly interval: number
    readonly categories: readonly { readonly name: string; readonly color: string }[]
    readonly initialSelectedThreads?: readonly number[]
    readonly markerSchema: readonly { readonly name: string; readonly fields: readonly object[] }[]
  }
  readonly threads: readonly FirefoxThread[]
  readonly shared: { readonly stringArray: readonly string[] }
}

export interface FirefoxThread {
  readonly name: string
  readonly isMainThread: boolean
  readonly processName: string
  readonly pid: string
  readonly tid: number
  readonly samples: Columns<{
    time: number
    stack: number | null
    weight: number
    threadCPUDelta: number | null
  }> & { readonly weightType: string }
  readonly stackTable: Columns<{ frame: number; prefix: number | null }>
  readonly frameTable: Columns<{
    func: number
    category: number
    line: number | null
    column: number | null
  }>
  readonly funcTable: Columns<{ name: number; fileName: number | null; lineNumber: number | null }>
  readonly markers: Columns<{
    name: number
    startTime: number
    endTime: number
    category: number
    data: { readonly type: string }
  }>
}

/** Parses a file and checks the rules of the format. */
export function parseFirefox(text: string): FirefoxFile {
  const file = JSON.parse(text) as FirefoxFile
  const { stringArray } = file.shared
  expect(new Set(stringArray).size).toBe(stringArray.length)
  expect(new Set(file.threads.map(({ tid }) => tid)).size).toBe(file.threads.length)
  for (const thread of file.threads) {
    const { samples, stackTable, frameTable, funcTable, markers } = thread
    for (const table of [samples, stackTable, frameTable, funcTable, markers]) {
      const { length, ...columns } = table as { length: number; [name: string]: unknown }
      for (const column of Object.values(columns).filter(Array.isArray)) {
        expect(column).toHaveLength(length)
      }
    }
    const categories = file.meta.categories.length
    inside(samples.stack, stackTable.length)
    inside(stackTable.frame, frameTable.length)
    stackTable.prefix.forEach((prefix, stack) => {
      expect(prefix === null || (prefix >= 0 && prefix < stack)).toBe(true)
    })
    inside(frameTable.func, funcTable.length)
    inside(frameTable.category, categories)
    inside(funcTable.name, stringArray.length)
    inside(funcTable.fileName, stringArray.length)
    inside(markers.name, stringArray.length)
    inside(markers.category, categories)
    expect(samples.weightType).toBe('tracing-ms')
    expect(samples.time).toEqual(samples.time.toSorted((a, b) => a - b))
    const types = file.meta.markerSchema.map(({ name }) => name)
    expect(markers.data.every(({ type }) => types.includes(type))).toBe(true)
    expect(markers.startTime.every((start, at) => start <= markers.endTime[at]!)).toBe(true)
  }
  return file
}

function inside(column: readonly (number | null)[], length: number): void {
  expect(column.every((value) => value === null || (value >= 0 && value < length))).toBe(true)
}

/** A sample as text: `start+weight root>leaf`, ms; `-` where there is no stack. */
export function timelineOf(file: FirefoxFile, index = 0): string[] {
  const thread = file.threads[index]!
  return thread.samples.time.map((time, at) => {
    const names = framesOf(file, thread, thread.samples.stack[at]!).map(({ name }) => name)
    return `${time}+${thread.samples.weight[at]} ${names.join('>') || '-'}`
  })
}

/** Frames of a stack, root first. */
export function framesOf(file: FirefoxFile, thread: FirefoxThread, leaf: number | null) {
  const { stackTable, frameTable, funcTable } = thread
  const { stringArray } = file.shared
  const frames = []
  for (let stack = leaf; stack !== null; stack = stackTable.prefix[stack]!) {
    const frame = stackTable.frame[stack]!
    const func = frameTable.func[frame]!
    const path = funcTable.fileName[func]!
    frames.unshift({
      name: stringArray[funcTable.name[func]!]!,
      file: path === null ? '' : stringArray[path]!,
      firstLine: funcTable.lineNumber[func] ?? 0,
      line: frameTable.line[frame] ?? 0,
      column: frameTable.column[frame] ?? 0,
      category: file.meta.categories[frameTable.category[frame]!]!.name,
    })
  }
  return frames
}

/** Markers of a thread as text: `name start-end`, ms. */
export function markersOf(file: FirefoxFile, index = 0): string[] {
  const { markers } = file.threads[index]!
  return markers.name.map(
    (name, at) =>
      `${file.shared.stringArray[name]} ${markers.startTime[at]}-${markers.endTime[at]}`,
  )
}
