import { describe, expect, it } from 'vitest'
import { FORMATS, type FormatName } from '../../../src/formats/index.ts'
import { bytes, goldenProfile } from './fixtures.ts'
import { pprofText } from './pprof-message.ts'
import { pstatsText } from './pstats-file.ts'

const VARIANTS = [
  { suffix: '', options: {} },
  { suffix: '-threads', options: { threads: true } },
  { suffix: '-functions', options: { functions: true, title: 'A title; <b>&amp;' } },
]

/** How outputs that are no text are shown in their golden files, which then end in `.txt`. */
const AS_TEXT: { readonly [Name in FormatName]?: (file: Buffer) => string } = {
  pprof: pprofText,
  pstats: pstatsText,
}

describe.each(FORMATS)('$name', (format) => {
  it.each(VARIANTS)('writes what the golden file$suffix holds', async ({ suffix, options }) => {
    const asText = AS_TEXT[format.name]
    const output = bytes(format, goldenProfile(), options)
    await expect(asText ? asText(output) : output.toString()).toMatchFileSnapshot(
      `../../golden/profile${suffix}${format.suffixes[0] as string}${asText ? '.txt' : ''}`,
    )
  })
})
