import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collapsed } from '../../../src/formats/collapsed.ts'
import { flamegraph } from '../../../src/formats/flamegraph.ts'
import { speedscope } from '../../../src/formats/speedscope.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import { type Profile, QUALITY, REASONS } from '../../../src/profile/profile.ts'
import { type DraftSample, profileOf } from '../../support/ascii-profile.ts'
import { written } from './fixtures.ts'
import { embedded } from './flamegraph-data.ts'
import { checkRules, type SpeedscopeFile } from './speedscope-rules.ts'
import { checkXml } from './xml.ts'

/** Any UTF-16, lone surrogates and controls included; often short and alike. */
const anyText = fc.oneof(
  fc.constantFrom('f', 'g', 'f;g', 'f 1', 'f (a.py:1)', '\\', '</script>', ']]>'),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.array(fc.nat(0xffff), { maxLength: 4 }).map((units) => String.fromCharCode(...units)),
)
const frame = fc.record({
  name: anyText,
  file: fc.oneof(anyText, fc.constantFrom('/v/site-packages/a.py', '/w/site-packages/a.py')),
  line: fc.nat(3),
  firstLine: fc.nat(2),
  column: fc.integer({ min: -1, max: 2 }),
})
const sample: fc.Arbitrary<DraftSample> = fc
  .record({
    thread: fc.nat(2),
    stack: fc.array(frame, { maxLength: 5 }),
    weight: fc.oneof(fc.nat(3000), fc.nat(1_000_000_000)),
    gap: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(1_000_000)),
    quality: fc.constantFrom(...QUALITY),
    reason: fc.constantFrom(...REASONS),
  })
  .map((draft) => (draft.quality === 'missed' ? { ...draft, stack: [] } : draft))
const samples = fc.array(sample, { maxLength: 30 })
type Variant = { readonly threads: boolean; readonly functions: boolean }
const options: fc.Arbitrary<Variant> = fc.record({ threads: fc.boolean(), functions: fc.boolean() })

/** What a sample is counted under: its thread if that matters, and its frames. */
function pathOf(draft: DraftSample, { threads, functions }: Variant): unknown[] {
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

function profileIn(drafts: readonly DraftSample[], { functions }: Variant): Profile {
  return functions ? byFunction(profileOf(drafts)) : profileOf(drafts)
}

/** ns by path. */
function expectedWeights(drafts: readonly DraftSample[], variant: Variant): Map<string, number> {
  const weights = new Map<string, number>()
  for (const draft of drafts) {
    const path = JSON.stringify(pathOf(draft, variant))
    weights.set(path, (weights.get(path) ?? 0) + draft.weight!)
  }
  return weights
}

const total = (numbers: Iterable<number>) => [...numbers].reduce((sum, value) => sum + value, 0)

describe('for any profile', () => {
  it('collapsed stacks can be read back, line by line, and add up to the whole', () => {
    fc.assert(
      fc.property(samples, options, (drafts, variant) => {
        const text = written(collapsed, profileIn(drafts, variant), variant)
        const lines = text === '' ? [] : text.slice(0, -1).split('\n')
        const parsed = lines.map((line) => /^(.*) (\d+)$/.exec(line)!)
        const paths = parsed.map(([, path]) => path)
        expect(paths.toSorted()).toEqual(paths)
        for (const [, path] of parsed) {
          for (const part of path!.split(';')) {
            expect(part).not.toBe('')
            expect(part).not.toMatch(/\s\d+$/)
            expect(part).not.toMatch(/[\p{Cc}\p{Cs}]/u)
          }
        }
        const weights = expectedWeights(drafts, variant)
        const counts = parsed.map(([, , count]) => Number(count))
        expect(total(counts)).toBe(Math.round(total(weights.values()) / 1000))
      }),
    )
  })

  it('collapsed stacks keep every path apart, each within 1 µs of the truth', () => {
    const named = frame.map((row) => ({ ...row, file: `/${row.file}` }))
    const drafts = fc.array(
      fc.tuple(sample, fc.array(named, { maxLength: 4 })).map(([draft, stack]) => ({
        ...draft,
        stack: draft.quality === 'missed' ? [] : stack,
      })),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(drafts, options, (rows, variant) => {
        const text = written(collapsed, profileIn(rows, variant), variant)
        const counts = [...text.matchAll(/ (\d+)\n/g)].map(([, count]) => Number(count))
        const weights = [...expectedWeights(rows, variant).values()]
        expect(counts.length).toBe(weights.length)
        const sorted = (numbers: number[]) => numbers.toSorted((a, b) => a - b)
        const exact = sorted(weights)
        for (const [at, count] of sorted(counts).entries()) {
          expect(Math.abs(count - exact[at]! / 1000)).toBeLessThanOrEqual(1)
        }
      }),
    )
  })

  it('speedscope gives back every sample with its thread, stack and weight', () => {
    fc.assert(
      fc.property(samples, fc.boolean(), (drafts, functions) => {
        const profile = profileOf(drafts)
        const file = JSON.parse(
          written(speedscope, functions ? byFunction(profile) : profile),
        ) as SpeedscopeFile
        checkRules(file)
        for (const [thread, { name }] of profile.threads.entries()) {
          const own = drafts.filter((draft) => draft.thread === thread)
          const written = file.profiles.find((found) => found.name.startsWith(name))
          const rows = (written?.samples ?? []).map((stack, at) => [
            stack.map((index) => {
              const { name, file: path, line } = file.shared.frames[index]!
              return [name, path ?? '', line ?? 0]
            }),
            written!.weights[at]!,
          ])
          const expected = own.flatMap(({ gap, ...draft }, at) => [
            ...(gap && at > 0 ? [[[], gap]] : []),
            [
              draft.stack.map(({ name, file: path, line, firstLine }) => [
                name,
                path,
                functions ? firstLine : line,
              ]),
              draft.weight,
            ],
          ])
          expect(rows).toEqual(expected)
        }
      }),
    )
  })

  it('the flame graph holds every path once, and all the time', () => {
    fc.assert(
      fc.property(samples, options, (drafts, variant) => {
        const svg = written(flamegraph, profileIn(drafts, variant), variant)
        checkXml(svg)
        const { depth, self } = embedded(svg)
        expect(total(self)).toBe(total(drafts.map((draft) => draft.weight!)))
        const prefixes = new Set<string>(['all'])
        for (const draft of drafts) {
          const path = pathOf(draft, variant)
          path.forEach((_, at) => {
            prefixes.add(JSON.stringify(path.slice(0, at + 1)))
          })
        }
        expect(depth.length).toBe(prefixes.size)
      }),
    )
  })

  it('the same profile gives the same bytes', () => {
    fc.assert(
      fc.property(samples, options, (drafts, variant) => {
        for (const format of [speedscope, collapsed, flamegraph]) {
          const once = written(format, profileIn(drafts, variant), variant)
          expect(written(format, profileIn(drafts, variant), variant)).toBe(once)
        }
      }),
      { numRuns: 20 },
    )
  })
})
