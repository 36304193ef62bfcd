import { describe, expect, test } from 'vitest'
import { PyprofError } from '../../../src/errors.ts'
import { type ModeOptions, requireStates, viewInMode } from '../../../src/profile/modes.ts'
import { NO_STACK, type Profile, QUALITY, STATES } from '../../../src/profile/profile.ts'
import { hottest, weightTotals } from '../../../src/profile/views.ts'
import { type DraftSample, MS, profileOf } from '../../support/ascii-profile.ts'

const work = [{ name: 'main' }, { name: 'work' }]
const wait = [{ name: 'main' }, { name: 'wait' }]

function recording(samples: readonly DraftSample[], states = STATES.slice()): Profile {
  return profileOf(samples, { meta: { states } })
}

const view = (samples: readonly DraftSample[], options: Partial<ModeOptions>) =>
  viewInMode(recording(samples), { mode: 'wall', idle: false, ...options })

/** Leaf and weight in ms of each sample. */
function rows({ samples, stacks, frames, functions, strings }: Profile): string[] {
  return Array.from({ length: samples.length }, (_, row) => {
    const stack = samples.stack[row]!
    const fn = stack === NO_STACK ? -1 : frames.function[stacks.frame[stack]!]!
    const leaf = fn === -1 ? QUALITY[samples.quality[row]!]! : strings[functions.qualname[fn]!]!
    return `${leaf} ${samples.weight[row]! / MS}`
  })
}

const RUNS = { stack: work, states: ['cpu', 'gil'] } as const
const SLEEPS = { stack: wait, states: [] } as const

describe('wall', () => {
  test('is the recording itself', () => {
    const recorded = recording([RUNS, SLEEPS])
    const { profile, removed } = viewInMode(recorded, { mode: 'wall', idle: false })
    expect(profile.samples).toBe(recorded.samples)
    expect(removed).toEqual({ samples: 0, timeNs: 0 })
  })

  test('needs no states', () => {
    const recorded = recording([RUNS], [])
    expect(viewInMode(recorded, { mode: 'wall', idle: false }).profile.samples.length).toBe(1)
  })

  test('shows idle threads as such when asked to, once for each of their stacks', () => {
    const { profile } = view([RUNS, SLEEPS, SLEEPS, { ...SLEEPS, stack: work }], { idle: true })
    expect(rows(profile)).toEqual(['work 10', '<idle> 10', '<idle> 10', '<idle> 10'])
    expect(profile.stacks.length).toBe(recording([RUNS, SLEEPS]).stacks.length + 2)
    expect(profile.samples.stack[1]).toBe(profile.samples.stack[2])
    expect(hottest(profile, 9)).toContainEqual({
      qualname: 'wait',
      file: '/srv/app.py',
      firstLine: 1,
      self: 0,
      total: 20 * MS,
    })
    expect(hottest(profile, 1)[0]).toMatchObject({ qualname: '<idle>', file: '', firstLine: 0 })
  })

  test('calls no thread idle that holds the GIL or waits for it, or that was missed', () => {
    const { profile } = view(
      [
        { stack: work, states: ['gil'] },
        { stack: work, states: ['gil-wait'] },
        { stack: [], quality: 'missed' },
        { stack: [], states: [] },
      ],
      { idle: true },
    )
    expect(rows(profile)).toEqual(['work 10', 'work 10', 'missed 10', 'exact 10'])
  })
})

describe('gil and exception', () => {
  const samples: DraftSample[] = [
    { stack: work, states: ['cpu', 'gil'], weight: 1 * MS },
    { stack: work, states: ['gil', 'exception'], weight: 2 * MS },
    { stack: wait, states: ['cpu', 'gil-wait', 'exception'], weight: 4 * MS },
    { stack: wait, states: [], weight: 8 * MS },
  ]

  test('keep the samples that have the state, by the time that passed', () => {
    const gil = view(samples, { mode: 'gil' })
    expect(rows(gil.profile)).toEqual(['work 1', 'work 2'])
    expect(gil.profile.meta.mode).toBe('gil')
    expect(gil.removed).toEqual({ samples: 2, timeNs: 12 * MS })
    const exception = view(samples, { mode: 'exception' })
    expect(rows(exception.profile)).toEqual(['work 2', 'wait 4'])
    expect(exception.removed).toEqual({ samples: 2, timeNs: 9 * MS })
  })

  test('keep idle threads too when asked to', () => {
    expect(rows(view(samples, { mode: 'gil', idle: true }).profile)).toEqual([
      'work 1',
      'work 2',
      '<idle> 8',
    ])
  })

  test('keep the columns of a row together', () => {
    const { samples: shown } = view(samples, { mode: 'exception' }).profile
    const recorded = recording(samples).samples
    for (const [at, row] of [1, 2].entries()) {
      for (const column of ['time', 'thread', 'stack', 'quality', 'reason', 'state'] as const) {
        expect(shown[column][at]).toBe(recorded[column][row])
      }
    }
  })
})

describe('cpu', () => {
  const cpuOf = (samples: readonly DraftSample[], idle = false) =>
    rows(view(samples, { mode: 'cpu', idle }).profile)

  test('weighs a sample by the CPU time that was measured for it', () => {
    expect(
      cpuOf([
        { ...RUNS, cpu: 9 * MS },
        { ...RUNS, cpu: 4 * MS },
        { ...SLEEPS, cpu: 0 },
      ]),
    ).toEqual(['work 9', 'work 4'])
  })

  test('gives what was used between samples to the next one on a processor, not to a wait', () => {
    expect(
      cpuOf([
        { ...SLEEPS, cpu: 3 * MS },
        { ...SLEEPS, cpu: 2 * MS },
        { ...RUNS, cpu: 1 * MS },
      ]),
    ).toEqual(['work 6'])
  })

  test('shares what the kernel counts late among the samples that it belongs to', () => {
    expect(
      cpuOf([
        { ...RUNS, cpu: 0 },
        { ...RUNS, cpu: 0 },
        { ...RUNS, cpu: 6 * MS },
        { ...RUNS, cpu: 0 },
        { ...SLEEPS, cpu: 5 * MS },
        { ...SLEEPS, cpu: 0 },
      ]),
    ).toEqual(['work 2', 'work 2', 'work 2', 'work 5'])
  })

  test('passes over samples that were not measured', () => {
    expect(cpuOf([RUNS, RUNS, { ...RUNS, cpu: 6 * MS }])).toEqual(['work 2', 'work 2', 'work 2'])
    expect(cpuOf([RUNS, SLEEPS])).toEqual(['work 0'])
  })

  test('gives what is left at the end to the last sample on a processor', () => {
    expect(
      cpuOf([
        { ...RUNS, cpu: 6 * MS },
        { ...SLEEPS, cpu: 1 * MS },
        { ...SLEEPS, cpu: 1 * MS },
      ]),
    ).toEqual(['work 8'])
  })

  test('does not lose the time of a thread that no sample met on a processor', () => {
    const { profile } = view(
      [
        { ...RUNS, cpu: 6 * MS },
        { ...SLEEPS, thread: 1, cpu: 2 * MS },
        { ...SLEEPS, thread: 1, cpu: 1 * MS },
        { ...SLEEPS, thread: 2, cpu: 0 },
      ],
      { mode: 'cpu' },
    )
    expect(rows(profile)).toEqual(['work 6', 'missed 3'])
    expect(profile.samples.thread[1]).toBe(1)
    expect(weightTotals(profile)).toMatchObject({ total: 9 * MS, missed: 3 * MS })
  })

  test('keeps threads apart', () => {
    expect(
      cpuOf([
        { ...SLEEPS, thread: 0, cpu: 5 * MS },
        { ...RUNS, thread: 1, cpu: 1 * MS },
        { ...RUNS, thread: 0, cpu: 1 * MS },
      ]),
    ).toEqual(['work 1', 'work 6'])
  })

  test('keeps idle threads by the time that passed when asked to', () => {
    expect(
      cpuOf(
        [
          { ...RUNS, cpu: 6 * MS },
          { ...SLEEPS, cpu: 0, weight: 20 * MS },
        ],
        true,
      ),
    ).toEqual(['work 6', '<idle> 20'])
  })

  test('holds all the measured CPU time, whatever happened', () => {
    let seed = 7
    const random = () => {
      seed = (seed * 48271) % 2147483647
      return seed / 2147483647
    }
    const samples = Array.from({ length: 500 }, (): DraftSample => {
      const cpu = random() < 0.3 ? {} : { cpu: Math.floor(random() * 5) * MS }
      return { ...(random() < 0.5 ? RUNS : SLEEPS), thread: Math.floor(random() * 4), ...cpu }
    })
    const used = samples.reduce((sum, { cpu = 0 }) => sum + cpu, 0)
    expect(weightTotals(view(samples, { mode: 'cpu' }).profile).total).toBeCloseTo(used, 3)
  })
})

describe('a mode whose states were not recorded', () => {
  function refusal(...args: Parameters<typeof requireStates>): PyprofError {
    try {
      requireStates(...args)
    } catch (error) {
      if (error instanceof PyprofError) return error
      throw error
    }
    throw new Error('It is taken.')
  }

  test('says which, why, and what can be shown', () => {
    const error = refusal({ mode: 'exception', idle: false }, ['cpu', 'gil', 'gc'], '3.13.18')
    expect(error.exitCode).toBe(2)
    expect(error.what).toBe('--mode exception needs what this recording does not hold.')
    expect(error.why).toContain('Python 3.13.18 does not publish')
    expect(error.hint).toContain('wall, cpu, gil.')
  })

  test('is told for each option', () => {
    expect(refusal({ mode: 'gil', idle: false }, ['cpu'], '3.15.2').why).toContain('free-threaded')
    expect(refusal({ mode: 'cpu', idle: false }, ['gil'], '3.15.2').why).toContain('/proc/PID')
    expect(refusal({ mode: 'gil', idle: true }, ['gil'], '3.15.2').what).toContain('--idle')
    expect(refusal({ mode: 'cpu', idle: true }, [], '3.15.2').why).toContain('No thread states')
  })

  test('is refused by the view too', () => {
    const recorded = recording([RUNS], ['cpu'])
    expect(() => viewInMode(recorded, { mode: 'gil', idle: false })).toThrow(PyprofError)
  })
})

describe('samples that do not tell what a mode needs, beside others that do', () => {
  /** The second thread is of a process whose Python tells of the GIL only. */
  const recorded = profileOf(
    [
      { stack: work, states: ['cpu', 'gil', 'exception'] },
      { stack: wait, states: [] },
      { stack: work, states: ['gil'], thread: 1, weight: 3 * MS },
      { stack: wait, states: [], thread: 1, weight: 4 * MS },
    ],
    {
      meta: { states: ['gil'] },
      threads: [{ states: ['cpu', 'gil', 'exception'] }, { process: 1, states: ['gil'] }],
    },
  )
  const untold = { samples: 2, timeNs: 7 * MS, processes: [1] }

  test('are left out, and counted with their process', () => {
    const { profile, removed } = viewInMode(recorded, { mode: 'exception', idle: false })
    expect(rows(profile)).toEqual(['work 10'])
    expect(removed).toEqual({ samples: 3, timeNs: 17 * MS, untold })
  })

  test('stay where the mode does not need more than they tell', () => {
    const { profile, removed } = viewInMode(recorded, { mode: 'gil', idle: false })
    expect(rows(profile)).toEqual(['work 10', 'work 3'])
    expect(removed).toEqual({ samples: 2, timeNs: 14 * MS })
  })

  test('are never called idle: shown as they are in wall, else left out', () => {
    const wall = viewInMode(recorded, { mode: 'wall', idle: true })
    expect(rows(wall.profile)).toEqual(['work 10', '<idle> 10', 'work 3', 'wait 4'])
    expect(wall.removed).toEqual({ samples: 0, timeNs: 0, untold })
    const gil = viewInMode(recorded, { mode: 'gil', idle: true })
    expect(rows(gil.profile)).toEqual(['work 10', '<idle> 10', 'work 3'])
    expect(gil.removed.untold).toEqual({ samples: 1, timeNs: 4 * MS, processes: [1] })
  })

  test('are refused when no others are there', () => {
    const threads = recorded.threads.map((thread) => ({ ...thread, states: ['gil'] as const }))
    const poor = { ...recorded, threads }
    expect(() => viewInMode(poor, { mode: 'cpu', idle: false })).toThrow(PyprofError)
  })
})
