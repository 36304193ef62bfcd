import { describe, expect, it } from 'vitest'
import { FORMATS } from '../../../src/formats/index.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import { goldenProfile, written } from './fixtures.ts'

const VARIANTS = [
  { suffix: '', options: {}, view: (profile: Profile) => profile },
  { suffix: '-threads', options: { threads: true }, view: (profile: Profile) => profile },
  { suffix: '-functions', options: { title: 'A title; <b>&amp;' }, view: byFunction },
]

// The HTML page is mostly speedscope, and test/integration/browser.test.ts looks at it.
describe.each(FORMATS.filter(({ name }) => name !== 'html'))('$name', (format) => {
  it.each(VARIANTS)(
    'writes what the golden file$suffix holds',
    async ({ suffix, options, view }) => {
      const text = written(format, view(goldenProfile()), options)
      await expect(text).toMatchFileSnapshot(
        `../../golden/profile${suffix}${format.suffixes[0] as string}`,
      )
    },
  )
})
