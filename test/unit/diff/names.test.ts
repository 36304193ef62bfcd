import { describe, expect, test } from 'vitest'
import { Names } from '../../../src/diff/names.ts'
import type { Profile } from '../../../src/profile/profile.ts'
import { profileOf } from '../../support/ascii-profile.ts'

/** A profile with these functions, `name file`. */
function profileWith(...functions: readonly string[]): Profile {
  return profileOf(
    functions.map((text) => {
      const [name = '', file = ''] = text.split(' ')
      return { stack: [{ name, file }] }
    }),
  )
}

function names(base: readonly string[], head: readonly string[], ...renames: [string, string][]) {
  const made = new Names(
    [profileWith(...base)],
    [profileWith(...head)],
    renames.map(([from, to]) => ({ from, to })),
  )
  return (text: string) => {
    const [qualname = '', file = ''] = text.split(' ')
    const name = made.of('base', { qualname, file })
    return `${name.qualname} ${name.file}`
  }
}

describe('a function of base is called as in head', () => {
  test('when nothing has changed', () => {
    expect(names(['f /a/x.py'], ['f /a/x.py'])('f /a/x.py')).toBe('f /a/x.py')
  })

  test('when the checkout is another folder', () => {
    const of = names(
      ['f /b/one/x.py', 'f /b/two/x.py', 'g /b/setup.py'],
      ['f /h/one/x.py', 'f /h/two/x.py', 'g /h/setup.py'],
    )
    expect(of('f /b/one/x.py')).toBe('f /h/one/x.py')
    expect(of('f /b/two/x.py')).toBe('f /h/two/x.py')
    expect(of('g /b/setup.py')).toBe('g /h/setup.py')
  })

  test('but not when two files are as good', () => {
    const of = names(['f /b/x.py'], ['g /h/one/x.py', 'g /h/two/x.py'])
    expect(of('f /b/x.py')).toBe('f /b/x.py')
  })

  test('when packages and Python are installed elsewhere', () => {
    const of = names(
      [
        'get /v1/lib/python3.13/site-packages/shop/io.py',
        'loads /usr/lib/python3.13/json/__init__.py',
      ],
      [
        'get /v2/lib/python3.14/site-packages/shop/io.py',
        'loads /opt/lib/python3.14/json/__init__.py',
      ],
    )
    expect(of('get /v1/lib/python3.13/site-packages/shop/io.py')).toBe(
      'get /v2/lib/python3.14/site-packages/shop/io.py',
    )
    expect(of('loads /usr/lib/python3.13/json/__init__.py')).toBe(
      'loads /opt/lib/python3.14/json/__init__.py',
    )
  })

  test('when it moved to another file, and is the only one of its name', () => {
    const of = names(
      ['Store.load /a/x.py', 'main /a/x.py', '<lambda> /a/gone.py'],
      ['Store.load /a/y.py', 'main /a/x.py', '<lambda> /a/new.py'],
    )
    expect(of('Store.load /a/x.py')).toBe('Store.load /a/y.py')
    expect(of('<lambda> /a/gone.py')).toBe('<lambda> /a/gone.py')
    const two = names(['f /a/x.py'], ['f /a/y.py', 'f /a/z.py'])
    expect(two('f /a/x.py')).toBe('f /a/x.py')
  })

  test('but not when its file still has it', () => {
    const of = names(['f /a/x.py'], ['f /a/x.py', 'f /a/y.py'])
    expect(of('f /a/x.py')).toBe('f /a/x.py')
  })

  test('when a user says what it is called now', () => {
    const base = ['f /a/old/x.py', 'Old.g /a/apple/x.py']
    const of = names(base, ['f /a/new/x.py'], ['old', 'new'], ['Old.g', 'New.g'], ['app', 'no'])
    expect(of('f /a/old/x.py')).toBe('f /a/new/x.py')
    expect(of('Old.g /a/apple/x.py')).toBe('New.g /a/apple/x.py')
    expect(names(['f /a/old.py'], ['f /b/new.py'], ['/a/old.py', '/b/new.py'])('f /a/old.py')).toBe(
      'f /b/new.py',
    )
  })

  test('and markers are what they are', () => {
    expect(names(['<GC> '], ['f /a/x.py'])('<GC> ')).toBe('<GC> ')
  })
})
