import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  NO_CPU,
  NO_PROCESS,
  type Process,
  type Profile,
  QUALITY,
  REASONS,
  STATES,
  TASK_SCOPES,
} from '../../../src/profile/profile.ts'
import { type DraftSample, MS, profileOf } from '../../support/ascii-profile.ts'
import { read, recordingOf, resolvedSamples } from '../../support/recordings.ts'

/** Any UTF-16, lone surrogates and controls included. */
const anyText = fc.oneof(
  fc.constantFrom('', 'f', 'é', '日本', '\ufffd', '\ufeffx'),
  fc.array(fc.nat(0xffff), { maxLength: 4 }).map((units) => String.fromCharCode(...units)),
)
const frame = fc.record({
  name: anyText,
  file: anyText,
  line: fc.oneof(fc.nat(3), fc.nat(2 ** 31 - 1)),
  firstLine: fc.nat(2),
  column: fc.integer({ min: -1, max: 300 }),
})
const time = fc.oneof(
  fc.nat(3000),
  fc.nat(1_000_000_000),
  fc.maxSafeNat().map((value) => Math.floor(value / 128)),
)
const sample: fc.Arbitrary<DraftSample> = fc.record({
  thread: fc.nat(3),
  stack: fc.array(frame, { maxLength: 5 }),
  weight: time,
  gap: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, time),
  quality: fc.constantFrom(...QUALITY),
  reason: fc.constantFrom(...REASONS),
  states: fc.subarray([...STATES]),
  cpu: fc.oneof(fc.constant(NO_CPU), time),
})
const PROCESSES = 3
const thread = fc
  .record({
    process: fc.nat(PROCESSES - 1),
    nativeId: fc.nat(2 ** 31 - 1),
    interpreter: fc.nat(2),
    name: anyText,
    isMain: fc.boolean(),
    isWaiting: fc.boolean(),
    own: fc.option(fc.subarray([...STATES]), { nil: undefined }),
  })
  .map(({ isWaiting, own, ...row }) => ({
    ...row,
    ...(isWaiting && { waitingTasks: true }),
    ...(own && { states: own }),
  }))
const meta = fc
  .record({
    descendants: fc.constantFrom('' as const, 'events' as const, 'polling' as const),
    readChange: fc.constantFrom('' as const, 'no-gil' as const, 'several-processes' as const),
    tasks: fc.option(
      fc.record({ scope: fc.constantFrom(...TASK_SCOPES), loopSeen: fc.boolean() }),
      { nil: undefined },
    ),
  })
  .map(({ tasks, ...rest }) => ({ ...rest, ...(tasks && { tasks }) }))
/** A tree in which each hangs on any one before it. */
const tree = fc.array(
  fc.record({
    pid: fc.nat(2 ** 22),
    above: fc.nat(PROCESSES),
    command: anyText,
    pythonVersion: fc.constantFrom('', '3.14.0'),
    start: time,
    /** Undefined: it is there when the recording ends. */
    end: fc.option(time, { nil: undefined }),
    unreadable: fc.constantFrom('', 'It runs Python 3.11.2.'),
  }),
  { minLength: PROCESSES, maxLength: PROCESSES },
)

type Tree = typeof tree extends fc.Arbitrary<infer Drafts> ? Drafts : never

function withTree(profile: Profile, drafts: Tree): Profile {
  const processes = drafts.map(
    ({ above, end = profile.meta.duration, ...row }, index): Process => ({
      ...row,
      parent: (above % (index + 1)) - 1,
      end,
    }),
  )
  return { ...profile, processes }
}

test('whatever a profile holds comes back, however it was written and read', () => {
  fc.assert(
    fc.property(
      fc.array(sample, { maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 200 }),
      fc.array(thread, { minLength: 4, maxLength: 4 }),
      meta,
      tree,
      time,
      (drafts, appends, pieceBytes, threads, own, processes, tickTime) => {
        const options = { threads, meta: { states: [...STATES], ...own }, accounting: { tickTime } }
        const profile = withTree(profileOf(drafts, options), processes)
        const recording = read(recordingOf(profile, appends), pieceBytes)
        expect(recording).toMatchObject({ isComplete: true, damage: '', lostBytes: 0 })
        const found = recording.profile!
        expect(resolvedSamples(found)).toEqual(resolvedSamples(profile))
        expect(found.gaps).toEqual(profile.gaps)
        expect(found.meta).toEqual(profile.meta)
        expect(found.accounting).toEqual(profile.accounting)
        expect(found.processes).toEqual(profile.processes)
      },
    ),
    { numRuns: 300 },
  )
}, 60_000)

describe('what changes while it is written', () => {
  test('is as it was last', () => {
    const drafts = Array.from({ length: 6 }, () => ({ stack: [{ name: 'f' }], thread: 0 }))
    const child = {
      pid: 101,
      parent: 0,
      command: 'worker',
      pythonVersion: '',
      start: 20 * MS,
      end: 60 * MS,
      unreadable: 'permission',
    }
    const target = { ...child, pid: 100, parent: NO_PROCESS, command: 'app', unreadable: '' }
    const profile = profileOf(drafts, {
      processes: [target, child],
      threads: [{ name: 'renamed', process: 1 }],
    })
    expect(read(recordingOf(profile, 3)).profile).toMatchObject({
      processes: [target, child],
      threads: [{ name: 'renamed', process: 1 }],
    })
  })
})

describe('the size of a steady profile, tables aside', () => {
  /** Ticks at 100 Hz whose gaps are drawn as the sampler draws them. */
  function bytesPerSample(threads: number, stacksOfMain: number): number {
    let seed = 1
    const random = () => {
      seed = (seed * 48271) % 2147483647
      return seed / 2147483647
    }
    const stack = (number: number) => [{ name: 'main' }, { name: `f${number}` }]
    const ticks = 3000
    const drafts: DraftSample[] = []
    for (let tick = 0; tick < ticks; tick++) {
      const weight = Math.round((0.5 + random()) * 10 * MS)
      const at = Math.floor(random() * stacksOfMain)
      for (let thread = 0; thread < threads; thread++) {
        drafts.push({ thread, stack: stack(thread === 0 ? at : 0), weight })
      }
    }
    const profile = profileOf(drafts)
    const few = profileOf(drafts.slice(0, threads * 500))
    const samples = profile.samples.length - few.samples.length
    return (recordingOf(profile, 30).length - recordingOf(few, 5).length) / samples
  }

  test.each([
    [1, 1, 3.5],
    [1, 8, 5.5],
    [4, 8, 1.5],
    [20, 8, 0.5],
  ])('of %i threads, one in %i stacks, is at most %f bytes a sample', (threads, stacks, limit) => {
    expect(bytesPerSample(threads, stacks)).toBeLessThan(limit)
  })
})
