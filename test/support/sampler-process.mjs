/**
 * A sampler in a process of its own, for tests that stop it or take its privileges away. It talks as
 * targets do. `probe PID` says `ready` with the probe. `sample PID RATE` says `ready`, samples until a
 * line comes on stdin, and says `done` with columns of the samples, the gaps and the monotonic time
 * (ns) from which their times count.
 */

import { createRequire } from 'node:module'

const addon = createRequire(import.meta.url)('../../build/Release/pyprof.node')
const [command, pid, rate] = process.argv.slice(2)

function say(word, facts) {
  console.log(`${word} ${JSON.stringify(facts)}`)
}

function sample() {
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
  let origin = Number.POSITIVE_INFINITY
  const drain = () => {
    const batch = sampler.drain()
    time.push(...batch.time)
    weight.push(...batch.weight)
    gaps.push(...batch.gaps)
    status = batch.status
    // Never too early, and sooner or later a drain comes right after a tick.
    origin = Math.min(origin, Number(process.hrtime.bigint()) - status.elapsed)
  }
  const timer = setInterval(drain, 10)
  process.stdin.once('data', () => {
    clearInterval(timer)
    sampler.stop()
    drain()
    say('done', { time, weight, gaps, origin })
    process.exit()
  })
  say('ready', {})
}

if (command === 'probe') say('ready', addon.probe(Number(pid)))
else sample()
