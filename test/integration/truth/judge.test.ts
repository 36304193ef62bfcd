import { describe, expect, it } from 'vitest'
import type { NamedFrame } from '../../support/capture.ts'
import { judgeOf, judgeReuse, type Rules } from '../../support/truth.ts'
import { compare, estimate, mostOf, studentQuantile } from '../../support/truth-statistics.ts'

const OWN = '/program.py'

const RULES: Rules = {
  file: OWN,
  jit: false,
  functions: [
    ['<module>', 0, 100],
    ['left', 10, 19],
    ['right', 20, 29],
    ['leaf', 30, 39],
    ['main', 40, 49],
  ],
  calls: [
    ['<module>', 50, 'main'],
    ['main', 41, 'left'],
    ['main', 42, 'right'],
    ['left', 11, 'leaf'],
    ['right', 21, 'leaf'],
    ['leaf', 32, 'leaf'],
  ],
  under: [['leaf', 31, 'left']],
  entries: [['Library.call', 'left']],
  library: { 'Library.call': ['Library.run'] },
  counts: { leaf: [0, 2] },
}

/** `name:line`, root first; a name with a dot is of another file, a marker of none. */
function stack(text: string): NamedFrame[] {
  return text.split(' ').map((part) => {
    const [qualname, line] = part.split(':') as [string, string]
    const file = qualname.includes('.') ? '/library.py' : qualname.startsWith('<gone') ? '' : OWN
    const rest = { firstLine: 1, endLine: 0, column: -1, endColumn: -1 }
    return { qualname, file, line: Number(line), ...rest }
  })
}

describe('the judge of stacks', () => {
  const judge = judgeOf(RULES)

  it.each([
    '<module>:50 main:40',
    '<module>:50 main:41 left:11 leaf:31',
    '<module>:50 main:42 right:21 leaf:32 leaf:33',
    '<module>:50 main:42 right:0',
  ])('allows %s', (text) => {
    expect(judge(stack(text))).toBe('')
  })

  it.each([
    ['without its root', 'main:41 left:11 leaf:30'],
    ['that mixes two chains', '<module>:50 left:11 leaf:30'],
    ['with a leaf that nobody calls', '<module>:50 main:41 leaf:30'],
    ['with a gap', '<module>:50 main:41 <gone>:0'],
    ['that is too deep', '<module>:50 main:41 left:11 leaf:32 leaf:32 leaf:32'],
    ['of a function that is not there', '<module>:50 main:41 other:1'],
    ['below a library that does not call it', '<module>:50 Library.run:1 left:11'],
    ['of a library in the wrong place', '<module>:50 Library.other:1 Library.call:1'],
  ])('refuses a stack %s', (_, text) => {
    expect(judge(stack(text))).toBe('chain')
  })

  it('refuses a caller on a line from which it does not call', () => {
    expect(judge(stack('<module>:50 main:42 left:11'))).toBe('line')
    expect(judge(stack('<module>:50 main:42 right:21 leaf:31 leaf:30'))).toBe('line')
  })

  it('refuses a leaf on a line that its caller rules out', () => {
    expect(judge(stack('<module>:50 main:42 right:21 leaf:31'))).toBe('leaf-line')
    expect(judge(stack('<module>:50 main:42 right:35'))).toBe('leaf-line')
  })

  it('refuses a thread without frames where there is none', () => {
    expect(judge([])).toBe('chain')
    expect(judgeOf({ ...RULES, empty: true })([])).toBe('')
  })
})

describe('the judge of compiled generations', () => {
  const judge = judgeReuse({
    file: OWN,
    jit: false,
    functions: [
      ['<module>', 0, 1000],
      ['generation', 10, 19],
      ['main', 20, 29],
    ],
    calls: [],
    under: [],
    entries: [],
  })
  const below = stack('<module>:30 main:25 generation:15')
  const of = (number: number, parts: [string, number, number][]): NamedFrame[] =>
    parts.map(([qualname, firstLine, line]) => {
      const rest = { endLine: 0, column: -1, endColumn: -1 }
      return { qualname, file: `gen_${number}.py`, firstLine, line, ...rest }
    })

  it('allows what follows from the number', () => {
    const frames = of(100, [
      ['<module>', 1, 8],
      ['caller_100', 6, 7],
      ['leaf_100', 4, 5],
    ])
    expect(judge([...below, ...frames])).toBe('')
  })

  it('refuses names of two generations', () => {
    const module = of(99, [['<module>', 1, 7]])
    const caller = of(100, [['caller_100', 6, 7]])
    expect(judge([...below, ...module, ...caller])).toBe('chain')
  })

  it('refuses a call on another line', () => {
    const frames = of(100, [
      ['<module>', 1, 7],
      ['caller_100', 6, 7],
    ])
    expect(judge([...below, ...frames])).toBe('line')
  })
})

describe('the bounds', () => {
  it('allow what chance brings once in a million', () => {
    // Of 1000 with 1 %: P(more than 28) = 6e-7, P(more than 27) = 2e-6.
    expect(mostOf(1000, 0.01)).toBe(28)
    expect(mostOf(10, 0)).toBe(0)
  })

  it('come near the normal quantile for many batches', () => {
    expect(studentQuantile(1e6)).toBeCloseTo(4.89, 2)
    expect(studentQuantile(31)).toBeGreaterThan(5.9)
    expect(studentQuantile(31)).toBeLessThan(6.4)
  })

  it('tell two shares apart that differ, and not two that are the same', () => {
    const near = (share: number) =>
      estimate(Array.from({ length: 32 }, (_, n) => share + (n % 2 ? 0.01 : -0.01)))
    const same = compare(near(0.5), near(0.505))
    const other = compare(near(0.5), near(0.53))
    expect(Math.abs(same.difference)).toBeLessThan(same.error)
    expect(Math.abs(other.difference)).toBeGreaterThan(other.error)
  })
})
