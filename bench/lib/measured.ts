import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { python } from '../../test/support/pythons.ts'
import { collect, forget, lines, remember, start } from './children.ts'
import { type Core, onCore } from './cores.ts'
import { ROOT } from './root.ts'

export interface Usage {
  readonly status: number
  /** Seconds of CPU time, of the command and what it waited for. */
  readonly cpu: number
  /** Seconds. */
  readonly wall: number
  /** The most bytes that it had in memory at once. */
  readonly peak: number
  readonly stdout: string
  readonly stderr: string
}

/** A running command whose CPU time will be known when it ends. */
export interface Measured {
  readonly pid: number
  readonly ended: Promise<Usage>
}

/** Starts a command on a core. @throws Error when it cannot be run */
export async function startMeasured(command: readonly string[], core: Core): Promise<Measured> {
  const runner = [python('3.15', ROOT), '-I', '-S', join(ROOT, 'bench', 'lib', 'usage.py')]
  const child = start([...runner, ...onCore(core, command)], ['ignore', 'pipe', 'pipe', 'pipe'])
  const stdout = collect(child.stdout!)
  const stderr = collect(child.stderr!)
  const facts: string[] = []
  let known: (pid: number) => void = () => {}
  const pid = new Promise<number>((resolve, reject) => {
    known = resolve
    child.on('error', reject)
    child.on('close', () => reject(new Error(`${command.join(' ')}: ${stderr.text}`)))
  })
  lines(child.stdio[3] as Readable).on('line', (line) => {
    facts.push(line)
    if (facts.length > 1) return
    remember(Number(line))
    known(Number(line))
  })
  const ended = new Promise<Usage>((resolve, reject) => {
    child.on('close', () => {
      forget(Number(facts[0]))
      if (facts[1] === undefined) return reject(new Error(`${command[0]} was not measured`))
      resolve({ ...JSON.parse(facts[1]), stdout: stdout.text, stderr: stderr.text })
    })
  })
  ended.catch(() => {})
  return { pid: await pid, ended }
}

/** Runs a command to its end. @throws Error with its stderr when it fails */
export async function measure(command: readonly string[], core: Core): Promise<Usage> {
  const { ended } = await startMeasured(command, core)
  const usage = await ended
  if (usage.status !== 0) {
    throw new Error(`${command.join(' ')} ended with ${usage.status}: ${usage.stderr}`)
  }
  return usage
}
