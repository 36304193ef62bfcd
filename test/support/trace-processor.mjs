/**
 * Perfetto's trace processor in a process of its own, since it takes globals that Node.js has as well.
 * Arguments: the folder with its three files, a trace, and queries. Prints the rows of each query as
 * one JSON array, integers as numbers. Fails when the trace cannot be read or a query is wrong.
 */

import { Console } from 'node:console'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compileFunction } from 'node:vm'

const [folder, trace, ...queries] = process.argv.slice(2)
const { EngineBase } = await import(pathToFileURL(join(folder, 'engine.mjs')).href)

/** The only file that the worker asks for, at once and whole. */
class Request {
  open() {}

  send() {
    this.response = Uint8Array.from(readFileSync(join(folder, 'trace_processor.wasm'))).buffer
  }
}

/** Has no 64-bit memory, so that the worker takes the file that is there: the first thing it tries. */
function without64Bits() {
  let isFirst = true
  return Object.create(WebAssembly, {
    Module: {
      value: function Module(code) {
        if (isFirst) {
          isFirst = false
          throw new WebAssembly.CompileError('There is no 64-bit memory')
        }
        return new WebAssembly.Module(code)
      },
    },
  })
}

/** The worker of Perfetto's pages: takes a port, and from then on requests. */
const self = { location: { href: pathToFileURL(folder).href } }
const globals = {
  self,
  location: self.location,
  WorkerGlobalScope: class {},
  WebAssembly: without64Bits(),
  XMLHttpRequest: Request,
  console: new Console(process.stderr, process.stderr),
}
const code = readFileSync(join(folder, 'engine_bundle.node.js'), 'utf8')
compileFunction(code, Object.keys(globals))(...Object.values(globals))
// It is ready once its promises are settled.
await new Promise((resolve) => setImmediate(resolve))

const port = { postMessage: (bytes) => queueMicrotask(() => engine.onRpcResponseBytes(bytes)) }
class Engine extends EngineBase {
  id = 'test'
  mode = 'WASM'

  rpcSendRequestBytes(bytes) {
    port.onmessage({ data: bytes })
  }
}
const engine = new Engine()
self.onmessage({ data: port })

await engine.parse(Uint8Array.from(readFileSync(trace)))
await engine.notifyEof()
const answers = []
for (const query of queries) {
  const result = await engine.query(query)
  const rows = []
  for (const row = result.iter({}); row.valid(); row.next()) {
    rows.push(Object.fromEntries(result.columns().map((name) => [name, row.get(name)])))
  }
  answers.push(rows)
}
const plain = (_, value) => (typeof value === 'bigint' ? Number(value) : value)
process.stdout.write(`${JSON.stringify(answers, plain)}\n`)
