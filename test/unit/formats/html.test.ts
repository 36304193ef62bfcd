import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gzipped } from '../../../src/formats/gzip.ts'
import { base64 } from '../../../src/formats/html/base64.ts'
import { html } from '../../../src/formats/html.ts'
import { speedscope } from '../../../src/formats/speedscope.ts'
import { asciiProfile } from '../../support/ascii-profile.ts'
import { goldenProfile, written } from './fixtures.ts'
import { embeddedProfile, embeddedViewer } from './html-page.ts'

describe('a gzip file in pieces', () => {
  const unpacked = (pieces: Iterable<string | Uint8Array>) =>
    gunzipSync(Buffer.from([...base64(gzipped(pieces))].join(''), 'base64')).toString()

  it('gives back any text, however it comes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (pieces) => {
        expect(unpacked(pieces)).toBe(pieces.join(''))
      }),
    )
  })

  it('gives back what is longer than a block', () => {
    const pieces = Array.from({ length: 300_000 }, (_, at) => `${at * 7919} ü\n`)
    expect(unpacked(pieces)).toBe(pieces.join(''))
  })

  it('takes bytes for text in UTF-8', () => {
    expect(unpacked([Buffer.from('ä'), 'b'])).toBe('äb')
  })
})

describe('an HTML page', () => {
  const page = written(html, goldenProfile(), { title: 'A </title><script>' })

  it('holds the profile as a speedscope file', () => {
    const text = embeddedProfile(page)
    expect(text).toBe(written(speedscope, goldenProfile(), { title: 'A </title><script>' }))
    // The page puts another thread in front by a key behind the last one.
    expect(text.endsWith('}\n')).toBe(true)
    const other = JSON.parse(`${text.slice(0, -2)},"activeProfileIndex":2}`)
    expect(other).toEqual({ ...JSON.parse(text), activeProfileIndex: 2 })
  })

  it('names nothing that a browser would fetch, and forbids it', () => {
    const own = page.replace(/ srcdoc="[^"]*"/, '')
    expect(own).not.toMatch(/<(?:link|img|base)\b| src=| href=/)
    expect(embeddedViewer(page)).not.toMatch(/sourceMappingURL=|url\("(?!data:)/)
    expect(page).toContain(`http-equiv="Content-Security-Policy" content="default-src 'none';`)
  })

  it('hands on the licences of what is in it', () => {
    expect(page).toContain('Copyright (c) 2018 Jamie Wong')
    expect(page).toContain('SIL OPEN FONT LICENSE Version 1.1')
    expect(page.match(/<!--/g)).toHaveLength(1)
  })

  it('says how good the samples are, and lets no name become markup', () => {
    expect(page).toContain('<p>9 samples: 6 exact, 1 repaired (moved 1)')
    expect(page).toContain('More than 2 % of the samples are partial or missed.')
    expect(page).not.toContain('<script>\n</h1>')
    expect(page).toContain('<title>A &#60;/title&#62;&#60;script&#62;</title>')
    expect(written(html, asciiProfile('main'))).not.toContain('More than 2 %')
  })
})
