import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import type { Chromium, Page } from './chromium.ts'

const ROOT = join(
  dirname(createRequire(import.meta.url).resolve('speedscope/package.json')),
  'dist/release',
)
const TYPES: Readonly<Record<string, string>> = { html: 'text/html', js: 'text/javascript' }

/** The speedscope app on loopback, and one profile beside it. */
export class SpeedscopeApp {
  readonly #server: Server
  #name = ''
  #profile: string | Uint8Array = ''

  static async start(): Promise<SpeedscopeApp> {
    const app = new SpeedscopeApp()
    await new Promise<void>((resolve) => app.#server.listen(0, '127.0.0.1', resolve))
    return app
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      const name = new URL(request.url!, 'http://host').pathname.slice(1) || 'index.html'
      if (name === this.#name) {
        response.end(this.#profile)
        return
      }
      const type = TYPES[name.split('.').at(-1)!]
      try {
        const content = readFileSync(join(ROOT, name))
        if (type) response.setHeader('content-type', type)
        response.end(content)
      } catch {
        response.writeHead(404).end()
      }
    })
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Opens a profile in the sandwich view. @param name tells the app what kind of file it is */
  async open(browser: Chromium, name: string, profile: string | Uint8Array): Promise<Page> {
    this.#name = name
    this.#profile = profile
    const url = encodeURIComponent(`${this.origin}/${name}`)
    const page = await browser.open(`${this.origin}/#profileURL=${url}&view=sandwich`)
    await page.waitFor("document.body.innerText.includes('Total')")
    // The heading is drawn before the rows.
    await page.waitFor('/\\(\\d+(\\.\\d+)?%\\)/.test(document.body.innerText)')
    return page
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
