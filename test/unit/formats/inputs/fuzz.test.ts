import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { collapsed } from '../../../../src/formats/collapsed.ts'
import { collapsedInput } from '../../../../src/formats/inputs/collapsed.ts'
import { type Input, InputError } from '../../../../src/formats/inputs/index.ts'
import { speedscopeInput } from '../../../../src/formats/inputs/speedscope.ts'
import { speedscope } from '../../../../src/formats/speedscope.ts'
import type { Profile } from '../../../../src/profile/profile.ts'
import { summarize } from '../../../../src/profile/summary.ts'
import { resolvedSamples } from '../../../support/recordings.ts'
import { goldenProfile, written } from '../fixtures.ts'

const OPTIONS = { range: { from: 0, to: Number.POSITIVE_INFINITY }, rate: undefined }
const TACHYON = 'tid:7;<frozen runpy>:_run_code:87;w.py:C.spin:5 2005\ntid:7;w.py:main:9 3\n'
const AUSTIN = '# mode: wall\nP42;T0:43;/a.py:<module>:10;/a.py:C.run:3 10012\n'

/** All of it can be shown and counted. */
function expectSound(profile: Profile): void {
  for (const { stack, thread, weight, time } of resolvedSamples(profile)) {
    for (const frame of stack) expect(frame).toMatchObject({ qualname: expect.any(String) })
    expect(thread.process?.pid).toBeTypeOf('number')
    expect(Number.isSafeInteger(time) && Number.isSafeInteger(weight)).toBe(true)
    expect(weight).toBeGreaterThanOrEqual(0)
  }
  expect(JSON.stringify(summarize(profile))).not.toContain('null')
}

describe.each<[string, Input, string]>([
  ['speedscope', speedscopeInput, written(speedscope, goldenProfile())],
  ['collapsed', collapsedInput, written(collapsed, goldenProfile(), { threads: true })],
  ['collapsed of CPython', collapsedInput, TACHYON],
  ['collapsed of Austin', collapsedInput, AUSTIN],
])('%s', (_, input, text) => {
  test('changed anywhere is a profile or a refusal, never a defect', { timeout: 60_000 }, () => {
    const bytes = Buffer.from(text)
    const change = fc.tuple(
      fc.nat(bytes.length - 1),
      fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('0189;:,.()[]{}"- \n'))),
    )
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(bytes.length),
        (changes, length) => {
          const damaged = Buffer.from(bytes)
          for (const [at, value] of changes) damaged[at] = value
          for (const piece of [damaged, damaged.subarray(0, length)]) {
            try {
              expectSound(input.read([piece], OPTIONS).profile)
            } catch (error) {
              if (!(error instanceof InputError)) throw error
            }
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
