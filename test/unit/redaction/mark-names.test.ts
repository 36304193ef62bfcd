import { describe, expect, test } from 'vitest'
import { MarkNames } from '../../../src/redaction/mark-names.ts'
import { NO_REDACTION, redactorFor } from '../../../src/redaction/redactor.ts'

const R = '<redacted>'

describe('names of marks', () => {
  test.each([
    ['parse', 'parse'],
    ['parse a file', 'parse a file'],
    ['bench/test_token.py::TestKey::test_password', 'bench/test_token.py::TestKey::test_password'],
    ['bench/test_orders.py::test_price[3-slow]', 'bench/test_orders.py::test_price[3-slow]'],
    ['bench/test_x.py::test_x[password=hunter2]', `bench/test_x.py::test_x[password=${R}`],
    ['test_x.py::test_x[password=a::b-c]', `test_x.py::test_x[password=${R}`],
    ['password::test_x[token=a]', `password::test_x[token=${R}`],
    ['test_x[token=a]::more', `test_x[token=${R}`],
    ['test_db.py::test_x[postgres://ada:hunter2@db]', `test_db.py::test_x[postgres://ada:${R}@db]`],
    ['login --token hunter2', `login --token ${R}`],
    ['api_key: hunter2', `api_key: ${R}`],
  ])('%j are shown as %j', (name, shown) => {
    expect(new MarkNames(redactorFor()).of(name)).toBe(shown)
  })

  test('stay different where only a secret told them apart, and the same for the same', () => {
    const names = new MarkNames(redactorFor())
    const shown = ['x[pin=1]', 'x[pin=2]', 'x[pin=1]', `x[pin=${R} (3)`, 'x[pin=3]'].map((name) =>
      names.of(name),
    )
    expect(shown).toEqual([
      `x[pin=${R}`,
      `x[pin=${R} (2)`,
      `x[pin=${R}`,
      // What is shown so is a name too.
      `x[pin=${R} (3)`,
      `x[pin=${R} (4)`,
    ])
  })

  test('have the folders of files in them, and lose them with those', () => {
    const redactor = redactorFor({ paths: true, program: '/srv/shop' })
    const names = new MarkNames(redactor)
    expect(names.of('/srv/shop/bench/test_x.py::test_x')).toBe('<program>/bench/test_x.py::test_x')
    expect(names.of('/home/ada/test_x.py::test_x[/opt/acme/a.txt]')).toBe(
      '~/test_x.py::test_x[/opt/acme/a.txt]',
    )
    expect(names.of('read /opt/acme/a.txt')).toBe('read <folder>/a.txt')
    expect(new MarkNames(redactorFor()).of('/srv/shop/test_x.py::x')).toBe('/srv/shop/test_x.py::x')
  })

  test('are shown whole with --no-redact', () => {
    expect(new MarkNames(NO_REDACTION).of('x[token=a]')).toBe('x[token=a]')
  })
})
