import { gunzipSync } from 'node:zlib'
import { Profile } from 'pprof-format'
import { expect } from 'vitest'

/** A pprof profile, decoded by the format's own library, with text and tables looked up. */
export interface Decoded {
  readonly types: readonly string[]
  readonly defaultType: string
  readonly period: string
  readonly time: bigint
  readonly duration: number
  readonly mappings: readonly string[]
  readonly comments: readonly string[]
  readonly samples: readonly DecodedSample[]
  readonly locations: number
}

export interface DecodedSample {
  readonly values: readonly number[]
  /** Root first. */
  readonly frames: readonly DecodedFrame[]
  readonly labels: Readonly<Record<string, string | number>>
}

export interface DecodedFrame {
  readonly name: string
  readonly file: string
  readonly startLine: number
  readonly line: number
  readonly column: number
}

/** Decodes a file and checks the rules that readers and profile stores have. */
export function decodePprof(file: Uint8Array): Decoded {
  const message = Profile.decode(gunzipSync(file))
  const { strings } = message.stringTable
  const text = (index: number | bigint) => {
    const found = strings[Number(index)]
    expect(found).toBeDefined()
    return found!
  }
  expect(strings[0]).toBe('')
  // Not UTF-8, so refused by every store.
  expect(strings.filter((each) => /\p{Cs}/u.test(each))).toEqual([])
  expect(new Set(strings).size).toBe(strings.length)
  for (const table of [message.mapping, message.location, message.function]) {
    expect(table.map(({ id }) => Number(id))).toEqual(table.map((_, index) => index + 1))
  }
  const type = ({ type, unit }: { type: number | bigint; unit: number | bigint }) =>
    `${text(type)}/${text(unit)}`
  const frame = (id: number | bigint): DecodedFrame => {
    const { line, mappingId } = message.location[Number(id) - 1]!
    expect(line).toHaveLength(1)
    expect(message.mapping[Number(mappingId) - 1]).toBeDefined()
    const fn = message.function[Number(line[0]!.functionId) - 1]!
    expect(fn.name).not.toBe(0)
    // See the writer: alike, the two would be taken for a C++ name.
    expect(fn.systemName).toBe(0)
    return {
      name: text(fn.name),
      file: text(fn.filename),
      startLine: Number(fn.startLine),
      line: Number(line[0]!.line),
      column: Number(line[0]!.column),
    }
  }
  // What follows is what profile stores refuse or drop without a word: Parca's validation of raw
  // profiles, and Pyroscope's limits of labels and of names of sample types.
  expect(message.mapping[0]?.id).toBe(1)
  expect(message.sampleType.map(type).filter((each) => !/^\w+\/\w+$/.test(each))).toEqual([])
  expect(message.sampleType.map(({ type }) => type)).toContain(message.periodType!.type)
  expect(Number(message.durationNanos)).toBeGreaterThanOrEqual(0)
  for (const { locationId, value, label } of message.sample) {
    expect(locationId.length).toBeGreaterThan(0)
    expect(value.filter((each) => !Number.isSafeInteger(Number(each)) || Number(each) < 0)).toEqual(
      [],
    )
    expect(Number(value[0])).toBeGreaterThan(0)
    expect(
      label.map(({ key }) => text(key)).filter((key) => !/^[a-z]+(_[a-z]+)*$/.test(key)),
    ).toEqual([])
  }
  return {
    types: message.sampleType.map(type),
    defaultType: text(message.defaultSampleType),
    period: `${message.period} ${type(message.periodType!)}`,
    time: BigInt(message.timeNanos),
    duration: Number(message.durationNanos),
    mappings: message.mapping.map(({ filename, hasFunctions }) => {
      expect(hasFunctions).toBe(true)
      return text(filename)
    }),
    comments: message.comment.map(text),
    samples: message.sample.map(({ value, locationId, label }) => {
      expect(value).toHaveLength(message.sampleType.length)
      const labels = label.map(({ key, str, num }): [string, string | number] => {
        expect(str === 0 || num === 0).toBe(true)
        return [text(key), str === 0 ? Number(num) : text(str)]
      })
      expect(new Set(labels.map(([key]) => key)).size).toBe(labels.length)
      return {
        values: value.map(Number),
        frames: locationId.toReversed().map(frame),
        labels: Object.fromEntries(labels),
      }
    }),
    locations: message.location.length,
  }
}

/** The message as text, for golden files: a sample is its values, its labels and its frames. */
export function pprofText(file: Uint8Array): string {
  const { samples, types, defaultType, period, time, duration, mappings, comments } =
    decodePprof(file)
  const head = { types, defaultType, period, time: `${time}`, duration, mappings, comments }
  return [
    ...Object.entries(head).map(([key, value]) => `${key}: ${JSON.stringify(value)}`),
    ...samples.flatMap(({ values, frames, labels }) => [
      `${values.join(' ')} ${JSON.stringify(labels)}`,
      ...frames.map(
        ({ name, file, startLine, line, column }) =>
          `  ${JSON.stringify(name)} ${file}:${line}:${column} from ${startLine}`,
      ),
    ]),
    '',
  ].join('\n')
}
