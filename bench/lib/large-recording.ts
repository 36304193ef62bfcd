import { closeSync, openSync, writeSync } from 'node:fs'
import { NO_CPU } from '../../src/profile/profile.ts'
import { RecordingEncoder } from '../../src/recording/encoder.ts'
import { random, syntheticProfile, THREADS } from './synthetic.ts'

/** Threads that work; the others wait where they are. */
const BUSY = 3
/** ns between two ticks at 100 Hz. */
const INTERVAL = 10_000_000
/** What `record` appends at once, a second of it. */
const TICKS_EACH = 100
/** Share of a busy thread's samples that stand elsewhere than the one before, anywhere. */
const MOVES = 0.5
/** Bits of `cpu` and `gil`. */
const RUNS = 3

/**
 * Writes a recording at 100 Hz, with the sampler's own jitter, of eight threads of which three work,
 * in appends of a second. Every stack is met as soon as possible, so that the tables of recordings
 * with different lengths are the same.
 * @returns its bytes
 */
export function writeLargeRecording(path: string, samples: number, stacks: number): number {
  const next = random(1)
  const profile = syntheticProfile(0, stacks)
  const meta = { ...profile.meta, rate: 100, states: ['cpu', 'gil'] as const }
  const rows = TICKS_EACH * THREADS
  const columns = {
    time: new Float64Array(rows),
    weight: new Float64Array(rows),
    thread: new Int32Array(rows),
    stack: new Int32Array(rows),
    quality: new Uint8Array(rows),
    reason: new Uint8Array(rows),
    state: new Uint8Array(rows),
    cpu: new Float64Array(rows),
  }
  const at = Array.from({ length: THREADS }, () => 0)
  let now = 0
  let met = 0

  function fill(row: number, thread: number, weight: number): void {
    const isBusy = thread < BUSY
    if (isBusy && met < stacks) at[thread] = met++
    else if (isBusy && next() < MOVES) at[thread] = Math.floor(next() * stacks)
    columns.time[row] = now
    columns.weight[row] = weight
    columns.thread[row] = thread
    columns.stack[row] = at[thread]!
    columns.state[row] = isBusy ? RUNS : 0
    columns.cpu[row] = isBusy ? Math.round(weight * (0.9 + 0.1 * next())) : NO_CPU
  }

  const encoder = new RecordingEncoder()
  const fd = openSync(path, 'w')
  let bytes = writeSync(fd, encoder.header())
  const ticks = Math.ceil(samples / THREADS)
  for (let tick = 0; tick < ticks; ) {
    const last = Math.min(ticks, tick + TICKS_EACH)
    let row = 0
    for (; tick < last; tick++) {
      const weight = Math.round(INTERVAL * (0.5 + next()))
      now += weight
      for (let thread = 0; thread < THREADS; thread++) fill(row++, thread, weight)
    }
    const soFar = {
      ...profile,
      samples: { length: row, ...columns },
      meta: { ...meta, duration: now },
      accounting: { ...profile.accounting, ticks: tick },
    }
    for (const block of encoder.encode(soFar, { samples: 0, gaps: 0 })) {
      bytes += writeSync(fd, block)
    }
  }
  bytes += writeSync(fd, encoder.end())
  closeSync(fd)
  return bytes
}
