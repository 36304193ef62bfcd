import { describe, expect, it } from 'vitest'
import { FORMATS, type FormatName } from '../../../src/formats/index.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import type { FindSource } from '../../../src/profile/source-files.ts'
import { bytes, goldenProfile } from './fixtures.ts'
import { heatmapData } from './heatmap-file.ts'
import { pageText } from './html-page.ts'
import { pprofText } from './pprof-message.ts'
import { pstatsText } from './pstats-file.ts'

/** What heatmaps find: one file that fits what ran, and one that does not. */
const SOURCES: Readonly<Record<string, string>> = {
  '/srv/app.py':
    'def main():\n\tload("ä <b>", 1)\n\u202e\n  x = f(load(1), 2)\nwalk()\n\n\n\nmain()\n',
  '/usr/lib/python3.14/json/decoder.py': 'import re\n',
}
const findSource: FindSource = (file) => {
  const text = SOURCES[file]
  return [text === undefined ? 'No source: it is not there.' : { path: file, text, doubt: '' }]
}

const VARIANTS = [
  { suffix: '', options: {}, view: (profile: Profile) => profile },
  { suffix: '-threads', options: { threads: true }, view: (profile: Profile) => profile },
  { suffix: '-functions', options: { title: 'A title; <b>&amp;' }, view: byFunction },
]

/** How outputs that are not shown as they are look in their golden files, which then end in `.txt`. */
const AS_TEXT: { readonly [Name in FormatName]?: (file: Buffer) => string } = {
  heatmap: (file) => heatmapData(file.toString()),
  html: (file) => pageText(file.toString()),
  pprof: pprofText,
  pstats: pstatsText,
}

// A recording has its golden file in test/unit/recording.
describe.each(FORMATS.filter(({ name }) => name !== 'pyprof'))('$name', (format) => {
  it.each(VARIANTS)(
    'writes what the golden file$suffix holds',
    async ({ suffix, options, view }) => {
      const asText = AS_TEXT[format.name]
      const output = bytes(format, view(goldenProfile()), { findSource, ...options })
      await expect(asText ? asText(output) : output.toString()).toMatchFileSnapshot(
        `../../golden/profile${suffix}${format.suffixes[0] as string}${asText ? '.txt' : ''}`,
      )
    },
  )
})
