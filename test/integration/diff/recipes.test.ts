import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { DiffResult } from '../../../src/diff/result.ts'
import { Program, PYPROF } from '../../support/cli.ts'
import { python } from '../../support/pythons.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { checkXml } from '../../unit/formats/xml.ts'

/** The recipes of docs/ci.md: GitHub Actions, GitLab, and GitHub Actions with a stored baseline. */
const [GITHUB, GITLAB, BASELINE] = [
  ...readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'ci.md'), 'utf8').matchAll(
    /^```yaml\n([\s\S]*?)^```/gm,
  ),
].map(([, text = '']) => parse(text)) as [GithubRecipe, GitlabRecipe, GithubRecipe]

interface GithubRecipe {
  readonly jobs: Readonly<
    Record<string, { readonly steps: readonly { readonly name?: string; readonly run?: string }[] }>
  >
}
interface GitlabRecipe {
  readonly benchmark: {
    readonly script: readonly string[]
    readonly after_script: readonly string[]
  }
}

const step = ({ jobs }: GithubRecipe, job: string, name: string): string =>
  jobs[job]!.steps.find((each) => each.name === name)!.run!

/** A folder with pyprof in its PATH, as a runner has it. */
class Runner {
  readonly folder = temporaryFolder()
  readonly #tools = temporaryFolder()

  constructor() {
    const options = { mode: 0o755 }
    const script = `#!/bin/sh\nexec '${process.execPath}' '${PYPROF}' "$@"\n`
    writeFileSync(join(this.#tools, 'pyprof'), script, options)
  }

  /** A checkout whose benchmark waits for so many seconds, on a busy machine too, and talks. */
  checkout(name: string, seconds: number): string {
    const folder = join(this.folder, name)
    mkdirSync(folder, { recursive: true })
    const lines = [
      'import time',
      'def work():',
      `    time.sleep(${seconds})`,
      'print("| benchmarks | talk |")',
      'work()',
    ]
    writeFileSync(join(folder, 'bench.py'), `${lines.join('\n')}\n`)
    const script = `#!/bin/sh\nexec '${python('3.14')}' bench.py\n`
    writeFileSync(join(folder, 'bench.sh'), script, { mode: 0o755 })
    return folder
  }

  /** Runs lines as GitHub's shell does, with fewer runs than the recipe has. */
  run(shell: string, cwd = this.folder, variables: Readonly<Record<string, string>> = {}) {
    expect(shell).toMatch(/pyprof (bench|diff|record)/)
    const lines = shell.replace('--runs 10', '--runs 3')
    return new Program(['bash', '-e', '-o', 'pipefail', '-c', lines], {
      cwd,
      env: {
        PATH: `${this.#tools}${delimiter}${process.env.PATH}`,
        GITHUB_STEP_SUMMARY: join(this.folder, 'summary.md'),
        ...variables,
      },
      input: '',
    }).ended
  }

  read(...path: readonly string[]): string {
    return readFileSync(join(this.folder, ...path), 'utf8')
  }
}

describe('the recipe for', () => {
  test('GitHub Actions fails the job, and shows where', async () => {
    const runner = new Runner()
    runner.checkout('base', 0.15)
    runner.checkout('head', 0.75)
    const compared = await runner.run(
      step(GITHUB, 'compare', 'Run both sides by turns and compare'),
    )
    expect(compared.status, compared.err).toBe(1)
    expect(compared.err).toContain('| benchmarks | talk |')
    const verdict = runner.read('verdict.md')
    expect(verdict).toMatch(/^<!-- pyprof diff -->\n## ❌ pyprof: Regression/)
    expect(runner.read('summary.md')).toBe(verdict)

    const shown = await runner.run(step(GITHUB, 'compare', 'Show where'))
    expect(shown.status).toBe(1)
    expect(shown.out).toMatch(/^::error file=head\/bench\.py,line=2,title=.*::work: \+/m)
    checkXml(runner.read('diff.svg'))
    expect(runner.read('diff.html')).toContain('Regression: 2 of 2 gates')
    expect(runner.read('junit.xml')).toContain('tests="2" failures="2"')
  })

  test('GitLab takes the base from git, and leaves its reports', async () => {
    const runner = new Runner()
    const checkout = runner.checkout('project', 0.15)
    const git = (...words: readonly string[]) =>
      execFileSync('git', words, { cwd: checkout, encoding: 'utf8' }).trim()
    git('init', '-q')
    git('add', '-A')
    git('-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', 'commit', '-q', '-m', 'bench')
    const variables = { CI_MERGE_REQUEST_DIFF_BASE_SHA: git('rev-parse', 'HEAD') }
    const { script, after_script } = GITLAB.benchmark
    runner.checkout('project', 0.75)
    const compared = await runner.run(script.join('\n'), checkout, variables)
    expect(compared.status, compared.err).toBe(1)
    expect(compared.out).toMatch(/^Regression: 2 of 2 gates proven to be exceeded\.$/m)
    expect(compared.out).not.toContain('talk')
    await runner.run(after_script.join('\n'), checkout, variables)
    expect(runner.read('project', 'verdict.md')).toContain('Regression')
    expect(runner.read('project', 'junit.xml')).toContain('tests="2" failures="2"')
    expect(existsSync(join(checkout, 'diff.html'))).toBe(true)
  })

  test('a stored baseline records a set, and compares it with the one that was kept', async () => {
    const runner = new Runner()
    runner.checkout('.', 0.15)
    const record = step(BASELINE, 'record', 'Record a set of runs')
    const recorded = await runner.run(record)
    expect(recorded.status, recorded.err).toBe(0)
    cpSync(join(runner.folder, 'runs'), join(runner.folder, 'baseline'), { recursive: true })
    execFileSync('rm', ['-r', join(runner.folder, 'runs')])
    runner.checkout('.', 0.75)
    expect((await runner.run(record)).status).toBe(0)
    const compared = await runner.run(step(BASELINE, 'record', 'Compare'))
    expect(compared.status, compared.err).toBe(1)
    expect(compared.out).toMatch(/^::error title=pyprof%3A regression/m)
    const json = await runner.run('pyprof diff baseline --vs runs --json')
    expect((JSON.parse(json.out) as DiffResult).careful[0]).toContain('Let the sides take turns')
  })
})
