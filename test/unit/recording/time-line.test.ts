import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FORMATS, type Format } from '../../../src/formats/index.ts'
import { SamplesByThread, spans } from '../../../src/formats/threads.ts'
import { cutProfile } from '../../../src/profile/cut.ts'
import { mergeProfiles } from '../../../src/profile/merge.ts'
import { ALL_TIME, MODES, type Profile, STATES } from '../../../src/profile/profile.ts'
import { redactedProfile } from '../../../src/profile/redacted.ts'
import { summarize } from '../../../src/profile/summary.ts'
import { sampleTables } from '../../../src/profile/time-line.ts'
import { viewed } from '../../../src/profile/viewed.ts'
import { compareText } from '../../../src/profile/views.ts'
import { type Holding, readRecording } from '../../../src/recording/reader.ts'
import { redactorFor } from '../../../src/redaction/redactor.ts'
import { type DraftSample, profileOf } from '../../support/ascii-profile.ts'
import { read, recordingOf, resolvedSamples } from '../../support/recordings.ts'
import { sample } from '../formats/arbitraries.ts'
import { bytes } from '../formats/fixtures.ts'

/** Divides by all that so few samples are divided by, so that sums are exact in any order. */
const LEAST = 360_360
const FEW = 15

/** So few kinds of samples that many are alike. */
const alike = fc
  .tuple(
    fc.array(sample, { minLength: 1, maxLength: 8 }),
    fc.array(fc.nat(), { minLength: 1, maxLength: FEW }),
    fc.array(fc.nat(50), { minLength: FEW, maxLength: FEW }),
  )
  .map(([kinds, picks, cpus]) =>
    picks.map((pick, at): DraftSample => {
      const kind = kinds[pick % kinds.length]!
      return { ...kind, cpu: kind.cpu === -1 ? -1 : cpus[at]! * LEAST }
    }),
  )

const pattern = (name: string) => ({ text: name, matches: (qualname: string) => qualname === name })
const mainThread = { text: 'Main*', matches: ({ isMain }: { isMain: boolean }) => isMain }
const ALL = {
  threads: [],
  include: [],
  exclude: [],
  stdlib: true,
  granularity: 'lines' as const,
}
const view = fc.record({
  mode: fc.constantFrom(...MODES),
  idle: fc.boolean(),
  choice: fc.constantFrom(
    ALL,
    { ...ALL, threads: [mainThread] },
    { ...ALL, include: [pattern('f')] },
    { ...ALL, exclude: [pattern('f')], granularity: 'functions' as const },
    { ...ALL, stdlib: false, granularity: 'modules' as const },
  ),
})
const range = fc.oneof(
  fc.constant(ALL_TIME),
  fc
    .tuple(fc.nat(2_000_000_000), fc.integer({ min: 1, max: 3_000_000_000 }))
    .map(([from, length]) => ({ from, to: from + length })),
)

/** The recording with its samples held, and with a time line and so many held. */
function bothOf(
  drafts: readonly DraftSample[],
  most: number,
  options: { readonly range?: typeof ALL_TIME; readonly holds?: Holding; startedAt?: number } = {},
): { readonly held: Profile; readonly scanned: Profile } {
  const { startedAt, ...how } = options
  const meta = { states: [...STATES], ...(startedAt !== undefined && { startedAt }) }
  const recording = recordingOf(profileOf(drafts, { meta }), 3)
  const again = () => [recording]
  return {
    held: readRecording(again(), how.range ? { range: how.range } : {}).profile!,
    scanned: readRecording(again(), { holds: 'sums', ...how, again, most }).profile!,
  }
}

function expectSame(format: Format, scanned: Profile, held: Profile, threads = false): void {
  const wanted = bytes(format, held, { threads })
  // Not toEqual, which goes through the bytes one by one.
  expect(bytes(format, scanned, { threads }).equals(wanted)).toBe(true)
}

describe('a recording whose samples are read again', () => {
  test('holds each where there are few, and sums and a time line where there are more', () => {
    const drafts = Array.from({ length: 20 }, (_, at) => ({ stack: [{ name: `f${at % 2}` }] }))
    const { held, scanned: few } = bothOf(drafts, 20)
    expect(few.timeline).toBeUndefined()
    expect(resolvedSamples(few)).toEqual(resolvedSamples(held))
    const { scanned } = bothOf(drafts, 19)
    expect(scanned.samples.length).toBe(2)
    const rows = [...sampleTables(scanned)].flatMap((samples) =>
      resolvedSamples({ ...scanned, samples }),
    )
    expect(rows).toEqual(resolvedSamples(held))
  })

  // Reports judge chance by the time line, or say that they cannot: not by sums.
  test.each(FORMATS.filter((format) => !format.isEstimate))(
    'gives the same $name, whatever is shown of it',
    (format) => {
      fc.assert(
        fc.property(
          alike,
          fc.nat(4),
          view,
          range,
          fc.boolean(),
          (drafts, most, options, cut, flag) => {
            const { held, scanned } = bothOf(drafts, most, { range: cut })
            const redactor = redactorFor({ paths: true })
            const shown = (whole: Profile) => {
              const part = cut === ALL_TIME ? whole : cutProfile(whole, cut)
              return flag ? redactedProfile(part, redactor) : part
            }
            const [wholeHeld, wholeScanned] = [shown(held), shown(scanned)]
            const a = viewed(wholeHeld, options)
            const b = viewed(wholeScanned, options)
            expect(b.removed).toEqual(a.removed)
            expectSame(format, b.profile, a.profile, flag)
            expect(summarize(b.profile, wholeScanned, b.removed)).toEqual(
              summarize(a.profile, wholeHeld, a.removed),
            )
          },
        ),
      )
    },
  )

  test.each(FORMATS.filter((format) => format.isEstimate))(
    'gives the same $name, when enough of it is held',
    (format) => {
      fc.assert(
        fc.property(alike, fc.nat(4), view, (drafts, most, options) => {
          const { held, scanned } = bothOf(drafts, most, { holds: 'estimates' })
          expectSame(format, viewed(scanned, options).profile, viewed(held, options).profile)
        }),
      )
    },
  )

  test('is cut and merged with others as if it were held', () => {
    const starts = [0, 500, 0]
    fc.assert(
      fc.property(
        fc.array(fc.tuple(alike, fc.nat(4), fc.nat(900)), { minLength: 2, maxLength: 3 }),
        range,
        (parts, cut) => {
          const both = parts.map(([drafts, most, start], at) =>
            bothOf(drafts, most, { startedAt: 1_700_000_000_000 + start + starts[at]! }),
          )
          const merged = (which: 'held' | 'scanned') => {
            const whole = mergeProfiles(both.map((each) => each[which]))
            return cut === ALL_TIME ? whole : cutProfile(whole, cut)
          }
          const [held, scanned] = [merged('held'), merged('scanned')]
          for (const format of FORMATS) {
            if (!format.isEstimate && !format.isRecording) expectSame(format, scanned, held)
          }
          expect(summarize(scanned)).toEqual(summarize(held))
          // A recording may have another order of threads.
          const byThread = (profile: Profile) => {
            const again = read(
              bytes(FORMATS.find((each) => each.isRecording)!, profile, {
                threads: false,
              }),
            ).profile!
            const rows = resolvedSamples(again)
            const key = ({ thread }: (typeof rows)[number]) => JSON.stringify(thread)
            return rows.sort((a, b) => compareText(key(a), key(b)))
          }
          expect(byThread(scanned)).toEqual(byThread(held))
        },
      ),
    )
  })

  test('is read by thread, in as many ways as there is room', () => {
    fc.assert(
      fc.property(alike, fc.nat(20), (drafts, room) => {
        const { held, scanned } = bothOf(drafts, 0)
        const lineOf = (profile: Profile) => {
          const byThread = new SamplesByThread(profile, room)
          return byThread.order.map((thread) => ({
            thread,
            ends: [byThread.startOf(thread), byThread.endOf(thread), byThread.busiest],
            spans: Array.from(spans(byThread, thread), ({ samples, row, start, end }) => [
              ...[samples.stack[row], samples.state[row], samples.cpu[row], start, end],
            ]),
          }))
        }
        expect(lineOf(scanned)).toEqual(lineOf(held))
      }),
    )
  })

  test('is what it was when it was read first, however it has grown since', () => {
    const drafts = Array.from({ length: 30 }, (_, at) => ({ stack: [{ name: `f${at}` }] }))
    const whole = recordingOf(profileOf(drafts), 5)
    const held = readRecording([whole.subarray(0, -40)]).profile!
    let first = true
    const again = () => {
      const part = first ? whole.subarray(0, -40) : whole
      first = false
      return [part]
    }
    const { profile: scanned } = readRecording(again(), { holds: 'sums', again, most: 0 })
    expect(held.samples.length).toBeGreaterThan(0)
    expect(held.samples.length).toBeLessThan(30)
    for (const format of FORMATS) if (!format.isEstimate) expectSame(format, scanned!, held)
  })

  test.each([
    ['shorter', (whole: Buffer) => whole.subarray(0, whole.length / 2)],
    ['another file', () => Buffer.from('not a recording at all')],
    ['nothing', () => Buffer.alloc(0)],
  ])('and is %s then is refused', (_, change) => {
    const drafts = Array.from({ length: 30 }, (_, at) => ({ stack: [{ name: `f${at}` }] }))
    let now = recordingOf(profileOf(drafts), 5)
    const again = () => [now]
    const { profile } = readRecording(again(), { holds: 'sums', again, most: 0 })
    now = change(now)
    expect(() => [...sampleTables(profile!)]).toThrow('was changed while it was read')
  })
})
