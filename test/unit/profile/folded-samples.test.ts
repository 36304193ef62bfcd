import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FORMATS } from '../../../src/formats/index.ts'
import { FoldedSamples } from '../../../src/profile/folded-samples.ts'
import { MODES, type Profile, STATES } from '../../../src/profile/profile.ts'
import { sampleAt } from '../../../src/profile/sample-columns.ts'
import { summarize } from '../../../src/profile/summary.ts'
import { viewed } from '../../../src/profile/viewed.ts'
import { profileOf } from '../../support/ascii-profile.ts'
import { samples } from '../formats/arbitraries.ts'
import { bytes } from '../formats/fixtures.ts'

function folded(profile: Profile): Profile {
  const table = new FoldedSamples()
  for (let row = 0; row < profile.samples.length; row++) table.push(sampleAt(profile.samples, row))
  return { ...profile, samples: table.view() }
}

const pattern = (name: string) => ({ text: name, matches: (qualname: string) => qualname === name })
const ALL = {
  threads: [],
  include: [],
  exclude: [],
  stdlib: true,
  granularity: 'lines' as const,
}
const view = fc.record({
  mode: fc.constantFrom(...MODES.filter((mode) => mode !== 'cpu')),
  idle: fc.boolean(),
  choice: fc.constantFrom(
    ALL,
    { ...ALL, include: [pattern('f')] },
    { ...ALL, exclude: [pattern('f')], granularity: 'functions' as const },
    { ...ALL, stdlib: false },
  ),
})

/** So few kinds of samples that many are alike. */
const alike = fc
  .tuple(samples, fc.array(fc.nat(29), { maxLength: 60 }))
  .map(([kinds, picks]) => picks.flatMap((pick) => kinds[pick % kinds.length] ?? []))

describe('samples of which those that are alike are one row', () => {
  test('are few, and stand for all', () => {
    const profile = profileOf(
      Array.from({ length: 1000 }, (_, at) => ({ stack: [{ name: `f${at % 3}` }], cpu: at % 2 })),
    )
    const few = folded(profile)
    expect(few.samples.length).toBe(3)
    expect(Array.from(few.samples.count!)).toEqual([334, 333, 333])
    expect(Array.from(few.samples.cpu)).toEqual([167, 167, 166])
    expect(summarize(few).samples).toBe(1000)
  })

  test.each(FORMATS.filter((format) => format.isSum))(
    'give the same $name, whatever is shown of them',
    (format) => {
      fc.assert(
        fc.property(alike, view, fc.boolean(), (drafts, options, threads) => {
          const profile = profileOf(drafts, { meta: { states: [...STATES] } })
          const whole = viewed(profile, options)
          const few = viewed(folded(profile), options)
          expect(few.removed).toEqual(whole.removed)
          // Not toEqual, which goes through the bytes one by one.
          const wanted = bytes(format, whole.profile, { threads })
          expect(bytes(format, few.profile, { threads }).equals(wanted)).toBe(true)
          expect(summarize(few.profile, folded(profile), few.removed)).toEqual(
            summarize(whole.profile, profile, whole.removed),
          )
        }),
      )
    },
  )
})
