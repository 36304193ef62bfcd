import { expect, test } from 'vitest'
import { isNameStem, secretNames } from '../../../src/redaction/secret-names.ts'

const isSecret = secretNames()

test.each([
  ...['password', 'PASSWORD', 'dbPassword2', 'db-passwd', 'PGPASSWORD', 'pwd', 'passphrase'],
  ...['token', 'accessTokens', 'csrf_token', 'x-api-key', 'apikey', 'API.Key', 'secretKey'],
  ...['client_secret', 'credentials', 'Authorization', 'Proxy-Authorization', 'Set-Cookie'],
  ...['sessionid', 'PHPSESSION', 'SENTRY_DSN', 'jwt', 'bearer', 'private_key', '--key'],
  ...[
    'pass',
    'DB_PASS',
    'dbPass',
    'dbpass',
    'DBPass1',
    'auth',
    'basicAuth',
    'oauth',
    'pin',
    'user_pin',
  ],
  ...['otp', 'csrf', 'sid', 'connect.sid', 'creds', 'pw', 'ｐａｓｓｗｏｒｄ'],
])('%s is the name of a secret', (name) => {
  expect(isSecret(name)).toBe(true)
})

test.each([
  ...['', 'user', 'name', 'path', 'host', 'port', 'author', 'authority', 'passenger', 'passed'],
  ...['spin', 'pinned', 'side', 'sidecar', 'creditor', 'n', '42', '__dict__', 'Größe'],
  ...['keyword', 'keyword_arguments', 'keyboard'],
])('%s is not', (name) => {
  expect(isSecret(name)).toBe(false)
})

test('more can be added', () => {
  const more = secretNames(['IBAN', 'tax-number'])
  expect(['customerIban', 'TaxNumber', 'tax_number_2', 'password'].every(more)).toBe(true)
  expect(['tax', 'number'].some(more)).toBe(false)
  expect(secretNames(['keyword'])('keyword')).toBe(true)
  expect(isSecret('keyword_key')).toBe(true)
  expect(['iban', 'ab', '12'].every(isNameStem)).toBe(true)
  expect(['', '-', 'a', ' _a_ '].some(isNameStem)).toBe(false)
})
