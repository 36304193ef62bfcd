import { describe, expect, it } from 'vitest'
import {
  cutAt,
  escapeXml,
  formatCount,
  formatTime,
  threadLabel,
  visible,
} from '../../../src/formats/text.ts'
import { NO_PROCESS, type Thread } from '../../../src/profile/profile.ts'

describe('visible', () => {
  it.each([
    ['plain Ünïcödé 函数 🐍', 'plain Ünïcödé 函数 🐍'],
    ['a\nb\r\tc\0', 'a\\x0ab\\x0d\\x09c\\x00'],
    ['\u007f\u0085', '\\x7f\\x85'],
    ['\ud800x\udc00', '\\ud800x\\udc00'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['ab\u202ecd\u2066', 'ab\\u202ecd\\u2066'],
    ['\ufffe\uffff\u{1ffff}', '\\ufffe\\uffff\\U0001ffff'],
  ])('%j becomes %s', (text, shown) => {
    expect(visible(text)).toBe(shown)
  })
})

it('escapes everything that XML gives a meaning to', () => {
  expect(escapeXml(`<a b="c" d='e'>&amp;`)).toBe('&#60;a b=&#34;c&#34; d=&#39;e&#39;&#62;&#38;amp;')
})

describe('threadLabel', () => {
  const thread: Thread = {
    process: 0,
    nativeId: 7,
    interpreter: 0,
    name: 'worker 3',
    isMain: false,
  }

  const first = {
    pid: 1,
    parent: NO_PROCESS,
    command: '',
    pythonVersion: '',
    start: 0,
    end: 0,
    unreadable: '',
  }
  const second = { ...first, pid: 2, parent: 0 }

  it('tells threads of one process apart by native id', () => {
    expect(threadLabel(thread, [first])).toBe('worker 3 (tid 7)')
  })

  it('names the process when there are several, and another interpreter than the main one', () => {
    const other = { ...thread, process: 1, interpreter: 4, nativeId: 0, name: '' }
    expect(threadLabel(thread, [first, second])).toBe('worker 3 (pid 1, tid 7)')
    expect(threadLabel(other, [first, second])).toBe(
      '<unnamed> (pid 2, tid unknown, interpreter 4)',
    )
  })

  it('says of waiting tasks whose they are', () => {
    const waiting = { ...thread, waitingTasks: true }
    expect(threadLabel(waiting, [first])).toBe('waiting tasks of worker 3 (tid 7)')
    const orphaned = { ...waiting, nativeId: 0, name: '' }
    expect(threadLabel(orphaned, [first])).toBe('waiting tasks of ended threads')
    expect(threadLabel({ ...orphaned, interpreter: 2 }, [first])).toBe(
      'waiting tasks of ended threads (interpreter 2)',
    )
  })
})

it.each([
  [0, '0 s'],
  [1234, '1.23 µs'],
  [45_600_000, '45.6 ms'],
  [1_500_000_000, '1.50 s'],
  [90_000_000_000, '90.0 s'],
  [3_600_000_000_000, '3600 s'],
])('formatTime(%d) is %s', (ns, text) => {
  expect(formatTime(ns)).toBe(text)
})

it.each([
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [12_345_678, '12,345,678'],
])('formatCount(%d) is %s', (count, text) => {
  expect(formatCount(count)).toBe(text)
})

it.each([
  ['abc', 3, 'abc'],
  ['abcd', 3, 'abc…<1 more character>'],
  ['x'.repeat(2000), 2, 'xx…<1,998 more characters>'],
  ['🐍🐍🐍', 3, '🐍🐍🐍'],
  ['🐍🐍🐍', 2, '🐍🐍…<1 more character>'],
  ['', 0, ''],
])('cutAt(%j, %d) is %j', (text, most, cut) => {
  expect(cutAt(text, most)).toBe(cut)
})
