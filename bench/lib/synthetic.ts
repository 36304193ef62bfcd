import { NO_CPU, NO_PROCESS, type Profile } from '../../src/profile/profile.ts'

/** Sizes of a large program's tables. */
const FUNCTIONS = 2000
const LINES_EACH = 3
const STACKS = 20_000
export const THREADS = 8

/** Park and Miller's generator: the same profile every time. */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

/**
 * A profile of `samples` samples at 1 kHz, of eight threads in turn, as a service's looks: thousands
 * of functions, stacks of some ten to a hundred frames, a stack often repeated by the next sample.
 */
export function syntheticProfile(samples: number, stackCount: number = STACKS): Profile {
  const next = random(1)
  const draw = (below: number) => Math.floor(next() * below)
  const strings = Array.from({ length: FUNCTIONS }, (_, at) => `Class${at % 97}.method_${at}`)
  const files = Array.from({ length: 100 }, (_, at) => `/srv/app/package_${at % 9}/module_${at}.py`)
  const numbers = (length: number, of: (at: number) => number) =>
    Int32Array.from({ length }, (_, at) => of(at))
  const frames = FUNCTIONS * LINES_EACH
  const parent = numbers(stackCount, (at) =>
    at < THREADS ? -1 : Math.floor(at * (1 - 0.3 * next())),
  )
  let stack = 0
  const stacks = numbers(samples, () => {
    if (next() < 0.3) stack = draw(stackCount)
    return stack
  })
  return {
    strings: [...strings, ...files],
    functions: {
      length: FUNCTIONS,
      qualname: numbers(FUNCTIONS, (at) => at),
      file: numbers(FUNCTIONS, (at) => FUNCTIONS + (at % files.length)),
      firstLine: numbers(FUNCTIONS, (at) => 1 + at),
    },
    frames: {
      length: frames,
      function: numbers(frames, (at) => Math.floor(at / LINES_EACH)),
      line: numbers(frames, (at) => 2 + at),
      endLine: numbers(frames, (at) => 2 + at),
      column: numbers(frames, () => 4),
      endColumn: numbers(frames, () => 20),
    },
    stacks: { length: stackCount, parent, frame: numbers(stackCount, () => draw(frames)) },
    processes: [
      {
        pid: 42,
        parent: NO_PROCESS,
        command: 'python3 app.py',
        pythonVersion: '3.14.0',
        start: 0,
        end: (samples / THREADS) * 1e6,
        unreadable: '',
      },
    ],
    threads: Array.from({ length: THREADS }, (_, at) => ({
      process: 0,
      nativeId: 42 + at,
      interpreter: 0,
      name: at === 0 ? 'MainThread' : `worker_${at}`,
      isMain: at === 0,
    })),
    samples: {
      length: samples,
      time: Float64Array.from({ length: samples }, (_, at) => Math.floor(at / THREADS) * 1e6),
      weight: new Float64Array(samples).fill(1e6),
      thread: numbers(samples, (at) => at % THREADS),
      stack: stacks,
      quality: new Uint8Array(samples),
      reason: new Uint8Array(samples),
      state: new Uint8Array(samples),
      cpu: new Float64Array(samples).fill(NO_CPU),
    },
    gaps: [],
    meta: {
      exporter: 'pyprof@0.0.0-bench',
      command: 'python3 app.py',
      pythonVersion: '3.14.0',
      mode: 'wall',
      states: [],
      read: 'live',
      readChange: '',
      descendants: '',
      rate: 1000,
      startedAt: 0,
      duration: (samples / THREADS) * 1e6,
      endReason: 'duration',
    },
    accounting: {
      ticks: samples / THREADS,
      missedTicks: 0,
      gapTime: 0,
      droppedSamples: 0,
      profilerCpu: 0,
      lateTicks: 0,
      execs: 0,
      tickTime: 0,
    },
  }
}
