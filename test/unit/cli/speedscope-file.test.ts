import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scanSpeedscope } from '../../../src/commands/view/speedscope-file.ts'

/** The text in chunks of some length. */
function* chunks(text: string, length: number): Iterable<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

const scan = (text: string, length = 7) => scanSpeedscope(chunks(text, length))

describe('a speedscope file', () => {
  const value = fc.jsonValue()
  const profile = fc
    .record({ name: value, type: value, samples: value, shared: value }, { requiredKeys: [] })
    .map((each) => ({ weights: [{ name: 'inner' }], ...each }))
  const file = fc.record(
    {
      name: value,
      exporter: value,
      activeProfileIndex: value,
      pyprof: value,
      other: fc.constant([{ name: 'not this', profiles: [1], shared: {} }]),
      shared: fc.dictionary(fc.string(), value),
      profiles: fc.array(profile, { minLength: 1, maxLength: 4 }),
    },
    { requiredKeys: ['shared', 'profiles'] },
  )

  it('is read as JSON is, however it is written and cut', () => {
    fc.assert(
      fc.property(file, fc.integer({ min: 1, max: 40 }), fc.nat(2), (written, length, indent) => {
        const text = JSON.stringify(written, null, indent)
        const read = JSON.parse(text) as typeof written
        const { name, exporter, activeProfileIndex, pyprof, profiles } = read
        const given = Object.entries({ name, exporter, activeProfileIndex, pyprof })
        expect(scan(`${text}\n `, length)).toEqual({
          ...Object.fromEntries(given.filter(([, each]) => each !== undefined)),
          profiles: profiles.map((each) => each.name),
          length: Buffer.byteLength(text),
        })
      }),
    )
  })

  it.each([
    '',
    'text',
    '1',
    '[]',
    '{}',
    '{"shared":{},"profiles":[]}',
    '{"shared":[],"profiles":[{}]}',
    '{"profiles":[{}]}',
    '{"shared":{},"profiles":{"a":{}}}',
    '{"shared":{},"profiles":[{},null]}',
    '{"shared":{},"profiles":[[]]}',
    '{"shared":{},"profiles":["a"]}',
    '{"shared":{},"profiles":[{}]',
    '{"shared":{},"profiles":[{}]}{}',
    '{"shared":{},"profiles":[{}]} x',
    '{"shared":{},"profiles":[{}]}]',
    '[{"shared":{},"profiles":[{}]}]',
  ])('is not %s', (text) => {
    expect(scan(text)).toBeUndefined()
  })
})
