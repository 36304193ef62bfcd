import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { debianMirrors, parseDeb822, parseList } from '../../scripts/lib/apt-sources.mjs'
import { candidatesOn, firstFit } from '../../scripts/lib/interpreters.mjs'
import { embed, python } from '../support/pythons.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pyprof-pythons-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('apt sources', () => {
  test('one-line style: options are stepped over, comments and source packages ignored', () => {
    const text = `
# deb http://old.example/debian wheezy main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib # ours
deb-src http://mirror.example/debian bookworm main
deb http://other.example/apt stable`
    expect(parseList(text)).toEqual([
      { uri: 'http://mirror.example/debian', suite: 'bookworm', components: ['main', 'contrib'] },
      { uri: 'http://other.example/apt', suite: 'stable', components: [] },
    ])
  })

  test('deb822 style: every URI with every suite, comments inside a stanza, disabled stanzas', () => {
    const text = `Types: deb
# http://snapshot.example/debian
URIs: http://mirror.example/debian
  http://second.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF==

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main`
    expect(parseDeb822(text).map(({ uri, suite }) => `${uri} ${suite}`)).toEqual([
      'http://mirror.example/debian bookworm',
      'http://mirror.example/debian bookworm-updates',
      'http://second.example/debian bookworm',
      'http://second.example/debian bookworm-updates',
    ])
  })

  test('mirrors: only those of Debian itself, the ones named so first', () => {
    const main = ['main']
    const sources = [
      { uri: 'http://vendor.example/repo', suite: 'bookworm', components: main },
      { uri: 'http://mirror.example/debian-security', suite: 'bookworm', components: main },
      { uri: 'http://mirror.example/debian/', suite: 'bookworm-security', components: main },
      { uri: 'http://good.example/debian/', suite: 'bookworm', components: main },
      { uri: 'http://docker.example/linux/debian', suite: 'bookworm', components: ['stable'] },
      { uri: 'http://node.example/node_20.x', suite: 'nodistro', components: main },
      { uri: 'mirror+file:/etc/apt/mirrors/debian.list', suite: 'bookworm', components: main },
      { uri: 'http://good.example/debian', suite: 'sid', components: main },
    ]
    expect(debianMirrors(sources, 'bookworm')).toEqual([
      'http://good.example/debian',
      'mirror+file:/etc/apt/mirrors/debian.list',
      'http://vendor.example/repo',
    ])
  })
})

/** A program that answers the probe's question the way an interpreter with these facts would. */
function fakePython(file: string, facts: { minor: string; lacks?: string[]; headers?: boolean }) {
  const home = join(file, '..', '..')
  mkdirSync(join(home, 'bin'), { recursive: true })
  if (facts.headers !== false) {
    writeFileSync(join(home, 'Python.h'), '')
    writeFileSync(join(home, `libpython${facts.minor}.so`), '')
  }
  const answer = {
    executable: file,
    minor: facts.minor,
    version: `${facts.minor}.1`,
    home,
    includeDirs: [home],
    libDir: home,
    lacks: facts.lacks ?? [],
  }
  script(file, `echo '${JSON.stringify(answer)}'`)
}

function script(file: string, body: string) {
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, `#!/bin/sh\n${body}\n`)
  chmodSync(file, 0o755)
}

describe('the choice of an interpreter', () => {
  const pathOf = (...names: string[]) => names.map((name) => join(folder, name, 'bin')).join(':')

  test('a shim that fails, a folder that is not there and another minor are passed over', () => {
    script(join(folder, 'shims', 'bin', 'python3.14'), 'echo "not installed" >&2; exit 127')
    script(join(folder, 'silent', 'bin', 'python3.14'), 'echo hello')
    fakePython(join(folder, 'old', 'bin', 'python3'), { minor: '3.12' })
    fakePython(join(folder, 'right', 'bin', 'python3'), { minor: '3.14' })
    const unfit: string[] = []
    const programs = candidatesOn(pathOf('nowhere', 'shims', 'silent', 'old', 'right'), '3.14')
    expect(programs).toHaveLength(4)
    const options = { embedding: true, onUnfit: (program: string) => unfit.push(program) }
    expect(firstFit(programs, '3.14', options)?.executable).toBe(
      join(folder, 'right', 'bin', 'python3'),
    )
    expect(unfit).toEqual([])
  })

  test('an unfit interpreter of the right minor is passed over aloud', () => {
    fakePython(join(folder, 'a', 'bin', 'python3.15'), {
      minor: '3.15',
      lacks: ['it is a free-threaded build'],
    })
    fakePython(join(folder, 'b', 'bin', 'python3.15'), { minor: '3.15', headers: false })
    const programs = candidatesOn(pathOf('a', 'b'), '3.15')
    const unfit: string[][] = []
    const onUnfit = (_: string, lacks: string[]) => unfit.push(lacks)
    expect(firstFit(programs, '3.15', { embedding: true, onUnfit })).toBeUndefined()
    expect(unfit).toEqual([
      ['it is a free-threaded build'],
      ['it has no Python.h', 'it has no libpython3.15.so'],
    ])
    expect(firstFit(programs, '3.15', { embedding: false })?.executable).toBe(
      join(folder, 'b', 'bin', 'python3.15'),
    )
  })
})

describe('what tests get', () => {
  const record = (root: string) => {
    mkdirSync(join(folder, '.pythons', 'bin'), { recursive: true })
    script(join(folder, '.pythons', 'bin', 'python3.14'), '')
    const facts = { root, home: '/h', includeDirs: ['/i', '/j'], libDir: '/l', loader: '/ld.so' }
    writeFileSync(join(folder, '.pythons', 'python3.14.json'), JSON.stringify(facts))
  }

  test('a missing interpreter is an error that says what to do', () => {
    expect(() => python('3.14', folder)).toThrow(
      expect.objectContaining({ code: 'python-missing', hint: 'npm run pythons' }),
    )
  })

  test('so is one that was made for another checkout', () => {
    record('/elsewhere')
    expect(() => python('3.14', folder)).toThrow(/made for \/elsewhere/)
  })

  test('so is a record whose program is gone', () => {
    record(folder)
    expect(python('3.14', folder)).toBe(join(folder, '.pythons', 'bin', 'python3.14'))
    rmSync(join(folder, '.pythons', 'bin', 'python3.14'))
    expect(() => python('3.14', folder)).toThrow(/not whole/)
  })

  test('a program that embeds an unpacked interpreter runs with the C library unpacked beside it', () => {
    record(folder)
    expect(embed('3.14', folder)).toEqual({
      compileFlags: ['-I/i', '-I/j'],
      linkFlags: [
        '-L/l',
        '-lpython3.14',
        '-Wl,-rpath,/l',
        '-Wl,--dynamic-linker=/ld.so',
        '-Wl,--disable-new-dtags',
        '-Wl,--allow-shlib-undefined',
      ],
      home: '/h',
      libDir: '/l',
    })
  })
})
