import type { Format, FormatOptions } from '../../../src/formats/index.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import { asciiProfile, MS } from '../../support/ascii-profile.ts'

export const PLAIN: FormatOptions = { threads: false }

/** The whole output. */
export function bytes(
  format: Format,
  profile: Profile,
  options: Partial<FormatOptions> = {},
): Buffer {
  const pieces = [...format.write(profile, { ...PLAIN, ...options })]
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece as string)))
}

/** The whole output as one string. */
export function written(
  format: Format,
  profile: Profile,
  options: Partial<FormatOptions> = {},
): string {
  return bytes(format, profile, options).toString()
}

/** What the golden files show: threads, lines, recursion, every quality, a gap, escapes. */
export function goldenProfile(): Profile {
  return asciiProfile(
    `
    <module>:9  <module>:9  <module>:9  <module>:8  <truncated>  -  _bootstrap  _bootstrap  -
    main:4      main:4      main:5                  walk:3          wait:5      wait:5
    load:12     load:12     walk:3                  walk:3
    decode:30               walk:3                  odd:2
                            walk:4
    `,
    {
      thread: [0, 0, 0, 0, 0, 0, 1, 1, 2],
      weight: [10, 11, 9, 10.5, 10, 10, 10, 10, 20].map((ms) => ms * MS),
      gap: [0, 0, 0, 41 * MS, 0, 0, 0, 0, 0],
      quality: [
        'exact',
        'exact',
        ['repaired', 'moved'],
        'exact',
        ['partial', 'truncated'],
        ['missed', 'moved'],
        'exact',
        'exact',
        'exact',
      ],
      files: {
        load: '/venv/lib/python3.14/site-packages/shop/io.py',
        decode: '/usr/lib/python3.14/json/decoder.py',
        _bootstrap: '/usr/lib/python3.14/threading.py',
        wait: '/usr/lib/python3.14/threading.py',
        '<truncated>': '',
      },
      names: { odd: 'odd; <b>&\u0007 7' },
      firstLines: { load: 10, walk: 2, decode: 25, wait: 4 },
      columns: { 'main:4': 8, 'load:12': 4 },
      threads: [{}, { name: 'worker 7' }, { name: '', nativeId: 0 }],
    },
  )
}
