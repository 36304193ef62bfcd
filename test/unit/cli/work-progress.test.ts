import { describe, expect, test } from 'vitest'
import { WorkProgress } from '../../../src/commands/work-progress.ts'

interface Shown {
  readonly drawsProgress?: boolean
  readonly isForeground?: boolean
  readonly total?: number
}

/** A piece of 40 kB each second. */
function shown({ drawsProgress = true, isForeground = true, ...rest }: Shown = {}) {
  const drawn: string[] = []
  let now = 0
  const progress = new WorkProgress(
    { drawsProgress, writeErr: (text) => drawn.push(text) },
    () => now,
    () => isForeground,
  )
  const pieces = [1, 2].map(() => new Uint8Array(40_000))
  const passed: Uint8Array[] = []
  for (const piece of progress.through(pieces, 'Reading run.pyprof', rest.total)) {
    passed.push(piece)
    now += 1000
  }
  progress.erase()
  expect(passed).toEqual(pieces)
  return drawn
}

describe('what takes longer than a second', () => {
  test('is told with how far it is, and the line is erased', () => {
    expect(shown({ total: 100_000 })).toEqual([
      '\r\x1b[KReading run.pyprof   80 kB of 100 kB, 80.0 %',
      '\r\x1b[K',
    ])
  })

  test('is told from its beginning where what came before took so long', () => {
    const drawn: string[] = []
    let now = 0
    const progress = new WorkProgress(
      { drawsProgress: true, writeErr: (text) => drawn.push(text) },
      () => now,
      () => true,
    )
    progress.during('Reading', () => {
      now = 1000
    })
    expect(progress.during('Adding up', () => 'sum')).toBe('sum')
    const fail = () => {
      throw new Error('Nothing is left.')
    }
    expect(() => progress.during('Choosing', fail)).toThrow('Nothing is left.')
    for (const _ of progress.through(['x'], 'Writing out.svg')) progress.erase()
    const erased = '\r\x1b[K'
    expect(drawn).toEqual([
      '\r\x1b[KAdding up',
      erased,
      '\r\x1b[KChoosing',
      erased,
      '\r\x1b[KWriting out.svg',
      erased,
    ])
  })

  test('has no share where nobody knows of how much', () => {
    expect(shown()[0]).toBe('\r\x1b[KReading run.pyprof   80 kB')
  })

  test('is silent where nobody looks', () => {
    expect(shown({ drawsProgress: false })).toEqual([])
    expect(shown({ isForeground: false })).toEqual([])
  })
})
