import { describe, expect, it } from 'vitest'
import { FORMATS, type FormatName } from '../../../src/formats/index.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import { bytes, goldenProfile } from './fixtures.ts'
import { pprofText } from './pprof-message.ts'
import { pstatsText } from './pstats-file.ts'

const VARIANTS = [
  { suffix: '', options: {}, view: (profile: Profile) => profile },
  { suffix: '-threads', options: { threads: true }, view: (profile: Profile) => profile },
  { suffix: '-functions', options: { title: 'A title; <b>&amp;' }, view: byFunction },
]

/** How outputs that are no text are shown in their golden files, which then end in `.txt`. */
const AS_TEXT: { readonly [Name in FormatName]?: (file: Buffer) => string } = {
  pprof: pprofText,
  pstats: pstatsText,
}

// The HTML page is mostly speedscope, and test/integration/browser.test.ts looks at it. A recording
// has its golden file in test/unit/recording.
describe.each(FORMATS.filter(({ name }) => name !== 'html' && name !== 'pyprof'))(
  '$name',
  (format) => {
    it.each(VARIANTS)(
      'writes what the golden file$suffix holds',
      async ({ suffix, options, view }) => {
        const asText = AS_TEXT[format.name]
        const output = bytes(format, view(goldenProfile()), options)
        await expect(asText ? asText(output) : output.toString()).toMatchFileSnapshot(
          `../../golden/profile${suffix}${format.suffixes[0] as string}${asText ? '.txt' : ''}`,
        )
      },
    )
  },
)
