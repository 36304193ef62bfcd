import { describe, expect, test } from 'vitest'
import { processTreeLines } from '../../../src/commands/record/process-tree.ts'
import type { ProcessSummary } from '../../../src/profile/summary.ts'

function processOf(pid: number, parent: number, parts: Partial<ProcessSummary> = {}) {
  return {
    pid,
    parent,
    command: `python3 p${pid}.py`,
    pythonVersion: '3.14.0',
    startNs: 0,
    endNs: 1e9,
    unreadable: '',
    samples: 10,
    ...parts,
  }
}

describe('the tree of processes', () => {
  test('children stand below their parents, in the order of their start', () => {
    const processes = [
      processOf(1, -1, { command: 'sh run.sh', samples: 0 }),
      processOf(2, 0, { samples: 1234 }),
      processOf(3, 0),
      processOf(4, 1),
      processOf(5, 3),
    ]
    expect(processTreeLines(processes)).toEqual([
      ' samples  process',
      '       0  1 sh run.sh',
      '   1,234    2 python3 p2.py',
      '      10      4 python3 p4.py',
      '      10        5 python3 p5.py',
      '      10    3 python3 p3.py',
    ])
  })

  test('what was not read says why', () => {
    const processes = [
      processOf(1, -1),
      processOf(2, 0, { samples: 0, unreadable: 'It runs Python 3.11.2.' }),
      processOf(3, 0, { samples: 5, unreadable: 'It may not be read.' }),
    ]
    expect(processTreeLines(processes).slice(2)).toEqual([
      '       –    2 python3 p2.py: not read. It runs Python 3.11.2.',
      '       5    3 python3 p3.py: not read. It may not be read.',
    ])
  })

  test('of many the busiest are shown, with those above them, and the rest is added up', () => {
    const processes = [
      processOf(1, -1, { samples: 0 }),
      processOf(2, 0, { samples: 1 }),
      ...Array.from({ length: 30 }, (_, at) => processOf(100 + at, 1, { samples: 100 + at })),
      ...Array.from({ length: 12 }, (_, at) => {
        return processOf(200 + at, 0, { samples: 0, unreadable: 'No.' })
      }),
    ]
    const lines = processTreeLines(processes)
    const pids = lines.flatMap((line) => /^ +[\d,–]+ +(\d+) python3/.exec(line)?.[1] ?? [])
    expect(pids.slice(0, 2)).toEqual(['1', '2'])
    expect(pids.slice(2, 22)).toEqual(Array.from({ length: 20 }, (_, at) => String(110 + at)))
    expect(pids.slice(22)).toEqual(Array.from({ length: 10 }, (_, at) => String(200 + at)))
    expect(lines.at(-1)).toBe('   1,045  12 more processes, 2 of them not read')
  })

  test('foreign text is made harmless and short', () => {
    const [, line] = processTreeLines([processOf(1, -1, { command: `\x1b[2J${'x'.repeat(200)}` })])
    expect(line).toBe(`      10  1 \\x1b[2J${'x'.repeat(73)}…`)
  })

  test('a chain of ten thousand is no trouble', () => {
    const chain = Array.from({ length: 10_000 }, (_, at) =>
      processOf(at + 1, at - 1, { samples: at }),
    )
    expect(processTreeLines(chain)).toHaveLength(10_001)
  })
})
