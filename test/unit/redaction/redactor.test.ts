import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NO_REDACTION, redactorFor } from '../../../src/redaction/redactor.ts'

const { arguments: redacted, text: redactedText } = redactorFor()
const R = '<redacted>'

describe('arguments', () => {
  test.each([
    [
      ['--password=x', 'y'],
      [`--password=${R}`, 'y'],
    ],
    [
      ['--password', 'x', 'y'],
      ['--password', R, 'y'],
    ],
    [
      ['-password', 'x'],
      ['-password', R],
    ],
    [
      ['--db-pass', '--odd', 'y'],
      ['--db-pass', R, 'y'],
    ],
    [
      ['--password', '--token', 'x'],
      ['--password', R, R],
    ],
    [['--password'], ['--password']],
    [
      ['--password', ''],
      ['--password', ''],
    ],
    [['--password='], ['--password=']],
    [
      ['PGPASSWORD=a b;c&d', 'psql'],
      [`PGPASSWORD=${R}`, 'psql'],
    ],
    [
      ['-e', 'API_KEY=x'],
      ['-e', `API_KEY=${R}`],
    ],
    [['--env=API_KEY=x'], [`--env=API_KEY=${R}`]],
    [['-Dserver.token=x'], [`-Dserver.token=${R}`]],
    [['/password:x'], [`/password:${R}`]],
    [
      ['-H', 'Authorization: Bearer a, b=c'],
      ['-H', `Authorization: ${R}`],
    ],
    [['--header=Cookie: a=b; c=d'], [`--header=Cookie: ${R}`]],
    [
      ['--port=80', '--host', 'h'],
      ['--port=80', '--host', 'h'],
    ],
    [
      ['python3', '-m', 'http.server'],
      ['python3', '-m', 'http.server'],
    ],
    [
      ['/opt/tokens/bin/python3', 'keys.py'],
      ['/opt/tokens/bin/python3', 'keys.py'],
    ],
  ])('%j', (args, shown) => {
    expect(redacted(args)).toEqual(shown)
  })

  test('more names', () => {
    const { arguments: more } = redactorFor({ names: ['iban'] })
    expect(more(['--iban', 'DE1', '--token=x'])).toEqual(['--iban', R, `--token=${R}`])
  })

  test('all of it is shown where that is asked for', () => {
    const args = ['--password=x', 'postgres://u:p@h/db']
    expect(NO_REDACTION.arguments(args)).toEqual(args)
    expect(NO_REDACTION.text('token=x')).toBe('token=x')
    expect(NO_REDACTION.isSecret('password')).toBe(false)
    expect(NO_REDACTION.file('/home/ada/x.py')).toBe('/home/ada/x.py')
  })
})

describe('texts', () => {
  test.each([
    // URLs
    ['postgres://ada:pw@db:5432/shop', `postgres://ada:${R}@db:5432/shop`],
    ['postgres://ada:p/w?#@db/shop', `postgres://ada:${R}@db/shop`],
    ['redis://:pw@cache', `redis://:${R}@cache`],
    ['amqp://a:b@one,amqp://c:d@two', `amqp://a:${R}@two`],
    ['https://abc@sentry.example/1', `https://${R}@sentry.example/1`],
    ['ssh://git@host/x', 'ssh://git@host/x'],
    ['https://example.com/a@b', 'https://example.com/a@b'],
    ['http://localhost:8000/', 'http://localhost:8000/'],
    ['curl -u ada:pw@host', `curl -u ada:${R}@host`],
    ['https://h/x?a=1&token=t&b=2', `https://h/x?a=1&token=${R}&b=2`],
    ['https://h/x#access_token=t', `https://h/x#access_token=${R}`],
    // names with values
    ['host=db password=pw port=1', `host=db password=${R} port=1`],
    ["host=db password='p w' port=1", `host=db password='${R}' port=1`],
    ['Server=db;Password=p;w;Port=1', `Server=db;Password=${R};Port=1`],
    ['{"password": "p\\"w", "a": 1}', `{"password": "${R}", "a": 1}`],
    ['{\\"token\\": \\"x\\"}', `{\\"token\\": \\"${R}\\"}`],
    ["{'token': 'x', 'a': 'b'}", `{'token': '${R}', 'a': 'b'}`],
    ["connect('u', password='pw', port=1)", `connect('u', password='${R}', port=1)`],
    ["headers['Authorization'] = 'Bearer x'", `headers['Authorization'] = '${R}'`],
    ['{:password => "x"}', `{:password => "${R}"}`],
    ['mysql --password pw -h db', `mysql --password ${R} -h db`],
    ["mysql --password 'p w' -h db", `mysql --password '${R}' -h db`],
    ['Cookie: a=b; c=d\nHost: h', `Cookie: ${R}\nHost: h`],
    ['{"pin": 1234, "a": 1}', `{"pin": ${R}, "a": 1}`],
    ['<password>pw</password>', `<password>${R}`],
    ["token='a'b c=1", `token=${R} c=1`],
    ['token="a', `token=${R}`],
    [`'--token=${R}' --a=1 'Cookie: ${R}' b`, `'--token=${R}' --a=1 'Cookie: ${R}' b`],
    // nothing to hide
    ['', ''],
    ['password', 'password'],
    ['password=', 'password='],
    ['a=1 b=2', 'a=1 b=2'],
    ['my password is good', 'my password is good'],
    ['gunicorn: worker [app]', 'gunicorn: worker [app]'],
  ])('%s', (text, shown) => {
    expect(redactedText(text)).toBe(shown)
  })

  test('is done once: a second time changes nothing', () => {
    const piece = fc.constantFrom(
      'token',
      'a',
      '=',
      ':',
      ' ',
      '"',
      "'",
      '--',
      '@',
      '://',
      '&',
      ';',
      '\\',
      'x',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const once = redactedText(pieces.join(''))
        expect(redactedText(once)).toBe(once)
      }),
    )
  })

  test.each([
    ['names', 'token '.repeat(40_000)],
    ['empty values', 'token= '.repeat(40_000)],
    ['quotes', `token="'`.repeat(30_000)],
    ['an open quote', `token="${'x'.repeat(200_000)}`],
    ['backslashes', `token=${'\\'.repeat(200_000)}`],
    ['blanks', `token${' '.repeat(200_000)}x`],
    ['separators', `token=x${',; '.repeat(60_000)}`],
    ['logins', `@${'a:b,'.repeat(50_000)}`],
    ['URLs', `@${'a://b:'.repeat(30_000)}`],
    ['dots', `@${'a.'.repeat(100_000)}`],
    ['one word', 'a'.repeat(300_000)],
  ])('is not held up by %s', (_, text) => {
    expect(redactedText(text).length).toBeGreaterThan(0)
  })
})

/** A text that is nowhere else, of characters that could be mistaken for something. */
const SECRET = fc
  .tuple(fc.string({ unit: fc.constantFrom(...'aZ09-_.=:;,&/?#@%+!$*()[]{}<>~^|'), maxLength: 12 }))
  .map(([tail]) => `S3CR3T${tail}S3CR3T`)
const NAME = fc
  .tuple(
    fc.constantFrom('', 'db_', 'my-', 'X-', 'app.', 'A1'),
    fc.constantFrom(
      'password',
      'Passwd',
      'SECRET',
      'token',
      'api_key',
      'Credential',
      'Authorization',
    ),
    fc.constantFrom('', '_1', 's', '-x', '.value'),
  )
  .map((parts) => parts.join(''))
const WORD = fc.stringMatching(/^[a-z]{1,6}$/)

describe('a planted secret never shows', () => {
  const noTrace = (shown: string) => expect(shown).not.toMatch(/S3CR3T/)

  test('as an argument, whatever it holds and whatever is around it', () => {
    const planted = fc
      .tuple(NAME, SECRET, fc.constantFrom('=', ' ', '--=', 'env', ':', ': '))
      .map(([name, secret, form]) => {
        if (form === ' ') return [`--${name}`, secret]
        if (form === '--=') return [`--${name}=${secret}`]
        if (form === 'env') return ['-e', `${name}=${secret}`]
        return [`${name}${form}${secret}`]
      })
    fc.assert(
      fc.property(fc.array(WORD), planted, fc.array(WORD), (before, secret, after) => {
        const shown = redacted([...before, ...secret, ...after])
        noTrace(shown.join('\n'))
        expect(shown.slice(0, before.length)).toEqual(before)
        expect(shown.slice(shown.length - after.length)).toEqual(after)
        expect(shown).toHaveLength(before.length + secret.length + after.length)
      }),
      { numRuns: 1000 },
    )
  })

  test('as the password of a URL', () => {
    const scheme = fc.constantFrom('postgres', 'https', 'redis', 'amqp', 'mongodb+srv')
    fc.assert(
      fc.property(scheme, WORD, SECRET, WORD, WORD, (kind, user, secret, host, key) => {
        const url = `${kind}://${user}:${secret}@${host}/x`
        noTrace(redacted([`--${key}`, url]).join(' '))
        noTrace(redactedText(`${key}(url="${url}")`))
        noTrace(redactedText(`${key} ${url} ${key}`))
      }),
      { numRuns: 1000 },
    )
  })

  test('in quotes, in code, JSON or a shell command within one argument', () => {
    const quoted = SECRET.map((secret) => secret.replace(/["'\\]/g, ''))
    const forms = fc.constantFrom<(name: string, secret: string) => string>(
      (name, secret) => JSON.stringify({ a: 1, [name]: secret, b: [2] }),
      (name, secret) => JSON.stringify(JSON.stringify({ [name]: secret, b: 2 })),
      (name, secret) => `connect("${name}", ${name.replace(/\W/g, '_')}='${secret}')`,
      (name, secret) => `d['${name}'] = "${secret}"; run()`,
      (name, secret) => `mysql --${name} '${secret}' -h db`,
      (name, secret) => `curl -H '${name}: ${secret}' http://h/`,
    )
    fc.assert(
      fc.property(NAME, quoted, forms, (name, secret, form) => {
        noTrace(redactedText(form(name, secret)))
      }),
      { numRuns: 1000 },
    )
  })

  test('bare in a text, as far as it has no blank', () => {
    const bare = SECRET.map((secret) => secret.replace(/[;,&]/g, ''))
    fc.assert(
      fc.property(NAME, bare, WORD, (name, secret, key) => {
        noTrace(redactedText(`${key}=1 ${name}=${secret} ${key}=2`))
        noTrace(redactedText(`${key}=1;${name}=${secret};${key}=2`))
        noTrace(redactedText(`https://h/?${key}=1&${name}=${secret}&${key}=2`))
      }),
      { numRuns: 1000 },
    )
  })
})
