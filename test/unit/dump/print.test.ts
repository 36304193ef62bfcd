import { describe, expect, test } from 'vitest'
import type { Dump, DumpedFrame } from '../../../src/dump/dump.ts'
import { dumpLines } from '../../../src/dump/print.ts'

const LONG = 'x'.repeat(3000)

const FRAME: DumpedFrame = {
  index: 0,
  function: 'main',
  file: '/app.py',
  line: 2,
  endLine: 2,
  column: 4,
  endColumn: 9,
  firstLine: 1,
  source: `    ${LONG}`,
  sourceChanged: false,
  variables: [
    { name: 'big', kind: 'free', value: { kind: 'str', type: 'str', text: LONG, length: 3000 } },
    { name: 'small', kind: 'local', value: { kind: 'int', type: 'int', text: '1' } },
  ],
}

function dumpWith(frame: DumpedFrame): Dump {
  const task = { address: '0x1', name: 'Task-1', state: 'suspended' as const, thread: 7 }
  return {
    exporter: 'pyprof@0.0.0',
    takenAt: '',
    processes: [
      {
        pid: 7,
        command: 'python3',
        pythonVersion: '3.14.0',
        read: 'exact',
        readChange: '',
        proved: true,
        attempts: 1,
        states: ['cpu', 'gil', 'gil-wait', 'gc'],
        threads: [
          {
            nativeId: 7,
            outerId: null,
            pythonId: 1,
            interpreter: 0,
            name: 'MainThread',
            isMain: true,
            activity: 'idle',
            states: [],
            quality: 'exact',
            reason: 'none',
            frameCount: 1,
            frames: [frame],
          },
        ],
        threadCount: 1,
        tasks: {
          loopSeen: true,
          cut: false,
          tasks: [{ ...task, partial: false, awaitedBy: [], frames: [frame] }],
        },
        locals: { proved: true, limitReached: false },
        error: null,
      },
    ],
  }
}

describe('what is too long for people', () => {
  test('is cut at so many characters, and says how many there are more', () => {
    const lines = dumpLines(dumpWith(FRAME), 500)
    const big = `- big = '${'x'.repeat(499)}…<2,502 more characters> (of an enclosing function)`
    // The frame of the thread and the one of the task.
    expect(lines.filter((line) => line.trim() === big)).toHaveLength(2)
    expect(lines.filter((line) => line.trim() === '- small = 1')).toHaveLength(2)
    const source = `${'x'.repeat(500)}…<2,500 more characters>`
    expect(lines.filter((line) => line.trim() === source)).toHaveLength(2)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(600)
  })

  test('is whole where there is no limit', () => {
    const lines = dumpLines(dumpWith(FRAME), Number.POSITIVE_INFINITY)
    expect(lines.filter((line) => line.trim() === LONG)).toHaveLength(2)
    expect(lines.filter((line) => line.includes(`- big = '${LONG}' (of an`))).toHaveLength(2)
  })

  test('has no mark of what is executed where that may have been cut', () => {
    const context = [{ line: 2, text: `    ${LONG}` }]
    const withCarets = (most: number) =>
      dumpLines(dumpWith({ ...FRAME, context }), most).filter((line) => /\^{5}$/.test(line))
    expect(withCarets(500)).toEqual([])
    expect(withCarets(5000)).toHaveLength(2)
  })
})
