import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const BIN = join(ROOT, 'bin', 'pyprof.js')

/** Runs the built program, which must not need the addon for this. */
function pyprof(...argv: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...argv], {
    encoding: 'utf8',
    cwd: temporaryFolder(),
    env: { ...process.env, NO_COLOR: '1' },
  })
  return { status, stdout, stderr }
}

describe('help and version', () => {
  test('the version is that of the package', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    for (const flag of ['--version', '-V']) {
      expect(pyprof(flag)).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
    }
  })

  test.each([
    [['--help'], 'Usage: pyprof [options] [command]'],
    [['record', '--help'], 'pyprof record [options] -- COMMAND'],
    [['help', 'record'], 'pyprof record [options] -- COMMAND'],
    [['ps', '--help'], 'pyprof ps --json'],
    [['doctor', '--help'], 'pyprof doctor 42'],
    [['exec', '--help'], 'pyprof exec 42 gc off'],
  ])('%j goes to stdout', (argv, words) => {
    const { status, stdout, stderr } = pyprof(...argv)
    expect(status).toBe(0)
    expect(stdout).toContain(words)
    expect(stderr).toBe('')
  })

  test('without a command the help goes to stderr, as wrong usage', () => {
    const { status, stdout, stderr } = pyprof()
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain('Usage: pyprof')
  })

  test('a reader that stops early causes no noise', () => {
    const script = `"$0" "$1" record --help | true; exit "\${PIPESTATUS[0]}"`
    const { status, stderr } = spawnSync('bash', ['-c', script, process.execPath, BIN], {
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})

test.each([['--version'], ['record --help'], ['help ps']])(
  '%s that no device takes is an error, not a defect',
  (argv) => {
    const script = `"$0" "$1" ${argv} > /dev/full`
    const { status, stderr } = spawnSync('bash', ['-c', script, process.execPath, BIN], {
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({
      status: 4,
      stderr: expect.stringMatching(
        /^pyprof: The result could not be written to stdout\.\n.*ENOSPC.*\n.*\n$/,
      ),
    })
  },
)

describe('wrong usage is exit code 2 and one line that says what was expected', () => {
  test.each([
    [['recrod']],
    [['record', '--rat', '1']],
    [['record', '--pid', 'x']],
    [['record', '--pid', '0']],
    [['record', '--pid']],
    [['record', '--pid', '1', '--rate', 'fast']],
    [['record', '--pid', '1', '--rate', '1mhz']],
    [['record', '--pid', '1', '--duration', '-1']],
    [['record', '--pid', '1', '--duration', '0']],
    [['record', '--pid', '1', '--format', 'png']],
    [['ps', '42']],
    [['ps', '--al']],
    [['doctor', 'python3']],
    [['doctor', '1', '2']],
    [['exec', '1']],
    [['record', '--pid', '1', '--thread', '/(/']],
    [['record', '--pid', '1', '--include', 'func:serve']],
    [['record', '--pid', '1', '--exclude', '']],
    [['record', '--pid', '1', '--modules', '-F']],
    [['view']],
    [['view', 'a.html', '--port', '0']],
    [['record', '--pid', '1', '-f', 'table', '--top', '0']],
    [['record', '--pid', '1', '-f', 'table', '--sort', 'name']],
    [['record', '--pid', '1', '-f', 'collapsed', '--style', 'austin']],
    [['record', '--pid', '1', '-o', 'out.svg', '--min-width', 'wide']],
    [['record', '--pid', '1', '-o', 'out.svg', '--shape', 'round']],
    [['record', '--pid', '1', '-o', '']],
    [['record', '--pid', '1', '-o', 'out.svg', '--title', '']],
    [['convert', 'a.pyprof', '-o', '']],
    [['view', '']],
  ])('%j', (argv) => {
    const { status, stdout, stderr } = pyprof(...argv)
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(
      /^pyprof: [^\n]+ See: pyprof ((record|convert|view|ps|doctor|exec|dump|diff) )?--help\n$/,
    )
  })

  test('a misspelt command or option is recognised', () => {
    expect(pyprof('recrod').stderr).toContain("unknown command 'recrod' (did you mean record?).")
    expect(pyprof('record', '--rat').stderr).toContain('(did you mean --rate?).')
  })

  test.each([
    [['record', '-s=yes', '-p', '1'], '-s, --subprocesses', '-s=yes'],
    [['record', '-p', '1', '-ts=1'], '-s, --subprocesses', '-ts=1'],
    [['record', '-p', '1', '--json=yes'], '--json', '--json=yes'],
    [['ps', '--all='], '-a, --all', '--all='],
  ])('%j: an option that takes no value', (argv, flags, typed) => {
    const { status, stderr } = pyprof(...argv)
    expect(status).toBe(2)
    expect(stderr).toBe(
      `pyprof: option '${flags}' takes no value, but there is one in '${typed}'. ` +
        `See: pyprof ${argv[0]} --help\n`,
    )
  })

  test('an unknown option with a value stays unknown', () => {
    expect(pyprof('record', '--rat=1').stderr).toContain("unknown option '--rat=1'")
    expect(pyprof('record', '-=1').stderr).toContain("unknown option '-=1'")
  })

  test('a bad value is named with its option', () => {
    expect(pyprof('record', '-p', '1', '-r', 'fast').stderr).toBe(
      "pyprof: option '-r, --rate <rate>' argument 'fast' is invalid. " +
        'Expected a rate such as 100, 0.5, 250hz, 1khz or 10k. See: pyprof record --help\n',
    )
    expect(pyprof('record', '-p', '1', '--include', 'func:serve').stderr).toBe(
      "pyprof: option '--include <pattern>' argument 'func:serve' is invalid. " +
        "Expected function:, file:, module: or no kind before 'serve'. See: pyprof record --help\n",
    )
  })

  test('what a name writes to a terminal is made harmless', () => {
    expect(pyprof('\x1b[2J').stderr).toContain("unknown command '\\x1b[2J'")
  })
})

describe('an error is three lines: what, why, what to do', () => {
  test.each([
    [['record'], 'There is nothing to record.'],
    [['record', '42'], "'42' is not expected here."],
    [['record', '--', ''], 'There is no command behind --.'],
    [['record', '-p', '1', '--', 'true'], 'Both --pid and a command are given.'],
    [['record', '-p', '1', '-o', 'no/such/out.svg'], 'no/such/out.svg cannot be written.'],
    [['record', '-p', '1', '-o', '-'], 'The format of stdout (-o -) is not known.'],
  ])('%j', (argv, what) => {
    const { status, stdout, stderr } = pyprof(...argv)
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr.split('\n')).toEqual([
      `pyprof: ${what}`,
      expect.stringMatching(/^ {8}\S.*\.$/),
      expect.stringMatching(/^ {8}\S/),
      '',
    ])
  })
})

test('an argument that is no UTF-8 is refused, since another file would be written', () => {
  const folder = temporaryFolder()
  const script = `"$0" "$1" convert run.pyprof -o $'\\xff.svg'`
  const run = (text: string) =>
    spawnSync('bash', ['-c', text, process.execPath, BIN], { encoding: 'utf8', cwd: folder })
  const { status, stderr } = run(script)
  expect(status).toBe(2)
  expect(stderr).toMatch(/^pyprof: The argument '\ufffd\.svg' is no UTF-8\.\n.*\n.*\n$/)
  // A name may hold the character that stands for such bytes.
  expect(run(script.replace('\\xff', '\\xef\\xbf\\xbd')).stderr).toContain(
    'run.pyprof cannot be read',
  )
})

test('a folder that was removed under pyprof is no defect', () => {
  const folder = temporaryFolder()
  const script = `mkdir gone && cd gone && rmdir ../gone && "$0" "$1" record -o ${folder}/out.svg -- no-such-command`
  const options = { encoding: 'utf8', cwd: folder } as const
  const { status, stderr } = spawnSync('bash', ['-c', script, process.execPath, BIN], options)
  expect(status).toBe(127)
  expect(stderr).toMatch(/^pyprof: The command no-such-command could not be started\.\n.*\n.*\n$/)
})

test('a folder as an output whose format nothing tells is called a folder', () => {
  const { status, stderr } = pyprof('record', '-p', '1', '-o', '/tmp')
  expect(status).toBe(2)
  expect(stderr).toMatch(
    /^pyprof: \/tmp cannot be written\.\n.*it is a folder\.\n.*-o \/tmp\/FILE\n$/,
  )
})

test('options behind -- belong to the command', () => {
  const { status, stderr } = pyprof('record', '-o', 'no/such/out.svg', '--', 'true', '--rate', 'x')
  expect(status).toBe(2)
  expect(stderr).toContain('no/such/out.svg cannot be written.')
})
