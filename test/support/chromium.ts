import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']
/** Time limit for anything that is asked of the browser, ms. */
const PATIENCE = 30_000

/** The browser on PATH. Throws when there is none: a browser test must not pass without one. */
export function findChromium(path: string = process.env.PATH ?? ''): string {
  for (const directory of path.split(delimiter).filter((entry) => entry !== '')) {
    for (const name of NAMES) {
      const file = join(directory, name)
      try {
        accessSync(file, constants.X_OK)
        return file
      } catch {
        // Not here; try the next.
      }
    }
  }
  throw new Error(
    `No Chromium found: none of ${NAMES.join(', ')} is on PATH. Install it: apt-get install chromium`,
  )
}

export interface View {
  readonly width: number
  readonly height: number
  readonly dark: boolean
}

/**
 * A headless Chromium with an empty profile, driven over a pipe (Chrome DevTools Protocol, one JSON
 * message and a NUL at a time on descriptors 3 and 4). Only addresses of this machine resolve.
 */
export class Chromium {
  readonly #process: ChildProcess
  readonly #profile: string
  readonly #commands: Writable
  readonly #waiting = new Map<number, (message: Message) => void>()
  readonly #pages = new Map<string, (message: Message) => void>()
  readonly #exited: Promise<void>
  #lastId = 0
  #stderr = ''

  static async launch(): Promise<Chromium> {
    const browser = new Chromium(findChromium())
    await browser.send('Browser.getVersion')
    return browser
  }

  private constructor(executable: string) {
    this.#profile = mkdtempSync(join(tmpdir(), 'pyprof-chromium-'))
    this.#process = spawn(
      executable,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
        `--user-data-dir=${this.#profile}`,
        '--remote-debugging-pipe',
      ],
      { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] },
    )
    this.#process.stderr!.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-2000)
    })
    this.#commands = this.#process.stdio[3] as Writable
    // A browser that dies shows as `exit`; what was being written to it does not matter then.
    this.#commands.on('error', () => {})
    this.#exited = new Promise((resolve) => {
      const ended = (why: string) => {
        const error = { error: { message: `${why}\n${this.#stderr}` } }
        for (const answer of this.#waiting.values()) answer(error)
        this.#waiting.clear()
        resolve()
      }
      this.#process.on('exit', (code, signal) => ended(`Chromium ended: ${code ?? signal}`))
      this.#process.on('error', (error) => ended(`Chromium did not start: ${error.message}`))
    })
    let text = ''
    ;(this.#process.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => {
      const messages = (text + chunk).split('\0')
      text = messages.pop()!
      for (const message of messages) this.#receive(JSON.parse(message) as Message)
    })
  }

  #receive(message: Message): void {
    if (message.id === undefined) {
      if (message.sessionId) this.#pages.get(message.sessionId)?.(message)
      return
    }
    const answer = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    answer?.(message)
  }

  /** Sends a command and gives its result. Rejects with the browser's message, or after PATIENCE. */
  send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id)
        reject(new Error(`${method}: no answer within ${PATIENCE} ms`))
      }, PATIENCE)
      this.#waiting.set(id, (message) => {
        clearTimeout(timer)
        if (message.error) reject(new Error(`${method}: ${message.error.message}`))
        else resolve(message.result ?? {})
      })
      this.#commands.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    })
  }

  /** Opens a page and waits until it is loaded. */
  async open(url: string, view: Partial<View> = {}): Promise<Page> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true })
    const page = new Page((method, params) => this.send(method, params, sessionId as string))
    this.#pages.set(sessionId as string, (message) => page.receive(message))
    await page.start(url, { width: 1280, height: 800, dark: false, ...view })
    return page
  }

  /** Ends the browser, whatever state it is in, and removes its profile. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 5000)
    this.send('Browser.close').catch(() => {})
    await this.#exited
    clearTimeout(timer)
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly sessionId?: string
  readonly params?: Record<string, unknown>
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

/** Windows virtual key codes, by which Chromium acts on the keys that type nothing. */
const KEY_CODES: Readonly<Record<string, number>> = {
  Backspace: 8,
  Tab: 9,
  Enter: 13,
  Escape: 27,
  Home: 36,
  ArrowLeft: 37,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
}

export class Page {
  /** Addresses that the page asked for, itself included. */
  readonly requests: string[] = []
  /** Errors and warnings on the console, uncaught exceptions and failed requests. */
  readonly problems: string[] = []
  readonly #send: (method: string, params?: object) => Promise<Record<string, unknown>>
  #loaded: () => void = () => {}

  constructor(send: (method: string, params?: object) => Promise<Record<string, unknown>>) {
    this.#send = send
  }

  async start(url: string, { width, height, dark }: View): Promise<void> {
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await this.#send(`${domain}.enable`)
    await this.resize(width, height)
    await this.#send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
    })
    const loaded = new Promise<void>((resolve) => {
      this.#loaded = resolve
    })
    const { errorText } = await this.#send('Page.navigate', { url })
    if (errorText) throw new Error(`${url}: ${errorText}`)
    await loaded
  }

  receive({ method, params = {} }: Message): void {
    if (method === 'Page.loadEventFired') this.#loaded()
    if (method === 'Network.requestWillBeSent') {
      this.requests.push((params.request as { url: string }).url)
    }
    if (method === 'Network.loadingFailed') this.problems.push(JSON.stringify(params))
    if (method === 'Runtime.exceptionThrown') this.problems.push(JSON.stringify(params))
    if (method === 'Runtime.consoleAPICalled' && ['error', 'warning'].includes(`${params.type}`)) {
      this.problems.push(JSON.stringify(params))
    }
    if (method === 'Log.entryAdded' && (params.entry as { level: string }).level === 'error') {
      this.problems.push(JSON.stringify(params))
    }
  }

  async resize(width: number, height: number): Promise<void> {
    await this.#send('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    })
  }

  /** The value of a JavaScript expression in the page; promises are awaited. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`)
    return (result as { value: T }).value
  }

  /** Waits until a JavaScript expression in the page is truthy. */
  async waitFor(expression: string): Promise<void> {
    const held = await this.evaluate<boolean>(`new Promise((resolve) => {
      const deadline = performance.now() + ${PATIENCE - 5000}
      const look = () => {
        if (${expression}) resolve(true)
        else if (performance.now() > deadline) resolve(false)
        else setTimeout(look, 20)
      }
      look()
    })`)
    if (!held) throw new Error(`Never became true in the page: ${expression}`)
  }

  async mouseMove(x: number, y: number): Promise<void> {
    await this.#send('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y })
  }

  async click(x: number, y: number): Promise<void> {
    await this.mouseMove(x, y)
    for (const type of ['mousePressed', 'mouseReleased']) {
      await this.#send('Input.dispatchMouseEvent', { type, x, y, button: 'left', clickCount: 1 })
    }
  }

  /** Presses a key by its name (`Enter`, `/`), with Ctrl if asked. */
  async press(key: string, ctrl = false): Promise<void> {
    const event = {
      key,
      modifiers: ctrl ? 2 : 0,
      windowsVirtualKeyCode: KEY_CODES[key] ?? 0,
      ...(key.length === 1 && !ctrl ? { text: key } : {}),
      ...(key === 'Enter' ? { text: '\r' } : {}),
    }
    await this.#send('Input.dispatchKeyEvent', { type: 'keyDown', ...event })
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', ...event })
  }

  async type(text: string): Promise<void> {
    for (const key of text) await this.press(key)
  }

  /** What is in the window, as PNG. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.#send('Page.captureScreenshot', { format: 'png' })
    return Buffer.from(data as string, 'base64')
  }
}
