import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { FORMATS } from '../../../src/formats/index.ts'
import { pyprof, startPyprof, summaryOf } from '../../support/cli.ts'
import { policyFile, SECRET, startWithSecrets } from '../../support/policy.ts'
import { MINORS, python } from '../../support/pythons.ts'
import { programArgs, startTarget } from '../../support/target.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { AS_ORDINARY_USER, IS_ROOT, NOBODY, openCopy } from '../../support/users.ts'

const MINOR = MINORS.at(-1)!
const CHECKOUT = join(import.meta.dirname, '..', '..', '..')

/** Formats that do not tell the command line. */
const WITHOUT_COMMAND = ['out.collapsed', 'out.pstats']

const idle = () => startTarget(python(MINOR), { args: programArgs('record/secrets.py') })

/** All that is in a file, unpacked and decoded as far as that can be done without knowing it. */
function contents(file: string): string {
  const bytes = readFileSync(file)
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes
  const text = plain.toString('latin1')
  const packed = [...text.matchAll(/[A-Za-z0-9+/]{100,}={0,2}/g)].map(([base64]) => {
    const inner = Buffer.from(base64, 'base64')
    return inner[0] === 0x1f && inner[1] === 0x8b ? gunzipSync(inner).toString('latin1') : ''
  })
  return [text, ...packed].join('\n')
}

describe('secrets of a command line', () => {
  it('are in nothing that record writes or says', async () => {
    const { target } = await startWithSecrets(MINOR)
    const folder = temporaryFolder()
    const outputs = FORMATS.flatMap(({ suffixes }) => ['-o', join(folder, `out${suffixes[0]}`)])
    const args = ['record', '--pid', `${target.pid}`, '-d', '300ms', ...outputs]
    const { status, out, err } = await pyprof([...args, '--json'])
    expect(status, err).toBe(0)
    expect(summaryOf({ out }).command).toContain("'--password=<redacted>'")
    expect(summaryOf({ out }).command).toContain('postgres://ada:<redacted>@db/shop')
    expect(out + err).not.toContain(SECRET)
    const files = readdirSync(folder)
    expect(files).toHaveLength(FORMATS.length)
    for (const file of files) expect(contents(join(folder, file)), file).not.toContain(SECRET)
    // What is looked for would be found: it is there when nothing is hidden.
    await pyprof([...args, '--no-redact'])
    const missing = files.filter((file) => !contents(join(folder, file)).includes(SECRET))
    expect(missing.sort()).toEqual(WITHOUT_COMMAND)
  })

  it('are in neither ps nor doctor', async () => {
    const { target } = await startWithSecrets(MINOR)
    for (const command of [
      ['ps', '--json'],
      ['ps', '-w'],
      ['doctor', `${target.pid}`],
    ]) {
      const { out, err } = await pyprof(command)
      expect(out).toContain('secrets.py')
      expect(out + err).not.toContain(SECRET)
    }
    const { out } = await pyprof(['ps', '-w', '--no-redact'])
    expect(out).toContain(SECRET)
  })

  it('of a launched command and its children are hidden as well', async () => {
    const command = [
      python(MINOR),
      ...programArgs('record/secrets.py', ['burst', `--token=${SECRET}`]),
    ]
    const folder = temporaryFolder()
    const out = join(folder, 'out.json')
    const args = ['record', '-s', '-f', 'speedscope', '-o', out, '--json', '--', ...command]
    const outcome = await pyprof(args)
    expect(outcome.status, outcome.err).toBe(0)
    expect(summaryOf(outcome).command).toContain("'--token=<redacted>'")
    expect(outcome.out + outcome.err + contents(out)).not.toContain(SECRET)
  })
})

describe('paths', () => {
  it('lose their folders in every output, and Python stays Python', async () => {
    const { target } = await idle()
    const folder = temporaryFolder()
    const outputs = FORMATS.flatMap(({ suffixes }) => ['-o', join(folder, `out${suffixes[0]}`)])
    const args = ['record', '--pid', `${target.pid}`, '-d', '300ms', ...outputs]
    const { status, out, err } = await pyprof([...args, '--json', '--redact-paths'])
    expect(status, err).toBe(0)
    const files = readdirSync(folder)
    for (const file of files) expect(contents(join(folder, file)), file).not.toContain(CHECKOUT)
    const [hottest] = summaryOf({ out }).hottest
    expect(hottest?.file).toMatch(/^<(program|folder)[ \d]*>\/.*\w\.py$/)
    await pyprof(args)
    const missing = files.filter((file) => !contents(join(folder, file)).includes(CHECKOUT))
    expect(missing).toEqual([])
  })

  it('of a recording can be left out afterwards', async () => {
    const { target } = await startWithSecrets(MINOR)
    const folder = temporaryFolder()
    const recording = join(folder, 'run.pyprof')
    const args = ['--pid', `${target.pid}`, '-d', '300ms', '--no-redact', '-o', recording]
    expect((await pyprof(['record', ...args])).status).toBe(0)
    expect(contents(recording)).toContain(SECRET)
    const outputs = FORMATS.map(({ suffixes }) => join(folder, `out${suffixes[0]}`))
    const files = outputs.flatMap((file) => ['-o', file])
    const { status, out, err } = await pyprof([
      ...['convert', recording, '--redact-paths', '--json', ...files],
    ])
    expect(status, err).toBe(0)
    const { command, hottest } = summaryOf({ out })
    expect(command).toMatch(
      /^<folder \d>\/python3\.15 -S -B <folder>\/secrets\.py --password=<redacted> /,
    )
    expect(hottest[0]?.file).toMatch(/^<folder( \d)?>\/\w+\.py$/)
    for (const file of outputs) {
      expect(contents(file), file).not.toContain(SECRET)
      expect(contents(file), file).not.toContain(CHECKOUT)
    }
  })

  it('are left out where a policy wants it', async () => {
    const { target } = await idle()
    const { file, entries } = policyFile('[redact]\npaths = true')
    const args = [
      'record',
      '--policy',
      file,
      '--pid',
      `${target.pid}`,
      '-d',
      '200ms',
      '-f',
      'table',
    ]
    const { status, out, err } = await pyprof([...args, '-o', '-'])
    expect(status, err).toBe(0)
    expect(out).toMatch(/<(program|folder)>\/.*secrets\.py/)
    expect(out).not.toContain(CHECKOUT)
    // Whoever keeps the machine has to know which program it was.
    expect(entries()[0]!.command).toContain(join(CHECKOUT, 'test/targets/record/secrets.py'))
    expect((await pyprof(['ps', '-w', '--policy', file])).out).toContain(CHECKOUT)
  })
})

describe('a policy', () => {
  it('lets pass what it allows, and its log tells who did what and how it ended', async () => {
    const { target } = await startWithSecrets(MINOR)
    const { file, log, entries, folder } = policyFile('[[allow]]\ncommands = ["*secrets.py*"]')
    const args = ['--pid', `${target.pid}`, '-d', '300ms', '-o', join(folder, 'out.svg')]
    const { status, err } = await pyprof(['record', '--policy', file, '--read', 'stop', ...args])
    expect(status, err).toBe(0)
    const [begin, end, ...more] = entries()
    expect(more).toEqual([])
    expect(begin).toMatchObject({
      event: 'begin',
      result: 'allowed',
      actions: ['record', 'stop'],
      pid: target.pid,
      uid: process.getuid!(),
      targetUid: process.getuid!(),
      durationNs: 300e6,
      policies: [file],
      invocation: expect.stringContaining(`pyprof record --policy ${file}`),
      command: expect.stringContaining("'--password=<redacted>'"),
    })
    expect(end).toMatchObject({ id: begin!.id, event: 'end', result: 'done', reason: 'duration' })
    expect(readFileSync(log, 'utf8')).not.toContain(SECRET)
  })

  it.each([
    ['a command', '[[deny]]\ncommands = ["*secrets.py*"]\nreason = "hands off"', 'hands off'],
    ['an executable', '[[deny]]\nexecutables = ["*python*"]', 'It forbids record here'],
    ['a user', `[[deny]]\ntarget-users = [${process.getuid!()}]`, 'It forbids record here'],
    ['all that is not allowed', '[[allow]]\nactions = ["dump"]', 'None of its rules allows record'],
  ])('keeps from recording %s, before anything is done', async (_, text, why) => {
    const { target } = await idle()
    const { file, entries, folder } = policyFile(text)
    const out = join(folder, 'out.svg')
    const args = ['record', '--pid', `${target.pid}`, '-d', '300ms', '-o', out]
    const { status, err } = await pyprof(args, { env: { PYPROF_POLICY: file } })
    expect(status).toBe(3)
    expect(err).toContain(`pyprof: A policy forbids it: record of process ${target.pid}.`)
    expect(err).toContain(why)
    expect(existsSync(out)).toBe(false)
    expect(entries()).toMatchObject([{ result: 'refused', actions: ['record'] }])
  })

  it('of several, the strictest wins', async () => {
    const { target } = await idle()
    const loose = policyFile('[[allow]]')
    const strict = policyFile('[[deny]]\nactions = ["stop"]')
    const both = ['--policy', loose.file, '--policy', strict.file]
    const args = ['--pid', `${target.pid}`, '-d', '200ms', '-f', 'collapsed', '-o', '-']
    expect((await pyprof(['record', ...both, ...args])).status).toBe(0)
    const stopped = await pyprof(['record', ...both, '--read', 'stop', ...args])
    expect(stopped.status).toBe(3)
    expect(stopped.err).toContain(`${strict.file}, line 1: It forbids stop here.`)
    for (const { entries } of [loose, strict]) {
      expect(entries().map(({ result }) => result)).toEqual(['allowed', 'done', 'refused'])
    }
  })

  it('ends what goes on for too long, and refuses what is asked to', async () => {
    const { target } = await idle()
    const { file } = policyFile('time-limit = "300ms"')
    const args = [
      'record',
      '--policy',
      file,
      '--pid',
      `${target.pid}`,
      '-f',
      'collapsed',
      '-o',
      '-',
    ]
    const capped = await pyprof(args)
    expect(capped.status, capped.err).toBe(0)
    expect(capped.err).toContain('A policy ends the recording after 300ms.')
    expect(capped.err).toContain('the requested duration is over')
    const long = await pyprof([...args, '-d', '1m'])
    expect(long.status).toBe(3)
    expect(long.err).toContain('It allows 300ms at most.')
    expect(long.err).toContain('Add: --duration 300ms')
  })

  it('is asked for launched commands and their children', async () => {
    const command = [python(MINOR), ...programArgs('record/secrets.py', ['burst'])]
    const run = (text: string, ...options: string[]) =>
      pyprof([
        'record',
        '--policy',
        policyFile(text).file,
        ...options,
        '-f',
        'table',
        '-o',
        '-',
        '--',
        ...command,
      ])
    const launch = '[[allow]]\nactions = ["launch"]'
    expect((await run(launch)).status).toBe(0)
    expect((await run('[[allow]]\nactions = ["record"]')).err).toContain('allows launch here')
    const target = `${launch}\ncommands = ["*secrets.py*"]`
    expect((await run(target)).status).toBe(0)
    expect((await run(target, '-s')).err).toContain('allows launch of what the target starts')
    expect((await run(`${target}\nsubprocesses = true`, '-s')).status).toBe(0)
  })

  it('that is wrong or open to others stops everything', async () => {
    const { target } = await idle()
    const { file, log } = policyFile('locals = "no"')
    const run = (...args: string[]) => pyprof([...args, '--policy', file])
    const all = [['record', '--pid', `${target.pid}`], ['ps'], ['doctor']]
    for (const args of all) {
      const { status, err } = await run(...args)
      expect(status).toBe(2)
      expect(err).toContain('Line 1: locals: expected true or false; found "no".')
    }
    writeFileSync(file, '')
    chmodSync(file, 0o666)
    const open = await run('record', '--pid', `${target.pid}`)
    expect(open.status).toBe(2)
    expect(open.err).toContain(`Others may write ${file} (mode 666).`)
    expect(open.err).toContain(`Run: chmod go-w ${file}`)
    expect(existsSync(log)).toBe(false)
    const missing = await pyprof(['ps'], { env: { PYPROF_POLICY: `${file}.none` } })
    expect(missing.err).toContain('There is no such file.')
  })

  it('whose log cannot be written lets nothing be done', async () => {
    const { target } = await idle()
    const { file, log, folder } = policyFile('')
    spawnSync('mkfifo', [log])
    const out = join(folder, 'out.svg')
    const args = ['record', '--policy', file, '--pid', `${target.pid}`, '-d', '200ms', '-o', out]
    const { status, err } = await pyprof(args)
    expect(status).toBe(2)
    expect(err).toContain(`The audit log ${log} cannot be written, so nothing was done.`)
    expect(existsSync(out)).toBe(false)
  })

  it('shows in ps and doctor', async () => {
    const { target } = await idle()
    const { file, log } = policyFile('time-limit = "5m"\n[[deny]]\ncommands = ["*secrets.py*"]')
    const list = await pyprof(['ps', '--json', '--policy', file])
    const { processes } = JSON.parse(list.out) as { processes: { pid: number }[] }
    expect(processes.find(({ pid }) => pid === target.pid)).toMatchObject({
      readable: false,
      code: 'forbidden',
      reason: 'a policy forbids it',
    })
    const one = await pyprof(['doctor', `${target.pid}`, '--policy', file])
    expect(one.status).toBe(3)
    expect(one.out).toMatch(/^no +allowed +.*It forbids record here/m)
    expect(one.out).toContain(`nothing may take longer than 5m; what is done is logged to ${log}`)
    expect(existsSync(log)).toBe(false)
    const without = await pyprof(['doctor', `${target.pid}`])
    expect(without.out).not.toMatch(/^\S+ +(policy|allowed) /m)
  })

  it('does not let its redaction be turned off', async () => {
    const { file } = policyFile('')
    const { status, err } = await pyprof(['ps', '--no-redact', '--policy', file])
    expect(status).toBe(2)
    expect(err).toContain('--no-redact cannot be used here.')
  })

  it('knows the names that another policy adds', async () => {
    const { target } = await startTarget(python(MINOR), {
      args: programArgs('record/secrets.py', [`--iban=${SECRET}`, `--tax-id=${SECRET}`]),
    })
    const { file } = policyFile('[redact]\nnames = ["iban"]')
    const { out } = await pyprof(['ps', '-w', '--policy', file, '--redact', 'taxid'])
    expect(out).toContain("'--iban=<redacted>' '--tax-id=<redacted>'")
    expect(out).not.toContain(SECRET)
    expect(target.pid).toBeGreaterThan(0)
  })

  it('notes how a recording ended that was interrupted, or failed', async () => {
    const { target } = await idle()
    const { file, entries, folder } = policyFile('')
    const args = ['record', '--policy', file, '-o', join(folder, 'out.svg'), '--pid']
    const program = startPyprof([...args, `${target.pid}`])
    await program.samples()
    program.signal('SIGTERM')
    expect((await program.ended).status).toBe(0)
    const shell = spawnSync('true').pid
    expect((await pyprof([...args, `${shell}`])).status).toBe(3)
    expect((await pyprof([...args, `${process.pid}`])).status).toBe(3)
    expect(entries().map(({ event, result, reason }) => [event, result, reason])).toEqual([
      ['begin', 'allowed', ''],
      ['end', 'done', 'interrupted'],
      // What does not exist is not asked for.
      ['begin', 'allowed', ''],
      ['end', 'failed', 'not-python'],
    ])
  })
})

describe.skipIf(!IS_ROOT)('as root', () => {
  it('the person behind sudo is known, and told', async () => {
    const { target } = await idle()
    const { file, entries } = policyFile('[[deny]]\nusers = [12345]')
    const args = [
      'record',
      '--policy',
      file,
      '--pid',
      `${target.pid}`,
      '-d',
      '200ms',
      '-f',
      'table',
      '-o',
      '-',
    ]
    expect((await pyprof(args)).status).toBe(0)
    // As far as nobody has logged in here, what sudo says counts.
    const login = readFileSync('/proc/self/loginuid', 'utf8').trim()
    const { status } = await pyprof(args, { env: { SUDO_UID: '12345' } })
    const isHeard = login === '4294967295'
    expect(status).toBe(isHeard ? 3 : 0)
    expect(entries().at(isHeard ? -1 : -2)).toMatchObject({
      uid: 0,
      login: isHeard ? 12345 : expect.anything(),
    })
  })

  it("a user's run uses neither another user's policy nor their log", async () => {
    const program = openCopy()
    const options = { program, prefix: AS_ORDINARY_USER }
    const { file, log, folder } = policyFile('')
    chmodSync(folder, 0o777)
    expect((await pyprof(['ps', '--policy', file], options)).err).toContain(
      `Others may write ${folder}`,
    )
    chmodSync(folder, 0o755)
    expect((await pyprof(['ps', '--policy', file], options)).status).toBe(0)
    chownSync(file, 4242, 4242)
    expect((await pyprof(['ps', '--policy', file], options)).err).toContain('belongs to user 4242')
    chownSync(file, NOBODY, NOBODY)
    expect((await pyprof(['ps', '--policy', file], options)).status).toBe(0)
    expect((await pyprof(['ps', '--policy', file])).err).toContain(`belongs to user ${NOBODY}`)
    const command = ['/bin/true']
    const refused = await pyprof(
      ['record', '--policy', file, '-f', 'table', '-o', '-', '--', ...command],
      options,
    )
    expect(refused.status).toBe(2)
    expect(refused.err).toContain(`The audit log ${log} cannot be written`)
  })

  it("the machine's policy applies to everyone, and nothing replaces it", async () => {
    const { target } = await idle()
    const { file } = policyFile('[[deny]]\nactions = ["record"]')
    const other = policyFile('[[allow]]')
    const script = `mount -t tmpfs none /etc && mkdir /etc/pyprof && cp ${file} /etc/pyprof/policy.toml && exec "$@"`
    const prefix = ['unshare', '--mount', 'sh', '-c', script, 'sh']
    const args = ['record', '--pid', `${target.pid}`, '-d', '200ms', '-f', 'table', '-o', '-']
    const outcome = await pyprof([...args, '--policy', other.file], { prefix })
    expect(outcome.status).toBe(3)
    expect(outcome.err).toContain('/etc/pyprof/policy.toml, line 1: It forbids record here.')
  })
})

describe('--dry-run', () => {
  it('says what would be done, and does nothing of it', async () => {
    const { target } = await startWithSecrets(MINOR)
    const { file, log, folder } = policyFile('time-limit = "1m"')
    const out = join(folder, 'out.svg')
    const args = ['record', '--dry-run', '--policy', file, '--pid', `${target.pid}`, '-o', out]
    const { status, out: text, err } = await pyprof([...args, '--read', 'stop'])
    expect({ status, err }).toEqual({ status: 0, err: '' })
    expect(text).toContain(`Would record process ${target.pid}: `)
    expect(text).toContain(`(Python ${MINOR}.`)
    expect(text).toMatch(/^ {2}stops +all its threads, by ptrace, for every sample$/m)
    expect(text).toMatch(/^ {2}into it +nothing is written$/m)
    expect(text).toMatch(/^ {2}ends +after 1m$/m)
    expect(text).toContain(`${out} (flamegraph)\n           until then ${out}.unfinished.pyprof\n`)
    expect(text).toContain(log)
    expect(text).toContain('Nothing of this was done.')
    expect(text).not.toContain(SECRET)
    expect(existsSync(out)).toBe(false)
    expect(existsSync(log)).toBe(false)
    const json = JSON.parse((await pyprof([...args, '--json'])).out) as object
    expect(json).toMatchObject({
      dryRun: true,
      actions: ['record'],
      pid: target.pid,
      durationNs: 60e9,
      stopsTarget: false,
      writesIntoTarget: false,
      outputs: [{ path: out, format: 'flamegraph' }],
      safetyCopy: `${out}.unfinished.pyprof`,
      auditLogs: [log],
      policies: [file],
    })
    const recording = await pyprof([...args, '-o', `${out}.pyprof`, '--json'])
    expect(JSON.parse(recording.out)).toMatchObject({ safetyCopy: null })
    const piped = ['record', '--dry-run', '--pid', `${target.pid}`, '-f', 'table', '-o', '-']
    expect((await pyprof(piped)).out).toMatch(
      /stdout \(table\)\n +until then \/.*\.unfinished\.pyprof\n/,
    )
    const closed = await pyprof([...piped.slice(0, -1), '/none/out.svg'])
    expect(closed.status).toBe(2)
  })

  it('refuses what would be refused, without a trace', async () => {
    const { target } = await idle()
    const { file, log } = policyFile('[[deny]]')
    const args = ['record', '--dry-run', '-f', 'table', '-o', '-', '--pid']
    const refused = await pyprof([...args, `${target.pid}`, '--policy', file])
    expect(refused.status).toBe(3)
    expect(refused.err).toContain('A policy forbids it')
    expect(existsSync(log)).toBe(false)
    const unreadable = await pyprof([...args, `${process.pid}`])
    expect(unreadable.status).toBe(3)
    expect(unreadable.err).toContain('is not a Python')
  })

  it('starts no command', async () => {
    const made = join(temporaryFolder(), 'made')
    const args = ['record', '--dry-run', '-f', 'table', '-o', '-', '--', 'touch', made]
    const { status, out } = await pyprof(args)
    expect(status).toBe(0)
    expect(out).toContain(`Would start and record: touch ${made}`)
    expect(existsSync(made)).toBe(false)
  })
})
