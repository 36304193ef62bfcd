import { describe, expect, it } from 'vitest'
import { framePattern, PatternError, threadPattern } from '../../../src/profile/pattern.ts'

const VIEWS = '/srv/shop/orders/views.py'
const QUERY = '/v/lib/python3.14/site-packages/django/db/query.py'
const QUEUE = '/usr/lib/python3.14/queue.py'

describe('a frame pattern', () => {
  it.each([
    ['function:serve', 'serve', VIEWS, true],
    ['function:serve', 'Shop.serve', VIEWS, true],
    ['function:Shop.serve', 'orders.Shop.serve', VIEWS, true],
    ['function:inner', 'outer.<locals>.inner', VIEWS, true],
    ['function:serve', 'serve_file', VIEWS, false],
    ['function:serve', 'observe', VIEWS, false],
    ['function:Shop', 'Shop.serve', VIEWS, false],
    ['function:Shop.*', 'Shop.serve', VIEWS, true],
    ['function:get_?', 'get_x', VIEWS, true],
    ['function:get_?', 'get_xy', VIEWS, false],
    ['function:<module>', '<module>', VIEWS, true],
    ['function:/^get_/', 'get_xy', VIEWS, true],
    ['function:/^get_/', 'forget_it', VIEWS, false],
    ['file:views.py', 'f', VIEWS, true],
    ['file:orders/views.py', 'f', VIEWS, true],
    [`file:${VIEWS}`, 'f', VIEWS, true],
    ['file:iews.py', 'f', VIEWS, false],
    ['file:*/shop/*.py', 'f', VIEWS, true],
    ['file:/srv/shop/', 'f', VIEWS, true],
    ['file:/srv/shop', 'f', VIEWS, false],
    ['file:<frozen *>', 'f', '<frozen importlib._bootstrap>', true],
    ['file:*', '<truncated>', '', false],
    ['module:django', 'f', QUERY, true],
    ['module:django.db', 'f', QUERY, true],
    ['module:django.db.query', 'f', QUERY, true],
    ['module:db', 'f', QUERY, false],
    ['module:djang', 'f', QUERY, false],
    ['module:djang*', 'f', QUERY, true],
    ['module:queue', 'f', QUEUE, true],
    ['module:importlib', 'f', '<frozen importlib._bootstrap>', true],
    ['module:orders', 'f', VIEWS, true],
    ['module:orders.views', 'f', VIEWS, true],
    ['module:shop.views', 'f', VIEWS, false],
    ['module:*', '<truncated>', '', false],
    ['serve', 'serve', QUEUE, true],
    ['django', 'f', QUERY, true],
    ['views.py', 'f', VIEWS, true],
    ['queue', 'put', VIEWS, false],
    ['a+b', 'a+b', VIEWS, true],
    ['a+b', 'aab', VIEWS, false],
  ])('%s on %s in %s: %s', (text, qualname, file, expected) => {
    const pattern = framePattern(text)
    expect(pattern.matches(qualname, file)).toBe(expected)
    expect(pattern.text).toBe(text)
  })

  it.each([
    ['', 'Expected a name'],
    ['function:', 'Expected a name'],
    ['func:serve', "Expected function:, file:, module: or no kind before 'serve'."],
    [':serve', 'Expected function:'],
    ['/(/', 'Expected a regular expression between the slashes: /(/: Unterminated group.'],
    ['file:/[/', 'Expected a regular expression between the slashes'],
  ])('%j is refused', (text, why) => {
    expect(() => framePattern(text)).toThrow(PatternError)
    expect(() => framePattern(text)).toThrow(why)
  })
})

describe('a thread pattern', () => {
  const thread = {
    process: 0,
    nativeId: 4711,
    interpreter: 0,
    name: 'worker-1 (run)',
    isMain: false,
  }

  it.each([
    ['worker-1 (run)', true],
    ['worker-1', false],
    ['worker-*', true],
    ['Worker-*', false],
    ['worker-? (run)', true],
    ['/worker-[0-9]/', true],
    ['/^orker/', false],
    ['4711', true],
    ['471', false],
  ])('%s: %s', (text, expected) => {
    expect(threadPattern(text).matches(thread)).toBe(expected)
  })

  it('may be a name of digits', () => {
    expect(threadPattern('12').matches({ ...thread, name: '12' })).toBe(true)
  })

  it.each(['', '/*/'])('%j is refused', (text) => {
    expect(() => threadPattern(text)).toThrow(PatternError)
  })
})
