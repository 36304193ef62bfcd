import fc from 'fast-check'
import { byFunction } from '../../../src/profile/granularity.ts'
import { type Profile, QUALITY, REASONS, STATES } from '../../../src/profile/profile.ts'
import { type DraftSample, profileOf } from '../../support/ascii-profile.ts'

/** Any UTF-16, lone surrogates and controls included; often short and alike. */
const anyText = fc.oneof(
  fc.constantFrom('f', 'g', 'f;g', 'f 1', 'f (a.py:1)', '\\', '</script>', ']]>', '(1) f'),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.array(fc.nat(0xffff), { maxLength: 4 }).map((units) => String.fromCharCode(...units)),
)
export const frame = fc.record({
  name: anyText,
  file: fc.oneof(anyText, fc.constantFrom('/v/site-packages/a.py', '/w/site-packages/a.py')),
  line: fc.nat(3),
  firstLine: fc.nat(2),
  column: fc.integer({ min: -1, max: 2 }),
})
export const sample: fc.Arbitrary<DraftSample> = fc
  .record({
    thread: fc.nat(2),
    stack: fc.array(frame, { maxLength: 5 }),
    weight: fc.oneof(fc.nat(3000), fc.nat(1_000_000_000)),
    gap: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(1_000_000)),
    quality: fc.constantFrom(...QUALITY),
    reason: fc.constantFrom(...REASONS),
    states: fc.subarray([...STATES]),
    cpu: fc.oneof(fc.constant(-1), fc.nat(1_000_000)),
  })
  .map((draft) => (draft.quality === 'missed' ? { ...draft, stack: [] } : draft))
export const samples = fc.array(sample, { maxLength: 30 })
export type Choice = { readonly threads: boolean; readonly functions: boolean }
export const options: fc.Arbitrary<Choice> = fc.record({
  threads: fc.boolean(),
  functions: fc.boolean(),
})

/** What a sample is counted under: its thread if that matters, and its frames. */
export function pathOf(draft: DraftSample, { threads, functions }: Choice): unknown[] {
  const frames =
    draft.quality === 'missed'
      ? ['missed']
      : draft.stack.length === 0
        ? ['empty']
        : draft.stack.map(({ name, file, line, firstLine }) => [
            name,
            file,
            functions ? firstLine : line,
          ])
  return threads ? [draft.thread, ...frames] : frames
}

/** The profile at the chosen granularity. */
export function profileIn(drafts: readonly DraftSample[], { functions }: Choice): Profile {
  return functions ? byFunction(profileOf(drafts)) : profileOf(drafts)
}

/** ns by path. */
export function expectedWeights(
  drafts: readonly DraftSample[],
  choice: Choice,
): Map<string, number> {
  const weights = new Map<string, number>()
  for (const draft of drafts) {
    const path = JSON.stringify(pathOf(draft, choice))
    weights.set(path, (weights.get(path) ?? 0) + draft.weight!)
  }
  return weights
}

/** The sum. */
export const total = (numbers: Iterable<number>) =>
  [...numbers].reduce((sum, value) => sum + value, 0)
