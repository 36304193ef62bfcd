import { describe, expect, it } from 'vitest'
import { FORMATS } from '../../../src/formats/index.ts'
import { goldenProfile, written } from './fixtures.ts'

const VARIANTS = [
  { suffix: '', options: {} },
  { suffix: '-threads', options: { threads: true } },
  { suffix: '-functions', options: { functions: true, title: 'A title; <b>&amp;' } },
]

/** A recording is bytes, and has its golden file in test/unit/recording. */
const TEXTS = FORMATS.filter(({ name }) => name !== 'pyprof')

describe.each(TEXTS)('$name', (format) => {
  it.each(VARIANTS)('writes what the golden file$suffix holds', async ({ suffix, options }) => {
    const text = written(format, goldenProfile(), options)
    await expect(text).toMatchFileSnapshot(
      `../../golden/profile${suffix}${format.suffixes[0] as string}`,
    )
  })
})
