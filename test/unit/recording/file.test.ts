import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { pyprof } from '../../../src/formats/pyprof.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import { RecordingFile } from '../../../src/recording/file.ts'
import { countersOf } from '../../../src/recording/rows.ts'
import { MS, profileOf } from '../../support/ascii-profile.ts'
import { read, recordingOf, resolvedSamples } from '../../support/recordings.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { goldenProfile } from '../formats/fixtures.ts'

const FULL = profileOf(
  Array.from({ length: 8 }, (_, at) => ({ stack: [{ name: 'main' }, { name: `f${at % 3}` }] })),
)

/** The profile as it was after so many samples. */
function soFar(samples: number): Profile {
  return { ...FULL, samples: { ...FULL.samples, length: samples } }
}

function opening(path: string): () => { fd: number; path: string } {
  return () => ({ fd: openSync(path, 'wx'), path })
}

test('a file holds after each append what was there until then', () => {
  const path = join(temporaryFolder(), 'run.pyprof')
  const file = new RecordingFile(opening(path))
  for (const [before, after] of [
    [0, 3],
    [3, 4],
    [4, 8],
  ] as const) {
    file.add(soFar(after), { samples: before, gaps: 0 })
    file.flush()
    const { profile, isComplete, damage } = read(readFileSync(path))
    expect([isComplete, damage]).toEqual([false, ''])
    expect(resolvedSamples(profile!)).toEqual(resolvedSamples(soFar(after)))
    expect(statSync(path).size).toBe(file.bytes)
  }
  file.finish()
  file.finish()
  expect(read(readFileSync(path))).toMatchObject({ isComplete: true })
})

describe('what a disk does not take', () => {
  test('is written when it does, and nothing is missing', () => {
    const folder = join(temporaryFolder(), 'later')
    const path = join(folder, 'run.pyprof')
    const file = new RecordingFile(opening(path))
    file.add(soFar(3), { samples: 0, gaps: 0 })
    expect(() => file.flush()).toThrow('ENOENT')
    expect(file.path).toBeUndefined()
    file.add(soFar(8), { samples: 3, gaps: 0 })
    mkdirSync(folder)
    file.finish()
    const { profile, isComplete } = read(readFileSync(path))
    expect(isComplete).toBe(true)
    expect(resolvedSamples(profile!)).toEqual(resolvedSamples(FULL))
  })

  test('is there to be written elsewhere', () => {
    const file = new RecordingFile(() => ({ fd: openSync('/dev/full', 'w'), path: '/dev/full' }))
    file.add(FULL, { samples: 0, gaps: 0 })
    expect(() => file.finish()).toThrow('ENOSPC')
    expect(read(Buffer.concat(file.rest()))).toMatchObject({ isComplete: true })
    file.close()
  })
})

test('what is read back is all that was taken, wherever it is', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'run.pyprof')
  const file = new RecordingFile(() => ({ fd: openSync(path, 'wx+'), path }))
  const taken = () => {
    const { profile, damage } = read(Buffer.concat([...file.pieces()]))
    return [profile?.samples.length, damage]
  }
  file.add(soFar(3), { samples: 0, gaps: 0 })
  expect(taken()).toEqual([3, ''])
  file.flush()
  file.add(soFar(5), { samples: 3, gaps: 0 })
  expect(taken()).toEqual([5, ''])
  file.takeBack()
  expect(readdirSync(folder)).toEqual([])
  expect([file.bytes, file.isReadable, file.path]).toEqual([0, false, undefined])
  expect(taken()).toEqual([5, ''])
  file.add(FULL, { samples: 5, gaps: 0 })
  file.finish()
  expect(taken()).toEqual([8, ''])
  expect(read(readFileSync(path))).toMatchObject({ isComplete: true })
  expect(resolvedSamples(read(readFileSync(path)).profile!)).toEqual(resolvedSamples(FULL))
})

test('a discarded file is gone, and one that never was is no error', () => {
  const folder = temporaryFolder()
  const file = new RecordingFile(opening(join(folder, 'run.pyprof')))
  file.add(FULL, { samples: 0, gaps: 0 })
  file.flush()
  file.discard()
  expect(readdirSync(folder)).toEqual([])
  new RecordingFile(opening(join(folder, 'other'))).discard()
})

test('a file that begins later is complete in itself: its tables, times and counts are its own', () => {
  const early = soFar(5)
  const origin = countersOf({ ...early.meta, duration: 50 * MS }, { ...early.accounting, ticks: 5 })
  const path = join(temporaryFolder(), 'second.pyprof')
  const file = new RecordingFile(opening(path), origin)
  file.add(FULL, { samples: 5, gaps: 0 })
  file.finish()
  const found = read(readFileSync(path)).profile!
  expect(Array.from(found.samples.time)).toEqual([10 * MS, 20 * MS, 30 * MS])
  expect(found.meta.duration).toBe(30 * MS)
  expect(found.meta.startedAt).toBe(FULL.meta.startedAt + 50)
  expect(found.accounting.ticks).toBe(3)
  expect(found.processes[0]).toMatchObject({ start: 0, end: 30 * MS })
  expect(resolvedSamples(found).map(({ stack }) => stack)).toEqual(
    resolvedSamples(FULL)
      .slice(5)
      .map(({ stack }) => stack),
  )
})

test('a recording of this version stays readable', () => {
  const golden = join(import.meta.dirname, '../../golden/profile.pyprof')
  const profile = goldenProfile()
  expect(existsSync(golden)).toBe(true)
  const { profile: found, isComplete } = read(readFileSync(golden))
  expect(isComplete).toBe(true)
  expect(resolvedSamples(found!)).toEqual(resolvedSamples(profile))
  expect(found!.meta).toEqual(profile.meta)
  expect(found!.gaps).toEqual(profile.gaps)
  expect(found!.accounting).toEqual(profile.accounting)
})

test('the format writes what an append writes', () => {
  const parts = [...pyprof.write(FULL, { threads: false })]
  expect(Buffer.concat(parts as Uint8Array[])).toEqual(recordingOf(FULL))
})

test('a descriptor is closed once', () => {
  const path = join(temporaryFolder(), 'run.pyprof')
  const file = new RecordingFile(opening(path))
  file.add(FULL, { samples: 0, gaps: 0 })
  file.finish()
  const fd = openSync('/dev/null', 'r')
  file.close()
  closeSync(fd)
})
