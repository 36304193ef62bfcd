import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PyprofError } from '../../../src/errors.ts'
import { ALL_ACTIONS } from '../../../src/policy/actions.ts'
import { lineOf } from '../../../src/policy/lines.ts'
import { parsePolicy } from '../../../src/policy/parse.ts'

const FILE = '/etc/pyprof/policy.toml'

function refusal(text: string): string {
  try {
    parsePolicy(text, FILE)
  } catch (error) {
    if (!(error instanceof PyprofError)) throw error
    expect(error).toMatchObject({ code: 'bad-policy', exitCode: 2 })
    expect(error.what).toBe(`The policy ${FILE} cannot be used.`)
    return error.why
  }
  throw new Error('This policy is taken.')
}

test('every key', () => {
  const policy = parsePolicy(
    `# for the web servers
time-limit = "5m"
locals = false

[[allow]]
actions = ["record", "exec:*"]
users = ["alice", 1000]
target-users = ["www-data"]
commands = ["*gunicorn*"]
executables = ["/usr/bin/python3*"]
containers = ["none", "docker:4f*"]
subprocesses = true
reason = "the web team"

[[deny]]
commands = ["*vault*"]

[redact]
names = ["iban"]
paths = true

[audit]
file = "/var/log/pyprof/{uid}.jsonl"
`,
    FILE,
  )
  expect(policy).toMatchObject({
    file: FILE,
    timeLimit: 300e9,
    locals: false,
    secretNames: ['iban'],
    redactPaths: true,
    auditLog: '/var/log/pyprof/{uid}.jsonl',
    deny: [{ commands: ['*vault*'], subprocesses: false, reason: '' }],
  })
  const [rule] = policy.allow!
  expect(rule).toMatchObject({
    users: ['alice', 1000],
    targetUsers: ['www-data'],
    containers: ['none', 'docker:4f*'],
    subprocesses: true,
    reason: 'the web team',
  })
  expect(rule!.actions).toContain('record')
  expect(rule!.actions).toContain('exec:gc-stats')
  expect(rule!.actions).not.toContain('dump')
  expect(Object.keys(policy.deny[0]!)).not.toContain('users')
  expect(policy.lineOf(['deny', 0])).toBe(15)
})

test('an empty file forbids nothing', () => {
  expect(parsePolicy('', FILE)).toMatchObject({
    allow: undefined,
    deny: [],
    timeLimit: 0,
    locals: true,
    secretNames: [],
    redactPaths: false,
    auditLog: undefined,
  })
  expect(parsePolicy('allow = []', FILE).allow).toEqual([])
})

test.each([
  // not TOML
  ['time-limit =', /^Line 1: .*column \d+/],
  ['locals = true\n[[deny]]\nusers = ["a"', /^Line 3: /],
  ['locals = true\nlocals = false', /^Line 2: /],
  ['locals = yes', /^Line 1: /],
  // unknown keys
  ['\n\ntimelimit = "5m"', 'Line 3: "timelimit" is not known here. Known: time-limit, locals'],
  ['[[allow]]\nuser = ["a"]', 'Line 2: "user" is not known here. Known: actions, users'],
  ['[[deny]]\nsubprocesses = true', 'Line 2: "subprocesses" is not known here'],
  ['[redact]\nname = ["a"]', 'Line 2: "name" is not known here. Known: names, paths'],
  ['[audit]\npath = "/x"', 'Line 2: "path" is not known here. Known: file'],
  ['[rules]', 'Line 1: "rules" is not known here'],
  ['__proto__ = 1', 'Line 1: "__proto__" is not known here'],
  // wrong types
  ['time-limit = 5', 'Line 1: time-limit: expected a time such as "30s", "5m" or "1h"; found 5.'],
  ['time-limit = "0s"', 'found "0s"'],
  ['time-limit = "soon"', 'found "soon"'],
  ['time-limit = 1979-05-27', 'found a date'],
  ['locals = "false"', 'Line 1: locals: expected true or false; found "false".'],
  ['allow = true', 'Line 1: allow: expected tables, [[allow]]; found true.'],
  ['[allow]\nusers = ["a"]', 'Line 1: allow: expected tables, [[allow]]; found a table.'],
  ['allow = [1]', 'expected tables, [[allow]]; found a list'],
  ['redact = ["iban"]', 'Line 1: redact: expected a table, [redact]; found a list.'],
  ['[redact]\npaths = 1', 'Line 2: redact.paths: expected true or false; found 1.'],
  ['[redact]\nnames = ["-"]', 'Line 2: redact.names: expected a list, each a part of a name'],
  ['[[deny]]\nusers = "alice"', 'Line 2: deny.users: expected a list, each a user name'],
  ['[[deny]]\nusers = [-1]', 'found -1'],
  ['[[deny]]\nusers = [1.5]', 'found 1.5'],
  ['[[deny]]\nusers = [4294967295]', 'found 4294967295'],
  ['[[deny]]\nusers = [true]', 'found true'],
  ['[[deny]]\nusers = [""]', 'found ""'],
  ['[[deny]]\nusers = []', 'Line 2: deny.users is empty, which no process fits'],
  ['[[deny]]\nreason = 7', 'Line 2: deny.reason: expected a text; found 7.'],
  ['[[allow]]\nsubprocesses = 1', 'Line 2: allow.subprocesses: expected true or false'],
  ['[[deny]]\nactions = ["recrod"]', 'Line 2: deny.actions: expected a list, each one of record, '],
  ['[[deny]]\nactions = ["exec"]', 'found "exec"'],
  ['[[deny]]\nactions = ["exec:nothing"]', 'found "exec:nothing"'],
  ['[[deny]]\ncommands = [7]', 'deny.commands: expected a list, each a pattern'],
  ['[audit]', 'Line 1: audit.file is missing.'],
  ['[audit]\nfile = "audit.log"', 'Line 2: audit.file: expected an absolute path'],
  // the line of a later rule, and of a value of several lines
  ['[[deny]]\nusers = ["a"]\n\n[[deny]]\nusers = [\n  "b",\n  true,\n]\n', 'Line 5: deny.users'],
  ['deny = [\n  {users = ["a"]},\n  {user = ["b"]},\n]', 'Line 1: "user" is not known here'],
  ['# """\nlocals = true\nx = """\nlocals\n"""', 'Line 3: "x" is not known here'],
  ['locals = true\r\nx = 1\r\n', 'Line 2: "x" is not known here'],
])('%j is refused', (text, why) => {
  const told = refusal(text)
  if (typeof why === 'string') expect(told).toContain(why)
  else expect(told).toMatch(why)
})

describe('docs/production.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/production.md'), 'utf8')

  test('has a policy that is taken', () => {
    const text = /```toml\n(.*?)```/s.exec(page)?.[1] ?? ''
    const { allow, deny, auditLog } = parsePolicy(text, FILE)
    expect([allow?.length, deny.length, auditLog]).toEqual([2, 1, '/var/log/pyprof/audit.jsonl'])
  })

  test('names every action', () => {
    for (const action of ALL_ACTIONS) expect(page).toContain(`\`${action}\``)
  })

  test('tells the error that there is', () => {
    const why = refusal(`${'\n'.repeat(8)}deny = [{comands = ["x"]}]`)
    expect(page).toContain(`        ${why}\n`)
  })
})

describe('the line of a key', () => {
  test('is found in any arrangement of values, comments and blank lines', () => {
    const filler = fc.constantFrom(
      '',
      '# x = 1',
      'a%d = 1',
      'b%d = [\n 1,\n\n 2]',
      'c%d = """\nx = 1\n"""',
    )
    fc.assert(
      fc.property(fc.array(filler), fc.array(filler), (before, after) => {
        const lines = (parts: string[], from: number) =>
          parts.map((part, at) => part.replace('%d', String(from + at)))
        const head = lines(before, 0).flatMap((part) => part.split('\n'))
        const text = [...head, 'x = [', '7]', ...lines(after, before.length)].join('\n')
        expect(lineOf(text, ['x'])).toBe(head.length + 1)
      }),
    )
  })
})
