import { parseArgs } from 'node:util'
import { MINORS } from '../test/support/pythons.ts'
import { diffPool } from './cases/diff-pool.ts'
import { diffSynthetic } from './cases/diff-synthetic.ts'
import { endurance } from './cases/endurance.ts'
import { exportCase } from './cases/export.ts'
import { exportPeers } from './cases/export-peers.ts'
import { harnessNoise } from './cases/harness-noise.ts'
import { manyThreads } from './cases/many-threads.ts'
import { peerRateCase } from './cases/peer-rate.ts'
import { processCpu } from './cases/process-cpu.ts'
import { readCost } from './cases/read-cost.ts'
import { recordings, recordingsLarge } from './cases/recordings.ts'
import { slowDown } from './cases/slow-down.ts'
import { startUp } from './cases/start-up.ts'
import { syscalls } from './cases/syscalls.ts'
import type { Case } from './lib/case.ts'
import { CAN_PIN } from './lib/cores.ts'
import { background, describeRun } from './lib/machine.ts'
import { findPeers, installPeers, type PeersFound } from './lib/peers.ts'
import { startTarget } from './lib/target.ts'

const CASES: readonly Case[] = [
  readCost,
  peerRateCase,
  processCpu,
  manyThreads,
  slowDown,
  syscalls,
  exportCase,
  exportPeers,
  startUp,
  recordings,
  recordingsLarge,
  endurance,
  diffSynthetic,
  diffPool,
  harnessNoise,
]

const say = (text: string) => process.stdout.write(`${text}\n`)

async function peersHere(): Promise<PeersFound> {
  const targets = await Promise.all(
    MINORS.map(async (minor) => ({
      minor,
      target: await startTarget(minor, 'frames.py', [10, 1, 1], 'any'),
    })),
  )
  try {
    return await findPeers(targets.map(({ minor, target }) => ({ minor, pid: target.pid })))
  } finally {
    for (const { target } of targets) await target.end()
  }
}

function chosen(names: readonly string[]): Case[] {
  const unknown = names.filter((name) => !CASES.some((each) => each.name === name))
  if (unknown.length > 0) {
    throw new Error(
      `There is no case ${unknown.join(', ')}. There are: ${CASES.map(({ name }) => name).join(', ')}`,
    )
  }
  return CASES.filter(({ name, long }) => (names.length === 0 ? !long : names.includes(name)))
}

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      'install-peers': { type: 'boolean', default: false },
      minutes: { type: 'string', default: '10' },
      rounds: { type: 'string' },
    },
  })
  if (values['install-peers']) {
    installPeers()
    if (positionals.length === 0) return
  }
  const cases = chosen(positionals)
  for (const line of describeRun(args)) say(line)
  if (!CAN_PIN) say('careful: target and sampler could not be pinned to cores of their own')
  if (values.quick) say('careful: --quick is a smoke test; its numbers mean little')
  const { peers, report } = await peersHere()
  for (const line of report) say(`compared with ${line}`)
  const context = {
    quick: values.quick,
    rounds: (usual: number) => (values.quick ? 1 : Number(values.rounds ?? usual)),
    peers,
    minutes: Number(values.minutes),
    say,
  }
  let failed = false
  for (const each of cases) {
    say(`\n## ${each.name}\n\n${each.question}\n`)
    const before = await background()
    try {
      await each.run(context)
    } catch (error) {
      failed = true
      say(`FAILED: ${error instanceof Error ? error.stack : String(error)}`)
    }
    say(`\nBefore: ${before}. After: ${await background()}.`)
  }
  process.exit(failed ? 1 : 0)
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
})
