import type { Minor } from '../support/pythons.ts'
import type { Program } from '../support/truth-run.ts'

/** A program of the truth tests, and what may be asked of a reading of it. */
export interface TruthProgram extends Program {
  /**
   * `adversarial`: functions of 30 to 300 ns, faster than a live read; `ordinary`: functions of 5 us and
   * more.
   */
  readonly speed: 'adversarial' | 'ordinary'
  /** Whether chains go over frames outside the data stack: generators and coroutines. */
  readonly heapFrames?: boolean
  /**
   * Part of the ticks that `exact` may leave unproved: a hundredth unless threads take turns. 1 where the
   * GIL goes to another thread so often that nothing is promised.
   */
  readonly unproved?: number
  readonly minors?: readonly Minor[]
}

/** From 3.14 on Debian's interpreters have the compiler built in. */
const WITH_JIT = { env: { PYTHON_JIT: '1' }, minors: ['3.14', '3.15'] } as const

const MANY_THREADS = { threads: 100, rate: 250, part: 5, unproved: 0.03 } as const

export const PROGRAMS: readonly TruthProgram[] = [
  { name: 'chains', speed: 'adversarial' },
  { name: 'shared', speed: 'adversarial' },
  { name: 'generators', speed: 'adversarial', heapFrames: true },
  { name: 'recursion', speed: 'adversarial' },
  { name: 'deep', args: ['900'], speed: 'adversarial', rate: 2_000, part: 0.5 },
  { name: 'deep', args: ['5000'], speed: 'adversarial', rate: 400, part: 0.1 },
  { name: 'deep', args: ['50000'], speed: 'adversarial', rate: 50, part: 0.01 },
  { name: 'oversized', speed: 'adversarial' },
  { name: 'unwinding', speed: 'adversarial' },
  { name: 'reuse', args: ['3000'], speed: 'adversarial' },
  { name: 'reuse', args: ['15000'], speed: 'adversarial' },
  { name: 'frameless', speed: 'adversarial', threads: 2 },
  { name: 'threads', args: ['4', '5', '0.005'], speed: 'adversarial', ...MANY_THREADS },
  {
    name: 'threads',
    args: ['4', '5', '0.0005'],
    speed: 'adversarial',
    ...MANY_THREADS,
    unproved: 1,
  },
  // Stops change what they measure: caches go cold, a server and its clients take turns otherwise. So
  // there are few enough of them not to be seen.
  { name: 'tasks', speed: 'ordinary', heapFrames: true, rate: 1_000 },
  { name: 'ordinary', speed: 'ordinary', rate: 1_000 },
  { name: 'web', speed: 'ordinary', threads: 4, rate: 500, unproved: 0.03 },
  { name: 'chains', speed: 'adversarial', ...WITH_JIT },
  { name: 'generators', speed: 'adversarial', heapFrames: true, ...WITH_JIT },
]
