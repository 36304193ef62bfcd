import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NO_REDACTION, redactorFor } from '../../../src/redaction/redactor.ts'
import { redactValue, type ValueTree } from '../../../src/redaction/values.ts'

interface Value extends ValueTree<Value> {
  readonly length?: number
}

const redactor = redactorFor()
const HIDDEN = (type: string) => ({ kind: 'redacted', type })

const str = (text: string, cut = false): Value => ({ kind: 'str', type: 'str', text, cut })
const int = (value: number): Value => ({ kind: 'int', type: 'int', text: String(value) })
const none: Value = { kind: 'none', type: 'NoneType', text: 'None' }
const sequence = (kind: 'list' | 'tuple' | 'set', ...items: Value[]): Value => ({
  kind,
  type: kind,
  items,
  length: items.length,
})
const dict = (...entries: (readonly [Value, Value])[]): Value => ({
  kind: 'dict',
  type: 'dict',
  entries: entries.map(([key, value]) => ({ key, value })),
})
const object = (fields: Readonly<Record<string, Value>>): Value => ({
  kind: 'object',
  type: 'app.Store',
  attributes: Object.entries(fields).map(([name, value]) => ({ name, value })),
})
const redacted = (name: string, value: Value): Value => redactValue(name, value, redactor)

test('a variable by its name: nothing is left but its class', () => {
  expect(redacted('password', str('hunter2'))).toEqual(HIDDEN('str'))
  expect(redacted('api_keys', sequence('list', str('a'), str('b')))).toEqual(HIDDEN('list'))
  expect(redacted('session', object({ id: int(7) }))).toEqual(HIDDEN('app.Store'))
  expect(redacted('pin', int(1234))).toEqual(HIDDEN('int'))
})

test('nothing, yes and no, and code are no secrets', () => {
  for (const kind of ['none', 'bool', 'function', 'module', 'class', 'unbound', 'unreadable']) {
    const value: Value = { kind, type: kind, text: 'x' }
    expect(redacted('get_token', value)).toEqual(value)
  }
})

test('what has no such name stays as it is', () => {
  const value = object({ name: str('ada'), sizes: sequence('tuple', int(1), none, int(3)) })
  expect(redacted('user', value)).toEqual(value)
})

test('keys of dicts, attributes, headers and arguments, however deep', () => {
  const deep = dict(
    [str('user'), str('ada')],
    [str('password'), str('x')],
    [{ kind: 'bytes', type: 'bytes', text: 'authorization' }, str('x')],
    [int(1), object({ _token: str('x'), size: int(3) })],
    [str('headers'), sequence('list', sequence('tuple', str('Cookie'), str('x')))],
    [str('argv'), sequence('list', str('--token'), str('x'), str('y'), str('--key=x'))],
  )
  expect(redacted('request', sequence('list', deep)).items).toMatchObject([
    {
      entries: [
        { value: { text: 'ada' } },
        { key: { text: 'password' }, value: HIDDEN('str') },
        { key: { text: 'authorization' }, value: HIDDEN('str') },
        {
          value: {
            attributes: [
              { name: '_token', value: HIDDEN('str') },
              { name: 'size', value: { text: '3' } },
            ],
          },
        },
        { value: { items: [{ items: [{ text: 'Cookie' }, HIDDEN('str')] }] } },
        {
          value: {
            items: [
              { text: '--token' },
              HIDDEN('str'),
              { text: 'y' },
              { text: '--key=<redacted>' },
            ],
          },
        },
      ],
    },
  ])
})

test('texts lose what is a secret in them, also where their end was cut off', () => {
  expect(redacted('url', str('postgres://u:p@h/db'))).toMatchObject({
    text: 'postgres://u:<redacted>@h/db',
  })
  expect(redacted('url', str('postgres://user:hunt', true))).toMatchObject({
    text: 'postgres://user:<redacted>',
    cut: true,
  })
  expect(redacted('text', str('just a long text', true))).toMatchObject({
    text: 'just a long text',
  })
  expect(redacted('text', { kind: 'enum', type: 'E', text: 'a=1' })).toMatchObject({ text: 'a=1' })
})

test('without redaction all of it stays', () => {
  const value = dict([str('password'), str('token=x')])
  expect(redactValue('password', value, NO_REDACTION)).toEqual(value)
})

function childrenOf({ items = [], entries = [], attributes = [] }: Value): Value[] {
  return [
    ...items,
    ...entries.flatMap(({ key, value }) => [key, value]),
    ...attributes.map(({ value }) => value),
  ]
}

test('a planted secret never shows, and the tree keeps its shape', () => {
  const SECRET = 'S3CR3T'
  const name = fc.constantFrom('password', 'apiKey', 'X-Token', 'session_id', 'my_credentials')
  const plain = fc.constantFrom('a', 'user', 'items', 'x')
  const leaf = fc.oneof(
    plain.map((text) => str(text)),
    fc.nat(9).map(int),
    fc.constant(none),
  )
  const secret = fc.oneof(
    fc.constant(str(SECRET)),
    fc.constant(sequence('list', str('a'), str(SECRET))),
    fc.constant(dict([str('a'), str(SECRET)])),
  )
  const planted = fc
    .tuple(name, secret)
    .chain(([key, value]) =>
      fc.constantFrom(
        dict([str('a'), int(1)], [str(key), value]),
        dict([{ kind: 'bytes', type: 'bytes', text: key }, value]),
        object({ a: int(1), [key]: value }),
        sequence('tuple', str(key), value),
        sequence('list', str('run'), str(`--${key}`), value),
        sequence('list', str(`--${key}=${SECRET}`)),
        str(`${key}=${SECRET}`),
      ),
    )
  const { tree } = fc.letrec<{ tree: Value }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      planted,
      fc.array(tie('tree'), { maxLength: 3 }).map((items) => sequence('list', ...items)),
      fc
        .array(
          fc.tuple(
            plain.map((text) => str(text)),
            tie('tree'),
          ),
          { maxLength: 3 },
        )
        .map((entries) => dict(...entries)),
      fc.dictionary(plain, tie('tree'), { maxKeys: 3 }).map(object),
    ),
  }))
  const shape = (value: Value, found: Value): void => {
    if (found.kind === 'redacted') return
    expect(childrenOf(found)).toHaveLength(childrenOf(value).length)
    expect(found.kind).toBe(value.kind)
    for (const [at, child] of childrenOf(value).entries()) shape(child, childrenOf(found)[at]!)
  }
  fc.assert(
    fc.property(tree, (value) => {
      const found = redacted('value', value)
      expect(JSON.stringify(found)).not.toContain(SECRET)
      shape(value, found)
    }),
    { numRuns: 1000 },
  )
})
