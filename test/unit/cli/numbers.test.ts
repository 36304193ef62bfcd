import { expect, test } from 'vitest'
import { counted, formatRate, formatShare, formatSize } from '../../../src/commands/numbers.ts'

test('counts agree with their noun', () => {
  expect([counted(0, 'tick'), counted(1, 'tick'), counted(12_345, 'tick')]).toEqual([
    '0 ticks',
    '1 tick',
    '12,345 ticks',
  ])
})

test('rates have three digits or more', () => {
  expect([0.01234, 0.5, 99.84, 100.4, 12_345.6].map(formatRate)).toEqual([
    '0.0123 Hz',
    '0.5 Hz',
    '99.8 Hz',
    '100 Hz',
    '12,346 Hz',
  ])
})

test('shares have one decimal', () => {
  expect([0, 0.12345, 1].map(formatShare)).toEqual(['0.0 %', '12.3 %', '100.0 %'])
})

test('sizes have the unit that suits them', () => {
  expect([0, 999, 1000, 12_345, 999_999, 4_560_000, 2.5e9].map(formatSize)).toEqual([
    '0 B',
    '999 B',
    '1 kB',
    '12.3 kB',
    '1,000 kB',
    '4.56 MB',
    '2,500 MB',
  ])
})
