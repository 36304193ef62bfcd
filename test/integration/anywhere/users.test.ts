import { expect, it } from 'vitest'
import {
  collapsedLines,
  functionName,
  functionNames,
  pyprof,
  startPyprof,
} from '../../support/cli.ts'
import { UNPRIVILEGED } from '../../support/containment.ts'
import { doctor, rowOf } from '../../support/inspect.ts'
import { MINORS } from '../../support/pythons.ts'
import { startPython, startTarget } from '../../support/target.ts'
import {
  AS_ORDINARY_USER,
  IS_ROOT,
  ORDINARY_USER,
  openCopy,
  ordinaryPython,
  ptraceScope,
} from '../../support/users.ts'

const SCOPE = ptraceScope()
/** What is asked of this machine's rule: docs/cli.md, "Errors". */
const MAY_ATTACH = SCOPE === 0
const MAY_LAUNCH = SCOPE <= 1
const WHY = `kernel.yama.ptrace_scope is ${SCOPE}`

const asUser = () => ({ program: openCopy(), prefix: AS_ORDINARY_USER })
const STDOUT = ['-f', 'collapsed', '-o', '-']

it.each(MINORS)(
  `at ptrace_scope ${SCOPE}, an ordinary user's own process of Python %s`,
  async (minor) => {
    const [command = '', ...args] = ordinaryPython(minor, 'idle.py', [])
    const { target } = await startTarget(command, { args })
    const options = asUser()
    const attach = ['record', '--pid', `${target.pid}`, '-d', '300ms', ...STDOUT]
    const recorded = await pyprof(attach, options)
    const row = await rowOf(target.pid, [], options)
    const found = await doctor([`${target.pid}`], options)
    expect(row).toMatchObject({ uid: ORDINARY_USER, readable: MAY_ATTACH })
    expect(found.verdict('readable')).toBe(MAY_ATTACH ? 'yes' : 'no')
    if (MAY_ATTACH) {
      expect(recorded.status, recorded.err).toBe(0)
      expect([...functionNames(collapsedLines(recorded.out))]).toContain('hold')
      expect(row?.pythonVersion).toMatch(new RegExp(`^${minor.replace('.', '\\.')}\\.`))
      expect(found.status).toBe(0)
    } else {
      expect(recorded.status).toBe(3)
      expect(recorded.err).toContain(WHY)
      expect(row).toMatchObject({ certainty: 'looks-like-python', code: 'permission', reason: WHY })
      expect(found.status).toBe(3)
      expect(found.text('readable')).toContain(WHY)
    }
  },
)

it.each(MINORS)(
  `at ptrace_scope ${SCOPE}, a command of Python %s that an ordinary user launches`,
  async (minor) => {
    const { prefix, program } = asUser()
    const command = ordinaryPython(minor, 'record/command.py', ['burst', '1'])
    const target = command.slice(AS_ORDINARY_USER.length)
    const recorded = await pyprof(['record', ...STDOUT, '--', ...target], { prefix, program })
    if (MAY_LAUNCH) {
      expect(recorded.status, recorded.err).toBe(0)
      expect([...functionNames(collapsedLines(recorded.out))]).toContain('burst')
    } else {
      expect(recorded.status).toBe(3)
      expect(recorded.err).toContain(WHY)
    }
  },
)

it.each(MINORS)(
  `at ptrace_scope ${SCOPE}, children of 50 ms of Python %s, without the kernel's events`,
  async (minor) => {
    const { prefix, program } = asUser()
    const command = ordinaryPython(minor, 'family.py', []).slice(AS_ORDINARY_USER.length)
    const args = ['record', '-s', '-t', '-r', '1khz', '-F', ...STDOUT, '--', ...command]
    // A network namespace of its own has no proc connector.
    const running = startPyprof(args, { prefix: ['unshare', '--net', ...prefix], program })
    if (!MAY_LAUNCH) {
      running.endInput()
      const { status, err } = await running.ended
      expect([status, err]).toEqual([3, expect.stringContaining(WHY)])
      return
    }
    await running.samples()
    running.type('["short", "fork", "8"]\n')
    await running.prints('family')
    running.endInput() // it fails for lack of a command, with 1
    const { status, out, err } = await running.ended
    expect(status, err).toBe(1)
    expect(err).toContain('looked for every 5 to 20 ms, what ended sooner may be missing')
    const [family] = /^family (.*)$/m.exec(out)!.slice(1)
    const children = (JSON.parse(family!) as { family: { pid: number }[] }).family
    const lines = collapsedLines(out.replaceAll(/^(ready|family) .*\n/gm, ''))
    const seen = children.filter(({ pid }) =>
      lines.some(
        ({ frames }) =>
          frames[0]!.includes(`(pid ${pid}, `) && frames.map(functionName).includes('short'),
      ),
    )
    // 50 ms are more than the 20 in which pyprof looks, but a busy machine may not let it.
    expect(seen.length).toBeGreaterThanOrEqual(children.length / 2)
  },
)

it('doctor tells an ordinary user what holds on this machine', async () => {
  const { status, diagnosis, verdict, err } = await doctor([], asUser())
  expect(err).toBe('')
  expect(diagnosis.machine).toMatchObject({ uid: ORDINARY_USER, ptraceCapability: false })
  expect(verdict('process-vm-readv')).toBe('yes')
  expect(verdict('launched-commands')).toBe(MAY_LAUNCH ? 'yes' : 'no')
  expect(verdict('own-processes')).toBe(MAY_ATTACH ? 'yes' : 'no')
  expect(verdict('other-users')).toBe('no')
  expect(diagnosis.canRecord).toBe(MAY_ATTACH && MAY_LAUNCH)
  expect(status).toBe(diagnosis.canRecord ? 0 : 3)
})

it("another user's process is listed as what it looks like, with the reason", async () => {
  // Without root's help, process 1 is another user's, and no Python.
  const pid = IS_ROOT ? (await startPython('3.14', 'idle.py')).target.pid : 1
  const options = asUser()
  expect(await rowOf(pid, ['--all'], options)).toMatchObject({
    certainty: IS_ROOT ? 'looks-like-python' : 'unknown',
    pythonVersion: '',
    uid: 0,
    readable: false,
    code: 'permission',
    reason: 'it belongs to user 0',
  })
  expect((await rowOf(pid, [], options)) !== undefined).toBe(IS_ROOT)
  const { status, diagnosis, text } = await doctor([`${pid}`], options)
  expect(status).toBe(3)
  expect(text('readable')).toContain(
    `It belongs to user 0, pyprof runs as user ${ORDINARY_USER}, and pyprof has no CAP_SYS_PTRACE.`,
  )
  const remedies = diagnosis.checks.find(({ id }) => id === 'readable')?.remedies ?? []
  expect(remedies[0]?.line).toBe(`sudo env "PATH=$PATH" pyprof record --pid ${pid}`)
  const plain = await pyprof(['ps'], options)
  expect(plain.status).toBe(0)
  expect(plain.err).toMatch(
    /^\d+ more could not be looked at, Python or not; --all lists them\.\n$/,
  )
})

it('root without capabilities, as in a container: sudo is not what helps', async () => {
  const prefix = [...UNPRIVILEGED, 'setpriv', '--no-new-privs']
  const { diagnosis, verdict, text } = await doctor([], { prefix })
  expect(verdict('other-users')).toBe('no')
  expect(text('user')).toContain('sudo cannot give it')
  const lines = diagnosis.checks.flatMap(({ remedies }) => remedies.map(({ line }) => line))
  expect(lines.filter((line) => /^sudo(?!.*# on the host)/.test(line))).toEqual([])
  expect(lines).toContain('cap_add: [SYS_PTRACE]')
})
