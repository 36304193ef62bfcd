import type { FramePattern, ThreadPattern } from './pattern.ts'
import {
  NO_STACK,
  type Profile,
  QUALITY,
  type SampleTable,
  type Thread,
  type ThreadIndex,
  type ViewStep,
} from './profile.ts'
import { frameRow } from './restack.ts'
import { countAt, rowsWhere } from './sample-columns.ts'
import { mapSamples } from './time-line.ts'

const MISSED: number = QUALITY.indexOf('missed')

/**
 * Leaves out the samples for which `keep` says no, and notes how many they are in `meta.view`.
 * @param step what to note beside the counts
 * @param keep of a row of a sample table
 * @param judgesMissed whether `keep` goes by what is known of a missed sample too, as its thread is
 */
export function keepSamples(
  profile: Profile,
  step: Pick<ViewStep, 'option' | 'patterns'>,
  keep: (samples: SampleTable, row: number) => boolean,
  judgesMissed = false,
): Profile {
  const { samples } = profile
  let removed = 0
  let weight = 0
  let missed = 0
  for (let row = 0; row < samples.length; row++) {
    if (keep(samples, row)) continue
    const count = countAt(samples, row)
    removed += count
    weight += samples.weight[row]!
    if (!judgesMissed && samples.quality[row] === MISSED) missed += count
  }
  return withStep(
    mapSamples(profile, (table) => rowsWhere(table, (row) => keep(table, row))),
    { ...step, effect: 'removed', samples: removed, weight, missed },
  )
}

/** Notes what was done to a profile. */
export function withStep(profile: Profile, step: ViewStep): Profile {
  const { meta } = profile
  const view = meta.view ?? { granularity: 'lines', steps: [] }
  return { ...profile, meta: { ...meta, view: { ...view, steps: [...view.steps, step] } } }
}

/** Keeps the threads that any of the patterns chooses, and nothing of the others. */
export function onlyThreads(profile: Profile, patterns: readonly ThreadPattern[]): Profile {
  const kept: Thread[] = []
  const indexOf = profile.threads.map((thread): ThreadIndex => {
    const isKept = patterns.some((pattern) => pattern.matches(thread))
    return isKept ? kept.push(thread) - 1 : -1
  })
  const left = keepSamples(
    profile,
    { option: '--thread', patterns: patterns.map(({ text }) => text) },
    ({ thread }, row) => indexOf[thread[row]!] !== -1,
    true,
  )
  const renumbered = mapSamples(left, (samples) => {
    const thread = new Int32Array(samples.length)
    for (let row = 0; row < thread.length; row++) thread[row] = indexOf[samples.thread[row]!]!
    return { ...samples, thread }
  })
  return { ...renumbered, threads: kept }
}

/** Keeps the samples that have a frame on their stack that any of the patterns matches. */
export function including(profile: Profile, patterns: readonly FramePattern[]): Profile {
  const hit = matchedStacks(profile, patterns)
  const step = { option: '--include', patterns: patterns.map(({ text }) => text) }
  return keepSamples(profile, step, (samples, row) => {
    const stack = samples.stack[row]!
    return stack !== NO_STACK && hit[stack] === 1
  })
}

/** Leaves out the samples that have a frame on their stack that any of the patterns matches. */
export function excluding(profile: Profile, patterns: readonly FramePattern[]): Profile {
  const hit = matchedStacks(profile, patterns)
  const step = { option: '--exclude', patterns: patterns.map(({ text }) => text) }
  return keepSamples(profile, step, (samples, row) => {
    const stack = samples.stack[row]!
    return stack === NO_STACK || hit[stack] === 0
  })
}

/** 1 for each stack that has a frame that a pattern matches, itself or above it. */
function matchedStacks(profile: Profile, patterns: readonly FramePattern[]): Uint8Array {
  const { stacks } = profile
  const matches = matchedFrames(profile, patterns)
  const hit = new Uint8Array(stacks.length)
  for (let stack = 0; stack < stacks.length; stack++) {
    const parent = stacks.parent[stack]!
    const above = parent === NO_STACK ? 0 : hit[parent]!
    hit[stack] = above | matches[stacks.frame[stack]!]!
  }
  return hit
}

function matchedFrames(profile: Profile, patterns: readonly FramePattern[]): Uint8Array {
  return Uint8Array.from({ length: profile.frames.length }, (_, frame) => {
    const { qualname, file } = frameRow(profile, frame)
    return Number(patterns.some((pattern) => pattern.matches(qualname, file)))
  })
}
