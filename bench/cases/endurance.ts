import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Case, Run } from '../lib/case.ts'
import { type Read, type Summary, startRecord } from '../lib/pyprof.ts'
import { median } from '../lib/stats.ts'
import { percent, table } from '../lib/table.ts'
import { startTarget, type Target, withFrames } from '../lib/target.ts'

const RATE = 1000
const LOOKS = 60
/** Part of the recording in which the machine is kept busy by others: from, to. */
const HOGGED = [0.4, 0.6] as const
/** Twice the cores of the smallest machine that makes sense, so that the sampler has to queue. */
const HOGS = 4

function residentKb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? Number.NaN)
}

/** kB a minute, by the line between the medians of the first and the last third of the looks. */
function growth(looks: readonly { at: number; kb: number }[]): number {
  const third = Math.floor(looks.length / 3)
  const ends = [looks.slice(0, third), looks.slice(-third)]
  const [first, last] = ends.map((part) => ({
    at: median(part.map(({ at }) => at)),
    kb: median(part.map(({ kb }) => kb)),
  }))
  return ((last!.kb - first!.kb) / (last!.at - first!.at)) * 60_000
}

async function recordLong(pid: number, read: Read, minutes: number) {
  const seconds = minutes * 60
  const running = await startRecord({ pid, rate: String(RATE), read, seconds }, 'any')
  const looks: { at: number; kb: number }[] = []
  let hogs: Target[] = []
  for (let look = 0; look < LOOKS; look++) {
    await sleep((seconds * 1000) / (LOOKS + 2))
    looks.push({ at: performance.now(), kb: residentKb(running.pid) })
    const part = look / LOOKS
    const hog = part >= HOGGED[0] && part < HOGGED[1]
    if (hog && hogs.length === 0) {
      const starts = Array.from({ length: HOGS }, () => startTarget('3.15', 'hog.py', [], 'any'))
      hogs = await Promise.all(starts)
    }
    if (!hog) for (const each of hogs.splice(0)) await each.end()
  }
  const usage = await running.ended
  if (usage.status !== 0) throw new Error(usage.stderr)
  return { usage, looks, summary: JSON.parse(usage.stdout) as Summary }
}

async function run({ quick, minutes, say }: Run): Promise<void> {
  const length = quick ? 0.25 : minutes
  const rows: string[][] = []
  for (const read of ['live', 'exact'] as const) {
    await withFrames({ minor: '3.15', depth: 50, busy: 1 }, async ({ pid }) => {
      const { usage, looks, summary } = await recordLong(pid, read, length)
      const { ticks, samples, durationNs, gaps, droppedSamples, lateTicks } = summary
      const due = (durationNs / 1e9) * RATE
      const kb = looks.map((look) => look.kb)
      rows.push([
        read,
        String(length),
        String(samples),
        percent((ticks + gaps.missedTicks) / due - 1, 3),
        // Gaps between ticks are spread evenly over one interval, so their sum has this deviation.
        percent(2 / Math.sqrt(12 * due), 3),
        `${gaps.count} (${gaps.missedTicks} ticks, ${(gaps.timeNs / 1e6).toFixed(0)} ms)`,
        String(lateTicks),
        String(droppedSamples),
        `${(Math.min(...kb) / 1000).toFixed(0)}–${(Math.max(...kb) / 1000).toFixed(0)}`,
        growth(looks).toFixed(0),
        percent(usage.cpu / usage.wall),
      ])
    })
  }
  say(
    table(
      [
        'read',
        'minutes',
        'samples',
        'drift of the schedule',
        'two sigmas',
        'gaps',
        'late',
        'dropped',
        'RSS, MB',
        'growth, kB/min',
        'CPU',
      ],
      rows,
    ),
  )
  say(`For a fifth of the time ${HOGS} processes kept all cores busy.`)
}

export const endurance: Case = {
  name: 'endurance',
  question: 'Minutes at 1 kHz, starved for a part: does memory grow, does the schedule drift?',
  long: true,
  run,
}
