import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { originOf } from '../../../src/profile/origin.ts'
import { FolderNames } from '../../../src/redaction/paths.ts'
import { redactorFor } from '../../../src/redaction/redactor.ts'

const shown = (program: string | undefined, ...files: readonly string[]) => {
  const names = new FolderNames(program)
  return files.map((file) => names.file(file))
}

test('Python, homes, the program and other folders have names', () => {
  expect(
    shown(
      '/srv/acme/shop',
      '/srv/acme/shop/orders/views.py',
      '/srv/acme/tools/x.py',
      '/usr/lib/python3.14/json/decoder.py',
      '/home/ada/.venv/lib/python3.14/site-packages/django/db.py',
      '/usr/lib/python3/dist-packages/yaml.py',
      '/home/ada/work/app.py',
      '/home/bob/app.py',
      '/root/app.py',
      '/opt/x.py',
      '/srv/acme/tools/y.py',
      '/x.py',
    ),
  ).toEqual([
    '<program>/orders/views.py',
    '<folder>/x.py',
    '<python>/lib/python3.14/json/decoder.py',
    '<python 2>/lib/python3.14/site-packages/django/db.py',
    '<python>/lib/python3/dist-packages/yaml.py',
    '~/work/app.py',
    '~2/app.py',
    '~3/app.py',
    '<folder 2>/x.py',
    '<folder>/y.py',
    '<folder 3>/x.py',
  ])
})

test('what is no absolute path stays as it is', () => {
  const files = ['', '<string>', '<frozen importlib._bootstrap>', 'app.py', './a/b.py', '~/x.py']
  expect(shown('/srv', ...files)).toEqual(files)
})

test('the program may run in no folder of its own', () => {
  expect(shown('/', '/srv/app.py')).toEqual(['<folder>/app.py'])
  expect(shown(undefined, '/srv/app.py')).toEqual(['<folder>/app.py'])
  expect(shown('/srv/a', '/srv/ab/app.py')).toEqual(['<folder>/app.py'])
  // What is in the program's folder but belongs to Python is Python's.
  expect(shown('/srv', '/srv/.venv/lib/python3.14/site-packages/x.py')[0]).toBe(
    '<python>/lib/python3.14/site-packages/x.py',
  )
})

describe('arguments', () => {
  const { arguments: redacted } = redactorFor({ paths: true, program: '/srv/shop' })

  test('are paths, have paths, or name homes', () => {
    expect(
      redacted([
        '/usr/bin/python3',
        '/srv/shop/app.py',
        '--config=/home/ada/shop.toml',
        'from /home/ada/x import /root/y',
        '--token=/home/ada',
        'app.py',
      ]),
    ).toEqual([
      '<folder>/python3',
      '<program>/app.py',
      '--config=~/shop.toml',
      'from ~/x import ~2/y',
      '--token=<redacted>',
      'app.py',
    ])
  })

  test('keep their paths unless it is asked for', () => {
    expect(redactorFor().arguments(['/home/ada/app.py'])).toEqual(['/home/ada/app.py'])
    expect(redactorFor().file('/home/ada/app.py')).toBe('/home/ada/app.py')
  })
})

test('whole command lines: words that are paths, and homes', () => {
  const names = new FolderNames('/srv/shop')
  expect(
    names.line(
      "/usr/bin/python3 /srv/shop/app.py --conf=/etc/x.toml '/opt/my app/x y' 'a /home/ada/b'",
    ),
  ).toBe("<folder>/python3 <program>/app.py --conf=<folder 2>/x.toml '<folder 3>/x y' 'a ~/b'")
  expect(names.line("x 'a' /etc/y /etc/z")).toBe("x 'a' <folder 2>/y <folder 2>/z")
  expect(names.line('python3 app.py a/b')).toBe('python3 app.py a/b')
  expect(names.line(`${'/a'.repeat(50_000)} ${"'/".repeat(20_000)}`).length).toBeGreaterThan(0)
})

const part = fc.constantFrom(
  'home',
  'ada',
  'srv',
  'lib',
  'python3.14',
  'site-packages',
  'root',
  'x',
)
const file = fc
  .array(part, { minLength: 0, maxLength: 5 })
  .map((parts) => `/${[...parts, 'f.py'].join('/')}`)

test('different files keep different names, and the same file its name', () => {
  fc.assert(
    fc.property(
      fc.array(file),
      fc.constantFrom(undefined, '/srv', '/home/ada/x'),
      (files, program) => {
        const names = shown(program, ...files, ...files)
        expect(new Set(names).size).toBe(new Set(files).size)
        expect(names.slice(0, files.length)).toEqual(names.slice(files.length))
      },
    ),
  )
})

test('no name is an absolute path, and Python stays Python', () => {
  fc.assert(
    fc.property(file, (path) => {
      const [name = ''] = shown(undefined, path)
      expect(name.startsWith('/')).toBe(false)
      expect(originOf(name).origin).toBe(originOf(path).origin)
    }),
  )
})
