import { describe, expect, test } from 'vitest'
import {
  parseDuration,
  parseInstant,
  parseKeep,
  parseOverhead,
  parsePid,
  parseRate,
  parseRotation,
} from '../../../src/commands/parse.ts'

describe('parseDuration', () => {
  test.each([
    ['30', 30e9],
    ['1.5', 1.5e9],
    ['.5', 0.5e9],
    ['30s', 30e9],
    ['500ms', 0.5e9],
    ['5m', 300e9],
    ['1h', 3600e9],
    ['1.5m', 90e9],
    ['2400h', 100 * 86_400e9],
  ])('%s', (text, ns) => {
    expect(parseDuration(text)).toBe(ns)
  })

  test.each(['', 'x', '-1', '+1', '1e3', '5 m', '5min', 'Infinity', '0x10', '1,5', 's'])(
    'refuses %j and says what it expects',
    (text) => {
      expect(() => parseDuration(text)).toThrow('Expected a time such as 30, 1.5, 500ms, 5m or 1h.')
    },
  )

  test.each(['0', '0.0', '0ms'])('refuses %s', (text) => {
    expect(() => parseDuration(text)).toThrow('greater than 0')
  })

  test('refuses what doubles of nanoseconds cannot keep', () => {
    expect(() => parseDuration('2401h')).toThrow('at most 100 days')
  })
})

describe('parseRate', () => {
  test.each([
    ['100', 100],
    ['0.5', 0.5],
    ['0.01', 0.01],
    ['250hz', 250],
    ['250Hz', 250],
    ['1khz', 1000],
    ['1.5kHz', 1500],
    ['10k', 10_000],
    ['100khz', 100_000],
  ])('%s', (text, hertz) => {
    expect(parseRate(text)).toBe(hertz)
  })

  test.each(['', 'fast', '-5', '10ms', '2mhz', '1 khz', 'NaN'])('refuses %j', (text) => {
    expect(() => parseRate(text)).toThrow('Expected a rate such as 100, 0.5, 250hz, 1khz or 10k.')
  })

  test('refuses what would slow the target, and what is no profile', () => {
    expect(() => parseRate('100001')).toThrow('at most 100khz')
    expect(() => parseRate('0')).toThrow('at least 0.01')
    expect(() => parseRate('0.009')).toThrow('at least 0.01')
  })
})

describe('parsePid', () => {
  test('takes a number', () => {
    expect(parsePid('42')).toBe(42)
    expect(parsePid('4194304')).toBe(4_194_304)
  })

  test.each(['0', '-1', '', 'self', '1.5', '0x2a', '4194305', '1e3'])('refuses %j', (text) => {
    expect(() => parsePid(text)).toThrow('Expected a process id, a number from 1 to 4194304.')
  })
})

describe('parseOverhead', () => {
  test.each([
    ['0.5%', 0.005],
    ['0.5', 0.005],
    ['2%', 0.02],
    ['100%', 1],
  ])('%s', (text, share) => {
    expect(parseOverhead(text)).toBe(share)
  })

  test.each(['', '0', '0%', '-1', '101%', 'x', '5 %', '%'])('refuses %j', (text) => {
    expect(() => parseOverhead(text)).toThrow('Expected a share of one core such as 0.5% or 2%.')
  })
})

describe('parseInstant', () => {
  test.each([
    ['0', 0],
    ['0s', 0],
    ['0.0', 0],
    ['1.5', 1.5e9],
    ['10ms', 10e6],
  ])('%s', (text, ns) => {
    expect(parseInstant(text)).toBe(ns)
  })

  test.each(['', '-1', 'noon', '0d'])('refuses %j', (text) => {
    expect(() => parseInstant(text)).toThrow('Expected a time')
  })
})

describe('parseRotation', () => {
  test.each([
    ['5m', 300e9, Number.POSITIVE_INFINITY],
    ['1s', 1e9, Number.POSITIVE_INFINITY],
    ['100MB', Number.POSITIVE_INFINITY, 100e6],
    ['1.5gb', Number.POSITIVE_INFINITY, 1.5e9],
    ['10kB', Number.POSITIVE_INFINITY, 10e3],
  ])('%s', (text, time, size) => {
    expect(parseRotation(text)).toEqual({ time, size })
  })

  test.each([
    ['', 'such as 5m or a size such as 100MB'],
    ['5', 'such as 5m or a size such as 100MB'],
    ['100', 'such as 5m or a size such as 100MB'],
    ['100MiB', 'such as 5m or a size such as 100MB'],
    ['500ms', 'at least 1s'],
    ['1kB', 'at least 10kB'],
  ])('refuses %j', (text, why) => {
    expect(() => parseRotation(text)).toThrow(why)
  })
})

test('parseKeep takes a number of files', () => {
  expect(parseKeep('12')).toBe(12)
  for (const text of ['0', '-1', 'all', '1.5', '1000001']) {
    expect(() => parseKeep(text)).toThrow('at least 1')
  }
})
