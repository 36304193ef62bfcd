import { expect } from 'vitest'

/** What a speedscope file holds, as far as we write it. */
export interface SpeedscopeFile {
  readonly exporter: string
  readonly name: string
  readonly activeProfileIndex?: number
  readonly pyprof: object
  readonly shared: {
    readonly frames: readonly { name: string; file?: string; line?: number; col?: number }[]
  }
  readonly profiles: readonly {
    readonly name: string
    readonly unit: string
    readonly startValue: number
    readonly endValue: number
    readonly samples: readonly (readonly number[])[]
    readonly weights: readonly number[]
  }[]
}

/** The rules of the format that its schema cannot say. */
export function checkRules(file: SpeedscopeFile): void {
  const frames = file.shared.frames
  expect(new Set(frames.map((frame) => JSON.stringify(frame))).size).toBe(frames.length)
  for (const frame of frames) {
    for (const position of [frame.line, frame.col]) {
      expect(position === undefined || position >= 1).toBe(true)
    }
  }
  if (file.profiles.length === 0) expect(file.activeProfileIndex).toBeUndefined()
  else expect(file.profiles[file.activeProfileIndex!]).toBeDefined()
  for (const { samples, weights, startValue, endValue, unit } of file.profiles) {
    expect(unit).toBe('nanoseconds')
    expect(samples.length).toBe(weights.length)
    expect(startValue).toBeGreaterThanOrEqual(0)
    expect(weights.every((weight) => Number.isInteger(weight) && weight >= 0)).toBe(true)
    expect(endValue - startValue).toBe(weights.reduce((sum, weight) => sum + weight, 0))
    expect(samples.flat().every((frame) => Number.isInteger(frame) && frame in frames)).toBe(true)
  }
}
