import { setTimeout as sleep } from 'node:timers/promises'

const PATIENCE_MS = 30_000

/** Looks every few milliseconds until the condition holds. @throws Error when it does not come to */
export async function until(what: string, holds: () => boolean, everyMs = 5): Promise<void> {
  const giveUp = Date.now() + PATIENCE_MS
  while (!holds()) {
    if (Date.now() > giveUp) throw new Error(`Waited in vain for ${what}.`)
    await sleep(everyMs)
  }
}
