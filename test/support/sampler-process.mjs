/**
 * A sampler in a process of its own, for tests that stop it or take its privileges away. It talks as
 * targets do. `probe PID` says `ready` with the probe. `sample PID RATE` says `ready` with the
 * monotonic time at which it began (ns), samples until a line comes on stdin, and says `done` with
 * columns of the samples, the gaps and the last status.
 */

import { createRequire } from 'node:module'

const addon = createRequire(import.meta.url)('../../build/Release/pyprof.node')
const [command, pid, rate] = process.argv.slice(2)

function say(word, facts) {
  console.log(`${word} ${JSON.stringify(facts)}`)
}

function sample() {
  const started = Number(process.hrtime.bigint())
  const sampler = addon.createSampler({
    pid: Number(pid),
    interval: 1e9 / Number(rate),
    duration: 0,
    wait: false,
    capacity: 1 << 20,
    seed: 1,
  })
  const [time, weight, gaps] = [[], [], []]
  let status
  const drain = () => {
    const batch = sampler.drain()
    time.push(...batch.time)
    weight.push(...batch.weight)
    gaps.push(...batch.gaps)
    status = batch.status
  }
  const timer = setInterval(drain, 10)
  process.stdin.once('data', () => {
    clearInterval(timer)
    sampler.stop()
    drain()
    say('done', { time, weight, gaps, status })
    process.exit()
  })
  say('ready', { started })
}

if (command === 'probe') say('ready', addon.probe(Number(pid)))
else sample()
