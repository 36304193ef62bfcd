import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Minor, venv } from './pythons.ts'

/** What has no wheel for a Python is built once, on a busy machine for minutes. */
export const BUILD_MS = 1_200_000

/**
 * An interpreter that has gevent, and gunicorn, whose workers may use it.
 * @throws Error with pip's words when they cannot be installed
 */
export function gevent(minor: Minor): string {
  return venv(minor, 'gevent', [
    'gevent==25.9.1',
    'greenlet==3.5.6',
    'gunicorn==23.0.0',
    'packaging==25.0',
  ])
}

/** Of uwsgi's plugins and libraries only Python: half of the time that the whole takes to build. */
const ONLY_PYTHON = {
  UWSGI_PROFILE: 'core',
  UWSGI_PROFILE_OVERRIDE: [
    'embedded_plugins=python',
    ...['ssl', 'pcre', 'xml', 'yaml', 'json', 'routing'].map((name) => `${name}=false`),
  ].join(';'),
}

/**
 * The program uwsgi, with this Python inside of it; pip builds it.
 * @throws Error with pip's words when it cannot be built
 */
export function uwsgi(minor: Minor): string {
  return join(dirname(venv(minor, 'uwsgi', ['uwsgi==2.0.31'], ONLY_PYTHON)), 'uwsgi')
}

/** Sends a request for a path to a server on a Unix socket, and waits for no answer. */
export function request(socket: string, path: string): void {
  const connection = connect(socket)
  connection.on('error', () => {}) // the server is killed at the end of the test
  connection.write(`GET ${path} HTTP/1.0\r\n\r\n`)
  onTestFinished(() => {
    connection.destroy()
  })
}
