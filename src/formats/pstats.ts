import type { Profile } from '../profile/profile.ts'
import type { Format, FormatOptions } from './format.ts'
import {
  DICT_END,
  DICT_START,
  marshalDict,
  marshalFloat,
  marshalInt,
  marshalString,
  marshalTuple,
} from './pstats/marshal.ts'
import { type Counts, type FunctionStatistics, statistics } from './pstats/statistics.ts'

/** Functions in one piece of output. */
const FUNCTIONS_PER_PIECE = 256

/**
 * Statistics for Python's own `pstats`: a marshalled dictionary
 * `{(file, line, name): (cc, nc, tt, ct, {caller: (nc, cc, tt, ct)})}` (CPython, Lib/cProfile.py), by
 * function, with the line of its `def`; times in seconds.
 *
 * Samples tell no calls: `cc` and `nc` are the samples that had the function on their stack, once each.
 * `tt` adds up to the weight of all samples, the missed ones and those without Python frames included,
 * which are functions of the file `~`. Lines are always merged. Threads are too, but with
 * `options.threads` each is a function that calls the others. Gaps are not in it.
 */
function* write(profile: Profile, options: FormatOptions): Iterable<Uint8Array> {
  const functions = statistics(profile, options.threads)
  const keys = functions.map(({ file, line, name }) =>
    marshalTuple([marshalString(file), marshalInt(line), marshalString(name)]),
  )
  yield DICT_START
  let piece: Uint8Array[] = []
  for (const [index, row] of functions.entries()) {
    // A function of a frame that is on no sample's stack.
    if (row.samples === 0) continue
    piece.push(keys[index]!, marshalRow(row, keys))
    if (piece.length < 2 * FUNCTIONS_PER_PIECE) continue
    yield Buffer.concat(piece)
    piece = []
  }
  yield Buffer.concat([...piece, DICT_END])
}

function marshalRow(row: FunctionStatistics, keys: readonly Uint8Array[]): Buffer {
  const callers = [...row.callers].map(
    ([caller, counts]) => [keys[caller]!, marshalTuple(marshalCounts(counts))] as const,
  )
  return marshalTuple([...marshalCounts(row), marshalDict(callers)])
}

function marshalCounts({ samples, self, total }: Counts): Buffer[] {
  const count = marshalInt(samples)
  return [count, count, marshalFloat(self / 1e9), marshalFloat(total / 1e9)]
}

export const pstats: Format = {
  name: 'pstats',
  suffixes: ['.pstats'],
  isSum: true,
  options: [],
  describe: "statistics by function, for Python's pstats and snakeviz",
  write,
}
