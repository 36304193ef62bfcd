import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Action, ALL_ACTIONS } from '../../../src/policy/actions.ts'
import { parsePolicy } from '../../../src/policy/parse.ts'
import type { Policy } from '../../../src/policy/policy.ts'
import { type PolicyTarget, UNKNOWN_TARGET } from '../../../src/policy/target.ts'
import type { UserNames } from '../../../src/policy/users.ts'
import { type Request, refusalOf } from '../../../src/policy/verdict.ts'

const NAMES: Readonly<Record<number, readonly string[]>> = {
  0: ['root'],
  33: ['www'],
  1000: ['ada'],
}
const namesOf: UserNames = (uid) => (uid === 4000 ? undefined : (NAMES[uid] ?? []))

const WEB: PolicyTarget = {
  pid: 42,
  uids: [33],
  arguments: ['python3', '/srv/app.py', '--port', '80'],
  executable: '/usr/bin/python3.14',
  container: null,
}
const IN_DOCKER: PolicyTarget = {
  ...WEB,
  container: { runtime: 'docker', id: '4f5a', pod: '0a1b-2c', pidInside: 7 },
}
const ADA = { uid: 1000, name: 'ada', person: undefined }
const RECORD: Request = {
  actions: ['record'],
  invoker: ADA,
  target: WEB,
  subprocesses: false,
  duration: undefined,
}

const policy = (text: string) => parsePolicy(text, '/p.toml')

function isAllowed(text: string, request: Partial<Request> = {}): boolean {
  return refusalOf([policy(text)], { ...RECORD, ...request }, namesOf) === undefined
}

describe('rules', () => {
  test('without any, all is allowed', () => {
    expect(refusalOf([], RECORD, namesOf)).toBeUndefined()
    for (const action of ALL_ACTIONS) expect(isAllowed('', { actions: [action] })).toBe(true)
  })

  test('where one allows something, nothing else is allowed', () => {
    const text = '[[allow]]\nactions = ["record"]\n[[allow]]\nactions = ["dump"]'
    expect(isAllowed(text)).toBe(true)
    expect(isAllowed(text, { actions: ['dump'] })).toBe(true)
    expect(isAllowed(text, { actions: ['dump-locals'] })).toBe(false)
    expect(isAllowed(text, { actions: ['record', 'stop'] })).toBe(false)
    expect(isAllowed('allow = []')).toBe(false)
  })

  test('what one forbids, none allows', () => {
    expect(isAllowed('[[allow]]\n[[deny]]\nactions = ["record"]')).toBe(false)
    expect(isAllowed('[[allow]]\n[[deny]]\nactions = ["exec:*"]')).toBe(true)
    expect(isAllowed('[[deny]]')).toBe(false)
  })

  test.each([
    ['users = ["ada"]', true],
    ['users = [1000]', true],
    ['users = ["root", "ada"]', true],
    ['users = ["1000"]', false],
    ['users = ["bob", 7]', false],
    ['target-users = ["www"]', true],
    ['target-users = [33]', true],
    ['target-users = ["ada"]', false],
    ['commands = ["python3 /srv/app.py *"]', true],
    ['commands = ["*app.py*"]', true],
    ['commands = ["app.py"]', false],
    ['executables = ["/usr/bin/python3*"]', true],
    ['executables = ["python3*"]', false],
    ['containers = ["none"]', true],
    ['containers = ["*"]', false],
    ['users = ["ada"]\ncommands = ["*app*"]\ncontainers = ["none"]', true],
    ['users = ["ada"]\ncommands = ["*other*"]', false],
  ])('%j applies: %j', (condition, applies) => {
    expect(isAllowed(`[[allow]]\n${condition}`)).toBe(applies)
    expect(isAllowed(`[[deny]]\n${condition}`)).toBe(!applies)
  })

  test.each([
    ['none', false],
    ['*', true],
    ['docker', true],
    ['docker:4f*', true],
    ['docker:5*', false],
    ['pod:0a1b-2c', true],
    ['podman', false],
  ])('a container fits %j: %j', (pattern, fits) => {
    const text = `[[allow]]\ncontainers = ["${pattern}"]`
    expect(isAllowed(text, { target: IN_DOCKER })).toBe(fits)
  })
})

describe('who runs pyprof', () => {
  const sudo = { uid: 0, name: 'root', person: { uid: 1000, name: 'ada' } }

  test('is root and the person behind', () => {
    for (const user of ['"root"', '"ada"', '0', '1000']) {
      expect(isAllowed(`[[allow]]\nusers = [${user}]`, { invoker: sudo })).toBe(true)
      expect(isAllowed(`[[deny]]\nusers = [${user}]`, { invoker: sudo })).toBe(false)
    }
    expect(isAllowed('[[allow]]\nusers = ["bob"]', { invoker: sudo })).toBe(false)
  })

  test('whose name cannot be looked up is nobody whom a rule allows, and all whom one forbids', () => {
    const invoker = { uid: 4000, name: '', person: undefined }
    expect(isAllowed('[[allow]]\nusers = ["ada"]', { invoker })).toBe(false)
    expect(isAllowed('[[deny]]\nusers = ["ada"]', { invoker })).toBe(false)
    expect(isAllowed('[[deny]]\nusers = [1000]', { invoker })).toBe(true)
    expect(isAllowed('[[allow]]\nusers = [4000, "ada"]', { invoker })).toBe(true)
  })
})

describe('what is not known', () => {
  const target: PolicyTarget = { ...UNKNOWN_TARGET, pid: 42 }

  test.each([
    'target-users = [33]',
    'commands = ["*"]',
    'executables = ["*"]',
    'containers = ["none"]',
  ])('%j allows nothing and forbids all', (condition) => {
    expect(isAllowed(`[[allow]]\n${condition}`, { target })).toBe(false)
    expect(isAllowed(`[[deny]]\n${condition}`, { target })).toBe(false)
    expect(isAllowed(`[[deny]]\nactions = ["dump"]\n${condition}`, { target })).toBe(true)
  })

  test('a process of several users belongs to none of them for sure', () => {
    const several = { target: { ...WEB, uids: [33, 0] } }
    expect(isAllowed('[[allow]]\ntarget-users = ["www"]', several)).toBe(false)
    expect(isAllowed('[[allow]]\ntarget-users = ["www", "root"]', several)).toBe(true)
    expect(isAllowed('[[deny]]\ntarget-users = ["root"]', several)).toBe(false)
  })
})

describe('what the target starts', () => {
  const all = { subprocesses: true }

  test('is not known, so rules about targets do not allow it and may forbid it', () => {
    expect(isAllowed('[[allow]]\nactions = ["record"]', all)).toBe(true)
    expect(isAllowed('[[allow]]\ncommands = ["*app*"]', all)).toBe(false)
    expect(isAllowed('[[deny]]\ncommands = ["*vault*"]', all)).toBe(false)
    expect(isAllowed('[[deny]]\ncommands = ["*vault*"]\nactions = ["dump"]', all)).toBe(true)
  })

  test('is allowed with the target where a rule says so', () => {
    const rule = '[[allow]]\nsubprocesses = true\ncommands'
    expect(isAllowed(`${rule} = ["*app*"]`, all)).toBe(true)
    expect(isAllowed(`${rule} = ["*other*"]\n[[allow]]\ncommands = ["*app*"]`, all)).toBe(false)
    expect(isAllowed(`${rule} = ["*app*"]\n[[deny]]\ncommands = ["*vault*"]`, all)).toBe(false)
  })
})

test('values of variables, and time', () => {
  expect(isAllowed('locals = false', { actions: ['dump'] })).toBe(true)
  expect(isAllowed('locals = false', { actions: ['dump', 'dump-locals'] })).toBe(false)
  expect(isAllowed('time-limit = "5m"', { duration: 300e9 })).toBe(true)
  expect(isAllowed('time-limit = "5m"', { duration: 300e9 + 1 })).toBe(false)
  expect(isAllowed('time-limit = "5m"', { duration: 0 })).toBe(false)
  expect(isAllowed('time-limit = "5m"', { duration: undefined })).toBe(true)
})

test('a refusal names the line of what forbids, and its reason', () => {
  const text = 'time-limit = "5m"\n\n[[deny]]\ncommands = ["*app*"]\nreason = "ask the web team"\n'
  expect(refusalOf([policy(text)], RECORD, namesOf)).toEqual({
    file: '/p.toml',
    line: 3,
    why: 'It forbids record here: ask the web team',
    hint: 'Ask whoever keeps this policy: /p.toml',
  })
  expect(refusalOf([policy(text)], { ...RECORD, target: UNKNOWN_TARGET }, namesOf)?.why).toContain(
    'It may forbid record here, and not all that it asks for can be seen',
  )
  const long = { ...RECORD, target: { ...WEB, arguments: ['x'] }, duration: 600e9 }
  expect(refusalOf([policy(text)], long, namesOf)).toMatchObject({
    line: 1,
    why: 'It allows 5m at most',
    hint: 'Add: --duration 5m',
  })
})

describe('the strictest wins', () => {
  const list = <T>(each: fc.Arbitrary<T>) => fc.array(each, { minLength: 1, maxLength: 3 })
  const text = (value: unknown) => JSON.stringify(value)
  const user = fc.constantFrom<string | number>('root', 'www', 'ada', 'bob', 0, 33, 1000)
  const condition = fc.oneof(
    list(fc.constantFrom('record', 'dump', 'dump-locals', 'stop', 'exec:*', 'exec:gc', '*')).map(
      (each) => `actions = ${text(each)}`,
    ),
    list(user).map((each) => `users = ${text(each)}`),
    list(user).map((each) => `target-users = ${text(each)}`),
    list(fc.constantFrom('*', '*app*', 'python3 *', '*vault*')).map(
      (each) => `commands = ${text(each)}`,
    ),
    list(fc.constantFrom('/usr/*', '/opt/*', '*')).map((each) => `executables = ${text(each)}`),
    list(fc.constantFrom('none', '*', 'docker', 'pod:*')).map(
      (each) => `containers = ${text(each)}`,
    ),
  )
  const conditions = fc.uniqueArray(condition, {
    maxLength: 3,
    selector: (each) => each.split(' ')[0],
  })
  const rule = fc.oneof(
    fc.tuple(conditions, fc.boolean()).map(([each, subprocesses]) => {
      return ['[[allow]]', ...each, `subprocesses = ${subprocesses}`].join('\n')
    }),
    conditions.map((each) => ['[[deny]]', ...each].join('\n')),
  )
  const limits = fc.constantFrom('', 'time-limit = "5m"\n', 'locals = false\n')
  const anyPolicy: fc.Arbitrary<Policy> = fc
    .tuple(limits, fc.array(rule, { maxLength: 4 }))
    .map(([limit, rules]) => policy(limit + rules.join('\n')))
  const anyTarget: fc.Arbitrary<PolicyTarget> = fc.record({
    pid: fc.constant(42),
    uids: fc.constantFrom<readonly number[] | undefined>([33], [0], [33, 0], undefined),
    arguments: fc.constantFrom<readonly string[] | undefined>(WEB.arguments, ['vault'], undefined),
    executable: fc.constantFrom<string | undefined>(WEB.executable, undefined),
    container: fc.constantFrom(null, IN_DOCKER.container, undefined),
  })
  const anyRequest: fc.Arbitrary<Request> = fc.record({
    actions: fc.subarray<Action>(['record', 'stop', 'dump', 'dump-locals', 'exec:gc'], {
      minLength: 1,
    }),
    invoker: fc.constantFrom(
      ADA,
      { uid: 0, name: 'root', person: { uid: 1000, name: 'ada' } },
      { uid: 4000, name: '', person: undefined },
    ),
    target: anyTarget,
    subprocesses: fc.boolean(),
    duration: fc.constantFrom(undefined, 0, 60e9, 600e9),
  })
  const allows = (policies: readonly Policy[], request: Request) =>
    refusalOf(policies, request, namesOf) === undefined

  test('several policies allow what each of them allows, in any order', () => {
    fc.assert(
      fc.property(fc.array(anyPolicy, { maxLength: 4 }), anyRequest, (policies, request) => {
        const each = policies.every((one) => allows([one], request))
        expect(allows(policies, request)).toBe(each)
        expect(allows(policies.toReversed(), request)).toBe(each)
      }),
      { numRuns: 500 },
    )
  })

  test('to ask for more, or to know less of the target, never makes more allowed', () => {
    const unknown: Partial<PolicyTarget>[] = [
      { uids: undefined },
      { arguments: undefined },
      { executable: undefined },
      { container: undefined },
    ]
    fc.assert(
      fc.property(anyPolicy, anyRequest, fc.subarray(unknown), (one, request, hidden) => {
        if (allows([one], request)) return
        const target: PolicyTarget = Object.assign({}, request.target, ...hidden)
        expect(allows([one], { ...request, target })).toBe(false)
        expect(allows([one], { ...request, subprocesses: true })).toBe(false)
        expect(allows([one], { ...request, actions: ALL_ACTIONS })).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  test('another rule that forbids never makes more allowed', () => {
    fc.assert(
      fc.property(anyPolicy, conditions, anyRequest, (one, more, request) => {
        const { deny } = policy(['[[deny]]', ...more].join('\n'))
        const stricter = { ...one, deny: [...one.deny, ...deny], lineOf: () => 1 }
        if (allows([stricter], request)) expect(allows([one], request)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
