import fc from 'fast-check'
import { expect, it } from 'vitest'
import { inverted } from '../../../src/profile/inverted.ts'
import { type DraftSample, profileOf } from '../../support/ascii-profile.ts'

const frame = fc.record({ name: fc.constantFrom('a', 'b', 'c'), line: fc.nat(2) })
const sample: fc.Arbitrary<DraftSample> = fc.record({
  thread: fc.nat(1),
  stack: fc.array(frame, { maxLength: 6 }),
  weight: fc.nat(100),
})

it('turns every stack upside down and changes nothing else', () => {
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 20 }), (drafts) => {
      const turned = drafts.map((draft) => ({ ...draft, stack: draft.stack.toReversed() }))
      const { strings, functions, frames, stacks, samples, ...rest } = inverted(profileOf(drafts))
      const expected = profileOf(turned)
      expect({ ...samples, stack: [] }).toEqual({ ...profileOf(drafts).samples, stack: [] })
      expect(rest).toMatchObject({ threads: expected.threads, meta: expected.meta })
      const names = (tables: typeof expected, leaf: number) => {
        const found: string[] = []
        for (let at = leaf; at !== -1; at = tables.stacks.parent[at]!) {
          const each = tables.stacks.frame[at]!
          const fn = tables.frames.function[each]!
          const name = tables.strings[tables.functions.qualname[fn]!]!
          found.push(`${name}:${tables.frames.line[each]}`)
        }
        return found
      }
      const own = { ...rest, strings, functions, frames, stacks, samples }
      for (let row = 0; row < samples.length; row++) {
        expect(names(own, samples.stack[row]!)).toEqual(
          names(expected, expected.samples.stack[row]!),
        )
      }
    }),
  )
})
