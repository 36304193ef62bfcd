import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Profile } from '../../../src/profile/profile.ts'
import { RefusedError } from '../../../src/recording/blocks.ts'
import { BLOCK_HEAD_BYTES, HEADER_BYTES, MAGIC } from '../../../src/recording/layout.ts'
import type { Recording } from '../../../src/recording/reader.ts'
import { type DraftSample, MS, profileOf } from '../../support/ascii-profile.ts'
import { read, recordingOf, resolvedSamples } from '../../support/recordings.ts'

/** Every byte and bit of a file is tried, also on a busy machine. */
const PATIENCE_MS = 60_000

const FRAMES = [{ name: 'main' }, { name: 'work', file: '/srv/ä.py', line: 7, column: 4 }]
const DRAFTS: DraftSample[] = [
  { stack: FRAMES },
  { stack: FRAMES.slice(0, 1), quality: 'partial', reason: 'moved' },
  { stack: [], thread: 1, weight: 20 * MS, quality: 'missed', reason: 'unreadable' },
  { stack: FRAMES, gap: 5 * MS, states: ['cpu', 'gil'], cpu: 9 * MS },
  { stack: [...FRAMES, { name: 'late' }], thread: 1, weight: 25 * MS },
  { stack: FRAMES },
]
const PROFILE = profileOf(DRAFTS)
/** One sample a block. */
const BYTES = recordingOf(PROFILE, DRAFTS.length)

/** Where each block begins, and the end. */
const STARTS = blockStarts(BYTES)

function blockStarts(bytes: Buffer): number[] {
  const starts = [HEADER_BYTES]
  while (starts.at(-1)! < bytes.length) {
    const at = starts.at(-1)!
    starts.push(at + BLOCK_HEAD_BYTES + bytes.readUInt32LE(at))
  }
  return starts
}

/** How many samples are in the blocks that are whole before this byte. */
function samplesBefore(byte: number): number {
  return STARTS.slice(1, DRAFTS.length + 1).filter((end) => end <= byte).length
}

/** The profile is a beginning of the true one, and in all its parts a profile. */
function expectBeginning(found: Profile, samples: number): void {
  expect(found.samples.length).toBe(samples)
  expect(resolvedSamples(found)).toEqual(resolvedSamples(PROFILE).slice(0, samples))
  expect(found.meta).toMatchObject({ command: PROFILE.meta.command, endReason: 'unfinished' })
}

function attempt(bytes: Uint8Array): Recording | RefusedError {
  try {
    return read(bytes)
  } catch (error) {
    if (error instanceof RefusedError) return error
    throw error
  }
}

test('the example has a block for each sample, and an end', () => {
  expect(STARTS).toHaveLength(DRAFTS.length + 2)
  expect(STARTS.at(-1)).toBe(BYTES.length)
})

test(
  'a file cut at any byte gives what was whole before, and says that it is not all',
  () => {
    for (let length = 0; length < BYTES.length; length++) {
      const found = attempt(BYTES.subarray(0, length))
      if (length < HEADER_BYTES) {
        expect(found).toBeInstanceOf(RefusedError)
        continue
      }
      if (found instanceof RefusedError) throw found
      expect(found.isComplete).toBe(false)
      const start = STARTS.findLast((each) => each <= length)!
      expect(found.damage).toBe(length === start ? '' : 'it ends in the middle of a block')
      expect(found.lostBytes).toBe(length - start)
      if (samplesBefore(length) === 0) expect(found.profile).toBeUndefined()
      else expectBeginning(found.profile!, samplesBefore(length))
    }
  },
  PATIENCE_MS,
)

test(
  'a flip of any bit is noticed, and gives what was whole before it',
  () => {
    for (let bit = 0; bit < BYTES.length * 8; bit++) {
      const byte = Math.floor(bit / 8)
      const bytes = Buffer.from(BYTES)
      bytes[byte]! ^= 1 << (bit % 8)
      const found = attempt(bytes)
      if (byte < HEADER_BYTES) {
        expect(found).toBeInstanceOf(RefusedError)
        const kind = byte < MAGIC.length ? 'no-recording' : 'damaged-header'
        expect((found as RefusedError).refusal.kind).toBe(kind)
        continue
      }
      if (found instanceof RefusedError) throw found
      expect(found.isComplete).toBe(false)
      expect(found.damage).not.toBe('')
      const damaged = STARTS.findLast((each) => each <= byte)!
      expect(found.damagedAt).toBe(damaged)
      expect(found.lostBytes).toBe(BYTES.length - damaged)
      if (samplesBefore(damaged) === 0) expect(found.profile).toBeUndefined()
      else expectBeginning(found.profile!, samplesBefore(damaged))
    }
  },
  PATIENCE_MS,
)

describe('blocks that are whole by themselves', () => {
  const block = (number: number) => BYTES.subarray(STARTS[number], STARTS[number + 1])
  const joined = (...parts: Uint8Array[]) => Buffer.concat([BYTES.subarray(0, STARTS[1]), ...parts])

  test.each([
    ['one is missing', joined(block(2), block(3))],
    ['two are exchanged', joined(block(2), block(1), block(3))],
    ['one is there twice', joined(block(1), block(1), block(2))],
  ])('are noticed when %s', (_, bytes) => {
    const found = read(bytes)
    expect(found.damage).toBe('a checksum is wrong')
    expect(found.profile!.samples.length).toBeLessThan(3)
  })

  test('are noticed behind the end', () => {
    const found = read(Buffer.concat([BYTES, BYTES.subarray(HEADER_BYTES)]))
    expect(found).toMatchObject({ isComplete: false, damage: 'a checksum is wrong' })
    expect(found.profile!.samples.length).toBe(DRAFTS.length)
  })
})

describe('another version', () => {
  test('is refused by its number', () => {
    const bytes = Buffer.from(BYTES)
    bytes.writeUInt32LE(2, MAGIC.length)
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 12)), 12)
    const found = attempt(bytes)
    expect((found as RefusedError).refusal).toEqual({ kind: 'other-version', version: 2 })
  })
})

/** What a hostile writer makes: any content, with the checksums that belong to it. */
function withChecksums(bytes: Buffer): Buffer {
  let crc = crc32(bytes.subarray(0, 12))
  bytes.writeUInt32LE(crc, 12)
  let at = HEADER_BYTES
  while (at + BLOCK_HEAD_BYTES <= bytes.length) {
    const end = at + BLOCK_HEAD_BYTES + bytes.readUInt32LE(at)
    if (end > bytes.length) break
    crc = crc32(bytes.subarray(at + BLOCK_HEAD_BYTES, end), crc32(bytes.subarray(at, at + 5), crc))
    bytes.writeUInt32LE(crc, at + 5)
    at = end
  }
  return bytes
}

/** Every index in it leads somewhere. */
function expectSound(profile: Profile): void {
  const { functions, frames, stacks, threads, processes, samples, meta } = profile
  for (const sample of resolvedSamples(profile)) {
    for (const frame of sample.stack) expect(frame).toMatchObject({ qualname: expect.any(String) })
  }
  for (let row = 0; row < stacks.length; row++) expect(stacks.parent[row]).toBeLessThan(row)
  for (let row = 0; row < functions.length; row++) {
    expect(profile.strings[functions.file[row]!]).toBeTypeOf('string')
  }
  for (let row = 0; row < frames.length; row++) {
    expect(frames.function[row]).toBeLessThan(functions.length)
  }
  for (const [row, { parent }] of processes.entries()) expect(parent).toBeLessThan(row)
  for (const { process } of threads) expect(process).toBeLessThan(processes.length)
  for (let row = 0; row < samples.length; row++) {
    expect(samples.time[row]).toBeGreaterThanOrEqual(0)
    expect(samples.weight[row]).toBeGreaterThanOrEqual(0)
    expect(Number.isSafeInteger(samples.time[row])).toBe(true)
  }
  expect(new Date(meta.startedAt).toISOString()).toBeTypeOf('string')
}

describe('content that no writer of ours makes, with right checksums', {
  timeout: PATIENCE_MS,
}, () => {
  test('is read as far as it makes sense, or refused', () => {
    const place = fc.nat(BYTES.length - 1)
    const change = fc.tuple(place, fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(BYTES)
        for (const [at, value] of changes) bytes[at] = value
        const found = attempt(withChecksums(bytes))
        if (!(found instanceof RefusedError) && found.profile) expectSound(found.profile)
      }),
      { numRuns: 3000 },
    )
  })

  test('is no way to much memory by a few bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (noise) => {
        const head = Buffer.alloc(BLOCK_HEAD_BYTES)
        head.writeUInt32LE(noise.length)
        head[4] = 1
        const bytes = Buffer.concat([BYTES.subarray(0, STARTS[2]), head, noise])
        const found = attempt(withChecksums(bytes))
        if (found instanceof RefusedError || !found.profile) throw new Error('It had a beginning.')
        expectSound(found.profile)
        expect(found.isComplete).toBe(false)
      }),
      { numRuns: 1000 },
    )
  })
})
