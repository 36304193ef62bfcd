import { describe, expect, test } from 'vitest'
import {
  type Check,
  canRecord,
  reachChecks,
  systemChecks,
} from '../../../src/sampling/diagnosis.ts'
import { type Machine, readMachine } from '../../../src/sampling/machine.ts'
import { type FakeProcess, fakeProc, ROOT, USER } from '../../support/fake-proc.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const PID = 77
const FIRST = { userNamespace: 'user:[4026531837]', pidNamespace: 'pid:[4026531836]', tgid: PID }
const FILES = {
  'self/schedstat': '12 34 56\n',
  'sys/kernel/osrelease': '6.8.0-45-generic\n',
  'sys/kernel/perf_event_paranoid': '2\n',
}

function machine(
  self: FakeProcess = USER,
  files: Readonly<Record<string, string>> = {},
  architecture = 'x64',
): Machine {
  const proc = fakeProc(temporaryFolder(), { self: { ...FIRST, ...self } }, { ...FILES, ...files })
  return readMachine(proc, PID, architecture)
}

const yama = (scope: number) => ({ 'sys/kernel/yama/ptrace_scope': `${scope}\n` })

/** All checks of a machine where both trials came out like this. */
function checks(facts: Machine, trials = { own: '', launched: '' }, processors = [0, 1]): Check[] {
  const reach = reachChecks(facts, trials.launched, processors)
  return [...systemChecks(facts, trials.own), ...reach]
}

function checkOf(list: readonly Check[], id: string): Check {
  const found = list.filter((each) => each.id === id)
  expect(found, id).toHaveLength(1)
  return found[0]!
}

const lines = ({ remedies }: Check) => remedies.map(({ place, line }) => `${place}: ${line}`)

test('the facts of a user on a host', () => {
  expect(machine(USER, yama(1))).toEqual({
    kernel: '6.8.0',
    architecture: 'x64',
    uid: 1000,
    ptraceCapability: false,
    perfmonCapability: false,
    ptraceWithinReach: true,
    noNewPrivileges: false,
    seccomp: 0,
    ptraceScope: 1,
    perfEventParanoid: 2,
    firstUserNamespace: true,
    firstPidNamespace: true,
    ownProc: true,
    hidesProcesses: false,
    countsRuns: true,
  })
})

test('the facts of a machine that shows nothing', () => {
  const facts = readMachine(fakeProc(temporaryFolder(), {}), PID, 'x64')
  expect(facts).toMatchObject({
    kernel: '',
    uid: -1,
    ptraceCapability: false,
    ptraceScope: null,
    perfEventParanoid: null,
    firstUserNamespace: null,
    ownProc: false,
    countsRuns: false,
  })
  expect(canRecord(checks(facts))).toBe(false)
})

describe('everything works', () => {
  test.each([
    ['for root', ROOT, {}],
    ['for root at ptrace_scope 1', ROOT, yama(1)],
    ['for root at ptrace_scope 2', ROOT, yama(2)],
    ['for a user at ptrace_scope 0', USER, yama(0)],
    ['for a user without Yama', USER, {}],
  ])('%s', (_, self, files) => {
    const facts = machine(self, files)
    const all = checks(facts)
    expect(canRecord(all)).toBe(true)
    expect(all.filter(({ needed }) => needed).map(({ verdict }) => verdict)).not.toContain('no')
    expect(checkOf(all, 'other-users').verdict).toBe(facts.uid === 0 ? 'yes' : 'no')
  })
})

describe('what may be read', () => {
  test('ptrace_scope 1: commands that pyprof starts, but no process that runs already', () => {
    const all = checks(machine(USER, yama(1)))
    expect(checkOf(all, 'launched-commands').verdict).toBe('yes')
    const own = checkOf(all, 'own-processes')
    expect(own).toMatchObject({ verdict: 'no', needed: true })
    expect(own.text).toContain('kernel.yama.ptrace_scope is 1')
    expect(lines(own)).toEqual([
      'shell: pyprof record -- COMMAND',
      'shell: sudo env "PATH=$PATH" pyprof record --pid PID',
      'shell: sudo sysctl kernel.yama.ptrace_scope=0',
      'systemd: AmbientCapabilities=CAP_SYS_PTRACE',
      'docker: docker run --user 0 --cap-add=SYS_PTRACE …',
      'compose: user: "0"',
      'compose: cap_add: [SYS_PTRACE]',
      'kubernetes: securityContext: {runAsUser: 0, capabilities: {add: [SYS_PTRACE]}}',
    ])
    expect(canRecord(all)).toBe(false)
  })

  test('ptrace_scope 2: nothing without the capability', () => {
    const all = checks(machine(USER, yama(2)), { own: '', launched: 'process_vm_readv' })
    for (const id of ['launched-commands', 'own-processes']) {
      const found = checkOf(all, id)
      expect(found.verdict).toBe('no')
      expect(lines(found)).toContain('shell: sudo env "PATH=$PATH" pyprof record --pid PID')
    }
  })

  test('ptrace_scope 3: nothing for anybody until the next boot', () => {
    const all = checks(machine(ROOT, yama(3)), { own: '', launched: 'process_vm_readv' })
    for (const id of ['launched-commands', 'own-processes', 'other-users']) {
      expect(checkOf(all, id).verdict).toBe('no')
    }
    expect(lines(checkOf(all, 'own-processes')).join()).toContain('reboot')
  })

  test.each([
    ['the bounding set has not', { boundingCapabilities: 0n }, 'not in the bounding set'],
    ['no_new_privs forbids', { noNewPrivileges: true }, 'no_new_privs'],
  ])('sudo is no way out where %s', (_, self, words) => {
    const all = checks(machine({ ...USER, ...self }, yama(1)))
    expect(checkOf(all, 'user').text).toContain(words)
    const everyLine = all.flatMap(lines)
    expect(everyLine.filter((line) => line.includes('sudo'))).toEqual([])
    expect(everyLine).toContain('docker: docker run --user 0 --cap-add=SYS_PTRACE …')
  })
})

describe('where pyprof runs', () => {
  test('in a container', () => {
    const all = checks(machine({ ...ROOT, pidNamespace: 'pid:[4026532000]' }))
    const found = checkOf(all, 'pid-namespace')
    expect(found).toMatchObject({ verdict: 'no', needed: false })
    expect(lines(found)).toContain('kubernetes: shareProcessNamespace: true')
    expect(canRecord(all)).toBe(true)
  })

  test('in a user namespace', () => {
    const all = checks(machine({ ...ROOT, userNamespace: 'user:[4026532001]' }))
    expect(checkOf(all, 'user-namespace').verdict).toBe('no')
    expect(checkOf(all, 'other-users').text).toContain('of this user namespace')
  })

  test('with the /proc of another pid namespace, whose numbers mean other processes', () => {
    const all = checks(machine({ ...ROOT, tgid: PID + 1 }))
    expect(checkOf(all, 'proc')).toMatchObject({ verdict: 'no', needed: true })
    expect(canRecord(all)).toBe(false)
  })

  test('where /proc hides others', () => {
    const files = { 'self/mounts': 'proc /proc proc rw,hidepid=2 0 0\n' }
    const found = checkOf(checks(machine(USER, files)), 'hidepid')
    expect(lines(found)).toContain('systemd: ProtectProc=default')
  })
})

describe('process_vm_readv', () => {
  test('refused to itself under a filter: the filter is to be changed', () => {
    const trials = { own: 'process_vm_readv', launched: 'process_vm_readv' }
    const all = checks(machine({ ...ROOT, seccomp: 2 }), trials)
    expect(checkOf(all, 'seccomp').text).toContain('filter')
    const found = checkOf(all, 'process-vm-readv')
    expect(found).toMatchObject({ verdict: 'no', needed: true })
    expect(lines(found)).toContain(
      'docker: docker run --cap-add=SYS_PTRACE --security-opt seccomp=unconfined …',
    )
  })

  test('missing in a sandbox: nothing helps', () => {
    const own = 'process_vm_readv is not implemented'
    const found = checkOf(checks(machine(ROOT), { own, launched: own }), 'process-vm-readv')
    expect(found.text).toContain('gVisor')
    expect(found.remedies).toEqual([])
  })

  test('a filter that lets it pass is no obstacle', () => {
    const all = checks(machine({ ...ROOT, seccomp: 2 }))
    expect(checkOf(all, 'seccomp').text).toContain('lets process_vm_readv pass')
    expect(canRecord(all)).toBe(true)
  })
})

describe('exact', () => {
  test.each(['', '1 2\n', '1 2 0\n'])('needs run counts, unlike %j', (schedstat) => {
    const found = checkOf(checks(machine(ROOT, { 'self/schedstat': schedstat })), 'run-counts')
    expect(found).toMatchObject({ verdict: 'no', needed: false })
  })

  test('needs to choose its processor', () => {
    const all = checks(machine(ROOT), undefined, [])
    expect(checkOf(all, 'processors')).toMatchObject({ verdict: 'no', needed: false })
    expect(checkOf(checks(machine(ROOT), undefined, [0, 1, 4]), 'processors').text).toContain(
      '0-1,4',
    )
  })
})

test('other processors than x86-64', () => {
  const platform = (architecture: string) =>
    checkOf(checks(machine(ROOT, {}, architecture)), 'platform')
  expect(platform('arm64').verdict).toBe('unknown')
  expect(platform('s390x')).toMatchObject({ verdict: 'no', needed: true })
})
