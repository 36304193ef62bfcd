import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { buildProgram } from '../../../src/commands/program.ts'
import { html } from '../../../src/formats/html.ts'
import { speedscope } from '../../../src/formats/speedscope.ts'
import { asciiProfile } from '../../support/ascii-profile.ts'
import { FakeAddon } from '../../support/fake-addon.ts'
import { read, recordingOf } from '../../support/recordings.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { goldenProfile, written } from '../formats/fixtures.ts'

/** Runs `pyprof view` until it serves; `end` stops it by a signal and gives its exit code. */
async function view(...argv: string[]) {
  let out = ''
  let err = ''
  let exitCode: number | undefined
  const program = buildProgram(
    {
      argv: ['view', ...argv],
      exporter: 'pyprof@0.0.0-test',
      drawsProgress: false,
      loadAddon: () => new FakeAddon([]),
      writeOut: (data) => {
        out += String(data)
      },
      writeErr: (text) => {
        err += text
      },
      report: () => {},
      finish: (code) => {
        exitCode = code
      },
    },
    '0.0.0-test',
  )
  const ended = program.parseAsync(['view', ...argv], { from: 'user' })
  const serves = vi.waitFor(() => expect(err).toContain('Ctrl-C ends it.'))
  serves.catch(() => {}) // when the command has failed before, that is the news
  await Promise.race([ended, serves])
  return {
    url: / is at (\S+)\n/.exec(err)![1]!,
    out: () => out,
    err: () => err,
    async end(signal: NodeJS.Signals = 'SIGTERM') {
      process.emit(signal, signal)
      await ended
      return exitCode
    },
  }
}

/** The answer to a request with any method and name of the host. */
function ask(url: string, method: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers: { host }, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.on('error', reject).end()
  })
}

function saved(name: string, content: string | Uint8Array): string {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, content)
  return path
}

/** The profile inside of a page. */
function packed(page: string): unknown {
  const base64 = /<script id="profile"[^>]*>([^<]*)</.exec(page)![1]!
  return JSON.parse(gunzipSync(Buffer.from(base64, 'base64')).toString())
}

const PAGE = written(html, goldenProfile())
const FILE = written(speedscope, goldenProfile())

describe('pyprof view', () => {
  test('says when the browser needs more memory than there is, and shows it all the same', async () => {
    const path = join(temporaryFolder(), 'run.pyprof')
    writeFileSync(path, recordingOf(goldenProfile()))
    const free = vi.spyOn(process, 'availableMemory').mockReturnValue(10)
    onTestFinished(() => free.mockRestore())
    const served = await view(path, '--no-open')
    expect(served.err()).toContain(`${path}: a viewer has to hold all`)
    expect(await served.end()).toBe(0)
  })

  test.each<NodeJS.Signals>(['SIGINT', 'SIGTERM', 'SIGHUP'])(
    'serves a page as it is, until %s',
    async (signal) => {
      const serving = await view(saved('out.html', PAGE), '--no-open')
      const answer = await fetch(serving.url)
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(await answer.text()).toBe(PAGE)
      expect(await serving.end(signal)).toBe(0)
      expect(process.listenerCount(signal)).toBe(0)
      await expect(fetch(serving.url)).rejects.toThrow()
    },
  )

  test.each([
    ['plain', FILE],
    ['gzipped', gzipSync(FILE)],
  ])('makes a page of a %s speedscope file, with what pyprof says about it', async (_, content) => {
    const serving = await view(saved('out.json', content), '--no-open')
    const page = await (await fetch(serving.url)).text()
    expect(packed(page)).toEqual(JSON.parse(FILE))
    expect(page).toContain('<h1>python app.py --serve</h1>')
    expect(page).toContain('<p>9 samples: 6 exact, 1 repaired (moved 1)')
    expect(page).toContain('"name":"worker 7 (tid 101)"')
    await serving.end()
  })

  test("makes a page of another profiler's speedscope file", async () => {
    const foreign = {
      exporter: 'other@1',
      shared: { frames: [] },
      profiles: [{ name: 'a', type: 'sampled' }, {}],
      pyprof: { meta: 'nonsense' },
    }
    const serving = await view(saved('other.json', JSON.stringify(foreign)), '--no-open')
    const page = await (await fetch(serving.url)).text()
    expect(page).toContain('<h1>other.json</h1>\n<p>written by other@1</p>')
    expect(page).toContain('{"name":"profile 2","index":1}')
    await serving.end()
  })

  test('answers on the loopback only to who knows the path, by no other name', async () => {
    const serving = await view(saved('out.html', PAGE), '--no-open')
    const { origin, host, hostname, pathname } = new URL(serving.url)
    expect(hostname).toBe('127.0.0.1')
    expect(pathname).toMatch(/^\/[0-9a-f]{32}\/$/)
    expect(await ask(serving.url, 'GET', host)).toBe(200)
    expect(await ask(serving.url, 'HEAD', host)).toBe(200)
    expect(await ask(serving.url, 'POST', host)).toBe(405)
    expect(await ask(serving.url, 'GET', 'evil.example')).toBe(404)
    for (const path of ['/', '/favicon.ico', pathname.slice(0, -1), `${pathname}x`, '/../etc']) {
      expect(await ask(`${origin}${path}`, 'GET', host)).toBe(404)
    }
    const other = await view(saved('out.html', PAGE), '--no-open')
    expect(new URL(other.url).pathname).not.toBe(pathname)
    await other.end()
  })

  test('prints the address as JSON too', async () => {
    const serving = await view(saved('out.html', PAGE), '--no-open', '--json')
    expect(JSON.parse(serving.out())).toEqual({ url: serving.url })
    await serving.end()
  })

  test('opens a browser by a file that tells nobody else the address', async () => {
    const folder = temporaryFolder()
    const told = join(folder, 'told')
    writeFileSync(
      join(folder, 'xdg-open'),
      `#!/bin/sh\necho "$@" > ${told}.new\nmv ${told}.new ${told}\n`,
      {
        mode: 0o755,
      },
    )
    vi.stubEnv('TMPDIR', folder)
    vi.stubEnv('DISPLAY', ':7')
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`)
    const serving = await view(saved('out.html', PAGE))
    vi.unstubAllEnvs()
    const opened = await vi.waitFor(() => readFileSync(told, 'utf8').trim())
    expect(opened).not.toContain('127.0.0.1')
    expect(readFileSync(opened, 'utf8')).toContain(`content="0;url=${serving.url}"`)
    await serving.end()
    expect(readdirSync(folder).filter((name) => name.startsWith('pyprof-view-'))).toEqual([])
  })

  test('shows a recording, and says what is missing of it', async () => {
    const whole = recordingOf(goldenProfile())
    const path = saved('run.pyprof', whole.subarray(0, -1))
    const serving = await view(path, '--no-open')
    const page = await (await fetch(serving.url)).text()
    expect(page).toBe(written(html, read(whole.subarray(0, -1)).profile!))
    expect(serving.err()).toContain('it is damaged')
    await serving.end()
  })

  test('says that there is nothing to show', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'folder'))
    const wrong: [string, string][] = [
      [join(folder, 'missing'), 'no such file or directory (ENOENT)'],
      [join(folder, 'folder'), 'is no file.'],
      [saved('a.svg', '<svg/>'), 'no HTML page of pyprof, and no recording or profile'],
      [saved('a.html', '<!DOCTYPE html><p>mine</p>'), 'no HTML page'],
      [saved('a.json', '{"profiles":[],"shared":{}}'), 'no HTML page'],
      [saved('b.json', '[1]'), 'no HTML page'],
      [saved('c.json', 'null'), 'no HTML page'],
      [saved('empty', ''), 'no HTML page'],
      [saved('d.gz', gzipSync(FILE).subarray(0, 100)), 'no HTML page'],
    ]
    for (const [path, why] of wrong) {
      await expect(view(path, '--no-open'), path).rejects.toMatchObject({
        code: 'usage',
        exitCode: 2,
        message: expect.stringContaining(why),
      })
    }
  })

  test('says so when a port is taken', async () => {
    const serving = await view(saved('out.html', PAGE), '--no-open')
    const { port } = new URL(serving.url)
    const page = saved('out.html', written(html, asciiProfile('main')))
    await expect(view(page, '--no-open', '--port', port)).rejects.toMatchObject({
      code: 'usage',
      what: `Port ${port} cannot be served on.`,
    })
    await serving.end()
    const again = await view(page, '--no-open', '--port', port)
    expect(new URL(again.url).port).toBe(port)
    await again.end()
  })
})
