import type { NamedFrame } from './capture.ts'

/** What a truth program says of itself; see test/targets/truth/rules.py. */
export interface Rules {
  readonly file: string
  /** Whether the interpreter's just-in-time compiler is on. */
  readonly jit: boolean
  /** Name, first and last line. */
  readonly functions: readonly (readonly [string, number, number])[]
  /** Caller, its line, callee. */
  readonly calls: readonly (readonly [string, number, string])[]
  /** Function, line in it, the parent without which nobody stands there. */
  readonly under: readonly (readonly [string, number, string])[]
  /** Function of another file, function of the program that it calls. */
  readonly entries: readonly (readonly [string, string])[]
  readonly roots?: readonly string[]
  readonly library?: Readonly<Record<string, readonly string[]>>
  readonly counts?: Readonly<Record<string, readonly [number, number]>>
  /** Whether a thread without Python frames is there. */
  readonly empty?: boolean
  /**
   * A file with what the program's own clock says: 64-bit numbers of ns in each of the calls, in so many rows
   * that add up. `self` is of a function that calls no other.
   */
  readonly clock?: {
    readonly file: string
    readonly rows: number
    readonly calls: readonly (readonly [string, 'self' | 'total'])[]
  }
}

/**
 * What is wrong with a stack, the worst last: '' when the program can have had it; the leaf on a line
 * on which it never stands with that caller; a caller on a line from which it never calls the next
 * frame; functions that never call one another, or a wrong name.
 */
export const FAULTS = ['', 'leaf-line', 'line', 'chain'] as const
export type Fault = (typeof FAULTS)[number]

/** Judges the stacks of one program, each once: equal stacks come as the same array. */
export type Judge = (frames: readonly NamedFrame[]) => Fault

export function judgeOf(rules: Rules): Judge {
  const stacks = new StackRules(rules)
  const known = new WeakMap<readonly NamedFrame[], Fault>()
  return (frames) => {
    const before = known.get(frames)
    if (before !== undefined) return before
    const fault = stacks.judge(frames)
    known.set(frames, fault)
    return fault
  }
}

class StackRules {
  readonly #rules: Rules
  readonly #roots: ReadonlySet<string>
  readonly #spans: ReadonlyMap<string, readonly [number, number]>
  readonly #calls = new Set<string>()
  readonly #callLines = new Set<string>()
  readonly #entries: ReadonlySet<string>
  readonly #under = new Map<string, string[]>()

  constructor(rules: Rules) {
    this.#rules = rules
    this.#roots = new Set(rules.roots ?? ['<module>'])
    this.#spans = new Map(rules.functions.map(([name, first, last]) => [name, [first, last]]))
    for (const [caller, line, callee] of rules.calls) {
      this.#calls.add(key(caller, callee))
      this.#callLines.add(key(caller, line, callee))
    }
    this.#entries = new Set(rules.entries.map(([caller, callee]) => key(caller, callee)))
    for (const [name, line, parent] of rules.under) {
      const place = key(name, line)
      this.#under.set(place, [...(this.#under.get(place) ?? []), parent])
    }
  }

  judge(frames: readonly NamedFrame[]): Fault {
    const root = frames[0]
    if (!root) return this.#rules.empty ? '' : 'chain'
    if (!this.#roots.has(root.qualname)) return 'chain'
    let worst = this.#counts(frames)
    for (let at = 0; at < frames.length && worst !== 'chain'; at++) {
      const isLeaf = at === frames.length - 1
      // Deep recursion stands on the same place thousands of times.
      const isRepeated =
        samePlace(frames[at], frames[at - 1]) && samePlace(frames[at], frames[at - 2])
      if (isRepeated && !isLeaf) continue
      worst = worse(worst, this.#place(frames[at]!, frames[at - 1], isLeaf))
      if (at > 0) worst = worse(worst, this.#call(frames[at - 1]!, frames[at]!))
    }
    return worst
  }

  #isOwn(frame: NamedFrame): boolean {
    return frame.file === this.#rules.file
  }

  #counts(frames: readonly NamedFrame[]): Fault {
    for (const [name, [least, most]] of Object.entries(this.#rules.counts ?? {})) {
      const count = frames.filter(({ qualname }) => qualname === name).length
      if (count < least || count > most) return 'chain'
    }
    return ''
  }

  /** Whether a frame can stand where it does. */
  #place(frame: NamedFrame, parent: NamedFrame | undefined, isLeaf: boolean): Fault {
    if (!this.#isOwn(frame)) return frame.file === '' ? 'chain' : ''
    const span = this.#spans.get(frame.qualname)
    if (!span) return 'chain'
    const wrong = isLeaf ? 'leaf-line' : 'line'
    if (isLeaf && frame.line !== 0 && (frame.line < span[0] || frame.line > span[1])) return wrong
    const parents = this.#under.get(key(frame.qualname, frame.line))
    return parents && !parents.includes(parent?.qualname ?? '') ? wrong : ''
  }

  #call(parent: NamedFrame, child: NamedFrame): Fault {
    if (this.#isOwn(parent)) {
      if (!this.#calls.has(key(parent.qualname, child.qualname))) return 'chain'
      return this.#callLines.has(key(parent.qualname, parent.line, child.qualname)) ? '' : 'line'
    }
    if (this.#isOwn(child)) {
      return this.#entries.has(key(parent.qualname, child.qualname)) ? '' : 'chain'
    }
    const callers = this.#rules.library?.[child.qualname]
    return callers && !callers.includes(parent.qualname) ? 'chain' : ''
  }
}

/** The leaf's own and its callers' numbers, in a program that compiles its functions; see reuse.py. */
export function judgeReuse(rules: Rules): Judge {
  const judgeBelow = judgeOf({ ...rules, calls: REUSE_CALLS(rules) })
  return (frames) => {
    const from = frames.findIndex(({ file }) => /^gen_\d+\.py$/.test(file))
    const below = judgeBelow(from < 0 ? frames : frames.slice(0, from))
    return from < 0 ? below : worse(below, judgeGeneration(frames.slice(from)))
  }
}

/** The program's functions call nothing of its own but each other, on any line. */
function REUSE_CALLS({ functions }: Rules): (readonly [string, number, string])[] {
  const lines = ([, first, last]: Rules['functions'][number]) =>
    Array.from({ length: Math.min(last, 100) - first + 1 }, (_, line) => first + line)
  const [module, ...others] = functions
  return [
    ...lines(module!).map((line) => ['<module>', line, 'main'] as const),
    ...others.flatMap((fn) => lines(fn).map((line) => [fn[0], line, 'generation'] as const)),
  ]
}

function judgeGeneration(frames: readonly NamedFrame[]): Fault {
  const number = /^gen_(\d+)\.py$/.exec(frames[0]!.file)![1]!
  const above = Number(number) % 97
  const expected = [
    { name: '<module>', first: 1, lines: [above + 1, above + 3, above + 5] },
    { name: `caller_${number}`, first: above + 3, lines: [above + 3, above + 4] },
    { name: `leaf_${number}`, first: above + 1, lines: [above + 1, above + 2] },
  ]
  let fault: Fault = ''
  for (const [at, frame] of frames.entries()) {
    const must = expected[at]
    if (frame.qualname !== must?.name || frame.file !== `gen_${number}.py`) return 'chain'
    if (frame.firstLine !== must.first) return 'chain'
    if (at < frames.length - 1) {
      if (frame.line !== must.lines.at(-1)) fault = 'line'
    } else if (!isPlace(frame.line, must)) fault = worse(fault, 'leaf-line')
  }
  return fault
}

/** Line 0 is that of code which has none; line 0 or 1 is where a module begins. */
function isPlace(line: number, must: { name: string; lines: readonly number[] }): boolean {
  return must.lines.includes(line) || line === 0 || (must.name === '<module>' && line === 1)
}

function samePlace(one: NamedFrame | undefined, other: NamedFrame | undefined): boolean {
  return one?.qualname === other?.qualname && one?.line === other?.line && one?.file === other?.file
}

function worse(one: Fault, other: Fault): Fault {
  return FAULTS.indexOf(one) < FAULTS.indexOf(other) ? other : one
}

function key(...parts: readonly (string | number)[]): string {
  return parts.join('\0')
}
