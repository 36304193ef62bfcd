import { describe, expect, test } from 'vitest'
import { endOnSignal, launchedHandler } from '../../../src/commands/record/signals.ts'

interface Event {
  readonly signal: NodeJS.Signals
  /** ms */
  readonly at: number
  readonly foreground?: boolean
}

function play(...events: Event[]): string[] {
  const done: string[] = []
  let now = 0
  let foreground = false
  const handler = launchedHandler(
    {
      forward: (signal) => done.push(`forward ${signal}`),
      leave: (signal) => done.push(`leave ${signal}`),
    },
    () => now,
    () => foreground,
  )
  for (const event of events) {
    now = event.at
    foreground = event.foreground ?? false
    handler(event.signal)
  }
  return done
}

describe('signals to pyprof while a launched command runs', () => {
  test('Ctrl-C in the terminal reaches the command by itself, as often as it is pressed', () => {
    const press = { signal: 'SIGINT', foreground: true } as const
    expect(play({ ...press, at: 0 }, { ...press, at: 5000 }, { ...press, at: 9000 })).toEqual([])
  })

  test('so does Ctrl-\\', () => {
    expect(play({ signal: 'SIGQUIT', at: 0, foreground: true })).toEqual([])
  })

  test('SIGINT without a terminal is handed on', () => {
    expect(play({ signal: 'SIGINT', at: 0 })).toEqual(['forward SIGINT'])
  })

  test.each<NodeJS.Signals>(['SIGTERM', 'SIGHUP'])('%s is handed on, terminal or not', (signal) => {
    expect(play({ signal, at: 0, foreground: true })).toEqual([`forward ${signal}`])
  })

  test('a request delivered twice is one request', () => {
    expect(play({ signal: 'SIGTERM', at: 0 }, { signal: 'SIGTERM', at: 900 })).toEqual([
      'forward SIGTERM',
    ])
  })

  test('a second request makes pyprof leave', () => {
    expect(play({ signal: 'SIGTERM', at: 0 }, { signal: 'SIGHUP', at: 1100 })).toEqual([
      'forward SIGTERM',
      'leave SIGHUP',
    ])
  })
})

test('handlers are there only while they are wanted', () => {
  const got: string[] = []
  const before = process.listenerCount('SIGHUP')
  const release = endOnSignal((signal) => got.push(signal))
  process.emit('SIGHUP', 'SIGHUP')
  release()
  expect(got).toEqual(['SIGHUP'])
  expect(process.listenerCount('SIGHUP')).toBe(before)
})
