import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { gzipped } from '../../../src/formats/gzip.ts'

const packed = (pieces: Uint8Array[]) => Buffer.concat([...gzipped(pieces)])

it('gives back any pieces as one', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (pieces) => {
      expect(gunzipSync(packed(pieces)).equals(Buffer.concat(pieces))).toBe(true)
    }),
  )
})

it('makes one member of several blocks, in pieces, and compresses them', () => {
  const pieces = Array.from({ length: 50 }, (_, at) => Buffer.alloc(100_000, `piece ${at}`))
  const parts = [...gzipped(pieces)]
  expect(parts.length).toBeGreaterThan(5)
  const all = Buffer.concat(parts)
  expect(all.length).toBeLessThan(100_000)
  expect(gunzipSync(all).equals(Buffer.concat(pieces))).toBe(true)
  // A second member would begin with the magic number again.
  expect(all.indexOf(Buffer.of(0x1f, 0x8b, 8), 1)).toBe(-1)
})
