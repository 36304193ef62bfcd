import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import type { Source } from './source.ts'

const LOOPBACK = '127.0.0.1'

export interface PageServer {
  /** With a token that only who was told it knows. */
  readonly url: string
  close(): void
}

/**
 * Serves one page on the loopback interface. The port is the system's choice unless one is named;
 * the path is a random token, so that neither other users of the machine nor pages in the same browser
 * can read the profile; other names for the machine are refused, since a page elsewhere may make its own name
 * mean this address.
 * @throws a system error, EADDRINUSE
 */
export async function servePage(source: Source, port: number): Promise<PageServer> {
  const path = `/${randomBytes(16).toString('hex')}/`
  let host = ''
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    response.setHeader('cache-control', 'no-store')
    response.setHeader('referrer-policy', 'no-referrer')
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader('cross-origin-resource-policy', 'same-origin')
    const isOurs = request.headers.host === host && request.url === path
    if (!isOurs || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(isOurs ? 405 : 404).end()
      return
    }
    response.setHeader('content-type', 'text/html; charset=utf-8')
    if (request.method === 'HEAD') response.end()
    // A browser may go away while it is being answered.
    else pipeline(source(), response, () => {})
  }
  const server = createServer(answer)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, LOOPBACK, resolve)
  })
  host = `${LOOPBACK}:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${host}${path}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
