import { type PlaceTable, places } from '../profile/place-view.ts'
import {
  NO_COLUMN,
  NO_STACK,
  type Profile,
  QUALITY,
  type StackIndex,
  type ThreadIndex,
} from '../profile/profile.ts'
import type { Format, FormatOptions } from './format.ts'
import { joined, mapped } from './pieces.ts'
import { detailsOf } from './summary.ts'
import { threadLabel } from './text.ts'
import { SamplesByThread, spans } from './threads.ts'
import { speedscopeBytes } from './viewer.ts'

const SCHEMA = 'https://www.speedscope.app/file-format-schema.json'
const MISSED: number = QUALITY.indexOf('missed')

/**
 * A speedscope file: one sampled profile a thread, in nanoseconds of true time.
 *
 * Time base: the start of the recording for every thread; a profile starts where its first sample
 * does. A sample covers the time from `time - weight` to `time`; what no sample of the thread
 * covers (gaps) and what was missed is an empty stack, so that the time axis stays true. A first
 * sample that would begin before the recording is moved to its start.
 *
 * Order: main threads first, then by first sample. Active: the thread that moved most, that is the
 * one with the most weight in samples whose stack differs from the one before; waiting tasks are no
 * thread, have many samples at an instant, and are never it. In wall mode all
 * threads weigh the same and a waiting thread's stack stands still.
 *
 * The schema allows other keys at the top; `pyprof` holds what the file format has no place for:
 * how good the samples are, gaps, and the sampler's accounting. `options.threads` changes nothing,
 * as the threads are apart already.
 */
function* write(profile: Profile, options: FormatOptions): Iterable<string> {
  const table = places(profile)
  const byThread = new SamplesByThread(profile)
  const { order, busiest } = byThread
  const stackText = stackTexts(profile, table)

  yield `{"$schema":${JSON.stringify(SCHEMA)},\n`
  yield `"exporter":${JSON.stringify(profile.meta.exporter)},\n`
  yield `"name":${JSON.stringify(options.title ?? profile.meta.command)},\n`
  if (order.length > 0) yield `"activeProfileIndex":${busiest},\n`
  yield `"pyprof":${JSON.stringify(detailsOf(profile))},\n`
  yield '"shared":{"frames":[\n'
  yield* joined(frameTexts(table), ',\n')
  yield '\n]},\n"profiles":[\n'
  for (const [index, thread] of order.entries()) {
    const start = byThread.startOf(thread)
    const end = byThread.endOf(thread)
    yield `${index === 0 ? '' : ',\n'}{"type":"sampled",`
    yield `"name":${JSON.stringify(threadLabel(profile.threads[thread]!, profile.processes))},`
    yield `"unit":"nanoseconds","startValue":${start},"endValue":${end},\n"samples":[`
    yield* joined(
      mapped(timeline(byThread, thread), ({ stack }) => stackText(stack)),
      ',',
    )
    yield '],\n"weights":['
    yield* joined(
      mapped(timeline(byThread, thread), ({ length }) => String(length)),
      ',',
    )
    yield ']}'
  }
  yield '\n]}\n'
}

/** How long a stack stood, in whole ns. */
interface Piece {
  readonly stack: StackIndex
  readonly length: number
}

/**
 * The samples of a thread, with an empty stack wherever there is none. It is gone through again for
 * each thing that is written of it, so that none of it is held.
 */
function* timeline(byThread: SamplesByThread, thread: ThreadIndex): Iterable<Piece> {
  let now = byThread.startOf(thread)
  for (const { samples, row, start, end } of spans(byThread, thread)) {
    if (start > now) yield { stack: NO_STACK, length: start - now }
    const isMissed = samples.quality[row] === MISSED
    yield { stack: isMissed ? NO_STACK : samples.stack[row]!, length: end - start }
    now = end
  }
}

/** JSON of a stack, root first. Each is its parent's and one frame, and is made once. */
function stackTexts(profile: Profile, table: PlaceTable): (stack: StackIndex) => string {
  const { parent, frame } = profile.stacks
  const inner: string[] = []
  for (let stack = 0; stack < profile.stacks.length; stack++) {
    const place = table.ofFrame[frame[stack]!]!
    const above = parent[stack]!
    inner.push(above === NO_STACK ? `${place}` : `${inner[above]!},${place}`)
  }
  return (stack) => (stack === NO_STACK ? '[]' : `[${inner[stack]!}]`)
}

/** Columns are 1-based in speedscope. */
function* frameTexts(table: PlaceTable): Iterable<string> {
  for (let place = 0; place < table.length; place++) {
    const file = table.file[place]!
    const line = table.line[place]!
    const column = table.column[place]!
    yield JSON.stringify({
      name: table.qualname[place],
      ...(file === '' ? {} : { file }),
      ...(line === 0 ? {} : { line }),
      ...(column === NO_COLUMN ? {} : { col: column + 1 }),
    })
  }
}

export const speedscope: Format = {
  name: 'speedscope',
  suffixes: ['.speedscope.json', '.json'],
  describe: 'speedscope file, one profile a thread',
  options: ['title'],
  viewerBytes: (profile) => speedscopeBytes(profile, places(profile)),
  write,
}
