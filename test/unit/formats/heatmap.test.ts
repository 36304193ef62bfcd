import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { heatmap } from '../../../src/formats/heatmap.ts'
import { displayName, visible } from '../../../src/formats/text.ts'
import type { FindSource, SourceFile } from '../../../src/profile/source-files.ts'
import { weightTotals } from '../../../src/profile/views.ts'
import { asciiProfile, type DraftFrame, MS, profileOf } from '../../support/ascii-profile.ts'
import { expectedWeights, options, profileIn, samples, total } from './arbitraries.ts'
import { goldenProfile, written } from './fixtures.ts'
import { type FileLine, type HeatmapData, readHeatmap } from './heatmap-file.ts'

const sourceOf =
  (text: string, parts: Partial<SourceFile> = {}): FindSource =>
  (path) => [{ path, text, doubt: '', ...parts }]

const lines = (count: number) =>
  Array.from({ length: count }, (_, at) => `line ${at + 1}\n`).join('')

const heatsOf = ([line, , ...heat]: FileLine) => [line, ...heat.slice(0, 4)]

describe('a heatmap', () => {
  const drawing = `
    main:2  main:2  main:2  main:2  -
    load:5  load:5  load:5
    load:5  load:6  read:1
    `

  it('has self and total time and samples of each line, recursion once', () => {
    const { files, other } = readHeatmap(written(heatmap, asciiProfile(drawing)))
    expect(files).toHaveLength(1)
    expect(files[0]!.lines.map(heatsOf)).toEqual([
      [1, 10 * MS, 10 * MS, 1, 1],
      [2, 10 * MS, 40 * MS, 1, 4],
      [5, 10 * MS, 30 * MS, 1, 3],
      [6, 10 * MS, 10 * MS, 1, 1],
    ])
    expect(files[0]!.heat).toEqual([40 * MS, 40 * MS, 4, 4])
    expect(other).toEqual([['<no Python frames>', [10 * MS, 10 * MS, 1, 1]]])
  })

  it('knows who called a line and what the line called', () => {
    const { files, functions } = readHeatmap(written(heatmap, asciiProfile(drawing)))
    const line = files[0]!.lines.find(([number]) => number === 5)!
    const named = (calls: FileLine[6]) =>
      calls.map(([fn, at, ns, count]) => [functions[fn]?.[0], at, ns / MS, count])
    expect(named(line[6])).toEqual([
      ['main', 2, 30, 3],
      ['load', 5, 10, 1],
    ])
    expect(named(line[7])).toEqual([
      ['load', 1, 20, 2],
      ['read', 1, 10, 1],
    ])
    const first = files[0]!.lines.find(([number]) => number === 2)!
    expect(named(first[6])).toEqual([[undefined, 0, 40, 4]])
  })

  it('tells the parts of a line apart, by the text between their columns in bytes', () => {
    const frame = (column: number) => ({ name: 'f', line: 1, column })
    const profile = profileOf([
      { stack: [frame(0)] },
      { stack: [frame(5)] },
      { stack: [frame(5)] },
      { stack: [frame(-1)] },
    ])
    const ends = { ...profile.frames, endColumn: [3, 9, -1] }
    const page = written(
      heatmap,
      { ...profile, frames: ends },
      { findSource: sourceOf('ä = g(1)\n') },
    )
    expect(readHeatmap(page).files[0]!.lines[0]![8]).toEqual([
      ['g(1)', 20 * MS, 20 * MS, 2, 2],
      ['ä', 10 * MS, 10 * MS, 1, 1],
    ])
  })

  it('keeps what has no file in a place of its own', () => {
    const files = { '<GC>': '', '<native>': '', boot: '<frozen boot>' }
    const profile = asciiProfile('f:3   f:3       boot:7\n<GC>  <native>', { files })
    const asked: string[] = []
    const findSource: FindSource = (file) => {
      asked.push(file)
      return []
    }
    const data = readHeatmap(written(heatmap, profile, { findSource }))
    expect(data.files.map(({ path, kind, source }) => [path, kind, source])).toEqual([
      ['', 'marker', undefined],
      ['<frozen boot>', 'stdlib', undefined],
      ['/srv/app.py', 'app', ''],
    ])
    expect(data.files[0]!.lines.map(([line, marker]) => [line, marker])).toEqual([
      [0, '<GC>'],
      [0, '<native>'],
    ])
    expect(asked).toEqual(['/srv/app.py'])
  })

  it('asks for a source with the processes that ran it', () => {
    const ran = {
      pythonVersion: '3.14.0',
      start: 0,
      end: 1,
      unreadable: '',
      command: '',
      parent: -1,
    }
    const profile = asciiProfile('a  b  a\n   c', {
      thread: [0, 1, 2],
      threads: [{}, { process: 1 }, { process: 2 }],
      processes: [1, 2, 3].map((pid) => ({ ...ran, pid })),
      files: { a: '/a.py', b: '/b.py', c: '/c.py' },
    })
    const asked: unknown[] = []
    written(heatmap, profile, {
      findSource: (file, processes) => {
        asked.push([file, processes])
        return []
      },
    })
    expect(asked.sort()).toEqual([
      ['/a.py', [0, 2]],
      ['/b.py', [1]],
      ['/c.py', [1]],
    ])
  })

  it('leaves the time of waiting tasks out, and says that there is some', () => {
    const profile = asciiProfile('f  g', { thread: [0, 1], threads: [{}, { waitingTasks: true }] })
    const page = written(heatmap, profile)
    expect(readHeatmap(page).files[0]!.heat[0]).toBe(10 * MS)
    expect(page).toContain('1 of them of waiting tasks')
  })
})

describe('the source in a heatmap', () => {
  const fileOf = (profile: Parameters<typeof written>[1], findSource: FindSource) =>
    readHeatmap(written(heatmap, profile, { findSource })).files[0]!
  const app = (parts: Partial<DraftFrame> = {}) =>
    profileOf([{ stack: [{ name: 'Store.load', line: 3, firstLine: 2, ...parts }] }])

  it('stands there as it is, but for what nobody would see', () => {
    const text = '# \u202etxt\r\nif 1:\r\r\n\tx = "\u2028\f"'
    const file = fileOf(asciiProfile('f'), sourceOf(text, { path: '/found/here.txt' }))
    expect(file.text).toEqual([[1, '# \\u202etxt\nif 1:\n\n\tx = "\\u2028\\x0c"']])
    expect(file).toMatchObject({ source: '/found/here.txt', notes: [], length: 4 })
  })

  it.each([
    'x\n    def load(self):\n        pass\n',
    'x\n    async  def load(\npass\n',
    'x\n@property\ndef load(self):\n',
    'x\nclass load:\n  pass\n',
  ])('fits where the function begins on its line: %j', (text) => {
    expect(fileOf(app(), sourceOf(text)).notes).toEqual([])
  })

  it('does not fit where a function begins elsewhere', () => {
    expect(fileOf(app(), sourceOf('x\n\ndef load(self):\n')).notes).toEqual([
      'It is not what ran: load does not begin on line 2 (of 1 functions seen).',
    ])
    expect(fileOf(app(), sourceOf('x\ndef loaded(self):\n\n')).notes).toHaveLength(1)
  })

  it('does not fit when it is shorter than what ran', () => {
    expect(fileOf(app(), sourceOf('x\ndef load():\n')).notes).toEqual([
      'It is not what ran: line 3 was sampled, and it has 2.',
    ])
  })

  it.each(['<lambda>', '<module>', 'f.<locals>.<genexpr>', 'größe', '<generic parameters of f>'])(
    'is not judged by %s, nor what is no Python by any name',
    (name) => {
      expect(fileOf(app({ name }), sourceOf('a\nb\nc\n')).notes).toEqual([])
      expect(fileOf(app({ file: '/srv/page.html' }), sourceOf('a\nb\nc\n')).notes).toEqual([])
    },
  )

  it('is the first that fits, else the first, with all that is known against it', () => {
    const candidate = (path: string, text: string, doubt = ''): SourceFile => ({
      path,
      text,
      doubt,
    })
    const fits = 'x\ndef load():\n  pass\n'
    const all: (SourceFile | string)[] = [
      'No source: it may not be read.',
      candidate('/a.py', 'x\n', 'It was changed.'),
      candidate('/b.py', fits, 'It is young.'),
      candidate('/c.py', fits),
    ]
    const found = fileOf(app(), () => all)
    expect(found).toMatchObject({ source: '/b.py', notes: ['It is young.'] })
    expect(fileOf(app(), () => all.slice(0, 2))).toMatchObject({
      source: '/a.py',
      notes: ['It was changed.', 'It is not what ran: line 3 was sampled, and it has 1.'],
    })
    expect(fileOf(app(), () => all.slice(0, 1))).toMatchObject({
      source: '',
      notes: ['No source: it may not be read.'],
    })
  })

  it('is shown without what is not to be shown, in the parts of lines too', () => {
    const profile = asciiProfile('f  f:2', { columns: { f: 4, 'f:2': 4 } })
    const shown = (line: string) => line.replace('secret', '…')
    const file = fileOf(profile, sourceOf('x = "secret"\ny = 2\n', { shown }))
    expect(file.text).toEqual([[1, 'x = "…"\ny = 2']])
    expect(file.lines.map((line) => line[8][0]![0])).toEqual(['from column 5', '2 …'])
  })

  it('of a very long file is what lies around its samples', () => {
    const profile = asciiProfile('f:1000  f:30000  f:30150', { firstLines: { f: 950 } })
    const file = fileOf(profile, sourceOf(lines(60_000), { path: 'x' }))
    expect(file.length).toBe(60_000)
    expect(file.text!.map(([first, text]) => [first, text.split('\n').length])).toEqual([
      [850, 251],
      [29_900, 351],
    ])
    expect(file.text![1]![1]).toMatch(/^line 29900\n.*\nline 30250$/s)
  })
})

describe('the page of a heatmap', () => {
  const evil = '</script><img onerror=alert(1)>'
  const page = written(
    heatmap,
    profileOf([{ stack: [{ name: evil, file: `/${evil}` }] }], { meta: { command: evil } }),
    { title: `A ${evil}`, findSource: sourceOf(`${evil}\n`) },
  )

  it('lets nothing become markup, and names nothing that a browser would fetch', () => {
    expect(page).not.toContain('<img')
    expect(page.match(/<script/g)).toHaveLength(2)
    expect(page).not.toMatch(/<(?:link|iframe|base)\b| src=| href=|url\(/)
    expect(page).toContain(`http-equiv="Content-Security-Policy" content="default-src 'none';`)
    expect(readHeatmap(page).files[0]!.text).toEqual([[1, evil]])
  })

  it('says how good the samples are', () => {
    const golden = written(heatmap, goldenProfile())
    expect(golden).toContain('<p>9 samples: 6 exact, 1 repaired (moved 1)')
    expect(golden).toContain('More than 2 % of the samples are partial or missed.')
    expect(written(heatmap, asciiProfile('main'))).not.toContain('More than 2 %')
  })
})

describe('for any profile', () => {
  const selfOf = (data: HeatmapData) => [
    ...data.files.map(({ heat }) => heat[0]),
    ...data.other.map(([, heat]) => heat[0]),
  ]

  it('a heatmap holds every nanosecond and every frame, once', () => {
    fc.assert(
      fc.property(samples, options, (drafts, variant) => {
        const profile = profileIn(drafts, variant)
        const data = readHeatmap(written(heatmap, profile))
        expect(total(selfOf(data))).toBe(weightTotals(profile).total)
        expect(
          total([
            ...data.files.map(({ heat }) => heat[2]),
            ...data.other.map(([, heat]) => heat[2]),
          ]),
        ).toBe(drafts.length)
        for (const file of data.files) {
          expect(total(file.lines.map(([, , self]) => self))).toBe(file.heat[0])
          expect(total(file.functions.map(([, self]) => self))).toBe(file.heat[0])
        }
        // Self and total of each line, and what each call weighs, by another way.
        const expected = new Map<string, number>()
        const add = (key: unknown[], weight: number) => {
          const text = JSON.stringify(key)
          expected.set(text, (expected.get(text) ?? 0) + weight)
        }
        for (const [text, weight] of expectedWeights(drafts, { ...variant, threads: false })) {
          const path = JSON.parse(text) as [string, string, number][]
          if (typeof path[0] === 'string') continue
          const line = (at: number) => {
            const [name, file, line] = path[at]!
            return file === '' ? ['', 0, visible(name)] : [visible(file), line, '']
          }
          const keys = new Set<string>()
          for (const at of path.keys()) {
            keys.add(JSON.stringify(['total', ...line(at)]))
            const [name, , from] = path[at - 1] ?? ['', '', 0]
            const caller = at === 0 ? null : visible(displayName(name))
            keys.add(JSON.stringify(['call', ...line(at), caller, from]))
          }
          for (const key of keys) add(JSON.parse(key) as unknown[], weight)
          add(['self', ...line(path.length - 1)], weight)
        }
        const read = new Map<string, number>()
        const note = (key: unknown[], weight: number) => {
          const text = JSON.stringify(key)
          read.set(text, (read.get(text) ?? 0) + weight)
        }
        for (const { path, lines } of data.files) {
          for (const [line, marker, self, all, selfSamples, , callers] of lines) {
            const key = path === '' ? ['', 0, marker] : [path, line, marker]
            note(['total', ...key], all)
            if (selfSamples > 0) note(['self', ...key], self)
            for (const [fn, from, ns] of callers) {
              note(['call', ...key, fn === -1 ? null : data.functions[fn]![0], from], ns)
            }
          }
        }
        // What differs only in characters that are not shown, or in a first line, is one here.
        const keys = new Set([...expected.keys(), ...read.keys()])
        for (const key of keys) {
          if (!key.startsWith('["call"'))
            expect([key, read.get(key)]).toEqual([key, expected.get(key)])
          else expect([key, read.has(key)]).toEqual([key, expected.has(key)])
        }
      }),
    )
  })
})
