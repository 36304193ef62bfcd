import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { Profile as Message, type ProfileInput, StringTable } from 'pprof-format'
import { describe, expect, it } from 'vitest'
import { PyprofError } from '../../../src/errors.ts'
import { readPprof } from '../../../src/formats/pprof/read.ts'
import { pprof } from '../../../src/formats/pprof.ts'
import { type Profile, QUALITY, REASONS } from '../../../src/profile/profile.ts'
import { weightTotals } from '../../../src/profile/views.ts'
import { asciiProfile, MS, profileOf } from '../../support/ascii-profile.ts'
import { samples } from './arbitraries.ts'
import { bytes, goldenProfile } from './fixtures.ts'

/** Rows as text: thread, root-first stack, weight in ms and what is not usual. */
function rows(profile: Profile): string[] {
  const { samples, stacks, frames, functions, strings, threads } = profile
  return Array.from({ length: samples.length }, (_, row) => {
    const path: string[] = []
    for (let at = samples.stack[row]!; at !== -1; at = stacks.parent[at]!) {
      const frame = stacks.frame[at]!
      const fn = frames.function[frame]!
      path.unshift(
        `${strings[functions.qualname[fn]!]} ${strings[functions.file[fn]!]}` +
          `:${frames.line[frame]}:${frames.column[frame]} from ${functions.firstLine[fn]}`,
      )
    }
    const quality = QUALITY[samples.quality[row]!]
    const reason = REASONS[samples.reason[row]!]
    return `${threads[samples.thread[row]!]!.name} | ${path.join(' > ')} | ${samples.weight[row]! / MS} ${quality} ${reason} ${samples.cpu[row]}`
  })
}

/** A file of another writer: strings are given as such, ids as they are. */
function foreign(make: (string: (text: string) => number) => ProfileInput): Uint8Array {
  const stringTable = new StringTable()
  const input = make((text) => stringTable.dedup(text))
  return gzipSync(new Message({ ...input, stringTable }).encode())
}

function failure(file: Uint8Array): PyprofError {
  try {
    readPprof(file)
  } catch (error) {
    if (error instanceof PyprofError) return error
    throw error
  }
  throw new Error('It was read.')
}

/** One function `f`, one sample; parts are replaced by a test. */
function simple(string: (text: string) => number, changes: ProfileInput = {}): ProfileInput {
  return {
    sampleType: [{ type: string('wall'), unit: string('nanoseconds') }],
    sample: [{ locationId: [1], value: [5 * MS] }],
    location: [{ id: 1, line: [{ functionId: 1, line: 3 }] }],
    function: [{ id: 1, name: string('f'), filename: string('f.py'), startLine: 2 }],
    ...changes,
  }
}

describe('readPprof', () => {
  it('gives back what pprof was written from', () => {
    const profile = readPprof(bytes(pprof, goldenProfile()))
    expect(rows(profile)).toMatchInlineSnapshot(`
      [
        "MainThread | <module> /srv/app.py:9:-1 from 1 > main /srv/app.py:4:8 from 1 > load /venv/lib/python3.14/site-packages/shop/io.py:12:4 from 10 > decode /usr/lib/python3.14/json/decoder.py:30:-1 from 25 | 10 exact none -1",
        "MainThread | <module> /srv/app.py:9:-1 from 1 > main /srv/app.py:4:8 from 1 > load /venv/lib/python3.14/site-packages/shop/io.py:12:4 from 10 | 11 exact none -1",
        "MainThread | <module> /srv/app.py:9:-1 from 1 > main /srv/app.py:5:-1 from 1 > walk /srv/app.py:3:-1 from 2 > walk /srv/app.py:3:-1 from 2 > walk /srv/app.py:4:-1 from 2 | 9 repaired moved -1",
        "MainThread | <module> /srv/app.py:8:-1 from 1 | 10.5 exact none -1",
        "MainThread | <truncated> :0:-1 from 0 > walk /srv/app.py:3:-1 from 2 > walk /srv/app.py:3:-1 from 2 > odd; <b>&\\x07 7 /srv/app.py:2:-1 from 1 | 10 partial truncated -1",
        "MainThread |  | 10 missed moved -1",
        "worker 7 | _bootstrap /usr/lib/python3.14/threading.py:1:-1 from 1 > wait /usr/lib/python3.14/threading.py:5:-1 from 4 | 20 exact none -1",
        " |  | 20 exact none -1",
      ]
    `)
    expect(profile.threads).toEqual(goldenProfile().threads)
    const { meta, accounting } = goldenProfile()
    expect(profile.accounting).toEqual(accounting)
    expect(profile.meta).toEqual({ ...meta, endReason: 'unknown' })
    expect(weightTotals(profile)).toEqual(weightTotals(goldenProfile()))
  })

  it('lets each thread begin at 0, one row after another', () => {
    const { samples } = readPprof(bytes(pprof, asciiProfile('a  b  c', { thread: [0, 1, 0] })))
    expect(samples.thread).toEqual([0, 0, 1])
    expect(samples.time).toEqual([10 * MS, 20 * MS, 10 * MS])
  })

  it('keeps processes, the target first', () => {
    const process = { parent: -1, pythonVersion: '3.14.0', start: 0, end: 10 * MS, unreadable: '' }
    const processes = [
      { ...process, pid: 100, command: 'python a.py' },
      { ...process, pid: 200, command: 'python b.py' },
    ]
    const drawn = asciiProfile('a  b', {
      thread: [0, 1],
      threads: [{ process: 1 }, { process: 0 }],
      processes,
    })
    const read = readPprof(bytes(pprof, drawn))
    expect(read.processes).toEqual(processes)
    expect(read.threads.map((thread) => thread.process)).toEqual([1, 0])
  })

  it('writes again what it read, byte for byte', () => {
    fc.assert(
      fc.property(samples, (drafts) => {
        const options = { meta: { read: 'exact' } } as const
        const first = bytes(pprof, profileOf(drafts, options))
        const second = bytes(pprof, readPprof(first))
        expect(gunzipSync(bytes(pprof, readPprof(second))).equals(gunzipSync(second))).toBe(true)
        expect(rows(readPprof(second))).toEqual(rows(readPprof(first)))
      }),
      { numRuns: 50 },
    )
  })

  describe('of other writers', () => {
    it('takes the default time, inlined lines, and Datadog-style labels', () => {
      const file = foreign((string) =>
        simple(string, {
          sampleType: [
            { type: string('cpu-samples'), unit: string('count') },
            { type: string('cpu'), unit: string('milliseconds') },
            { type: string('wall-time'), unit: string('microseconds') },
            { type: string('alloc'), unit: string('bytes') },
          ],
          defaultSampleType: string('wall-time'),
          sample: [
            {
              locationId: [7n, 2n ** 63n],
              value: [1, 2, 30_000, 512],
              label: [
                { key: string('thread id'), num: 139_000_000_000_000 },
                { key: string('thread native id'), num: 42 },
                { key: string('thread name'), str: string('worker') },
              ],
            },
          ],
          location: [
            {
              id: 7,
              line: [
                { functionId: 1, line: 3, column: 5 },
                { functionId: 2n ** 40n, line: 9 },
              ],
            },
            { id: 2n ** 63n, address: 0xabc, mappingId: 1 },
          ],
          mapping: [{ id: 1, filename: string('/lib/libc.so') }],
          function: [
            { id: 1, name: string('f'), filename: string('f.py'), startLine: 2 },
            { id: 2n ** 40n, systemName: string('g') },
          ],
        }),
      )
      const profile = readPprof(file)
      expect(rows(profile)).toEqual([
        `worker | 0xabc /lib/libc.so:0:-1 from 0 > g :9:-1 from 0 > f f.py:3:4 from 2 | 30 unknown none ${2 * MS}`,
      ])
      expect(profile.threads).toMatchObject([{ nativeId: 42, name: 'worker' }])
      expect(profile.meta).toMatchObject({ exporter: 'pprof', command: '', rate: 0 })
    })

    it('takes counts times the period where there is no time', () => {
      const profile = readPprof(
        foreign((string) =>
          simple(string, {
            sampleType: [{ type: string('samples'), unit: string('count') }],
            sample: [{ locationId: [1], value: [3] }],
            periodType: { type: string('cpu'), unit: string('nanoseconds') },
            period: 10 * MS,
          }),
        ),
      )
      expect(profile.samples.weight).toEqual([30 * MS])
      expect(profile.meta.rate).toBe(100)
    })

    it('takes the last time when nothing says which, and reads what is not packed', () => {
      const file = foreign((string) =>
        simple(string, {
          sampleType: [
            { type: string('a'), unit: string('seconds') },
            { type: string('b'), unit: string('ms') },
          ],
          sample: [],
        }),
      )
      // Field 2, a sample: location_id 1, value 4, value 7, each of its own.
      const sample = Buffer.of(0x12, 6, 0x08, 1, 0x10, 4, 0x10, 7)
      const profile = readPprof(Buffer.concat([gunzipSync(file), sample]))
      expect(profile.samples.weight).toEqual([7 * MS])
    })

    it('skips fields that it does not know', () => {
      const raw = gunzipSync(foreign((string) => simple(string)))
      // Fields 100 to 103: a number, 8 bytes, a text and 4 bytes.
      const unknown = Buffer.from('a00605a9060102030405060708b20601ffbd0601020304', 'hex')
      expect(rows(readPprof(Buffer.concat([unknown, raw])))).toHaveLength(1)
    })
  })

  describe('refuses', () => {
    it.each([
      ['nothing', Buffer.alloc(0), /it is empty/],
      ['text', Buffer.from('main;f 10\n'), /because /],
      ['JSON', Buffer.from('{"a":1}'), /because /],
      ['half a gzip file', bytes(pprof, goldenProfile()).subarray(0, 200), /cannot be unpacked/],
      ['a damaged gzip file', damaged(), /cannot be unpacked/],
      ['a cut message', gunzipSync(bytes(pprof, goldenProfile())).subarray(0, -3), /cut off/],
      ['a message without types', Buffer.of(0x48, 1), /no type of sample/],
      ['a number without an end', Buffer.alloc(12, 0xff), /does not end/],
      ['an unknown function', foreign((s) => simple(s, { function: [] })), /a function 1 that/],
      ['an unknown location', foreign((s) => simple(s, { location: [] })), /a location 1 that/],
      [
        'an unknown string',
        foreign((s) => simple(s, { function: [{ id: 1, name: 99 }] })),
        /a string 99 that/,
      ],
      [
        'too few values',
        foreign((s) => simple(s, { sample: [{ locationId: [1], value: [] }] })),
        /0 values and not 1/,
      ],
      [
        'two functions of one id',
        foreign((s) => simple(s, { function: [{ id: 1 }, { id: 1 }] })),
        /two functions have the id 1/,
      ],
      [
        'a function without an id',
        foreign((s) => simple(s, { function: [{ startLine: 1 }] })),
        /a function has no id/,
      ],
    ])('%s', (_, file, why) => {
      const error = failure(file)
      expect(error).toMatchObject({ code: 'bad-pprof', exitCode: 3 })
      expect(error.why).toMatch(why)
      expect(error.why).not.toContain('\n')
    })

    it.each([
      ['memory', { sampleType: ['space', 'bytes'] }, 'Its values are space/bytes.'],
      ['differences', { value: -5 }, 'It has negative times: it is a difference of two profiles.'],
    ] as const)(
      'a profile of %s',
      (_, {
        sampleType,
        value,
      }: { sampleType?: readonly [string, string]; value?: number }, why) => {
        const file = foreign((string) => ({
          ...simple(string),
          ...(sampleType && {
            sampleType: [{ type: string(sampleType[0]), unit: string(sampleType[1]) }],
          }),
          ...(value && { sample: [{ locationId: [1], value: [value] }] }),
        }))
        expect(failure(file)).toMatchObject({ code: 'pprof-without-time', why })
      },
    )

    it('more than it reads, before the memory is taken', () => {
      const bomb = gzipSync(Buffer.alloc(300 * 2 ** 20))
      expect(failure(bomb)).toMatchObject({
        code: 'pprof-too-large',
        why: 'pyprof reads up to 256 MiB, unpacked.',
      })
      // Empty strings, two bytes each.
      const rows = Buffer.from('3200'.repeat(2 ** 22 + 1), 'hex')
      expect(failure(rows)).toMatchObject({ code: 'pprof-too-large' })
    })

    it('stacks that would take for ever', () => {
      const lines = Array.from({ length: 1000 }, () => ({ functionId: 1, line: 3 }))
      const path = Array.from({ length: 35 }, () => 1)
      const file = foreign((string) =>
        simple(string, {
          location: [
            { id: 1, line: lines },
            { id: 2, line: lines.slice(1) },
          ],
          // Neither is as the one before.
          sample: Array.from({ length: 1000 }, (_, at) => ({
            locationId: [...path, 1 + (at % 2)],
            value: [1],
          })),
        }),
      )
      expect(failure(file)).toMatchObject({ code: 'pprof-too-large' })
    })
  })

  it('takes no comment at its word', () => {
    const comments = [
      'exporter: \u0007',
      'accounting: {"ticks":-1,"missedTicks":"many","gapTime":1e999,"execs":null}',
      'process 99999999999999999999: x',
      'reading: telepathic',
      'accounting: [',
    ]
    const profile = readPprof(
      foreign((string) => simple(string, { comment: comments.map(string), timeNanos: -1n })),
    )
    expect(Object.values(profile.accounting).every((value) => value === 0)).toBe(true)
    expect(profile.meta).toMatchObject({ read: 'unknown', startedAt: 0 })
    expect(() => new Date(profile.meta.startedAt).toISOString()).not.toThrow()
  })

  it('reads or refuses any damage, and what it reads is whole', () => {
    const good = gunzipSync(bytes(pprof, goldenProfile()))
    const change = fc.record({ at: fc.nat(good.length - 1), value: fc.nat(255) })
    const damage = fc.tuple(fc.array(change, { maxLength: 8 }), fc.nat(good.length))
    let read = 0
    fc.assert(
      fc.property(damage, fc.boolean(), ([changes, length], cut) => {
        const file = Buffer.from(good)
        for (const { at, value } of changes) file[at] = value
        const result = outcome(cut ? file.subarray(0, length) : file)
        if (result) read++
      }),
      { numRuns: 3000 },
    )
    // Else nothing is proved of what is read.
    expect(read).toBeGreaterThan(100)
  })

  it('reads or refuses any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (file) => {
        outcome(file)
        outcome(gzipSync(file))
      }),
      { numRuns: 3000 },
    )
  })
})

/** A file with a bit flipped in the middle of what is packed. */
function damaged(): Buffer {
  const file = Buffer.from(bytes(pprof, goldenProfile()))
  file[100]! ^= 4
  return file
}

/** Reads it or gets a PyprofError; what is read must hold together. */
function outcome(file: Uint8Array): Profile | undefined {
  let profile: Profile
  try {
    profile = readPprof(file)
  } catch (error) {
    expect(error).toBeInstanceOf(PyprofError)
    return undefined
  }
  const { samples, stacks, frames, functions, strings, threads, processes } = profile
  const inside = (column: ArrayLike<number>, length: number, least = 0) => {
    for (const value of Array.from(column)) {
      expect(Number.isInteger(value) && value >= least && value < length).toBe(true)
    }
  }
  inside(samples.stack, stacks.length, -1)
  inside(samples.thread, threads.length)
  inside(samples.quality, QUALITY.length)
  inside(samples.reason, REASONS.length)
  Array.from(stacks.parent).forEach((parent, stack) => {
    expect(parent >= -1 && parent < stack).toBe(true)
  })
  inside(stacks.frame, frames.length)
  inside(frames.function, functions.length)
  inside(frames.line, 2 ** 31)
  inside(functions.qualname, strings.length)
  inside(functions.file, strings.length)
  inside(
    threads.map((thread) => thread.process),
    processes.length,
  )
  for (const column of [samples.time, samples.weight]) {
    expect(Array.from(column).every((value) => Number.isFinite(value) && value >= 0)).toBe(true)
  }
  // All writers can write it.
  bytes(pprof, profile)
  return profile
}
