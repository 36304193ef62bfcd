import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Minor } from '../../test/support/pythons.ts'
import type { Case, Run } from '../lib/case.ts'
import { measure, type Usage } from '../lib/measured.ts'
import { findProgram, type Peer } from '../lib/peers.ts'
import { PYPROF } from '../lib/pyprof.ts'
import { ratios, spread } from '../lib/stats.ts'
import { table } from '../lib/table.ts'
import { startTarget } from '../lib/target.ts'
import { temporary } from '../lib/temporary.ts'

/** Of the expression that is worked out while it is recorded. */
const NODES = 3000

/** A file that can be turned into others, and how many samples are in it. */
interface Source {
  readonly path: string
  readonly samples: number
}

/** A program that makes an output of a source. */
interface Maker {
  readonly long: Source
  /** A moment of the same, so that what it costs is nearly all start. */
  readonly short: Source
  command(source: Source, output: string): string[]
}

/** The same kind of output, made by both. */
interface Pair {
  readonly name: string
  readonly peer: string
  readonly ours: Maker
  readonly theirs: Maker
}

/** What a maker took and made; CPU in µs a sample, its start subtracted. */
interface Found {
  readonly cpu: number[]
  bytes: number
}

/** Bytes of a file, or of all files in a folder. */
function bytesOf(path: string): number {
  if (!statSync(path).isDirectory()) return statSync(path).size
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0)
}

async function make(maker: Maker, found: Found): Promise<void> {
  const output = temporary('made')
  const cost = async (source: Source) => {
    rmSync(output, { recursive: true, force: true })
    return (await measure(maker.command(source, output), 'sampler')).cpu
  }
  const start = await cost(maker.short)
  const all = await cost(maker.long)
  found.cpu.push(((all - start) * 1e6) / (maker.long.samples - maker.short.samples))
  found.bytes = bytesOf(output)
}

const convert =
  (format: string, ...options: string[]) =>
  ({ path }: Source, output: string) => [
    ...[...PYPROF, 'convert', path, '-f', format, ...options],
    ...['-o', output],
  ]

async function samplesOf(path: string): Promise<number> {
  const command = [
    ...PYPROF,
    'convert',
    path,
    '--json',
    '-f',
    'collapsed',
    '-o',
    temporary('count'),
  ]
  const { stdout } = await measure(command, 'any')
  return (JSON.parse(stdout) as { samples: number }).samples
}

/** Seconds and Hz of the recordings; the short ones take as long as the peers need at least. */
interface Lengths {
  readonly seconds: number
  readonly rate: number
}
const SHORT: Lengths = { seconds: 1, rate: 100 }

async function recordOurs(pid: number, name: string, { seconds, rate }: Lengths): Promise<Source> {
  const path = temporary(name)
  const how = ['-d', String(seconds), '-r', String(rate), '--read', 'live']
  await measure([...PYPROF, 'record', '--pid', String(pid), ...how, '-o', path], 'sampler')
  return { path, samples: await samplesOf(path) }
}

/** Runs work while a target of that version does its own. */
async function withExpression<T>(minor: Minor, work: (pid: number) => Promise<T>): Promise<T> {
  const target = await startTarget(minor, 'expression.py', [NODES])
  try {
    return await work(target.pid)
  } finally {
    await target.end()
  }
}

interface Sizes {
  readonly what: string
  readonly peer: string
  readonly ours: Source
  readonly theirs: Source
}

/** Our format with its options, and their option for the same or what is nearest to it. */
const SAMPLING_FORMATS = [
  ['collapsed', ['--style', 'tachyon'], '--collapsed'],
  ['flamegraph', [], '--flamegraph'],
  ['html', [], '--flamegraph'],
  ['pstats', [], '--pstats'],
  ['heatmap', [], '--heatmap'],
  ['firefox', [], '--gecko'],
] as const

/**
 * Recordings of CPython's sampler and of ours, both of the same time of the same process, and what is
 * made of each.
 */
async function cpythonPairs(
  { program, samples, name }: Peer,
  lengths: Lengths,
): Promise<{ pairs: Pair[]; sizes: Sizes[] }> {
  const theirs = async (pid: number, file: string, { seconds, rate }: Lengths, packing: string) => {
    const path = temporary(`${file}.bin`)
    const how = ['-d', String(seconds), '-r', String(rate), '--compression', packing]
    const usage = await measure(
      [...program, 'attach', '--binary', ...how, '-o', path, String(pid)],
      'sampler',
    )
    return { path, samples: told(samples(usage), usage) }
  }
  const both = async (pid: number, file: string, howLong: Lengths, packing: string) => {
    const [own, other] = await Promise.all([
      recordOurs(pid, `${file}.pyprof`, howLong),
      theirs(pid, file, howLong, packing),
    ])
    return { ours: own, theirs: other }
  }
  return await withExpression('3.15', async (pid) => {
    const packed = await both(pid, 'packed', lengths, 'zstd')
    const long = await both(pid, 'long', lengths, 'none')
    const short = await both(pid, 'short', SHORT, 'none')
    const pairs = SAMPLING_FORMATS.map(
      ([format, options, theirOption]): Pair => ({
        name: format === 'html' ? 'html, beside their flame graph' : format,
        peer: name,
        ours: { long: long.ours, short: short.ours, command: convert(format, ...options) },
        theirs: {
          long: long.theirs,
          short: short.theirs,
          command: ({ path }, output) => [...program, 'replay', theirOption, '-o', output, path],
        },
      }),
    )
    return {
      pairs,
      sizes: [
        { peer: name, what: 'recording, theirs with zstd', ...packed },
        { peer: name, what: 'recording, neither packed', ...long },
      ],
    }
  })
}

function told(samples: number | undefined, { stdout, stderr }: Usage): number {
  if (samples !== undefined) return samples
  throw new Error(`It does not say how many samples it took: ${stdout}${stderr}`)
}

/** The first lines of a text: its head and a few samples. */
const SHORT_LINES = 100

/** Austin's own text, turned into others by its converters and by us: the same samples. */
async function austinPairs({ program, name, minors }: Peer, lengths: Lengths, say: Run['say']) {
  const path = temporary('austin.txt')
  await withExpression(minors.at(-1)!, async (pid) => {
    const how = ['-i', `${Math.round(1e6 / lengths.rate)}us`, '-x', String(lengths.seconds)]
    await measure([...program, ...how, '-o', path, '-p', String(pid)], 'sampler')
  })
  const lines = readFileSync(path, 'utf8').split('\n')
  const short = temporary('austin.short.txt')
  writeFileSync(short, `${lines.slice(0, SHORT_LINES).join('\n')}\n`)
  const sources = {
    long: { path, samples: await samplesOf(path) },
    short: { path: short, samples: await samplesOf(short) },
  }
  const pairs: Pair[] = []
  for (const [format, converter] of [
    ['speedscope', 'austin2speedscope'],
    ['pprof', 'austin2pprof'],
  ] as const) {
    const found = findProgram(converter)
    if (found === undefined) {
      say(`${converter}: not found (npm run bench -- --install-peers)`)
      continue
    }
    pairs.push({
      name: `${format}, of its text`,
      peer: name,
      ours: { ...sources, command: convert(format) },
      theirs: { ...sources, command: (source, output) => [found, source.path, output] },
    })
  }
  return pairs
}

/** py-spy writes one format while it records; what pyprof makes of the same file is compared. */
async function pySpySizes({ program, name }: Peer, lengths: Lengths): Promise<Sizes[]> {
  return await withExpression('3.13', async (pid) => {
    const record = async (format: string): Promise<Source> => {
      const path = temporary(`py-spy.${format}`)
      const how = ['-d', String(lengths.seconds), '-r', String(lengths.rate), '-f', format]
      const usage = await measure(
        [...program, 'record', ...how, '-o', path, '-p', String(pid)],
        'sampler',
      )
      const said = /Samples: (\d+)/.exec(usage.stdout + usage.stderr)?.[1]
      return { path, samples: told(said === undefined ? undefined : Number(said), usage) }
    }
    const made = async (source: Source, format: string, ...options: string[]): Promise<Source> => {
      const path = temporary(`ours.${format}`)
      await measure(convert(format, '-r', String(lengths.rate), ...options)(source, path), 'any')
      return { path, samples: source.samples }
    }
    const raw = await record('raw')
    const speedscope = await record('speedscope')
    const flamegraph = await record('flamegraph')
    const chrometrace = await record('chrometrace')
    const same = 'the same samples'
    const sizes: (readonly [string, Source, Source])[] = [
      [`collapsed, ${same}`, await made(raw, 'collapsed', '--style', 'py-spy'), raw],
      [`speedscope, ${same}`, await made(speedscope, 'speedscope'), speedscope],
      ['flame graph', await made(raw, 'flamegraph'), flamegraph],
      ['chrometrace', await made(speedscope, 'chrometrace'), chrometrace],
    ]
    return sizes.map(([what, ours, theirs]) => ({ what, peer: name, ours, theirs }))
  })
}

async function run(context: Run): Promise<void> {
  const { quick, rounds, peers, say } = context
  const lengths = { seconds: quick ? 2 : 60, rate: 2000 }
  const pySpyLengths = { seconds: quick ? 2 : 30, rate: 1000 }
  const pairs: Pair[] = []
  const sizes: Sizes[] = []
  const peer = (name: string) => {
    const found = peers.find((each) => each.name.startsWith(name))
    if (!found) say(`${name}: not here, so it is not compared.`)
    return found
  }
  const [cpython, austin, pySpy] = [peer('CPython'), peer('austin'), peer('py-spy')]
  if (cpython) {
    const found = await cpythonPairs(cpython, lengths)
    pairs.push(...found.pairs)
    sizes.push(...found.sizes)
  }
  if (austin) pairs.push(...(await austinPairs(austin, lengths, say)))
  if (pySpy) sizes.push(...(await pySpySizes(pySpy, pySpyLengths)))

  const found = pairs.map((pair) => ({
    pair,
    ours: { cpu: [], bytes: 0 } as Found,
    theirs: { cpu: [], bytes: 0 } as Found,
  }))
  for (let round = 0; round < rounds(5); round++) {
    for (const { pair, ours, theirs } of found) {
      await make(pair.ours, ours)
      await make(pair.theirs, theirs)
    }
  }
  const each = (bytes: number, { samples }: Source) => bytes / samples
  const digits = (value: number) => value.toPrecision(3)
  const kilo = (bytes: number) => (bytes / 1000).toFixed(0)
  if (found.length > 0) {
    say(
      table(
        [
          'peer',
          'output',
          'CPU a sample, ours ÷ theirs',
          'ours, µs',
          'theirs, µs',
          'bytes a sample, ours ÷ theirs',
          'ours, kB',
          'theirs, kB',
        ],
        found.map(({ pair, ours, theirs }) => [
          pair.peer,
          pair.name,
          spread(ratios(ours.cpu, theirs.cpu)),
          spread(ours.cpu),
          spread(theirs.cpu),
          digits(each(ours.bytes, pair.ours.long) / each(theirs.bytes, pair.theirs.long)),
          kilo(ours.bytes),
          kilo(theirs.bytes),
        ]),
      ),
    )
    say('')
  }
  if (sizes.length > 0) {
    say(
      table(
        [
          'peer',
          'file',
          'bytes a sample, ours ÷ theirs',
          'ours, bytes a sample',
          'theirs, bytes a sample',
          'samples, ours',
          'samples, theirs',
        ],
        sizes.map(({ peer, what, ours, theirs }) => {
          const [own, other] = [ours, theirs].map((source) => each(bytesOf(source.path), source))
          return [
            ...[peer, what, digits(own! / other!), digits(own!), digits(other!)],
            ...[String(ours.samples), String(theirs.samples)],
          ]
        }),
      ),
    )
  }
  const counts = pairs.map(({ peer, ours, theirs }) =>
    ours.long.path === theirs.long.path
      ? `${peer}: ${ours.long.samples} samples, the same for both.`
      : `${peer}: ${ours.long.samples} samples of ours, ${theirs.long.samples} of theirs.`,
  )
  for (const line of new Set(counts)) say(line)
  say(
    `CPU time of the command, less that of the same with a recording of a moment. Recorded for ${lengths.seconds} s ` +
      `at ${lengths.rate} Hz (py-spy: ${pySpyLengths.seconds} s at ${pySpyLengths.rate} Hz), one busy thread in an ` +
      `expression of ${NODES} nodes, ours and CPython's at the same time. py-spy writes while it records, so that its time cannot be told apart.`,
  )
}

export const exportPeers: Case = {
  name: 'export-peers',
  question:
    'What do recordings and outputs cost in time and bytes, beside those of other profilers?',
  run,
}
