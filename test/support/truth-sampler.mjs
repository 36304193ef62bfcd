/**
 * A sampler in a process of its own, for tests that kill it or watch its system calls:
 * `PID RATE READING TICKS`. Says `ready` when it has looked at the target so many times, and goes on until
 * a line comes on stdin or it is killed.
 */

import { createRequire } from 'node:module'

const addon = createRequire(import.meta.url)('../../build/Release/pyprof.node')
const [pid, rate, read, ticks] = process.argv.slice(2)

const sampler = addon.createSampler({
  pid: Number(pid),
  interval: 1e9 / Number(rate),
  duration: 0,
  wait: false,
  capacity: 1 << 20,
  seed: 1,
  read,
  maxOverhead: 1,
})

let isReady = false
setInterval(() => {
  const { status } = sampler.drain()
  if (isReady || status.ticks < Number(ticks)) return
  isReady = true
  console.log('ready {}')
}, 5)
process.stdin.once('data', () => {
  sampler.stop()
  process.exit()
})
