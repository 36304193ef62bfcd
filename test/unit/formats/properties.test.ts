import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collapsed } from '../../../src/formats/collapsed.ts'
import { flamegraph } from '../../../src/formats/flamegraph.ts'
import { FORMATS } from '../../../src/formats/index.ts'
import { speedscope } from '../../../src/formats/speedscope.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import { profileOf } from '../../support/ascii-profile.ts'
import {
  expectedWeights,
  frame,
  options,
  pathOf,
  profileIn,
  sample,
  samples,
  total,
} from './arbitraries.ts'
import { bytes, written } from './fixtures.ts'
import { embedded } from './flamegraph-data.ts'
import { checkRules, type SpeedscopeFile } from './speedscope-rules.ts'
import { checkXml } from './xml.ts'

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
        for (const format of FORMATS) {
          const once = bytes(format, profileIn(drafts, variant), variant)
          expect(bytes(format, profileIn(drafts, variant), variant).equals(once)).toBe(true)
        }
      }),
      { numRuns: 20 },
    )
  })
})
