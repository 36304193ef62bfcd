import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, gunzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { collapsed } from '../../../src/formats/collapsed.ts'
import { firefox } from '../../../src/formats/firefox.ts'
import { speedscope } from '../../../src/formats/speedscope.ts'
import { byFunction } from '../../../src/profile/granularity.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import { MAGIC } from '../../../src/recording/layout.ts'
import { MS, profileOf } from '../../support/ascii-profile.ts'
import { recordingOf } from '../../support/recordings.ts'
import { runCommand } from '../../support/run-command.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { written } from '../formats/fixtures.ts'

const work = { name: 'work', line: 7, firstLine: 5 }
const PROFILE = profileOf(
  [
    { stack: [{ name: 'main' }] },
    { stack: [{ name: 'main' }, work] },
    { stack: [{ name: 'main' }, work], thread: 1, weight: 30 * MS },
  ],
  { threads: [{}, { name: 'helper' }] },
)

/** A folder with the profile as `run.pyprof`. */
function folderOf(profile: Profile = PROFILE): string {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'run.pyprof'), recordingOf(profile))
  return folder
}

async function refused(...argv: string[]) {
  return runCommand(['convert', ...argv]).then(
    () => {
      throw new Error('It was taken.')
    },
    (error) => error,
  )
}

describe('converting', () => {
  test('writes what the formats write, with their options, and a summary', async () => {
    const folder = folderOf()
    const [out, plain] = [join(folder, 'out.txt'), join(folder, 'plain.svg')]
    const argv = ['convert', join(folder, 'run.pyprof'), '-t', '-F', '-o', out, '-o', plain]
    const { exitCode, err, reports } = await runCommand(argv)
    expect([exitCode, reports]).toEqual([0, []])
    expect(readFileSync(out, 'utf8')).toBe(
      written(collapsed, byFunction(PROFILE), { threads: true }),
    )
    expect(readFileSync(plain, 'utf8')).toContain('</svg>')
    expect(err).toContain(`Read 30.0 ms from ${join(folder, 'run.pyprof')} (pyprof): python app.py`)
    expect(err).toContain('  samples  3 of 2 threads; ')
    expect(err).toContain('  quality  3 exact')
    expect(err).toContain(`Wrote flamegraph to ${plain}`)
    expect(err).not.toContain('careful')
  })

  test('gives the same sums whether samples are held for a time line or not', async () => {
    const folder = folderOf(
      profileOf(
        Array.from({ length: 600 }, (_, at) => ({
          thread: at % 2,
          stack: [{ name: 'main' }, { name: `f${at % 7}` }],
          quality: at % 5 === 0 ? ('partial' as const) : ('exact' as const),
        })),
      ),
    )
    const convert = async (names: readonly string[], ...options: string[]) => {
      const outputs = names.flatMap((name) => ['-o', join(folder, name)])
      const argv = ['convert', '--json', '-t', '--exclude', 'f3', join(folder, 'run.pyprof')]
      const { out } = await runCommand([...argv, ...options, ...outputs])
      const { outputs: _, ...summary } = JSON.parse(out.toString())
      return { summary, text: readFileSync(join(folder, 'out.txt'), 'utf8') }
    }
    const both = ['out.txt', 'out.speedscope.json']
    const sums = await convert(['out.txt'])
    expect(sums).toEqual(await convert(both))
    expect(sums.summary).toMatchObject({ samples: 514, quality: { partial: { samples: 103 } } })
    const cut = ['--from', '1s', '--to', '2s']
    const part = await convert(['out.txt'], ...cut)
    expect(part).toEqual(await convert(both, ...cut))
    expect(part.summary).toMatchObject({ durationNs: 1e9, ticks: 100, samples: 171 })
    const report = await convert(['out.txt', 'out.md'], ...cut)
    expect(report).toEqual(await convert([...both, 'out.md'], ...cut))
  })

  test('goes by content, not by name', async () => {
    const folder = folderOf()
    const odd = join(folder, 'picture.svg')
    writeFileSync(odd, readFileSync(join(folder, 'run.pyprof')))
    const { out } = await runCommand(['convert', odd, '-f', 'collapsed', '-o', '-'])
    expect(out.toString()).toBe(written(collapsed, PROFILE))
  })

  test('prints the summary as JSON', async () => {
    const folder = folderOf()
    const [input, output] = [join(folder, 'run.pyprof'), join(folder, 'o.txt')]
    const { out, err } = await runCommand(['convert', '--json', input, '-o', output])
    expect(err).toBe('')
    expect(JSON.parse(out.toString())).toMatchObject({
      samples: 3,
      inputs: [{ path: input, format: 'pyprof', notes: [] }],
      outputs: [{ path: output, format: 'collapsed' }],
      hottest: [{ function: 'work' }, { function: 'main' }],
    })
    expect(JSON.parse(out.toString()).inputs[0]).not.toHaveProperty('profile')
  })

  test('merges several inputs of any kind', async () => {
    const folder = folderOf()
    const input = join(folder, 'run.pyprof')
    const other = join(folder, 'other.folded')
    writeFileSync(other, 'main (/srv/app.py:1);work (/srv/app.py:7) 5000\n')
    const argv = ['convert', input, other, '-f', 'collapsed', '-o', '-']
    const { out, err } = await runCommand(argv)
    expect(out.toString()).toBe(
      'main (/srv/app.py:1) 10000\nmain (/srv/app.py:1);work (/srv/app.py:7) 45000\n',
    )
    expect(err).toContain('from 2 inputs')
    expect(err).toContain(`careful  ${other}: its numbers were taken for microseconds`)
  })

  test('cuts by time, of one and of several', async () => {
    const folder = folderOf()
    const input = join(folder, 'run.pyprof')
    const cut = ['--from', '15ms', '--to', '25ms', '-f', 'collapsed', '-o', '-']
    const one = await runCommand(['convert', input, ...cut])
    expect(one.out.toString()).toBe('main (/srv/app.py:1);work (/srv/app.py:7) 10000\n')
    expect(one.err).toContain('Read 10.0 ms from')
    const two = await runCommand(['convert', input, input, ...cut])
    expect(two.out.toString()).toBe('main (/srv/app.py:1);work (/srv/app.py:7) 20000\n')
    const all = await runCommand(['convert', input, '--from', '0', '-f', 'pyprof', '-o', '-'])
    expect(all.out).toEqual(recordingOf(PROFILE))
  })

  test('takes --rate for numbers that have no unit', async () => {
    const folder = temporaryFolder()
    const input = join(folder, 'raw.txt')
    writeFileSync(input, 'main;work 50\n')
    const argv = ['convert', input, '--rate', '1khz', '-f', 'collapsed', '-o', '-']
    expect((await runCommand(argv)).out.toString()).toBe('main;work 50000\n')
  })
})

describe('an output whose viewer has to hold all of it', () => {
  const DRAFTS = Array.from({ length: 1000 }, (_, at) => ({
    stack: [{ name: 'main' }, { name: `f${at % 20}` }, { name: `g${at % 7}` }],
    weight: 10 * MS + at,
  }))

  test.each([
    ['speedscope.json', true],
    ['html', true],
    ['firefox.json', true],
    ['svg', false],
    ['trace.json', false],
    ['pyprof', false],
  ])('is told of where it needs more than there is: %s, %s', async (suffix, isTold) => {
    const path = join(folderOf(profileOf(DRAFTS)), 'run.pyprof')
    const free = vi.spyOn(process, 'availableMemory').mockReturnValue(5000)
    onTestFinished(() => free.mockRestore())
    const out = path.replace('run.pyprof', `out.${suffix}`)
    const { exitCode, err } = await runCommand(['convert', path, '-o', out])
    expect([exitCode, existsSync(out)]).toEqual([0, true])
    const warning = new RegExp(`${out}: a viewer has to hold all 1,000 samples, some .*--from 1h`)
    expect(warning.test(err)).toBe(isTold)
  })

  test('is not told of where there is enough', async () => {
    const path = join(folderOf(profileOf(DRAFTS)), 'run.pyprof')
    const out = path.replace('run.pyprof', 'out.html')
    const { err } = await runCommand(['convert', path, '-o', out])
    expect(err).not.toContain('a viewer has to hold')
  })

  test('is about as long as estimated', () => {
    const profile = profileOf(DRAFTS)
    const length = written(speedscope, profile, { threads: false }).length
    const estimated = speedscope.viewerBytes!(profile)
    expect(estimated / length).toBeGreaterThan(0.8)
    expect(estimated / length).toBeLessThan(1.2)
    const firefoxLength = written(firefox, profile, { threads: false }).length
    expect(firefox.viewerBytes!(profile) / firefoxLength).toBeGreaterThan(0.5)
    expect(firefox.viewerBytes!(profile) / firefoxLength).toBeLessThan(1.5)
  })
})

describe('a damaged recording', () => {
  test('is recovered, said so, and is no failure', async () => {
    const folder = temporaryFolder()
    const input = join(folder, 'cut.pyprof')
    const bytes = recordingOf(PROFILE, 3)
    writeFileSync(input, bytes.subarray(0, bytes.length - 30))
    const { exitCode, err } = await runCommand(['convert', input, '-o', join(folder, 'o.txt')])
    expect(exitCode).toBe(0)
    expect(err).toMatch(
      /careful {2}.*cut\.pyprof: it is damaged from byte \d+ on \(it ends in the middle of a block\): recovered 2 samples of the first .*; \d+ bytes lost\./,
    )
    expect(existsSync(join(folder, 'o.txt'))).toBe(true)
  })

  test.each([
    ['has only a header', (bytes: Buffer) => bytes.subarray(0, 16), 'holds nothing yet'],
    ['ends in its header', (bytes: Buffer) => bytes.subarray(0, 12), 'its header is cut off'],
    [
      'ends in its first block',
      (bytes: Buffer) => bytes.subarray(0, 40),
      'before its first sample',
    ],
  ])('that %s is refused', async (_, damage, why) => {
    const folder = temporaryFolder()
    const input = join(folder, 'x.pyprof')
    writeFileSync(input, damage(recordingOf(PROFILE)))
    const error = await refused(input, '-o', join(folder, 'o.svg'))
    expect(error).toMatchObject({ code: 'not-a-profile', exitCode: 4 })
    expect(error.why).toContain(why)
    expect(readdirSync(folder)).toEqual(['x.pyprof'])
  })
})

describe('what cannot be converted', () => {
  test.each([
    ['', 'It is empty.'],
    ['hello\n', 'It is nothing that pyprof can read.'],
    ['\u0000\u0001', 'It is nothing that pyprof can read.'],
    ['{"a": 1}', 'It is JSON, but no speedscope file'],
  ])('%j: %s', async (content, why) => {
    const input = join(temporaryFolder(), 'in')
    writeFileSync(input, content)
    const error = await refused(input, '-o', `${input}.svg`)
    expect(error).toMatchObject({ exitCode: 4, what: `${input} cannot be used.` })
    expect(error.why).toContain(why)
    expect(existsSync(`${input}.svg`)).toBe(false)
  })

  test('another version is told by its number', async () => {
    const folder = folderOf()
    const input = join(folder, 'run.pyprof')
    const bytes = readFileSync(input)
    bytes.writeUInt32LE(9, MAGIC.length)
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 12)), 12)
    writeFileSync(input, bytes)
    const error = await refused(input, '-o', join(folder, 'o.svg'))
    expect(error).toMatchObject({
      exitCode: 4,
      why: 'It is a recording of version 9, and this pyprof reads version 1.',
      hint: 'Convert it with the pyprof that recorded it, or a newer one.',
    })
  })

  test('no samples between --from and --to', async () => {
    const folder = folderOf()
    const output = join(folder, 'o.svg')
    const error = await refused(join(folder, 'run.pyprof'), '--from', '5s', '-o', output)
    expect(error).toMatchObject({ code: 'nothing-left', exitCode: 4 })
    expect(error.why).toContain('the input lasts 30.0 ms')
    expect(existsSync(output)).toBe(false)
  })

  test.each([
    [['missing.pyprof', '-o', 'x.svg'], 'no such file or directory'],
    [['.', '-o', 'x.svg'], 'a directory'],
    [['a.pyprof'], 'A conversion needs an output.'],
    [['a.pyprof', '-o', 'x.unknown'], 'Its suffix means none.'],
    [['a.pyprof', '-o', 'x.svg', '--from', '2', '--to', '1'], 'No time is between them.'],
    [['-', '-', '-o', 'x.svg'], 'It can be read only once.'],
    [['a.pyprof', '--json', '-f', 'svg', '-o', '-'], 'Expected speedscope'],
    [['a.pyprof', '--json', '-f', 'flamegraph', '-o', '-'], 'would be mixed'],
    [['a.pyprof', '-o', 'x.svg', '--from', 'noon'], 'Expected a time'],
  ])('%j is wrong usage', async (argv, text) => {
    const error = await refused(...argv)
    expect(error.exitCode === 2 || error.code === 'commander.invalidArgument').toBe(true)
    expect(`${error.message}`.toLowerCase()).toContain(text.toLowerCase())
  })
})

describe('views', () => {
  const [main, wait] = [{ name: 'main' }, { name: 'wait' }]
  const STATEFUL = profileOf(
    [
      { stack: [main, work], states: ['cpu', 'gil'], cpu: 8 * MS },
      { stack: [main, wait], cpu: 0 },
      { stack: [main, wait], cpu: 0 },
    ],
    { meta: { states: ['cpu', 'gil'], mode: 'wall' } },
  )

  async function converted(folder: string, ...argv: string[]) {
    const { out, ...rest } = await runCommand(['convert', '--json', ...argv])
    return { ...rest, summary: JSON.parse(out.toString()), folder }
  }

  test.each([
    [['--mode', 'cpu'], /^main .*;work [^;]* 8000\n$/],
    [['--gil'], /^main .*;work [^;]* 10000\n$/],
    [['--idle'], /;wait [^;]*;<idle> 20000\n/],
    [['--exclude', 'wait'], /^main .*;work [^;]* 10000\n$/],
    [['--modules'], /^app [^;]* 30000\n$/],
  ])('of a recording: %j', async (options, text) => {
    const folder = folderOf(STATEFUL)
    const out = join(folder, 'out.txt')
    const { exitCode, reports } = await converted(
      folder,
      ...options,
      join(folder, 'run.pyprof'),
      '-o',
      out,
    )
    expect([exitCode, reports]).toEqual([0, []])
    expect(readFileSync(out, 'utf8')).toMatch(text)
  })

  test('are told, with what they leave out and what matches nothing', async () => {
    const folder = folderOf(STATEFUL)
    const argv = ['--mode', 'gil', '--exclude', 'nobody', '--top', '3', '-o', join(folder, 'o.md')]
    const { summary } = await converted(folder, join(folder, 'run.pyprof'), ...argv)
    expect(summary).toMatchObject({
      mode: 'gil',
      removed: { samples: 2, timeNs: 20 * MS },
      unmatched: [{ option: '--exclude', pattern: 'nobody' }],
      activity: { shares: { cpu: 1 / 3 } },
    })
  })

  test('need what the recording holds', async () => {
    const folder = folderOf()
    const argv = ['--mode', 'cpu', join(folder, 'run.pyprof'), '-o', join(folder, 'out.svg')]
    expect(await refused(...argv)).toMatchObject({ code: 'states-missing', exitCode: 2 })
  })

  test('never reach a recording', async () => {
    const folder = folderOf(STATEFUL)
    const [input, again] = [join(folder, 'run.pyprof'), join(folder, 'again.pyprof')]
    expect(await refused('--mode', 'cpu', input, '-o', again)).toMatchObject({ code: 'usage' })
    await converted(folder, '--gil', input, '-o', again, '-o', join(folder, 'gil.txt'))
    expect(readFileSync(again)).toEqual(readFileSync(input))
  })

  test('of which nothing is left are an error', async () => {
    const folder = folderOf(STATEFUL)
    const out = join(folder, 'out.svg')
    const error = await refused('--include', 'wrok', join(folder, 'run.pyprof'), '-o', out)
    expect(error).toMatchObject({ code: 'nothing-left', exitCode: 4 })
    expect(error.why).toContain("--include 'wrok' matches no")
    expect(error.hint).toContain('work')
    expect(existsSync(out)).toBe(false)
  })

  test.each(['speedscope.json', 'pb.gz'])('stay what they are in a .%s file', async (suffix) => {
    const folder = folderOf(STATEFUL)
    const [input, file] = [join(folder, 'run.pyprof'), join(folder, `gil.${suffix}`)]
    await converted(folder, '--gil', '--exclude', 'nobody', input, '-o', file)
    const again = join(folder, 'again.pyprof')
    const { summary } = await converted(folder, file, '-o', again)
    const told = { mode: 'gil', view: { steps: [{ option: '--exclude', patterns: ['nobody'] }] } }
    expect(summary).toMatchObject(told)
    const twice = await converted(folder, again, '-o', join(folder, 'out.svg'))
    expect(twice.summary).toMatchObject(told)
    expect(await refused('--mode', 'cpu', file, '-o', 'out.svg')).toMatchObject({
      code: 'mode-fixed',
      exitCode: 2,
    })
    expect(await refused(file, input, '-o', 'out.svg')).toMatchObject({
      code: 'modes-differ',
      exitCode: 4,
    })
  })
})

describe('pprof', () => {
  test('is read, packed or not, and says that it has no time line', async () => {
    const folder = folderOf()
    const packed = join(folder, 'out.pb.gz')
    await runCommand(['convert', join(folder, 'run.pyprof'), '-o', packed])
    const plain = join(folder, 'plain')
    writeFileSync(plain, gunzipSync(readFileSync(packed)))
    for (const file of [packed, plain]) {
      const out = join(folder, 'out.txt')
      const { exitCode, err } = await runCommand(['convert', file, '-o', out])
      expect(exitCode).toBe(0)
      expect(err).toContain(`from ${file} (pprof)`)
      expect(err).toContain('no time line')
      expect(readFileSync(out, 'utf8')).toBe(written(collapsed, PROFILE))
    }
  })

  test('that is damaged is an error', async () => {
    const folder = folderOf()
    const packed = join(folder, 'out.pb.gz')
    await runCommand(['convert', join(folder, 'run.pyprof'), '-o', packed])
    const cut = gunzipSync(readFileSync(packed)).subarray(0, -3)
    writeFileSync(packed, cut)
    expect(await refused(packed, '-o', join(folder, 'out.txt'))).toMatchObject({
      code: 'not-a-profile',
      exitCode: 4,
    })
  })
})
