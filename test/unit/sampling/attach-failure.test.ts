import { describe, expect, test } from 'vitest'
import type { AttachErrorCode } from '../../../src/sampling/addon.ts'
import {
  attachFailureOf,
  explainAttachFailure,
  whyUnreadable,
} from '../../../src/sampling/attach-failure.ts'
import { PROCESS } from '../../support/fake-addon.ts'
import { type FakeProcess, fakeProc, ROOT, USER } from '../../support/fake-proc.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

interface Case {
  readonly code: AttachErrorCode
  readonly detail?: string
  /** undefined: there is no such process. */
  readonly target?: FakeProcess | undefined
  readonly self?: FakeProcess
  readonly files?: Record<string, string>
}

function explain({ code, detail = '', target, self = USER, files = {} }: Case): string {
  const processes = target ? { self, 42: target } : { self }
  const proc = fakeProc(temporaryFolder(), processes, files)
  const error = explainAttachFailure({ pid: 42, code, detail }, proc)
  expect(error.exitCode).toBe(3)
  return [error.code, error.what, error.why, error.hint].join('\n')
}

const PYTHON = { exe: '/usr/bin/python3.14' }

describe('a target that is no readable process', () => {
  test('no such process', () => {
    expect(explain({ code: 'no-such-process' })).toBe(
      [
        'no-such-process',
        'There is no process 42.',
        'It has ended, or the number is one of another container or machine.',
        'Find the process: pyprof ps',
      ].join('\n'),
    )
  })

  test('hidden by the mount options of /proc', () => {
    const files = { 'self/mounts': 'proc /proc proc rw,nosuid,hidepid=invisible 0 0\n' }
    const text = explain({ code: 'no-such-process', files })
    expect(text).toContain('hidepid')
    expect(text).toContain('sudo env "PATH=$PATH" pyprof record --pid 42')
  })

  test('hidepid=0 hides nothing', () => {
    const files = { 'self/mounts': 'proc /proc proc rw,hidepid=0 0 0\n' }
    expect(explain({ code: 'no-such-process', files })).not.toContain('hidepid')
  })

  test('ended between two looks', () => {
    expect(explain({ code: 'no-such-process', target: PYTHON })).toContain(
      'Process 42 ended before it could be read.',
    )
  })

  test.each<AttachErrorCode>(['permission', 'not-python', 'no-such-process'])(
    'a zombie, when the native part says %s',
    (code) => {
      const text = explain({ code, target: { state: 'Z', name: 'worker' } })
      expect(text).toMatch(/^zombie\nProcess 42 \(worker\) has ended\./)
    },
  )

  test('a thread of a process', () => {
    const text = explain({ code: 'not-python', target: { tgid: 40 } })
    expect(text).toMatch(/^not-a-process\n42 is a thread, not a process\./)
    expect(text).toContain('Run: pyprof record --pid 40')
  })

  test('a kernel thread', () => {
    const target = { name: 'kworker/0:1', flags: 0x0020_8040, cmdline: '' }
    expect(explain({ code: 'permission', target })).toMatch(
      /^kernel-thread\n42 \(kworker\/0:1\) is a kernel thread\./,
    )
  })
})

describe('a process that is no supported Python', () => {
  test('another program is named', () => {
    const text = explain({ code: 'not-python', target: { exe: '/usr/bin/bash' } })
    expect(text).toMatch(/^not-python\nProcess 42 \(\/usr\/bin\/bash\) is not a Python\./)
    expect(text).toContain('CPython 3.13, 3.14 and 3.15')
  })

  test('the name stands in for an executable that may not be seen', () => {
    expect(explain({ code: 'not-python', target: { name: 'secret' } })).toContain(
      'Process 42 (secret) is not a Python.',
    )
  })

  test.each([
    ['3.12.1', 'runs Python 3.12.1.'],
    ['3.12 or older', 'runs Python 3.12 or older.'],
    ['3.16.0a1', 'runs Python 3.16.0a1.'],
    ['PyPy', 'runs PyPy.'],
  ])('version %s', (detail, words) => {
    const text = explain({ code: 'unsupported-version', detail, target: PYTHON })
    expect(text).toContain(`Process 42 (/usr/bin/python3.14) ${words}`)
    expect(text).toContain('pyprof reads CPython 3.13, 3.14 and 3.15.')
  })

  test('an unsupported version is told even when the process is gone', () => {
    const text = explain({ code: 'unsupported-version', detail: '3.11.7' })
    expect(text).toMatch(/^unsupported-version\nProcess 42 runs Python 3.11.7\./)
  })

  test('a Python that does not tell of its tasks', () => {
    expect(explain({ code: 'no-task-table', detail: '3.13.5', target: PYTHON })).toMatch(
      /^no-task-table\n.* runs Python 3\.13\.5, which shows no tasks\.\nCPython tells .* from 3\.14 on\.\nLeave --async out/,
    )
  })

  test('a table that does not hold together', () => {
    const text = explain({ code: 'bad-layout', detail: 'frame.previous is 9', target: PYTHON })
    expect(text).toContain('frame.previous is 9')
    expect(text).toContain('report')
  })

  test('a Python that does not run yet', () => {
    expect(explain({ code: 'not-started', target: PYTHON })).toContain('Try again in a moment')
  })
})

describe('a process that may not be read', () => {
  const denied = (parts: Omit<Case, 'code'>) =>
    explain({ code: 'permission', detail: 'process_vm_readv', target: USER, ...parts })
  const yama = (scope: number) => ({ 'sys/kernel/yama/ptrace_scope': `${scope}\n` })

  test('belongs to another user', () => {
    expect(denied({ target: { ...ROOT, exe: '/usr/bin/python3.14' } })).toBe(
      [
        'permission',
        'Process 42 (/usr/bin/python3.14) may not be read.',
        'It belongs to user 0, pyprof runs as user 1000, and pyprof has no CAP_SYS_PTRACE.',
        'Run: sudo env "PATH=$PATH" pyprof record --pid 42',
      ].join('\n'),
    )
  })

  test('belongs to another user, and pyprof is root without the capability, in a container', () => {
    const text = denied({ self: { uid: 0, capabilities: 0n } })
    expect(text).toContain('It belongs to user 1000, pyprof runs as user 0')
    expect(text).toContain('docker run --cap-add=SYS_PTRACE')
    expect(text).not.toContain('sudo')
  })

  test('is guarded by Yama, scope 1', () => {
    const text = denied({ files: yama(1) })
    expect(text).toContain('kernel.yama.ptrace_scope is 1')
    expect(text).toContain('sudo')
    expect(text).toContain('pyprof record -- command')
  })

  test('is guarded by Yama, scope 2', () => {
    expect(denied({ files: yama(2) })).toContain('kernel.yama.ptrace_scope is 2')
  })

  test('is guarded by Yama, scope 3, even from root', () => {
    const text = denied({ self: ROOT, files: yama(3) })
    expect(text).toContain('kernel.yama.ptrace_scope is 3')
    expect(text).toContain('reboot')
  })

  test('another user is the reason before Yama is', () => {
    expect(denied({ target: { uid: 5 }, files: yama(1) })).toContain('It belongs to user 5')
  })

  test('is not dumpable', () => {
    expect(denied({ target: { ...USER, owner: 0 } })).toContain('It is not dumpable')
  })

  test('has capabilities that pyprof has not', () => {
    expect(denied({ target: { uid: 1000, capabilities: 0x400n } })).toContain(
      'It has capabilities that pyprof has not',
    )
  })

  test('lives in another user namespace', () => {
    const text = denied({
      self: { ...ROOT, userNamespace: 'user:[1]' },
      target: { ...ROOT, userNamespace: 'user:[2]' },
    })
    expect(text).toContain('another user namespace')
  })

  test('lives in another user namespace, seen by its map of users', () => {
    const text = denied({
      self: { ...ROOT, userNamespace: 'user:[1]' },
      target: { ...ROOT, uidMap: '         0     100000      65536' },
    })
    expect(text).toContain('another user namespace')
  })

  test('probably lives in a user namespace beside ours, whose map of users looks the same', () => {
    const self = { ...ROOT, userNamespace: 'user:[1]' }
    expect(denied({ self, target: ROOT })).toContain('It probably lives in another user namespace')
    const first = { ...ROOT, userNamespace: 'user:[4026531837]' }
    expect(denied({ self: first, target: ROOT })).toContain('no usual rule explains it')
  })

  test('is refused by a seccomp filter', () => {
    const text = denied({ self: { ...USER, seccomp: 2 } })
    expect(text).toContain('seccomp')
    expect(text).toContain('--cap-add=SYS_PTRACE')
  })

  test('is in a sandbox without the system call', () => {
    expect(denied({ detail: 'process_vm_readv is not implemented' })).toContain('gVisor')
  })

  test('is refused by no rule that is known, and says so', () => {
    const user = denied({ files: yama(0) })
    expect(user).toContain('no usual rule explains it')
    expect(user).toContain('sudo')
    const same = { ...ROOT, userNamespace: 'user:[1]' }
    const root = denied({ self: same, target: same })
    expect(root).toContain('The kernel refused process_vm_readv')
    expect(root).not.toContain('sudo')
  })
})

describe('attachFailureOf', () => {
  test('takes code and detail from an error of the addon', () => {
    const error = Object.assign(new Error('3.12.1'), { code: 'unsupported-version' })
    expect(attachFailureOf(42, error)).toEqual({
      pid: 42,
      code: 'unsupported-version',
      detail: '3.12.1',
    })
  })

  test('leaves other errors alone', () => {
    expect(attachFailureOf(42, new Error('x'))).toBeUndefined()
    expect(attachFailureOf(42, Object.assign(new Error('x'), { code: 'EIO' }))).toBeUndefined()
    expect(attachFailureOf(42, 'permission')).toBeUndefined()
  })
})

describe('why a followed process cannot be read', () => {
  const why = (unreadable: AttachErrorCode | '', detail = '', target?: FakeProcess) => {
    const processes = target ? { self: USER, 42: target } : { self: USER }
    return whyUnreadable(
      { ...PROCESS, unreadable, detail },
      fakeProc(temporaryFolder(), processes, {}),
    )
  }

  test('it can', () => {
    expect(why('')).toBe('')
  })

  test('another Python, running or gone', () => {
    const text = 'It runs Python 3.11.2; pyprof reads CPython 3.13, 3.14 and 3.15.'
    expect(why('unsupported-version', '3.11.2', { exe: '/usr/bin/python3.11' })).toBe(text)
    expect(why('unsupported-version', '3.11.2')).toBe(text)
    expect(why('unsupported-version', 'PyPy')).toContain('It runs PyPy; ')
  })

  test('permission: the rule while it is there, the bare fact afterwards', () => {
    const other = { ...PYTHON, uid: 0 }
    expect(why('permission', 'process_vm_readv', other)).toBe(
      'It belongs to user 0, pyprof runs as user 1000, and pyprof has no CAP_SYS_PTRACE.',
    )
    expect(why('permission', 'process_vm_readv')).toBe('It may not be read.')
  })

  test('forked behind the back of Python', () => {
    expect(why('not-started', 'untold fork', PYTHON)).toContain('without telling Python')
  })

  test('a damaged table', () => {
    expect(why('bad-layout', 'frame.size', PYTHON)).toContain('does not hold together: frame.size')
  })
})
