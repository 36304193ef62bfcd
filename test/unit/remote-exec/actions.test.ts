import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ACTIONS, actionNamed, scriptValue } from '../../../src/remote-exec/actions.ts'
import { scriptFor } from '../../../src/remote-exec/source.ts'

const SCRIPTS = join(import.meta.dirname, '..', '..', '..', 'src', 'remote-exec', 'scripts')
const value = (name: string, text?: string) => scriptValue(actionNamed(name)!, text)

describe('values', () => {
  test.each([
    ['gc', 'freeze', 'freeze'],
    ['gc-debug', 'leak', 'collectable,uncollectable,saveall'],
    ['gc-debug', 'stats,saveall', 'stats,saveall'],
    ['gc-debug', 'off', 'off'],
    ['tracemalloc', 'on:65535', 'on:65535'],
    ['switch-interval', '5ms', '0.005'],
    ['switch-interval', '0.005s', '0.005'],
    ['switch-interval', '50us', '0.00005'],
    ['recursion-limit', '2147483647', '2147483647'],
    ['recursion-limit', '0010', '10'],
  ])('%s %s', (name, text, expected) => {
    expect(value(name, text)).toBe(expected)
  })

  test.each([
    ['gc', 'ON'],
    ['gc', ''],
    ['faulthandler', 'freeze'],
    ['gc-debug', 'stats,'],
    ['gc-debug', 'off,stats'],
    ['tracemalloc', 'on:0'],
    ['tracemalloc', 'on:65536'],
    ['switch-interval', '0'],
    ['switch-interval', '61'],
    ['switch-interval', '-1'],
    ['recursion-limit', '0'],
    ['recursion-limit', '2147483648'],
    ['threads', 'on'],
    ['threads', 'status'],
  ])('%s %j is none', (name, text) => {
    expect(value(name, text)).toBeUndefined()
  })

  test('without a value, or with status, an option only tells', () => {
    for (const { name, kind } of ACTIONS) {
      expect(value(name)).toBeNull()
      if (kind === 'option') expect(value(name, 'status')).toBeNull()
    }
    expect(actionNamed('gcc')).toBeUndefined()
  })
})

describe('the script', () => {
  const facts = { value: null, folder: '/tmp/pyprof-1', pid: 7, deadline: 12.5 }

  test.each(ACTIONS)('of $name is there', (action) => {
    expect(existsSync(join(SCRIPTS, `${action.name}.py`))).toBe(true)
    const { name, text } = scriptFor({ ...facts, action })
    expect(name).toBe(`${action.name}.py`)
    expect(text.match(/^def pyprof_action\(value, module, alive\):$/gm)).toHaveLength(1)
    expect(text).toContain(`(pyprof_action, None, b"/tmp/pyprof-1", b"${name}", 7, 12.500)`)
    // What a script imports in the usual way would stay in sys.modules; sys is there already.
    expect(text.match(/^ *(?:import|from) (?!sys$).*$/gm)).toBeNull()
    expect(text).not.toMatch(/\bprint\(/)
  })

  test('a folder of any name is given as bytes', () => {
    const action = actionNamed('gc')!
    const { text } = scriptFor({ ...facts, action, folder: '/tm"p/ä\\\n', value: 'off' })
    expect(text).toContain('(pyprof_action, "off", b"/tm\\x22p/\\xc3\\xa4\\x5c\\x0a", ')
  })

  test('a line is told by the file that it came from', () => {
    const { text, placeOf } = scriptFor({ ...facts, action: actionNamed('gc')! })
    const lineOf = (words: string) => text.split('\n').findIndex((line) => line.includes(words)) + 1
    const place = placeOf(lineOf('gc.freeze()'))
    const [file = '', line = ''] = place.split(':')
    expect(file).toBe('gc.py')
    const { text: again, placeOf: placeIn } = scriptFor({
      ...facts,
      action: actionNamed('threads')!,
    })
    expect(again.split('\n')[0]).toMatch(/^#/)
    expect(placeIn(1)).toBe('frame.py:1')
    expect(Number(line)).toBeGreaterThan(5)
  })
})
